"""The schedule: every process looks each second, and a tick that is due becomes a run, once, whoever is first.

The row of a schedule is locked while its tick is made, and the run's tick is unique; so any number may look. Of the
ticks that nobody was there for, only the latest is made up for.
"""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import partial
from typing import TYPE_CHECKING

import structlog
from sqlalchemy.orm import Session

from kedai.audit.service import record
from kedai.connector_exceptions.service import Trouble, clear_exception, raise_exception
from kedai.errors import Conflict, NotConfigured, NotFound
from kedai.runs.queries import find_going_on, find_open_runs, has_run_since, has_tick, list_schedules
from kedai.runs.schedules import make_schedule, period_values
from kedai.runs.service import create_run
from kedai.runs.timing import ScheduleState, judge, latest_tick, next_tick
from kedai.sync.parts import Parts
from kedai.sync.plans import Plan
from kedai.sync.runner import PLANS
from kedai.values.actor import SYSTEM, Actor
from kedai.values.environment import ConnectorName, Environment
from kedai.values.wording import N_
from kedai.vault.queries import get_active_environment, get_credentials, list_shops

if TYPE_CHECKING:
    from kedai.runs.models import Run, Schedule

EVERY_SECONDS = 1.0
_TOGETHER = timedelta(minutes=1)
"""Workers that start within so long of each other, or again and again, ask once."""

log = structlog.get_logger("schedule")


@dataclass(frozen=True, slots=True)
class _Place:
    """One kind in one environment."""

    plan: Plan
    connector: ConnectorName
    environment: Environment


async def tend(parts: Parts) -> int:
    """One look at all schedules; returns how many runs were queued.

    Raises:
        StorageUnavailable: the database cannot be reached.
    """
    made = 0
    for place in await parts.read(partial(_list_waiting, parts)):
        made += await parts.write(partial(_tend_one, parts, place))
    return made


async def ask_at_start(parts: Parts) -> int:
    """Queue what a starting worker asks for beside the schedule, once however many start together; returns how many.

    Raises:
        StorageUnavailable: the database cannot be reached.
    """
    made = 0
    for name in parts.connectors:
        for environment in Environment:
            for plan in PLANS.values():
                if plan.at_start:
                    made += await parts.write(partial(_ask_one, parts, _Place(plan, name, environment)))
    return made


def run_now(
    parts: Parts,
    db: Session,
    kind: str,
    name: ConnectorName,
    environment: Environment,
    *,
    actor: Actor,
    now: datetime,
) -> Sequence[Run]:
    """Queue a kind's runs at once, beside its schedule and also where that is paused.

    Those that are open count, and one that waits for its share of the hour need not wait any longer.

    Raises:
        NotFound: no such kind comes round. Sealed: the environment is sealed. NotConfigured: it lacks credentials.
        Conflict: the kind does not run in an inactive environment, or no shop is connected there.
    """
    plan = PLANS.get(kind)
    if plan is None:
        raise NotFound(N_("There is no such schedule."))
    place = _Place(plan, parts.connector(name).name, environment)
    parts.quarantine.refuse(db, environment)
    _demand_place(db, place)
    # before the schedule's row: a run that ends takes its own row first, and the schedule's later
    going_on = find_open_runs(db, (kind,), name, environment=environment, lock=True)
    for run in going_on:
        if run.state == "queued":
            run.due_at = min(run.due_at, now)
    row = _row_of(db, place, now)
    made = _queue(db, place, row, tick=_free_instant(db, place, now), due_at=now, actor=actor, now=now)
    if not made and not going_on:
        raise Conflict(N_("No shop is connected here, so there is nothing to run."))
    if made:
        subject, details = f"schedule/{name}/{kind}", {"runs": len(made)}
        record(
            db, actor=actor, action="schedule.run", environment=environment, subject=subject, details=details, now=now
        )
    return made or going_on


def state_of(db: Session, row: Schedule, now: datetime) -> ScheduleState:
    """How one schedule stands."""
    return judge(row, is_running=(row.kind, row.connector, row.environment) in find_going_on(db), now=now)


def _list_waiting(parts: Parts, db: Session) -> list[_Place]:
    """Where something is to be done: a look that takes no lock."""
    now, sealed = parts.clock.now(), parts.quarantine.sealed(db)
    rows = {(row.kind, row.connector, row.environment): row for row in list_schedules(db, environment=None)}
    going_on = find_going_on(db)
    waiting = []
    for name in parts.connectors:
        for environment in Environment:
            for plan in PLANS.values():
                place, key = _Place(plan, name, environment), (plan.kind, name, environment)
                row, is_expected = rows.get(key), _is_expected(db, place, sealed)
                if _needs_tending(place, row, is_expected=is_expected, is_running=key in going_on, now=now):
                    waiting.append(place)
    return waiting


def _is_expected(db: Session, place: _Place, sealed: frozenset[Environment]) -> bool:
    if place.environment in sealed:
        return False
    try:
        _demand_place(db, place)
    except (Conflict, NotConfigured, NotFound):
        return False
    return True


def _demand_place(db: Session, place: _Place) -> None:
    """Raises `Conflict` in an environment that the kind does not run in now, `NotConfigured` without credentials."""
    if not place.plan.everywhere and get_active_environment(db, place.connector) is not place.environment:
        raise Conflict(N_("“%(label)s” runs in the active environment only.", label=place.plan.label))
    row = get_credentials(db, place.connector, place.environment)
    missing = [name for name in ("partner_id", "partner_key_encrypted") if not getattr(row, name)]
    if place.plan.calls_marketplace and missing:
        raise NotConfigured(place.environment, [name.removesuffix("_encrypted") for name in missing])


def _needs_tending(place: _Place, row: Schedule | None, *, is_expected: bool, is_running: bool, now: datetime) -> bool:
    if row is None:
        return is_expected
    is_active = row.active_since is not None
    if is_active is not (is_expected and row.paused_at is None) or _differs(row, place.plan):
        return True
    is_down = judge(row, is_running=is_running, now=now) is ScheduleState.DOWN
    return is_down is (row.down_at is None) or (is_active and _is_due(row, now))


def _is_due(row: Schedule, now: datetime) -> bool:
    """Also where the clock was put back: else nothing would come until it has caught up."""
    period = None if row.every_seconds is None else timedelta(seconds=row.every_seconds)
    return row.next_due_at <= now or (period is not None and row.next_due_at > now + period)


def _tend_one(parts: Parts, place: _Place, db: Session) -> int:
    """In one transaction that holds the schedule's row: what it expects, its tick, and whether it is down."""
    now = parts.clock.now()
    row = _row_of(db, place, now)
    for name, value in _period_of(place.plan).items():
        setattr(row, name, value)
    is_active = row.paused_at is None and _is_expected(db, place, parts.quarantine.sealed(db))
    row.active_since = (row.active_since or now) if is_active else None
    made = _tick(db, place, row, now) if is_active and _is_due(row, now) else 0
    _judge_down(db, place, row, now)
    return made


def _ask_one(parts: Parts, place: _Place, db: Session) -> int:
    """Whoever holds the schedule's row sees what those before have made."""
    if not _is_expected(db, place, parts.quarantine.sealed(db)):
        return 0
    made, now = _tend_one(parts, place, db), parts.clock.now()
    row = _row_of(db, place, now)
    is_new = has_run_since(db, place.plan.kind, place.connector, environment=place.environment, since=now - _TOGETHER)
    if row.active_since is None or is_new:
        return made
    return len(_queue(db, place, row, tick=_free_instant(db, place, now), due_at=now, actor=SYSTEM, now=now))


def _row_of(db: Session, place: _Place, now: datetime) -> Schedule:
    plan = place.plan
    share = plan.spread * random.random()  # noqa: S311  no secret: each installation's own
    row = make_schedule(
        db,
        plan.kind,
        place.connector,
        place.environment,
        every=plan.every,
        cron=plan.cron,
        grace=plan.grace,
        offset=share,
        next_due_at=now,
    )
    if row.last_tick_at is None and row.active_since is None and row.cron is not None:
        row.next_due_at = next_tick(row, now)  # by seconds the first tick is now
    return row


def _period_of(plan: Plan) -> dict[str, object]:
    return period_values(plan.every, plan.cron, plan.grace)


def _differs(row: Schedule, plan: Plan) -> bool:
    """This version's plan is another one than the row's."""
    return any(getattr(row, name) != value for name, value in _period_of(plan).items())


def _tick(db: Session, place: _Place, row: Schedule, now: datetime) -> int:
    tick = latest_tick(row, now) if row.next_due_at <= now else _free_instant(db, place, now)
    due_at = max(now, tick + timedelta(seconds=row.offset_seconds))
    made = _queue(db, place, row, tick=tick, due_at=due_at, actor=SYSTEM, now=now)
    row.last_tick_at, row.next_due_at = tick, next_tick(row, tick)
    log.debug("tick", run_kind=row.kind, environment=row.environment, tick=tick.isoformat(), runs=len(made))
    return len(made)


def _free_instant(db: Session, place: _Place, now: datetime) -> datetime:
    """For a run that no tick asks for: the instant, or the next one that no run of this kind has."""
    while has_tick(db, place.plan.kind, place.connector, environment=place.environment, tick=now):
        now += timedelta(microseconds=1)
    return now


def _queue(
    db: Session, place: _Place, row: Schedule, *, tick: datetime, due_at: datetime, actor: Actor, now: datetime
) -> list[Run]:
    """The runs of a tick; none beside one of the same kind and shop that is still open."""
    kind, name, environment = place.plan.kind, place.connector, place.environment
    scopes: list[dict[str, str]] = [{}]
    if place.plan.per_shop:
        shops = list_shops(db, name, environment=environment)
        scopes = [{"shop_id": shop.shop_id} for shop in shops if shop.state == "connected"]
    if not scopes:
        row.last_success_at = now  # nothing to do is done
    taken = {run.shop_id for run in find_open_runs(db, (kind,), name, environment=environment)}
    at = {"scheduled_at": tick, "due_at": due_at}
    return [
        create_run(db, kind, name, environment, scope=scope, total=None, actor=actor, now=now, **at)
        for scope in scopes
        if scope.get("shop_id", "") not in taken
    ]


def _judge_down(db: Session, place: _Place, row: Schedule, now: datetime) -> None:
    """One exception when it goes down, settled by itself when it is up again, or when nothing is expected any more."""
    db.flush()
    is_down = state_of(db, row, now) is ScheduleState.DOWN
    if is_down is (row.down_at is not None):
        return
    trouble = Trouble(
        "schedule_down",
        N_("A schedule is down: %(schedule)s", schedule=place.plan.label),
        N_("Open Runs, read what its last run says, and run it now once the cause is mended."),
        group=row.kind,
    )
    if is_down:
        row.down_at = now
        raise_exception(db, place.connector, place.environment, trouble, now=now)
    else:
        row.down_at = None
        clear_exception(
            db, place.connector, place.environment, trouble.fingerprint, note=N_("It is up again, or paused."), now=now
        )
