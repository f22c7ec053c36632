"""Opaque keyset cursors, bound to the list and filter that they were made for."""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac

import msgspec

from kedai.errors import Invalid
from kedai.values.wording import N_

_TAG_BYTES = 12
_MAX_CHARACTERS = 512


def encode_cursor(key: bytes, bound_to: str, position: tuple[int | str, ...]) -> str:
    """A cursor for ``position``, usable only with the same ``key`` and ``bound_to`` text."""
    body = msgspec.json.encode(position)
    return base64.urlsafe_b64encode(_tag(key, bound_to, body) + body).rstrip(b"=").decode()


def decode_cursor(key: bytes, bound_to: str, cursor: str) -> tuple[int | str, ...]:
    """The position in a cursor.

    Raises:
        Invalid: too long, not a cursor, changed, or made for another list or filter.
    """
    if len(cursor) > _MAX_CHARACTERS:
        raise Invalid(N_("The cursor is not valid."), field="cursor")
    try:
        raw = base64.urlsafe_b64decode(cursor.encode() + b"=" * (-len(cursor) % 4))
    except (binascii.Error, UnicodeEncodeError, ValueError):
        raise Invalid(N_("The cursor is not valid."), field="cursor") from None
    tag, body = raw[:_TAG_BYTES], raw[_TAG_BYTES:]
    if not hmac.compare_digest(tag, _tag(key, bound_to, body)):
        raise Invalid(N_("The cursor belongs to another list or filter."), field="cursor")
    return tuple(msgspec.json.decode(body, type=list[int | str]))


def _tag(key: bytes, bound_to: str, body: bytes) -> bytes:
    return hmac.new(key, bound_to.encode() + b"\0" + body, hashlib.sha256).digest()[:_TAG_BYTES]
