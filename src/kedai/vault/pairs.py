"""A token pair as columns of a row, in whatever table: each secret is bound to the place where it is stored."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from sqlalchemy.orm import Session

from kedai.kit.crypto import SecretPlace
from kedai.values.credentials import TokenSet
from kedai.values.secret import Secret
from kedai.vault.ring import KeyRing

_ACCESS, _REFRESH = "access_token_encrypted", "refresh_token_encrypted"


def open_pair(ring: KeyRing, place: Callable[[str], SecretPlace], row: Any) -> TokenSet:
    """Decrypt a row of any table of pairs, each secret bound to the ``place`` of its column.

    Raises:
        SecretUnreadable: it cannot be decrypted with the keys at hand.
    """
    return TokenSet(
        Secret(ring.open(place(_ACCESS), getattr(row, _ACCESS))),
        Secret(ring.open(place(_REFRESH), getattr(row, _REFRESH))),
        row.access_expires_at,
        row.refresh_expires_at,
    )


def seal_pair(db: Session, ring: KeyRing, place: Callable[[str], SecretPlace], tokens: TokenSet) -> dict[str, Any]:
    """A token pair as column values, each secret bound to the ``place`` of its column."""
    return {
        _ACCESS: ring.seal(db, place(_ACCESS), tokens.access_token.reveal()),
        _REFRESH: ring.seal(db, place(_REFRESH), tokens.refresh_token.reveal()),
        "access_expires_at": tokens.access_expires_at,
        "refresh_expires_at": tokens.refresh_expires_at,
    }
