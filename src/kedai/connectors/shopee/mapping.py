"""Turns Shopee's answers into Kedai's values; an order keeps the exact bytes it came in."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any, Final

import msgspec

from kedai.connectors.shopee.schemas import (
    Item,
    Order,
    OrderDetails,
    OrderList,
    Package,
    PackedItem,
    ShopInfo,
    Tokens,
    clean_text,
    read_json,
)
from kedai.connectors.shopee.schemas import Recipient as ShopeeRecipient
from kedai.connectors.shopee.statuses import surprising_after
from kedai.errors import RemoteUnreadable
from kedai.values.credentials import ShopProfile, TokenSet
from kedai.values.order import OrderLine, OrderListEntry, OrderPackage, OrderSnapshot, PackageItem, Page, Recipient
from kedai.values.secret import Secret
from kedai.values.wording import N_

ORDER_NUMBER: Final = re.compile(r"[0-9A-Za-z_-]{1,64}")
"""What an order number may hold (contract §7.1 calls it opaque; today 14 letters and digits)."""

_ACCESS_LIFETIME: Final = timedelta(hours=4)
_REFRESH_LIFETIME: Final = timedelta(days=30)
_ABSOLUTE_FROM: Final = 10**9
_UINT32_MAX: Final = 4_294_967_295
_INT64_MAX: Final = 2**63 - 1
_FOUR_DECIMALS: Final = Decimal("0.0001")
_FLOAT_NOISE: Final = Decimal("1e-9")
_MOST_AMOUNT: Final = Decimal(10**14)


def to_ids(numbers: Iterable[int] | None) -> tuple[str, ...]:
    """The usable ids of a list, each once, in its order (contract §7.1)."""
    return tuple(dict.fromkeys(str(number) for number in numbers or () if 1 <= number <= _UINT32_MAX))


def to_instant(seconds: int | None) -> datetime | None:
    """Zero and null mean none (contract §5.1); so does what is no 32-bit instant (§7.1)."""
    if seconds is None or not 0 < seconds <= _UINT32_MAX:
        return None
    return datetime.fromtimestamp(seconds, UTC)


def to_token_set(tokens: Tokens, now: datetime) -> TokenSet:
    """Give the pair its instants; ``now`` is when the call began (contract §3.3, §3.4).

    A pair is given only once, so an unusable ``expire_in`` never loses it: it is read as the documented four hours.

    Raises:
        RemoteUnreadable: one of the two is empty.
    """
    if not tokens.access_token.strip() or not tokens.refresh_token.strip():
        raise RemoteUnreadable(N_("Shopee's answer holds no token."))
    return TokenSet(
        access_token=Secret(tokens.access_token),
        refresh_token=Secret(tokens.refresh_token),
        access_expires_at=_expiry(tokens.expire_in, now),
        refresh_expires_at=now + _REFRESH_LIFETIME,
    )


def to_shop_profile(info: ShopInfo, shop_id: str) -> ShopProfile:
    """Describe a shop; zeros are no instants (contract §5.5)."""
    return ShopProfile(
        shop_id=shop_id,
        name=clean_text(info.shop_name or ""),
        region=clean_text(info.region or ""),
        authorized_at=to_instant(info.auth_time),
        authorized_until=to_instant(info.expire_time),
    )


def to_order_page(listed: OrderList, asked_cursor: str) -> Page[OrderListEntry]:
    """One page of an order list; a page may be empty and yet not the last (contract §5.1).

    Raises:
        RemoteUnreadable: it goes on, but does not say from where: asking again would never end.
    """
    rows = tuple(
        OrderListEntry(one.order_sn, _text_or_none(one.order_status))
        for one in listed.order_list or ()
        if ORDER_NUMBER.fullmatch(one.order_sn)
    )
    if not listed.more:
        return Page(rows, None)
    if not listed.next_cursor or listed.next_cursor == asked_cursor:
        raise RemoteUnreadable(N_("Shopee's order list goes on, but does not say from where."))
    return Page(rows, listed.next_cursor)


def to_snapshots(details: OrderDetails, asked: Collection[str], read_started_at: datetime) -> tuple[OrderSnapshot, ...]:
    """Each order that was asked for and given, once; unknown numbers are simply missing (contract §5.1).

    Raises:
        RemoteUnreadable: an order lacks what every order holds.
    """
    found: dict[str, OrderSnapshot] = {}
    for raw in details.order_list or ():
        order = read_json(raw, Order)
        if order.order_sn in asked and order.order_sn not in found:
            found[order.order_sn] = _to_snapshot(order, raw, read_started_at)
    return tuple(found.values())


def read_stored_order(answer: bytes, read_started_at: datetime) -> OrderSnapshot:
    """Read one order anew from the exact bytes in which it came.

    Raises:
        RemoteUnreadable: they hold no order, or one that lacks what every order holds.
    """
    return _to_snapshot(read_json(answer, Order), msgspec.Raw(answer), read_started_at)


def to_amount(value: Decimal | None, place: str) -> Decimal | None:
    """Money in major units, four decimals at most; the noise of somebody's float arithmetic is rounded away.

    Raises:
        RemoteUnreadable: it has more decimals, or no size of money; the message names ``place``, never the number.
    """
    if value is None:
        return None
    if not value.is_finite() or value.copy_abs() >= _MOST_AMOUNT:
        raise RemoteUnreadable(N_("Shopee's %(place)s holds an unusable amount.", place=place))
    rounded = value.quantize(_FOUR_DECIMALS)
    if abs(value - rounded) > _FLOAT_NOISE:
        raise RemoteUnreadable(N_("Shopee's %(place)s holds an amount of more than four decimals.", place=place))
    return value if value == rounded else rounded


def _to_snapshot(order: Order, raw: msgspec.Raw, read_started_at: datetime) -> OrderSnapshot:
    created_at, updated_at = to_instant(order.create_time), to_instant(order.update_time)
    if created_at is None or updated_at is None:
        text = N_("Shopee's order %(order_sn)s holds no usable create_time or update_time.", order_sn=order.order_sn)
        raise RemoteUnreadable(text)
    packages, status = order.package_list or [], clean_text(order.order_status)
    return OrderSnapshot(
        order_sn=order.order_sn,
        status=status,
        currency=clean_text(order.currency),
        total_amount=to_amount(order.total_amount, N_("order %(order_sn)s", order_sn=order.order_sn)),
        buyer_username=_text_or_none(order.buyer_username),
        remote_created_at=created_at,
        remote_updated_at=updated_at,
        ship_by_at=to_instant(order.ship_by_date),
        tracking_number=_first_text(*(package.tracking_number for package in packages)),
        shipping_carrier=_first_text(order.shipping_carrier, *_carriers(packages)),
        payment_method=_text_or_none(order.payment_method),
        lines=tuple(_to_line(item, order.order_sn) for item in order.item_list or ()),
        read_started_at=read_started_at,
        answer=bytes(raw),
        packages=_to_packages(packages),
        recipient=_to_recipient(order.recipient_address or ShopeeRecipient()),
        buyer_message=_text_or_none(order.message_to_seller),
        booking_sn=_number_or_none(order.booking_sn),
        surprising_after=surprising_after(status),
    )


def _to_packages(packages: Collection[Package]) -> tuple[OrderPackage, ...]:
    """Each package that has a usable number, once."""
    found: dict[str, OrderPackage] = {}
    for one in packages:
        number = _number_or_none(one.package_number)
        if number is not None and number not in found:
            found[number] = OrderPackage(
                package_number=number,
                status=clean_text(one.logistics_status or ""),
                carrier=_text_or_none(one.shipping_carrier),
                tracking_number=_text_or_none(one.tracking_number),
                items=tuple(_to_package_item(item) for item in one.item_list or ()),
            )
    return tuple(found.values())


def _to_package_item(item: PackedItem) -> PackageItem:
    quantity = item.model_quantity or 0
    return PackageItem(str(item.item_id or 0), str(item.model_id or 0), quantity if 0 <= quantity <= _INT64_MAX else 0)


def _to_recipient(given: ShopeeRecipient) -> Recipient:
    """The address in one line; where there is no full one, its parts."""
    parts = (given.town, given.district, given.city, given.state, given.zipcode, given.region)
    address = given.full_address or ", ".join(part for part in parts if part)
    return Recipient(_text_or_none(given.name), _text_or_none(given.phone), _text_or_none(address))


def _number_or_none(text: str | None) -> str | None:
    """A booking or package number, which are opaque as an order's is (contract §7.1)."""
    return text if text and ORDER_NUMBER.fullmatch(text) else None


def _to_line(item: Item, order_sn: str) -> OrderLine:
    price = item.model_original_price if item.model_discounted_price is None else item.model_discounted_price
    quantity = item.model_quantity_purchased or 0
    if not 0 <= quantity <= _INT64_MAX:
        raise RemoteUnreadable(N_("Shopee's order %(order_sn)s holds an unusable quantity.", order_sn=order_sn))
    return OrderLine(
        item_id=str(item.item_id),
        model_id=str(item.model_id or 0),  # 0 is Shopee's own id of an item without variants
        name=clean_text(item.item_name or ""),
        model_name=clean_text(item.model_name or ""),
        sku=clean_text(item.model_sku or item.item_sku or ""),
        quantity=quantity,
        unit_price=to_amount(price, N_("order %(order_sn)s", order_sn=order_sn)),
    )


def _carriers(packages: Collection[Package]) -> list[str | None]:
    return [package.shipping_carrier for package in packages]


def _expiry(expire_in: Any, now: datetime) -> datetime:
    if isinstance(expire_in, bool) or not isinstance(expire_in, int) or not 0 < expire_in <= _UINT32_MAX:
        return now + _ACCESS_LIFETIME
    if expire_in > _ABSOLUTE_FROM:  # one document's sample shows an instant
        return datetime.fromtimestamp(expire_in, UTC)
    return now + timedelta(seconds=expire_in)


def _text_or_none(text: str | None) -> str | None:
    return clean_text(text) if text else None


def _first_text(*texts: str | None) -> str | None:
    return next((clean_text(text) for text in texts if text), None)
