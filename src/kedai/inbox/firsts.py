"""The proof that pushes come: the newest one that a marketplace sent itself. Writes nothing."""

from __future__ import annotations

from datetime import datetime
from typing import NamedTuple

import sqlalchemy as sa
from sqlalchemy.orm import Session

from kedai.inbox.adopt import ADOPTED_KEY
from kedai.inbox.models import RawEvent
from kedai.values.environment import ConnectorName, Environment

LOOKED_AT = 500
"""Among so many of the newest: one may have imported many, or fetched many lost ones."""


class SentPush(NamedTuple):
    """A push that came by itself, and the URL that it was signed for."""

    received_at: datetime
    code: int | None
    matched_url: str


def find_sent_push(
    db: Session, connector: ConnectorName, environment: Environment, *, fetched_key: str, names_order: bool
) -> SentPush | None:
    """The newest push that was sent to us: neither imported nor fetched (marked ``fetched_key``) from a queue.

    With ``names_order`` it must be about an order: a marketplace tells of the authorisation itself by a push too.
    """
    columns = (
        RawEvent.id,
        RawEvent.received_at,
        RawEvent.code,
        RawEvent.matched_url,
        RawEvent.matched_key,
        RawEvent.order_sn,
    )
    mine = sa.select(*columns).where(RawEvent.environment == environment, RawEvent.connector == connector)
    newest = mine.order_by(RawEvent.id.desc()).limit(LOOKED_AT).subquery().c
    sent = sa.select(newest.received_at, newest.code, newest.matched_url)
    sent = sent.where(newest.matched_key.not_in((ADOPTED_KEY, fetched_key)))
    if names_order:
        sent = sent.where(newest.order_sn.is_not(None))
    row = db.execute(sent.order_by(newest.id.desc()).limit(1)).one_or_none()
    return None if row is None else SentPush(*row)
