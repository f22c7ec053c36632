"""Runs: claim one, take its steps, each in a transaction of its own that also moves its cursor.

Between two steps a run can be cancelled, given to another process because this one stops, or made to wait its turn.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

import structlog
from sqlalchemy.orm import Session

from kedai.connector_exceptions.service import Trouble, clear_exception, raise_exception
from kedai.errors import KedaiError, StorageUnavailable
from kedai.kit import crash
from kedai.kit.clock import monotonic
from kedai.kit.deadline import within
from kedai.runs.schedules import note_end
from kedai.runs.service import (
    claim_run,
    end_run,
    hold_run,
    postpone_run,
    release_run,
    retry_run,
    worked_seconds,
)
from kedai.sync import (
    backfill,
    catch_up,
    escrow,
    grants,
    keep_alive,
    listings,
    lost_pushes,
    push_health,
    rebuild,
    reconcile,
    replay,
    replay_events,
    retention,
    retry,
    rewrap,
    setting_up,
)
from kedai.sync.outcome import Action, rule_for, wait
from kedai.sync.pacing import calling_seconds
from kedai.sync.parts import Parts
from kedai.sync.plans import Plan
from kedai.sync.work import Reader, Step, Work, work_of
from kedai.values.environment import Environment
from kedai.values.wording import N_

if TYPE_CHECKING:
    from kedai.runs.models import Run

STEPS: dict[str, Step] = {
    replay.KIND: replay.step,
    replay.DISCARD_KIND: replay.discard_step,
    replay_events.KIND: replay_events.step,
    rebuild.DISCARD_KIND: rebuild.discard_step,
}
"""One step per kind of run that needs the database alone."""

READERS: dict[str, Reader] = {
    catch_up.KIND: catch_up.read,
    escrow.KIND: escrow.read,
    escrow.SPAN_KIND: escrow.read,
    grants.KIND: setting_up.read,
    keep_alive.KIND: keep_alive.read,
    retention.KIND: retention.read,
    lost_pushes.KIND: lost_pushes.read,
    push_health.KIND: push_health.read,
    reconcile.KIND: reconcile.read,
    reconcile.SWEEP_KIND: reconcile.read_week,
    backfill.KIND: backfill.read,
    listings.KIND: listings.read,
    rewrap.KIND: rewrap.read,
    rebuild.KIND: rebuild.read,
    rebuild.APPLY_KIND: rebuild.read_apply,
    retry.KIND: retry.read,
}
"""What to do before the next steps, per kind of run that needs the marketplace, or long work outside a transaction."""

PLANS: dict[str, Plan] = {
    one.kind: one
    for one in (
        *(keep_alive.PLAN, retention.PLAN),
        *(lost_pushes.PLAN, push_health.PLAN, reconcile.PLAN, reconcile.SWEEP_PLAN, escrow.PLAN),
    )
}
"""The kinds that come round by themselves, and when: each declares its `PLAN` beside its `KIND`."""

GENTLE = (retention.KIND, rewrap.KIND)
"""Kinds that nobody waits for: they rest as long as each step took, and so leave others half the writer's time."""

CALLING_NOBODY = (rewrap.KIND,)
"""Kinds that are taken in a sealed environment too: they ask no marketplace."""

TURN_SECONDS = 5.0
_BREATH_SECONDS = 0.01  # between two steps, so that pushes and pages find SQLite free
_NOTE_LENGTH = 500

log = structlog.get_logger("runs")


async def _breathe() -> None:
    await asyncio.sleep(_BREATH_SECONDS)


async def run_next(
    parts: Parts,
    *,
    kind: str | None = None,
    must_stop: Callable[[], bool] = lambda: False,
    breathe: Callable[[], Awaitable[None]] = _breathe,
) -> bool:
    """Take the next open run (of one kind, if named) on; False where none is due.

    It is given back unfinished as soon as ``must_stop`` says so, so that another process goes on at once; and after a
    few seconds, so that a long run does not keep the others waiting.
    """
    seconds = parts.settings.lease_seconds
    work = await parts.write(lambda db: _claim(db, seconds, parts.quarantine.sealed(db), kind, parts.clock.now()))
    if work is None:
        return False
    turn_ends = monotonic() + TURN_SECONDS
    try:
        while await _go_on(parts, work, breathe):
            crash.point(f"{work.kind}.stepped")
            if must_stop() or monotonic() > turn_ends:
                await parts.write(lambda db: _give_back(db, work, seconds, parts.clock.now()))
                break
            await breathe()
    except asyncio.CancelledError:
        await asyncio.shield(parts.write(lambda db: _give_back(db, work, seconds, parts.clock.now())))
        raise
    return True


def _claim(db: Session, seconds: int, sealed: frozenset[Environment], kind: str | None, now: datetime) -> Work | None:
    run = claim_run(db, lease_seconds=seconds, sealed=sealed, everywhere=CALLING_NOBODY, kind=kind)
    if run is None or run.lease_by is None:
        return None
    run.started_at = run.started_at or now
    return work_of(run, run.lease_by)


def _give_back(db: Session, work: Work, seconds: int, now: datetime) -> None:
    run = hold_run(db, work.run_id, work.holder, lease_seconds=seconds)
    if run is not None:
        release_run(run, now=now)


async def _go_on(parts: Parts, work: Work, breathe: Callable[[], Awaitable[None]]) -> bool:
    """The next step, or those that follow from one look at the marketplace; True where the run goes on."""
    reader = READERS.get(work.kind)
    if reader is None:
        return await parts.write(lambda db: _take(parts, db, work, STEPS.get(work.kind)))
    held = await parts.write(lambda db: _hold(parts, db, work))
    if held is None:
        return False
    try:
        with within(calling_seconds(parts)):
            steps: Sequence[Step] = await reader(parts, held)
    except StorageUnavailable:
        raise
    except Exception as error:  # noqa: BLE001  whatever it was, the run waits, is tried again, or fails
        failure = error
        return await parts.write(lambda db: _put_off(parts, db, work, failure))
    for number, step in enumerate(steps):
        if number:
            await breathe()
        began = monotonic()
        if not await parts.write(lambda db, step=step: _take(parts, db, work, step)):  # type: ignore[misc]
            return False
        crash.point(f"{work.kind}.took_step")
        if work.kind in GENTLE:
            await asyncio.sleep(monotonic() - began)
    return True


def _hold(parts: Parts, db: Session, work: Work) -> Work | None:
    """The run as it stands now, its lease lengthened; None where it was stopped or lost."""
    run = hold_run(db, work.run_id, work.holder, lease_seconds=parts.settings.lease_seconds)
    if run is None or _is_stopped(db, run, parts.clock.now()):
        return None
    return work_of(run, work.holder)


def _is_stopped(db: Session, run: Run, now: datetime) -> bool:
    """Whether no step may follow: it is cancelled, paused, or has taken longer than its kind may."""
    plan = PLANS.get(run.kind)
    if run.cancel_requested:
        end_run(run, "cancelled", note=N_("cancelled by a person"), now=now)
    elif run.paused_at is not None:
        release_run(run, now=now)
    elif plan is not None and timedelta(seconds=worked_seconds(run, now)) > plan.timeout:
        limit = N_("It took longer than %(timeout)s.", timeout=str(plan.timeout))
        _give_up(db, run, f"{limit} {run.note}".strip(), now)
    else:
        return False
    note_end(db, run, now=now)
    return True


def _take(parts: Parts, db: Session, work: Work, step: Step | None) -> bool:
    """True where the run goes on."""
    now = parts.clock.now()
    run = hold_run(db, work.run_id, work.holder, lease_seconds=parts.settings.lease_seconds)
    if run is None or _is_stopped(db, run, now):
        return False
    if step is None:
        end_run(run, "failed", note=N_("this version knows no run of kind %(kind)s", kind=run.kind), now=now)
        return False
    try:
        with db.begin_nested():
            finished = step(db, run, now=now)
    except StorageUnavailable:
        raise
    except Exception as error:
        log.exception("a step failed", run_kind=run.kind)
        _try_again(db, run, error, now)
        return False
    if finished:
        end_run(run, "succeeded", note="", now=now)
    note_end(db, run, now=now)
    if run.state == "succeeded" and run.kind in PLANS:  # what failed the last time came round again, and went well
        note, fingerprint = N_("A later run succeeded."), _trouble_of(run).fingerprint
        clear_exception(db, work.connector, run.environment, fingerprint, note=note, now=now)
    return run.lease_by is not None


def _put_off(parts: Parts, db: Session, work: Work, error: Exception) -> bool:
    """The marketplace was asked in vain: wait where it is not this run's fault, else try a few times more."""
    now = parts.clock.now()
    run = hold_run(db, work.run_id, work.holder, lease_seconds=parts.settings.lease_seconds)
    if run is None:
        return False
    log.warning("a run could not go on", run_kind=run.kind, error=type(error).__name__, detail=str(error))
    rule = rule_for(error)
    if rule.action in {Action.WAIT, Action.RECONNECT}:
        postpone_run(run, note=_text(error), due_in=wait(error, now - run.created_at, rule), now=now)
    else:
        _try_again(db, run, error, now)
    return False


def _try_again(db: Session, run: Run, error: Exception, now: datetime) -> None:
    retry_run(run, note=_text(error), now=now)
    if run.state == "failed":
        _tell(db, run, now)
        note_end(db, run, now=now)


def _give_up(db: Session, run: Run, note: str, now: datetime) -> None:
    end_run(run, "failed", note=note[:_NOTE_LENGTH], now=now)
    _tell(db, run, now)


def _tell(db: Session, run: Run, now: datetime) -> None:
    """A run that failed is for a person to look at."""
    raise_exception(db, work_of(run, "").connector, run.environment, _trouble_of(run), now=now)


def _trouble_of(run: Run) -> Trouble:
    return Trouble(
        "run_failed",
        N_(
            "A run was given up: %(run)s",
            run=PLANS[run.kind].label if run.kind in PLANS else run.kind.replace("_", " "),
        ),
        N_("Open Runs, read what it says, and start it again once the cause is mended."),
        run.scope.get("shop_id"),
        group=run.kind,
    )


def _text(error: Exception) -> str:
    text = error.message if isinstance(error, KedaiError) else f"{type(error).__name__}: {error}"
    return text[:_NOTE_LENGTH]
