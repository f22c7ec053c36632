"""Catching up: which orders of a shop changed while its environment was not active, and what they are now.

One run per shop; how it walks through the changes is `windows`.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from functools import partial
from typing import TYPE_CHECKING

from sqlalchemy.orm import Session

from kedai.orders import queries as orders_read
from kedai.runs.queries import OPEN_STATES, list_latest_runs
from kedai.runs.service import create_run, request_cancel
from kedai.sync.parts import Parts
from kedai.sync.position import instant
from kedai.sync.windows import LONGEST_LOOK_BACK, OVERLAP, WAITING_STATES, Walk, read_windows, told_span
from kedai.values.actor import Actor
from kedai.values.coverage import Source
from kedai.values.environment import ConnectorName, Environment, Scope
from kedai.vault.queries import list_shops

if TYPE_CHECKING:
    from kedai.runs.models import Run

KIND = "catch_up"
FIRST_LOOK_BACK = timedelta(days=15)

_KNOWN_RUNS = 500


def schedule(
    parts: Parts,
    db: Session,
    name: ConnectorName,
    environment: Environment,
    *,
    inactive_since: datetime | None,
    actor: Actor,
    now: datetime,
) -> int:
    """Queue a run for each shop of an environment that has just become active; returns how many.

    Each begins at the shop's last activity: when its environment was left (``None`` where it never was active), its
    newest known change, or where an unfinished catch-up of before stood, whichever is earliest. That one is stopped.
    """
    parts.connector(name)
    earlier = _latest_by_shop(db, name, environment)
    count = 0
    for shop in list_shops(db, name, environment=environment):
        if shop.state not in WAITING_STATES:
            continue
        scope = Scope(name, environment, shop.shop_id)
        since = _last_activity(db, scope, earlier.get(shop.shop_id), inactive_since, now)
        _stop(db, earlier.get(shop.shop_id), actor, now)
        told = {"shop_id": shop.shop_id, "since": since.isoformat(), "until": now.isoformat()}
        create_run(db, KIND, name, environment, scope=told, total=None, actor=actor, now=now)
        count += 1
    return count


read = partial(read_windows, Walk(Source.CATCH_UP, told_span, waits=True))
"""Implements `Reader`: the period between the shop's last activity and the switch."""


def _latest_by_shop(db: Session, name: ConnectorName, environment: Environment) -> dict[str, Run]:
    found: dict[str, Run] = {}
    for run in list_latest_runs(db, KIND, name, environment=environment, limit=_KNOWN_RUNS):
        found.setdefault(run.scope["shop_id"], run)
    return found


def _last_activity(
    db: Session, scope: Scope, earlier: Run | None, inactive_since: datetime | None, now: datetime
) -> datetime:
    known = [inactive_since, orders_read.find_newest_change(db, scope)]
    if earlier is not None and earlier.state != "succeeded":
        known.append(_stood(earlier))
    instants = [one for one in known if one is not None]
    begin = min(instants) - OVERLAP if instants else now - FIRST_LOOK_BACK
    return max(begin, now - LONGEST_LOOK_BACK)


def _stop(db: Session, earlier: Run | None, actor: Actor, now: datetime) -> None:
    """The new run begins where this one stands."""
    if earlier is not None and earlier.state in OPEN_STATES and not earlier.cancel_requested:
        request_cancel(db, earlier.id, environment=earlier.environment, actor=actor, now=now)


def _stood(run: Run) -> datetime:
    return instant(run.cursor["first"]) if run.cursor else datetime.fromisoformat(run.scope["since"])
