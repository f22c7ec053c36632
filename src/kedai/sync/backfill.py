"""Back-fill: the orders of a shop that changed in a period that a person chose are read anew, however many they are."""

from __future__ import annotations

from datetime import datetime
from functools import partial
from typing import TYPE_CHECKING

from sqlalchemy.orm import Session

from kedai.runs.service import create_run
from kedai.sync.windows import Walk, read_windows, told_span
from kedai.values.actor import Actor
from kedai.values.coverage import Source
from kedai.values.environment import Scope

if TYPE_CHECKING:
    from kedai.runs.models import Run

KIND = "backfill"

read = partial(read_windows, Walk(Source.BACKFILL, told_span, waits=True))
"""Implements `Reader`."""


def start(
    db: Session, scope: Scope, *, since: datetime, until: datetime, total: int | None, actor: Actor, now: datetime
) -> Run:
    """Queue one; ``total`` is how many orders are expected, as far as anybody knows."""
    told = {"shop_id": scope.shop_id, "since": since.isoformat(), "until": until.isoformat()}
    return create_run(db, KIND, scope.connector, scope.environment, scope=told, total=total, actor=actor, now=now)
