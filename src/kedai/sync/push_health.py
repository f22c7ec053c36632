"""Push health: how the marketplace rates our answers to its pushes, asked every few minutes.

While it withholds pushes, or threatens to, orders are looked for far more often; once all is well again, what happened
from the last sound moment on is read anew, since nothing of it is sent later.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import partial
from typing import TYPE_CHECKING

from sqlalchemy.orm import Session

from kedai.connector_exceptions.service import Trouble, clear_exception, raise_exception
from kedai.connectors.base import Probes, PushesToUs
from kedai.coverage import service as coverage
from kedai.coverage.service import Noted, Rating
from kedai.inbox.receipts import find_last_rejection
from kedai.runs.service import end_run
from kedai.sync import backfill, reconcile
from kedai.sync.parts import Parts, open_client
from kedai.sync.plans import Plan
from kedai.sync.preflight.pushes import missing_codes
from kedai.sync.urls import webhook_urls
from kedai.sync.windows import LONGEST_LOOK_BACK, OVERLAP
from kedai.sync.work import Step, Work
from kedai.values.actor import SYSTEM
from kedai.values.app import PushConfig, PushStatus
from kedai.values.coverage import Source
from kedai.values.environment import Scope
from kedai.values.wording import N_
from kedai.vault.queries import get_active_environment, list_shops

if TYPE_CHECKING:
    from kedai.runs.models import Run
    from kedai.vault.models import Shop

KIND = "push_health"
EVERY = timedelta(minutes=5)
PLAN = Plan(
    kind=KIND,
    label=N_("Ask how pushes go"),
    does=N_(
        "Asks the marketplace how it rates our answers to its pushes; while that is not well, orders are looked for."
    ),
    every=EVERY,
    grace=timedelta(minutes=15),
    timeout=timedelta(minutes=30),
    everywhere=True,
)

_LONGEST_SILENCE = 3 * EVERY
"""Whoever did not ask for longer was away, and pushes may have been too."""

_TITLES = {
    PushStatus.WARNING: N_("The marketplace warns: too many of our answers to its pushes were bad"),
    PushStatus.SUSPENDED: N_("The marketplace has switched its pushes to us off"),
    PushStatus.UNKNOWN: N_("The marketplace says something of its pushes that we do not know"),
}
_NEXT_STEP = N_(
    "Make sure that pushes reach us (connector page, “Run the checks”), then press “Register pushes”: that lifts it. "
    "Until then orders are looked for every few minutes, and what was missed is read afterwards."
)


@dataclass(frozen=True, slots=True)
class _Answer:
    """What was said, and when it was asked."""

    config: PushConfig
    reaches_us: bool
    asked_at: datetime


async def read(parts: Parts, work: Work) -> Sequence[Step]:
    """Ask; what follows from the answer is one step."""
    client = await parts.read(lambda db: open_client(parts, db, work.connector, work.environment))
    if not isinstance(client, Probes):
        return [partial(_end, N_("this marketplace cannot be asked for it"))]
    config = await client.get_push_config()
    connector = parts.connector(work.connector)
    needed = connector.needed_push_codes if isinstance(connector, PushesToUs) else frozenset()
    ours = webhook_urls(parts.settings, work.connector, work.environment)
    reaches_us = config.callback_url in ours and not missing_codes(needed, config)
    return [partial(_note, work, _Answer(config, reaches_us, parts.clock.now()))]


def _note(work: Work, answer: _Answer, db: Session, run: Run, *, now: datetime) -> bool:
    config = answer.config
    rating = Rating(config.status.value, config.suspended_at, answer.reaches_us)
    noted = coverage.note_rating(db, work.connector, work.environment, rating, now=answer.asked_at)
    trouble = Trouble(KIND, _TITLES.get(config.status, ""), _NEXT_STEP, group=KIND)
    if noted.changed and not rating.is_sound:
        raise_exception(db, work.connector, work.environment, trouble, now=now)
    if noted.changed and rating.is_sound:
        note = N_("The marketplace is content again.")
        clear_exception(db, work.connector, work.environment, trouble.fingerprint, note=note, now=now)
    if get_active_environment(db, work.connector) is work.environment:
        for shop in list_shops(db, work.connector, environment=work.environment):
            if shop.state == "connected":
                _care_for(db, work, shop, rating, noted, answer, now)
    return _end(_told(rating, answer), db, run, now=now)


def _care_for(
    db: Session, work: Work, shop: Shop, rating: Rating, noted: Noted, answer: _Answer, now: datetime
) -> None:
    scope = Scope(work.connector, work.environment, shop.shop_id)
    if not rating.is_sound:
        reconcile.start(db, scope, not_after=now - EVERY, actor=SYSTEM, now=now)
    elif not noted.was_sound:
        since = max(noted.sound_until - OVERLAP, now - LONGEST_LOOK_BACK)
        backfill.start(db, scope, since=since, until=now, actor=SYSTEM, now=now)
    elif _pushes_came(db, work, shop, noted, answer) and noted.sound_since is not None:
        since = max(noted.sound_since, shop.connected_at or noted.sound_since)
        coverage.extend(db, scope, Source.PUSH, since, answer.asked_at, run_id=work.run_id, now=now)


def _pushes_came(db: Session, work: Work, shop: Shop, noted: Noted, answer: _Answer) -> bool:
    """Whether pushes about this shop came and were taken, all the time since the last look."""
    since = noted.sound_since
    if since is None or answer.asked_at - since > _LONGEST_SILENCE or shop.shop_id in answer.config.blocked_shop_ids:
        return False
    refused_at = find_last_rejection(db, work.connector, work.environment)
    return refused_at is None or refused_at < since


def _told(rating: Rating, answer: _Answer) -> str:
    status = rating.status if rating.status != PushStatus.UNKNOWN else f"“{answer.config.stated_status[:100]}”"
    return (
        N_(status)
        if answer.reaches_us
        else N_("%(status)s, but not everything is pushed to us: run the checks", status=N_(status))
    )


def _end(note: str, _db: Session, run: Run, *, now: datetime) -> bool:
    end_run(run, "succeeded", note=note, now=now)
    return False
