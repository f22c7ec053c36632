"""Lost pushes: what the marketplace tried to push in vain is fetched and stored like a push, and only then confirmed.

The queue moves on by confirming alone, so a page is confirmed after the commit that stored all of it, and by whoever
fetched it: after a crash in between it comes again, and is known already.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import partial
from typing import TYPE_CHECKING

from sqlalchemy.orm import Session

from kedai.connectors.base import KeepsLostPushes
from kedai.coverage import service as coverage
from kedai.errors import RemoteUnreadable
from kedai.inbox.flush import IncomingPush
from kedai.kit import crash
from kedai.kit.ids import new_id
from kedai.runs.service import end_run, move_on
from kedai.sync.arrivals import store_fetched
from kedai.sync.parts import Parts, open_client
from kedai.sync.plans import Plan
from kedai.sync.work import Step, Work
from kedai.values.coverage import Source
from kedai.values.environment import Scope
from kedai.values.event import EventState
from kedai.values.wording import N_, NP_
from kedai.vault.queries import list_shops

if TYPE_CHECKING:
    from kedai.runs.models import Run

KIND = "lost_pushes"
FETCHED_KEY = "lost_push"
"""Stands where other pushes name the key that verified them: this one was handed out on our own signed call."""

PLAN = Plan(
    kind=KIND,
    label=N_("Fetch lost pushes"),
    does=N_("Asks the marketplace for pushes that never arrived, and stores them."),
    every=timedelta(minutes=10),
    grace=timedelta(minutes=30),
    timeout=timedelta(hours=2),
    at_start=True,
)

KEPT_FOR = timedelta(days=3)
"""A marketplace forgets what lies longer in the queue."""

GIVEN_UP_AFTER = timedelta(hours=4)
"""A push is tried again for 300 + 1,800 + 10,800 seconds before it is put into the queue: younger ones may follow."""


@dataclass(frozen=True, slots=True)
class _Page:
    """One that was stored and confirmed (``confirmed`` is None where there was none), asked for at ``asked_at``."""

    found: int
    new: int
    confirmed: str | None
    asked_at: datetime


async def read(parts: Parts, work: Work) -> Sequence[Step]:
    """Fetch the next page, store it, and confirm it; the step that is left counts it."""
    client = await parts.read(lambda db: open_client(parts, db, work.connector, work.environment))
    if not isinstance(client, KeepsLostPushes):
        return [partial(_end, N_("this marketplace keeps no lost pushes"))]
    asked_at = parts.clock.now()
    page = await client.get_lost_pushes()
    if page.last_id is None:
        return [partial(_finish, work, _Page(0, 0, None, asked_at))]
    if work.cursor is not None and page.last_id == work.cursor["confirmed"]:
        raise RemoteUnreadable(N_("The marketplace hands out lost pushes again that were confirmed."))
    pushes = [_as_pushed(parts, work, body) for body in page.bodies]
    new = await parts.write(lambda db: store_fetched(parts, db, work.connector, pushes))
    crash.point("lost_pushes.stored")
    await client.confirm_lost_pushes(page.last_id)
    crash.point("lost_pushes.confirmed")
    taken = _Page(len(pushes), new, page.last_id, asked_at)
    return [partial(_count, taken) if page.more else partial(_finish, work, taken)]


def _as_pushed(parts: Parts, work: Work, body: bytes) -> IncomingPush:
    """As the edge makes it of a delivery: the same bytes have the same id, so that what came twice is one row."""
    return IncomingPush(
        id=new_id(),
        connector=work.connector,
        environment=work.environment,
        event=parts.connector(work.connector).parse_push(body),
        body=body,
        headers="{}",
        matched_key=FETCHED_KEY,
        matched_url="",
        received_at=parts.clock.now(),
        state=EventState.RECEIVED,
        parked_reason=None,
    )


def _count(page: _Page, _db: Session, run: Run, *, now: datetime) -> bool:  # noqa: ARG001  every step is given the time
    before = run.cursor or {"found": 0, "new": 0}
    found, new = before["found"] + page.found, before["new"] + page.new
    move_on(run, cursor={"found": found, "new": new, "confirmed": page.confirmed}, done=page.found)
    run.note = ""
    return False


def _finish(work: Work, page: _Page, db: Session, run: Run, *, now: datetime) -> bool:
    """Nothing is left behind this page: what was given up in the last days has come to us."""
    _count(page, db, run, now=now)
    since, until = page.asked_at - KEPT_FOR, page.asked_at - GIVEN_UP_AFTER
    for shop in list_shops(db, work.connector, environment=work.environment):
        scope = Scope(work.connector, work.environment, shop.shop_id)
        coverage.extend(db, scope, Source.LOST_PUSH, since, until, run_id=run.id, now=now)
    found, new = (run.cursor or {}).get("found", 0), (run.cursor or {}).get("new", 0)
    note = (
        NP_("%(num)s lost push, %(new)s of them new", "%(num)s lost pushes, %(new)s of them new", found, new=new)
        if found
        else N_("no push was lost")
    )
    return _end(note, db, run, now=now)


def _end(note: str, _db: Session, run: Run, *, now: datetime) -> bool:
    end_run(run, "succeeded", note=note, now=now)
    return False
