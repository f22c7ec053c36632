"""One-time authorisation attempts: created with a hash, consumed by exactly one callback."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

import sqlalchemy as sa
from sqlalchemy.orm import Session

from kedai.values.environment import ConnectorName, Environment
from kedai.vault.models import OAuthState

_KEEP = timedelta(days=1)


@dataclass(frozen=True, slots=True)
class ConsumedState:
    """What an attempt was for."""

    staff_id: str
    session_id: str
    intent: str
    expected_shop_id: str | None
    expected_merchant_id: str | None
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
    """Store an attempt, and forget those of yesterday."""
    db.execute(sa.delete(OAuthState).where(OAuthState.expires_at < now - _KEEP))
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
    return None if row is None else ConsumedState(*row)
