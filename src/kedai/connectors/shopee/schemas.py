"""The shapes of Shopee's answers, as far as we read them; unknown fields are tolerated, and wrong ones never crash."""

from __future__ import annotations

import re
from decimal import Decimal
from typing import Any, Final, TypeVar

import msgspec

from kedai.connectors.base import HttpAnswer
from kedai.connectors.shopee.errors import Refusal
from kedai.errors import RemoteUnreadable
from kedai.values.wording import N_

UNREADABLE: Final = (msgspec.MsgspecError, RecursionError, UnicodeDecodeError)
"""Everything that msgspec raises on bytes from outside: besides its own errors, too deep and not UTF-8."""

Shape = TypeVar("Shape")
_ERROR_LENGTH = 500
_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029]+")
_SUCCESS = frozenset({"", "-"})


class Envelope(msgspec.Struct, frozen=True):
    """What every answer is wrapped in (contract §6.1); ``response`` is missing on the older calls (§5.5)."""

    error: str | None = None
    message: str | None = None
    request_id: str | None = None
    response: msgspec.Raw | msgspec.UnsetType = msgspec.UNSET


class Tokens(msgspec.Struct, frozen=True):
    """Answer of exchange and refresh (contract §3.3, §3.4); ``expire_in`` is seconds, in one document an instant."""

    access_token: str
    refresh_token: str
    expire_in: Any = None
    shop_id: int | None = None
    merchant_id: int | None = None
    shop_id_list: list[int] | None = None
    merchant_id_list: list[int] | None = None


class ShopInfo(msgspec.Struct, frozen=True):
    """Answer of ``shop/get_shop_info`` (contract §5.5); the instants are Unix seconds, 0 or null for none."""

    shop_name: str | None = None
    region: str | None = None
    auth_time: int | None = None
    expire_time: int | None = None


class ListedOrder(msgspec.Struct, frozen=True):
    """One row of ``order/get_order_list``."""

    order_sn: str
    order_status: str | None = None


class OrderList(msgspec.Struct, frozen=True):
    """Answer of ``order/get_order_list`` (contract §5.1): only ``more`` says whether it goes on."""

    more: bool
    next_cursor: str | None = None
    order_list: list[ListedOrder] | None = None


class OrderDetails(msgspec.Struct, frozen=True):
    """Answer of ``order/get_order_detail``: each order stays as the exact bytes that came."""

    order_list: list[msgspec.Raw] | None = None


class PackedItem(msgspec.Struct, frozen=True):
    """What lies in a package."""

    item_id: int | None = None
    model_id: int | None = None
    model_quantity: int | None = None


class Package(msgspec.Struct, frozen=True):
    """One package of an order; the tracking number is in no document, but read where it comes."""

    package_number: str | None = None
    logistics_status: str | None = None
    item_list: list[PackedItem] | None = None
    shipping_carrier: str | None = None
    tracking_number: str | None = None


class Item(msgspec.Struct, frozen=True):
    """One line of an order; prices are per unit, and read from the JSON number's own digits (contract §5.1, §7.2)."""

    item_id: int
    model_id: int | None = None
    item_name: str | None = None
    model_name: str | None = None
    item_sku: str | None = None
    model_sku: str | None = None
    model_quantity_purchased: int | None = None
    model_original_price: Decimal | None = None
    model_discounted_price: Decimal | None = None


class Recipient(msgspec.Struct, frozen=True):
    """Who gets an order; masked by Shopee itself in many markets (contract §5.1)."""

    name: str | None = None
    phone: str | None = None
    full_address: str | None = None
    town: str | None = None
    district: str | None = None
    city: str | None = None
    state: str | None = None
    region: str | None = None
    zipcode: str | None = None


class Order(msgspec.Struct, frozen=True):
    """One order of ``order/get_order_detail`` (contract §5.1, appendix A.Order)."""

    order_sn: str
    order_status: str
    currency: str
    create_time: int
    update_time: int
    total_amount: Decimal | None = None
    ship_by_date: int | None = None
    buyer_username: str | None = None
    shipping_carrier: str | None = None
    payment_method: str | None = None
    item_list: list[Item] | None = None
    package_list: list[Package] | None = None
    recipient_address: Recipient | None = None
    message_to_seller: str | None = None
    booking_sn: str | None = None


_envelope_decoder: Final = msgspec.json.Decoder(Envelope)


_NOTHING: Final = Envelope()


def read_envelope(answer: HttpAnswer) -> Envelope | None:
    """Read the envelope; None where the body is no JSON object of that shape.

    One that has nothing of an envelope, as `{}` of a gateway in trouble, is none: it would read as an empty answer.
    """
    try:
        envelope = _envelope_decoder.decode(answer.body)
    except UNREADABLE:
        return None
    return None if envelope == _NOTHING else envelope


def find_refusal(envelope: Envelope, method: str, answer: HttpAnswer) -> Refusal | None:
    """Tell whether the body says that the call failed: success is ``""`` or ``"-"`` after stripping (contract §6.1)."""
    if (envelope.error or "").strip() in _SUCCESS:
        return None
    return Refusal(
        code=_one_line(envelope.error),
        message=_one_line(envelope.message),
        request_id=_one_line(envelope.request_id),
        method=method,
        answer=answer,
    )


def read_payload(answer: HttpAnswer, shape: type[Shape]) -> Shape:
    """Read what a call that succeeded gave: ``response`` where there is one, else the body itself (contract §5.5).

    Raises:
        RemoteUnreadable: it lacks what it always holds; the message names the place, never the content.
    """
    envelope = read_json(answer.body, Envelope)
    raw = envelope.response
    return read_json(answer.body if isinstance(raw, msgspec.UnsetType) else raw, shape)


def read_json(raw: bytes | msgspec.Raw, shape: type[Shape]) -> Shape:
    """Decode JSON bytes.

    Raises:
        RemoteUnreadable: the bytes do not fit the shape.
    """
    try:
        return msgspec.json.decode(raw, type=shape)
    except UNREADABLE as error:
        place = f": {error}" if isinstance(error, msgspec.ValidationError) else ""
        text = N_("Shopee's answer is no %(shape)s as documented%(place)s.", shape=shape.__name__, place=place)
        raise RemoteUnreadable(text) from None


def clean_text(text: str) -> str:
    """Put a space where control characters stand: no database column, log line or page takes all of them."""
    return text if text.isprintable() else _CONTROL.sub(" ", text)


def _one_line(text: str | None) -> str:
    return clean_text(text or "").strip()[:_ERROR_LENGTH]
