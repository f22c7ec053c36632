"""A token pair as column values and back, whoever holds it; ``place`` says where a column's value is stored."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from sqlalchemy.orm import Session

from kedai.kit.crypto import SecretPlace
from kedai.values.credentials import TokenSet
from kedai.values.secret import Secret
from kedai.vault.ring import KeyRing

Place = Callable[[str], SecretPlace]


def seal_pair(db: Session, ring: KeyRing, place: Place, tokens: TokenSet) -> dict[str, Any]:
    """The columns of a pair.

    Raises:
        Conflict: the ring does not fit this database: no secret can be written.
    """
    access, renewal = "access_token_encrypted", "refresh_token_encrypted"
    return {
        access: ring.seal(db, place(access), tokens.access_token.reveal()),
        renewal: ring.seal(db, place(renewal), tokens.refresh_token.reveal()),
        "access_expires_at": tokens.access_expires_at,
        "refresh_expires_at": tokens.refresh_expires_at,
    }


def open_pair(ring: KeyRing, place: Place, row: Any) -> TokenSet:
    """Decrypt a row.

    Raises:
        SecretUnreadable: it cannot be decrypted with the keys at hand.
    """
    access, renewal = "access_token_encrypted", "refresh_token_encrypted"
    return TokenSet(
        Secret(ring.open(place(access), getattr(row, access))),
        Secret(ring.open(place(renewal), getattr(row, renewal))),
        row.access_expires_at,
        row.refresh_expires_at,
    )
