"""The refresh lease of a token: who may call the marketplace for a new pair right now."""

from __future__ import annotations

from datetime import timedelta

import sqlalchemy as sa
from sqlalchemy.orm import Session

from kedai.db import lease
from kedai.values.environment import Scope
from kedai.vault.models import AuthToken

_SECONDS = 60


def is_refresh_free(db: Session, scope: Scope) -> bool:
    """Whether nobody refreshes the token now: a look that takes nothing."""
    chosen = sa.select(AuthToken.id).where(*_same(scope), lease.free_at(AuthToken, lease.now(db)))
    return db.execute(chosen).first() is not None


def take_refresh_lease(db: Session, scope: Scope, *, generation: int, holder: str) -> bool:
    """Claim the refresh of this generation for 60 s; False where somebody holds it or a newer pair stands."""
    instant = lease.now(db)
    chosen = sa.select(AuthToken.id).where(
        *_same(scope), AuthToken.generation == generation, lease.free_at(AuthToken, instant)
    )
    until = instant + timedelta(seconds=_SECONDS)
    return bool(lease.take(db, AuthToken, chosen, holder=holder, until=until))


def free_refresh_lease(db: Session, scope: Scope, *, holder: str, generation: int | None = None) -> bool:
    """Give the lease back; False where it (or, if named, the generation) is no longer ours."""
    statement = sa.update(AuthToken).where(*_same(scope), AuthToken.lease_by == holder)
    if generation is not None:
        statement = statement.where(AuthToken.generation == generation)
    freed = db.execute(statement.values(lease_by=None, lease_until=None))
    return bool(freed.rowcount)  # type: ignore[attr-defined]


def _same(scope: Scope) -> tuple[sa.ColumnElement[bool], ...]:
    return (
        AuthToken.connector == scope.connector,
        AuthToken.environment == scope.environment,
        AuthToken.shop_id == scope.shop_id,
    )
