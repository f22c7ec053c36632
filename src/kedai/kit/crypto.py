"""The envelope of a stored secret: ``v1`` (read and written compatibly) and ``v2`` (what we write).

Pure functions over bytes. Which key and which place belong to a value is the vault's business.
Formats: spec, environments §2.
"""

from __future__ import annotations

import base64
import binascii
import os
import struct
from dataclasses import dataclass

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from kedai.errors import SecretUnreadable

KEY_BYTES = 32
_IV_BYTES = 12
_TAG_BYTES = 16


@dataclass(frozen=True, slots=True)
class SecretPlace:
    """Where a secret is stored: a value moved to any other place does not decrypt.

    ``row`` is the natural key inside (connector, environment): empty for credentials, the shop id for tokens.
    """

    connector: str
    table: str
    column: str
    environment: str
    row: str


class IvSource:
    """Draws 96-bit IVs and refuses a generator that repeats itself (a repeated IV breaks AES-GCM)."""

    def __init__(self) -> None:
        self._last = b""

    def draw(self) -> bytes:
        iv = os.urandom(_IV_BYTES)
        if iv == self._last:
            raise RuntimeError("the random number generator repeats itself: refusing to encrypt")
        self._last = iv
        return iv


_ivs = IvSource()


def derive_v1_key(secret: str, salt: str, info: str) -> bytes:
    """The 32-byte ``v1`` key: HKDF-SHA256 over the three installation texts."""
    return HKDF(SHA256(), KEY_BYTES, salt=salt.encode(), info=info.encode()).derive(secret.encode())


def seal_v1(key: bytes, text: str) -> str:
    """``v1:`` + base64(iv ‖ tag ‖ ciphertext). The tag stands *before* the ciphertext."""
    iv = _ivs.draw()
    sealed = AESGCM(key).encrypt(iv, text.encode(), None)
    ciphertext, tag = sealed[:-_TAG_BYTES], sealed[-_TAG_BYTES:]
    return "v1:" + base64.b64encode(iv + tag + ciphertext).decode()


def open_v1(key: bytes, stored: str) -> str:
    """The text of a ``v1`` value.

    Raises:
        SecretUnreadable: another key, a changed value, or no ``v1`` value at all.
    """
    raw = _decoded(stored.removeprefix("v1:"), urlsafe=False)
    iv, tag, ciphertext = raw[:_IV_BYTES], raw[_IV_BYTES : _IV_BYTES + _TAG_BYTES], raw[_IV_BYTES + _TAG_BYTES :]
    return _opened(key, iv, ciphertext + tag, None)


def seal_v2(key: bytes, kid: str, place: SecretPlace, text: str) -> str:
    """``v2:<kid>:`` + base64url(iv ‖ ciphertext ‖ tag), bound to its place."""
    iv = _ivs.draw()
    sealed = AESGCM(key).encrypt(iv, text.encode(), associated_data(place, kid))
    return f"v2:{kid}:" + base64.urlsafe_b64encode(iv + sealed).rstrip(b"=").decode()


def open_v2(key: bytes, place: SecretPlace, stored: str) -> str:
    """The text of a ``v2`` value.

    Raises:
        SecretUnreadable: another key or place, a changed value, or no ``v2`` value at all.
    """
    kid, _, encoded = stored.removeprefix("v2:").partition(":")
    raw = _decoded(encoded, urlsafe=True)
    return _opened(key, raw[:_IV_BYTES], raw[_IV_BYTES:], associated_data(place, kid))


def key_id(stored: str) -> str:
    """The key id a stored value names: ``v1``, or the kid of a ``v2`` value.

    Raises:
        SecretUnreadable: neither format.
    """
    if stored.startswith("v1:"):
        return "v1"
    version, _, rest = stored.partition(":")
    kid, colon, _ = rest.partition(":")
    if version != "v2" or not colon or not kid:
        raise SecretUnreadable
    return kid


def associated_data(place: SecretPlace, kid: str) -> bytes:
    """Each part length-prefixed, so that no two places ever give the same bytes."""
    parts = ("connector-secret", place.connector, place.table, place.column, place.environment, place.row, kid)
    return b"".join(struct.pack(">I", len(raw)) + raw for raw in (part.encode() for part in parts))


def _decoded(encoded: str, *, urlsafe: bool) -> bytes:
    try:
        if urlsafe:
            raw = base64.b64decode(encoded + "=" * (-len(encoded) % 4), altchars=b"-_", validate=True)
        else:
            raw = base64.b64decode(encoded, validate=True)
    except (binascii.Error, ValueError):
        raise SecretUnreadable from None
    if len(raw) < _IV_BYTES + _TAG_BYTES:
        raise SecretUnreadable
    return raw


def _opened(key: bytes, iv: bytes, sealed: bytes, data: bytes | None) -> str:
    try:
        return AESGCM(key).decrypt(iv, sealed, data).decode()
    except (InvalidTag, UnicodeDecodeError):
        raise SecretUnreadable from None
