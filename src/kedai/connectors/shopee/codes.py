"""Shopee's push codes: their names, and what each is about."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from kedai.values.event import Effect, Topic

NAMES: Final[Mapping[int, str]] = {
    0: "Address verification",
    1: "Shop authorised",
    2: "Shop authorisation cancelled",
    3: "Order status",
    4: "Tracking number",
    5: "Shopee notice",
    6: "Item banned",
    7: "Item promotion",
    8: "Reserved stock",
    9: "Promotion changed",
    10: "Chat message",
    11: "Video upload",
    12: "Authorisation about to expire",
    13: "Brand registration",
    15: "Shipping document",
    16: "Item violation",
    18: "Supplier product created",
    19: "Supplier product reviewed",
    20: "Purchase order",
    21: "Inbound status",
    22: "Item price",
    23: "Booking status",
    24: "Booking tracking number",
    25: "Booking shipping document",
    27: "Scheduled item not published",
    28: "Shop penalty",
    29: "Return",
    30: "Package status",
    31: "Fulfilment invoice issued",
    33: "Fulfilment invoice error",
    34: "Fulfilment shop blocked",
    35: "Fulfilment SKU blocked",
    36: "Fulfilment stock",
    37: "Courier binding",
    38: "Video upload result",
    47: "Package changed",
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
        return "Unreadable push"
    return NAMES.get(code, f"Push {code}")
