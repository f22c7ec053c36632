"""Stored bytes as readable text: indented where they are JSON, bounded, personal data masked. Never markup."""

from __future__ import annotations

import zlib
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

import msgspec

SHOWN_BYTES = 64 * 1024
_MASK = "****"
_PERSONAL_KEYS = frozenset(
    {
        "address",
        "buyer_cpf_id",
        "buyer_email",
        "buyer_name",
        "buyer_phone",
        "buyer_user_id",
        "buyer_username",
        "cpf_id",
        "dropshipper",
        "dropshipper_phone",
        "email",
        "full_address",
        "invoice_data",
        "message_to_seller",
        "phone",
        "recipient_address",
        "virtual_contact_number",
    }
)
_DECODE_ERRORS = (msgspec.MsgspecError, RecursionError, UnicodeError, ValueError)


@dataclass(frozen=True, slots=True)
class Shown:
    """Text for a ``<pre>``: ``is_json`` tells whether it could be read, ``cut`` whether its end is left out."""

    text: str
    is_json: bool
    cut: bool
    size: int


def pretty(body: bytes) -> Shown:
    """JSON indented without a change of any digit; anything else as it came."""
    try:
        return _bounded(msgspec.json.format(body, indent=2), is_json=True, size=len(body))
    except _DECODE_ERRORS:
        return raw(body)


def raw(body: bytes) -> Shown:
    """The bytes as text; what is no UTF-8 becomes replacement characters."""
    return _bounded(body, is_json=False, size=len(body))


def masked_answer(compressed: bytes) -> Shown:
    """A stored answer with personal data masked; one that cannot be read is not shown, since it cannot be masked."""
    try:
        body = zlib.decompress(compressed)
        value = _masked(msgspec.json.Decoder(float_hook=Decimal).decode(body))
        text = msgspec.json.format(msgspec.json.Encoder(decimal_format="number").encode(value), indent=2)
    except (*_DECODE_ERRORS, zlib.error):
        return Shown("", is_json=False, cut=False, size=0)
    return _bounded(text, is_json=True, size=len(body))


def _masked(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _blank(inner) if key in _PERSONAL_KEYS else _masked(inner) for key, inner in value.items()}
    if isinstance(value, list):
        return [_masked(inner) for inner in value]
    return value


def _blank(value: Any) -> Any:
    """The same shape without the content: texts lose all but their first letter, other values all of it."""
    if isinstance(value, dict):
        return {key: _blank(inner) for key, inner in value.items()}
    if isinstance(value, list):
        return [_blank(inner) for inner in value]
    if isinstance(value, str):
        return value[:1] + _MASK if value else value
    return value if value is None or isinstance(value, bool) else _MASK


def _bounded(text: bytes, *, is_json: bool, size: int) -> Shown:
    return Shown(text[:SHOWN_BYTES].decode(errors="replace"), is_json=is_json, cut=len(text) > SHOWN_BYTES, size=size)
