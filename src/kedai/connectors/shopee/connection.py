"""Reads pushes about the connection in full: 0, 1, 2 and 12 (contract §4.4); the worker asks for it, never the edge."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import Any, Final

import msgspec

from kedai.connectors.shopee.credentials import parse_id
from kedai.connectors.shopee.push import to_push_instant
from kedai.connectors.shopee.schemas import UNREADABLE
from kedai.values.event import ConnectionChange, ConnectionKind, EndReason

_KINDS: Final[Mapping[int, ConnectionKind]] = {
    0: ConnectionKind.PROBE,
    1: ConnectionKind.AUTHORIZED,
    2: ConnectionKind.DEAUTHORIZED,
    12: ConnectionKind.EXPIRING,
}
_END_REASONS: Final[Mapping[str, EndReason]] = {
    "user cancel shop authorization": EndReason.CANCELLED_BY_SELLER,
    "user cancel merchant authorization": EndReason.CANCELLED_BY_SELLER,
    "expiry": EndReason.EXPIRED,
    "app status is abnormal": EndReason.APP_SUSPENDED,
    "shop and main account is disconnected": EndReason.UNLINKED_FROM_MAIN_ACCOUNT,
}

_SHOP_KEYS = ("shop_id", "shopid", "shop_id_list", "shop_expire_soon")
_MERCHANT_KEYS = ("merchant_id", "merchantid", "merchant_id_list", "merchant_expire_soon")
_SHOP_IN_TEXT = re.compile(r"\bshop[ _]?id[ :=]{0,3}([0-9]{1,10})\b", re.IGNORECASE)
_MERCHANT_IN_TEXT = re.compile(r"\bmerchant[ _]?id[ :=]{0,3}([0-9]{1,10})\b", re.IGNORECASE)
_LONGEST_TEXT = 2_000
_INT32_MAX = 2_147_483_647


def parse_connection(body: bytes) -> ConnectionChange | None:
    """Read a push about the connection; None where it does not name whom it is about. Never raises.

    Nothing of the body's text reaches a field: ids are numbers, and the reason is one of ours.
    """
    try:
        envelope = msgspec.json.decode(body)
    except UNREADABLE:
        return None
    if type(envelope) is not dict or type(envelope.get("code")) is not int:
        return None
    kind, data = _KINDS.get(envelope["code"]), envelope.get("data")
    if kind is None:
        return None
    change = _read(kind, envelope, data if type(data) is dict else {})
    return change if kind is ConnectionKind.PROBE or change.shop_ids or change.merchant_ids else None


def _read(kind: ConnectionKind, envelope: dict[str, Any], data: dict[str, Any]) -> ConnectionChange:
    # The shop stands in the data, at the top where an older sample has it, or in the data's text alone.
    shop_ids = _ids(data, _SHOP_KEYS) or _ids(envelope, _SHOP_KEYS)
    merchant_ids = _ids(data, _MERCHANT_KEYS) or _ids(envelope, _MERCHANT_KEYS)
    text = data.get("extra")
    if kind is ConnectionKind.DEAUTHORIZED and not shop_ids and not merchant_ids and type(text) is str:
        shop_ids = _ids_in_text(_SHOP_IN_TEXT, text)
        merchant_ids = _ids_in_text(_MERCHANT_IN_TEXT, text)
    return ConnectionChange(
        kind=kind,
        partner_id=next(iter(_ids(envelope, ("partner_id",))), None),
        shop_ids=shop_ids,
        merchant_ids=merchant_ids,
        main_account_id=next(iter(_ids(data, ("main_account_id",))), None),
        pushed_at=to_push_instant(envelope.get("timestamp")),
        end_reason=_end_reason(data) if kind is ConnectionKind.DEAUTHORIZED else None,
        ends_before=to_push_instant(data.get("expire_before")) if kind is ConnectionKind.EXPIRING else None,
        page=_count(data.get("page_no")),
        pages=_count(data.get("total_page")),
    )


def _ids(source: dict[str, Any], keys: Iterable[str]) -> tuple[str, ...]:
    """Every usable id under these keys, single or in lists, once, in their order."""
    found: dict[str, None] = {}
    for key in keys:
        value = source.get(key)
        for one in value if type(value) is list else (value,):
            if type(one) is int and parse_id(str(one)) is not None:
                found[str(one)] = None
    return tuple(found)


def _ids_in_text(pattern: re.Pattern[str], text: str) -> tuple[str, ...]:
    numbers = (parse_id(found) for found in pattern.findall(text[:_LONGEST_TEXT]))
    return tuple(dict.fromkeys(str(number) for number in numbers if number is not None))


def _end_reason(data: dict[str, Any]) -> EndReason:
    stated = data.get("authorize_type")
    return _END_REASONS.get(stated.strip().lower(), EndReason.UNKNOWN) if type(stated) is str else EndReason.UNKNOWN


def _count(value: Any) -> int:
    return value if type(value) is int and 1 <= value <= _INT32_MAX else 1
