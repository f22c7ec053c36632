"""One-time authorisation attempts: created with a hash, consumed by exactly one callback."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

import sqlalchemy as sa
from sqlalchemy.orm import Session

from kedai.db import lease
from kedai.values.environment import ConnectorName, Environment
from kedai.vault.models import OAuthState

_KEEP = timedelta(days=1)
_KEEP_OPEN = timedelta(days=30)


@dataclass(frozen=True, slots=True)
class Purpose:
    """What an attempt was for: to ``add`` somebody, ``reconnect`` the one expected, or ``recover`` a lost pair."""

    intent: str
    expected_shop_id: str | None
    expected_merchant_id: str | None


@dataclass(frozen=True, slots=True)
class ConsumedState:
    """An attempt that was used up, and who began it."""

    staff_id: str
    session_id: str
    purpose: Purpose
    expires_at: datetime


def create(
    db: Session,
    connector: ConnectorName,
    environment: Environment,
    *,
    token_hash: bytes,
    staff_id: str,
    session_id: str,
    intent: str,
    expected_shop_id: str | None,
    expected_merchant_id: str | None,
    expires_at: datetime,
    now: datetime,
) -> None:
    """Store an attempt, and forget those of yesterday; one whose answer may still lie on a disk is kept for longer."""
    is_open = sa.and_(OAuthState.exchange_open_since.is_not(None), OAuthState.expires_at >= now - _KEEP_OPEN)
    db.execute(sa.delete(OAuthState).where(OAuthState.expires_at < now - _KEEP, sa.not_(is_open)))
    db.add(
        OAuthState(
            token_hash=token_hash,
            connector=connector,
            environment=environment,
            staff_id=staff_id,
            session_id=session_id,
            intent=intent,
            expected_shop_id=expected_shop_id,
            expected_merchant_id=expected_merchant_id,
            created_at=now,
            expires_at=expires_at,
        )
    )
    db.flush()


def consume(
    db: Session, connector: ConnectorName, environment: Environment, *, token_hash: bytes, now: datetime
) -> ConsumedState | None:
    """Use an attempt up: of two parallel callbacks only one gets it. None: unknown, used, or of another environment."""
    statement = (
        sa.update(OAuthState)
        .where(
            OAuthState.token_hash == token_hash,
            OAuthState.connector == connector,
            OAuthState.environment == environment,
            OAuthState.consumed_at.is_(None),
        )
        .values(consumed_at=now)
        .returning(
            OAuthState.staff_id,
            OAuthState.session_id,
            OAuthState.intent,
            OAuthState.expected_shop_id,
            OAuthState.expected_merchant_id,
            OAuthState.expires_at,
        )
    )
    row = db.execute(statement).one_or_none()
    if row is None:
        return None
    staff_id, session_id, intent, shop_id, merchant_id, expires_at = row
    return ConsumedState(staff_id, session_id, Purpose(intent, shop_id, merchant_id), expires_at)


def open_exchange(db: Session, token_hash: bytes) -> None:
    """Note that the attempt's code is exchanged from now on: its answer may exist and be stored nowhere."""
    db.execute(
        sa.update(OAuthState).where(OAuthState.token_hash == token_hash).values(exchange_open_since=lease.now(db))
    )


def close_exchange(db: Session, token_hash: bytes) -> bool:
    """Note that what came of the exchange is stored, or will never be; False where somebody noted that before."""
    own = sa.update(OAuthState).where(OAuthState.token_hash == token_hash, OAuthState.exchange_open_since.is_not(None))
    return bool(db.execute(own.values(exchange_open_since=None)).rowcount)  # type: ignore[attr-defined]


def is_exchange_open(db: Session, since: datetime) -> bool:
    """Whether an exchange was begun after that instant, and what came of it is not stored."""
    return bool(db.execute(sa.select(sa.exists().where(OAuthState.exchange_open_since > since))).scalar_one())
