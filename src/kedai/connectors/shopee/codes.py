"""Shopee's push codes: their names, and what each is about."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from kedai.values.event import Effect, Topic
from kedai.values.wording import N_

NAMES: Final[Mapping[int, str]] = {
    0: N_("Address verification"),
    1: N_("Shop authorised"),
    2: N_("Shop authorisation cancelled"),
    3: N_("Order status"),
    4: N_("Tracking number"),
    5: N_("Shopee notice"),
    6: N_("Item banned"),
    7: N_("Item promotion"),
    8: N_("Reserved stock"),
    9: N_("Promotion changed"),
    10: N_("Chat message"),
    11: N_("Video upload"),
    12: N_("Authorisation about to expire"),
    13: N_("Brand registration"),
    15: N_("Shipping document"),
    16: N_("Item violation"),
    18: N_("Supplier product created"),
    19: N_("Supplier product reviewed"),
    20: N_("Purchase order"),
    21: N_("Inbound status"),
    22: N_("Item price"),
    23: N_("Booking status"),
    24: N_("Booking tracking number"),
    25: N_("Booking shipping document"),
    27: N_("Scheduled item not published"),
    28: N_("Shop penalty"),
    29: N_("Return"),
    30: N_("Package status"),
    31: N_("Fulfilment invoice issued"),
    33: N_("Fulfilment invoice error"),
    34: N_("Fulfilment shop blocked"),
    35: N_("Fulfilment SKU blocked"),
    36: N_("Fulfilment stock"),
    37: N_("Courier binding"),
    38: N_("Video upload result"),
    47: N_("Package changed"),
}
"""Contract §4.4. The bodies of 6, 11, 13, 18 to 21, 27 and 31 to 38 are not known (open question 9)."""

_CONNECTION = (0, 1, 2, 12)
_ORDER_PACKAGE_STOCK_RETURN = (3, 4, 7, 8, 9, 15, 22, 23, 24, 25, 29, 30, 47)

TOPICS: Final[Mapping[int, Topic]] = {
    **dict.fromkeys(_CONNECTION, Topic.CONNECTION),
    **dict.fromkeys(_ORDER_PACKAGE_STOCK_RETURN, Topic.ORDER),
}
"""What is not here is `Topic.OTHER`, item violations (6, 16) too: a notice about a listing, nothing to be applied."""

EFFECTS: Final[Mapping[int, Effect]] = {
    **dict.fromkeys(_CONNECTION, Effect.CONNECTION),
    **dict.fromkeys((3, 30, 47), Effect.READ_ORDER),
    **dict.fromkeys((4, 15), Effect.READ_PACKAGE),
    **dict.fromkeys((23, 24, 25), Effect.READ_BOOKING),
    5: Effect.NOTICE,
    **dict.fromkeys((7, 8, 9, 16, 22, 28, 29), Effect.HAND_ON),
}
"""What a push leads to; what is not here is `Effect.KEEP`."""

NAME_AN_ORDER: Final = frozenset({3, 4, 15, 29, 30, 47})
"""Pushes that are useless without an order number; 8 may hold one, the others have none."""

NEEDED: Final = frozenset({1, 2, 12}) | NAME_AN_ORDER
"""What must be switched on at Shopee: how the connection stands, and everything that tells of an order."""

MISCODED_BOOKINGS: Final = frozenset({4, 15})
"""Two of the document's booking samples carry these codes instead of 24 and 25, and no order number."""

NAME_A_SHOP_IN_DATA: Final = frozenset({1, 2})
"""Pushes of the app, which have no shop at the top."""


def effect_of(code: int | None) -> Effect:
    """What a push leads to, by its code."""
    return Effect.KEEP if code is None else EFFECTS.get(code, Effect.KEEP)


def name_push(code: int | None) -> str:
    """The human name of a push code; unknown ones keep their number."""
    if code is None:
        return N_("Unreadable push")
    return NAMES.get(code, N_("Push %(code)s", code=str(code)))
