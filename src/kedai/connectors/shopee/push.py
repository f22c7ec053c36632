"""Verifies and reads Shopee's pushes; it runs at the edge for every delivery, so it is quick and asks nobody."""

from __future__ import annotations

import hmac
import re
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from hashlib import sha256
from typing import Any, Final

import msgspec

from kedai.connectors.base import SignedPush
from kedai.connectors.shopee.codes import MISCODED_BOOKINGS, NAME_A_SHOP_IN_DATA, NAME_AN_ORDER, TOPICS
from kedai.connectors.shopee.sign import sign_push
from kedai.errors import BadSignature
from kedai.values.credentials import PushKey, PushKeys
from kedai.values.event import InboundEvent, PushMatch, Topic
from kedai.values.secret import Secret
from kedai.values.wording import N_

SIGNATURE_HEADER: Final = b"authorization"

_SIGNATURE = re.compile(rb"[0-9a-f]{64}")
_SIGNATURE_LENGTH = 64

REASONS: Final[Mapping[str, str]] = {
    "no_key": N_("No push key is configured, so no push can be trusted."),
    "missing": N_("The Authorization header is missing."),
    "empty": N_("The Authorization header is empty."),
    "scheme": N_("The Authorization header holds a scheme word; Shopee sends the bare signature."),
    "length": N_("The signature is not 64 characters long."),
    "upper_case": N_("The signature is in upper case; Shopee sends lower case."),
    "characters": N_("The signature holds characters that are no hexadecimal digits."),
    "mismatch": N_("The signature fits none of the configured keys and URLs."),
}
"""Why a signature is refused: the ``reason`` in the facts of `BadSignature`, and its message."""


def verify_push(keys: PushKeys, headers: Mapping[bytes, bytes], path: str, body: bytes) -> PushMatch:
    """Find the key and the configured URL that signed ``body`` (contract §4.1).

    ``headers`` has lower-case names. ``path`` only orders the candidates: what the request says of itself never enters
    a signature.

    Raises:
        BadSignature: none fits; ``facts["reason"]`` is a key of `REASONS`.
    """
    given = headers.get(SIGNATURE_HEADER)
    compared = given or b""
    reason = "no_key"
    for key, url in _candidates(keys, path):
        # Bytes, since texts that are not ASCII make compare_digest raise; and before any look at the header's shape.
        if hmac.compare_digest(sign_push(key.key, url, body).encode(), compared):
            return PushMatch(key.name, url)
        reason = ""
    reason = reason or _why_refused(given)
    raise BadSignature(REASONS[reason], reason=reason)


def is_signature(given: bytes) -> bool:
    """Whether a header has the shape of a signature: one that has not never verifies, whatever is mended."""
    return _SIGNATURE.fullmatch(given) is not None


def is_probe(body: bytes) -> bool:
    """Whether an unverified body is the probe that the console sends when an address is saved (contract §4.4)."""
    try:
        envelope = _decode(body)
    except _UNREADABLE:
        return False
    if type(envelope) is not dict or envelope.get("code") != 0:
        return False
    data = envelope.get("data")
    return type(data) is dict and "verify_info" in data


def sign_probe(key: Secret, url: str, now: datetime) -> SignedPush:
    """Make a code-0 probe, of which nothing comes but an answer (contract §4.4); each second's is another one."""
    info = {"verify_info": "Kedai tries its own push address."}
    body = msgspec.json.encode({"code": 0, "data": info, "timestamp": int(now.timestamp())})
    return SignedPush({SIGNATURE_HEADER.decode(): sign_push(key, url, body)}, body)


def _candidates(keys: PushKeys, path: str) -> Iterator[tuple[PushKey, str]]:
    usable = [key for key in keys.keys if key.key]  # an empty key would verify what anybody can compute
    for likely in (True, False):  # URLs that end in the request's path first: nearly always the first one fits
        for url in keys.urls:
            if url.endswith(path) is likely:
                for key in usable:
                    yield key, url


def _why_refused(given: bytes | None) -> str:
    if given is None:
        return "missing"
    if not given:
        return "empty"
    if b" " in given.strip():
        return "scheme"
    if len(given) != _SIGNATURE_LENGTH:
        return "length"
    if _SIGNATURE.fullmatch(given):
        return "mismatch"
    return "upper_case" if _SIGNATURE.fullmatch(given.lower()) else "characters"


_UINT32_MAX = 4_294_967_295
_INT32_MAX = 2_147_483_647
_YEAR_2015 = 1_420_070_400
_YEAR_2101 = 4_133_980_800

# msgspec raises these besides its own errors: too deep, and text that is not UTF-8.
_UNREADABLE = (msgspec.MsgspecError, RecursionError, UnicodeDecodeError)
_decode = msgspec.json.Decoder().decode
_is_order_number = re.compile(r"[0-9A-Za-z_-]{1,64}").fullmatch


def parse_push(body: bytes) -> InboundEvent:
    """Read a push (contract §4.4). Never raises: what cannot be understood is `Topic.MALFORMED` with a ``problem``.

    Nothing of the body's text reaches a field but an order number of plain letters and digits.
    """
    digest = sha256(body).digest()[:28]
    try:
        envelope = _decode(body)
    except _UNREADABLE as error:
        return InboundEvent(b"\0\0\0\0" + digest, Topic.MALFORMED, None, None, None, None, _why_unreadable(body, error))
    if type(envelope) is not dict:
        problem = N_("The body is JSON, but not an object.")
        return InboundEvent(b"\0\0\0\0" + digest, Topic.MALFORMED, None, None, None, None, problem)
    timestamp = envelope.get("timestamp")
    if type(timestamp) is not int or not 0 <= timestamp <= _UINT32_MAX:
        timestamp = 0
    return _read_envelope(envelope, timestamp.to_bytes(4, "big") + digest, to_push_instant(timestamp))


def to_push_instant(seconds: Any) -> datetime | None:
    """When a push says something is; None for what is no instant of Shopee's lifetime."""
    if type(seconds) is not int or not _YEAR_2015 <= seconds < _YEAR_2101:
        return None
    return datetime.fromtimestamp(seconds, UTC)


def _read_envelope(envelope: dict[str, Any], event_id: bytes, pushed_at: datetime | None) -> InboundEvent:
    code = envelope.get("code")
    if type(code) is not int or not 0 <= code <= _INT32_MAX:
        problem: str = N_("The code is missing.") if code is None else N_("The code is no number of a push.")
        return InboundEvent(event_id, Topic.MALFORMED, None, _shop_id(envelope, None), None, pushed_at, problem)
    topic = TOPICS.get(code, Topic.OTHER)
    shop_id = _shop_id(envelope, code)
    if topic is not Topic.ORDER:
        return InboundEvent(event_id, topic, code, shop_id, None, pushed_at)
    order_sn, problem = _order_number(envelope.get("data"), code)
    if shop_id is None:
        problem = problem or N_("The shop id is missing or no number of a shop.")
    if problem:
        return InboundEvent(event_id, Topic.MALFORMED, code, shop_id, order_sn, pushed_at, problem)
    return InboundEvent(event_id, topic, code, shop_id, order_sn, pushed_at)


def _shop_id(envelope: dict[str, Any], code: int | None) -> str | None:
    value = envelope.get("shop_id")
    if value is None:
        value = envelope.get("shopid")
    if value is None and code in NAME_A_SHOP_IN_DATA:
        data = envelope.get("data")
        if type(data) is dict:
            value = data.get("shop_id")
            if value is None:
                value = data.get("shopid")
    return str(value) if type(value) is int and 1 <= value <= _UINT32_MAX else None


def _order_number(data: Any, code: int) -> tuple[str | None, str]:
    """The order number and what is wrong with it; pushes that need none may lack it, but never hold a bad one."""
    if type(data) is not dict:
        return None, N_("The data is missing or no object.") if code in NAME_AN_ORDER else ""
    value = data.get("ordersn")
    if value is None:
        value = data.get("order_sn")
    if value is None or value == "":
        needed = code in NAME_AN_ORDER and not (code in MISCODED_BOOKINGS and data.get("booking_sn"))
        return None, N_("The order number is missing.") if needed else ""
    if type(value) is str and _is_order_number(value):
        return value, ""
    return None, N_("The order number holds what no order number holds.")


def _why_unreadable(body: bytes, error: Exception) -> str:
    if not body:
        return N_("The body is empty.")
    if isinstance(error, RecursionError):
        return N_("The body is nested too deeply.")
    if isinstance(error, UnicodeDecodeError):
        return N_("The body is not valid UTF-8.")
    if body.startswith((b"\xef\xbb\xbf", b"\xff\xfe", b"\xfe\xff")):
        return N_("The body starts with a byte order mark.")
    if isinstance(error, msgspec.ValidationError):
        return N_("The body holds a number that is too large.")
    return N_("The body is not valid JSON, or is cut off.")
