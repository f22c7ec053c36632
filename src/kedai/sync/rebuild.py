"""Time travel: rebuild a shop's orders as of a time from stored answers, with today's code, into a shadow.

Nobody is asked, and no order is touched: what would differ is kept, shown, and then applied or discarded by a person.
An order that has changed since it was compared is not overwritten: its shadow says that it has moved on.
"""

from __future__ import annotations

import zlib
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from typing import TYPE_CHECKING
from uuid import UUID

from sqlalchemy.orm import Session

from kedai.connectors.base import RereadsOrders
from kedai.errors import Conflict, Invalid, NotFound, RemoteUnreadable
from kedai.inbox.counts import count_order_events
from kedai.kit.ids import show_id
from kedai.orders import service as orders
from kedai.orders import shadow as shadows
from kedai.orders.shadow import Shadow, Standing, StoredAnswer
from kedai.runs.queries import find_open_runs, get_run
from kedai.runs.service import create_run, move_on
from kedai.sync.parts import Parts
from kedai.sync.store import store_orders
from kedai.sync.work import Step, Work
from kedai.values.actor import Actor
from kedai.values.environment import ConnectorName, Environment, Scope
from kedai.values.order import OrderSnapshot
from kedai.values.states import state_word
from kedai.values.wording import N_
from kedai.vault.queries import find_shop

if TYPE_CHECKING:
    from kedai.orders.models import OrderShadow
    from kedai.runs.models import Run

KIND = "rebuild_orders"
APPLY_KIND = "apply_rebuild"
DISCARD_KIND = "discard_rebuild"
_SETTLING = (APPLY_KIND, DISCARD_KIND)
_COMPARED_AT_ONCE = 100
_WRITTEN_AT_ONCE = 16  # SQLite's one writer is held for a few milliseconds
_DISCARDED_AT_ONCE = 500
_MOST_ANSWER_BYTES = 8 * 1024 * 1024


@dataclass(frozen=True, slots=True)
class Wish:
    """Which orders of a shop, and as of when.

    One by number, or all that were placed in a range; an end that is ``None`` is open.
    """

    as_of: datetime
    order_sn: str | None = None
    placed_from: datetime | None = None
    placed_until: datetime | None = None


def count_meant(db: Session, scope: Scope, wish: Wish) -> int:
    """How many orders a rebuild would compare."""
    if wish.order_sn is not None:
        return 1
    return shadows.count_placed(db, scope, since=wish.placed_from, until=wish.placed_until)


def start_rebuild(
    parts: Parts, db: Session, scope: Scope, wish: Wish, *, counted: int, actor: Actor, now: datetime
) -> Run:
    """Queue a rebuild into a shadow; one at a time for a shop.

    ``counted`` is what `count_meant` said just before: counting takes long, and must not hold the right to write.

    Raises:
        NotFound: there is no such shop or order here.
        Invalid: the time is to come, the range is reversed, or both an order and a range are named.
        Conflict: a rebuild of this shop is going on, or its connector keeps nothing that can be read anew.
    """
    _reader_of(parts, scope.connector)
    _check(db, scope, wish, now)
    going_on = find_open_runs(db, (KIND, *_SETTLING), scope.connector, environment=scope.environment)
    if any(run.scope["shop_id"] == scope.shop_id for run in going_on):
        raise Conflict(N_("A rebuild of this shop is going on: wait for its end, or stop it."))
    told = {
        "shop_id": scope.shop_id,
        "as_of": wish.as_of.isoformat(),
        "order_sn": wish.order_sn,
        "placed_from": _text(wish.placed_from),
        "placed_until": _text(wish.placed_until),
    }
    return create_run(db, KIND, scope.connector, scope.environment, scope=told, total=counted, actor=actor, now=now)


def apply_rebuild(db: Session, run_id: UUID, *, environment: Environment, actor: Actor, now: datetime) -> Run:
    """Queue a run that leaves the orders as the rebuild found they were.

    Raises:
        NotFound: no such rebuild in that environment.
        Conflict: it has not ended well, is being settled, or nothing of it waits.
    """
    return _settle(db, APPLY_KIND, ("differs",), run_id, environment, actor, now)


def discard_rebuild(db: Session, run_id: UUID, *, environment: Environment, actor: Actor, now: datetime) -> Run:
    """Queue a run that notes that the orders stay as they are.

    Raises:
        NotFound: no such rebuild in that environment.
        Conflict: it is going on, is being settled, or nothing of it waits.
    """
    return _settle(db, DISCARD_KIND, shadows.OPEN, run_id, environment, actor, now)


def get_rebuild(db: Session, run_id: UUID, *, environment: Environment) -> Run:
    """A rebuild's run.

    Raises:
        NotFound: no such rebuild in that environment.
    """
    run = get_run(db, run_id, environment=environment)
    if run.kind != KIND:
        raise NotFound(N_("There is no such rebuild."))
    return run


async def read(parts: Parts, work: Work) -> Sequence[Step]:
    """Compare the next orders with what was known of them then."""
    scope = Scope(work.connector, work.environment, work.scope["shop_id"])
    wish = Wish(
        datetime.fromisoformat(work.scope["as_of"]),
        work.scope["order_sn"],
        _instant(work.scope["placed_from"]),
        _instant(work.scope["placed_until"]),
    )
    after = work.cursor or ""
    looked = await parts.read(lambda db: _look(db, scope, wish, after))
    reader = _reader_of(parts, scope.connector)
    found = [shadow for shadow in (_compare(reader, one) for one in looked) if shadow is not None]
    last = looked[-1].standing.order_sn if looked else after
    is_last = wish.order_sn is not None or len(looked) < _COMPARED_AT_ONCE
    return [partial(_keep, scope, found, last, len(looked), is_last)]


async def read_apply(parts: Parts, work: Work) -> Sequence[Step]:
    """Read the chosen answers of the next orders anew, with today's code."""
    scope, rebuild_id = _settled(work)
    rows, answers = await parts.read(lambda db: _look_to_apply(db, scope, rebuild_id, work.cursor or ""))
    reader = _reader_of(parts, scope.connector)
    snapshots = [_reread(reader, answers[row.order_sn]) for row in rows if row.order_sn in answers]
    prepared = orders.prepare([one for one in snapshots if one is not None])
    return [partial(_apply, scope, rebuild_id, rows, prepared)]


def discard_step(db: Session, run: Run, *, now: datetime) -> bool:
    """Note of the next shadows that nobody wants them; True when nothing is left."""
    del now
    scope = Scope(ConnectorName(run.connector), run.environment, run.scope["shop_id"])
    rebuild_id = UUID(run.scope["rebuild"])
    rows = shadows.list_shadows(
        db, rebuild_id, environment=run.environment, after="", limit=_DISCARDED_AT_ONCE, states=shadows.OPEN
    )
    shadows.settle(db, scope, rebuild_id, [row.order_sn for row in rows], "discarded")
    move_on(run, cursor=None, done=len(rows))
    return len(rows) < _DISCARDED_AT_ONCE


def _check(db: Session, scope: Scope, wish: Wish, now: datetime) -> None:
    if find_shop(db, scope) is None:
        raise NotFound(N_("There is no such shop here."))
    if wish.as_of > now:
        raise Invalid(N_("That time is to come: choose one that has passed."), field="as_of")
    if wish.order_sn is not None:
        if wish.placed_from is not None or wish.placed_until is not None:
            raise Invalid(N_("Name one order or a range, not both."), field="order_sn")
        if not shadows.find_standing(db, scope, [wish.order_sn]):
            raise NotFound(N_("There is no such order here."))
    elif wish.placed_from is not None and wish.placed_until is not None and wish.placed_from >= wish.placed_until:
        raise Invalid(N_("The range ends before it begins."), field="placed_until")


def _settle(
    db: Session,
    kind: str,
    states: Sequence[str],
    run_id: UUID,
    environment: Environment,
    actor: Actor,
    now: datetime,
) -> Run:
    rebuild = get_rebuild(db, run_id, environment=environment)
    if rebuild.state in {"queued", "running"} or (kind == APPLY_KIND and rebuild.state != "succeeded"):
        state = state_word(rebuild.state)
        raise Conflict(N_("This rebuild is %(state)s: only one that has ended well can be applied.", state=state))
    name, shown = ConnectorName(rebuild.connector), show_id("run", run_id)
    if any(one.scope["rebuild"] == str(run_id) for one in find_open_runs(db, _SETTLING, name, environment=environment)):
        raise Conflict(N_("This rebuild is being applied or discarded already."))
    counts = shadows.count_shadows(db, run_id, environment=environment)
    total = sum(counts.get(state, 0) for state in states)
    if not total:
        raise Conflict(N_("Nothing of the rebuild %(shown)s waits to be settled.", shown=shown))
    scope = {"shop_id": rebuild.scope["shop_id"], "rebuild": str(run_id)}
    return create_run(db, kind, name, environment, scope=scope, total=total, actor=actor, now=now)


@dataclass(frozen=True, slots=True)
class _Looked:
    """An order as it stands, and what was known of it then."""

    standing: Standing
    answer: StoredAnswer | None
    events: int


def _look(db: Session, scope: Scope, wish: Wish, after: str) -> list[_Looked]:
    if wish.order_sn is not None:
        standing = shadows.find_standing(db, scope, [wish.order_sn])
    else:
        standing = shadows.list_standing(
            db, scope, since=wish.placed_from, until=wish.placed_until, after=after, limit=_COMPARED_AT_ONCE
        )
    numbers = [one.order_sn for one in standing]
    answers = shadows.find_answers_as_of(db, scope, numbers, wish.as_of)
    events = count_order_events(db, scope, numbers, until=wish.as_of)
    return [_Looked(one, answers.get(one.order_sn), events.get(one.order_sn, 0)) for one in standing]


def _compare(reader: RereadsOrders, one: _Looked) -> Shadow | None:
    """None where nothing differs."""
    standing = one.standing
    if one.answer is None:
        return Shadow(standing.order_sn, "unknown_then", None, standing.answer_hash, one.events)
    then = _reread(reader, one.answer)
    if then is None:
        return Shadow(standing.order_sn, "unreadable", None, standing.answer_hash, one.events)
    differences = shadows.compare(standing, orders.prepare([then])[0])
    if not differences:
        return None
    return Shadow(
        standing.order_sn, "differs", one.answer.hash, standing.answer_hash, one.events, differences=differences
    )


def _reread(reader: RereadsOrders, answer: StoredAnswer) -> OrderSnapshot | None:
    """None where today's code cannot read it."""
    try:
        unpacker = zlib.decompressobj()
        body = unpacker.decompress(answer.body, _MOST_ANSWER_BYTES)
        return reader.read_stored_order(body, answer.read_started_at)
    except (zlib.error, RemoteUnreadable):
        return None


def _keep(
    scope: Scope,
    found: Sequence[Shadow],
    last: str,
    count: int,
    is_last: bool,
    db: Session,
    run: Run,
    *,
    now: datetime,
) -> bool:
    del now
    shadows.keep(db, scope, run.id, found)
    move_on(run, cursor=last, done=count)
    return is_last


def _look_to_apply(
    db: Session, scope: Scope, rebuild_id: UUID, after: str
) -> tuple[Sequence[OrderShadow], dict[str, StoredAnswer]]:
    rows = shadows.list_shadows(
        db, rebuild_id, environment=scope.environment, after=after, limit=_WRITTEN_AT_ONCE, states=("differs",)
    )
    hashes = {row.order_sn: row.answer_hash for row in rows if row.answer_hash is not None}
    return rows, shadows.find_answers(db, scope, hashes) if hashes else {}


def _apply(
    scope: Scope,
    rebuild_id: UUID,
    rows: Sequence[OrderShadow],
    prepared: Sequence[orders.PreparedOrder],
    db: Session,
    run: Run,
    *,
    now: datetime,
) -> bool:
    compared = {row.order_sn: row.standing_hash for row in rows}
    standing = shadows.lock_standing(db, scope, sorted(compared))
    same = [one for one in prepared if standing.get(one.snapshot.order_sn) == compared[one.snapshot.order_sn]]
    store_orders(db, scope, same, now=now, rebuilt=True)
    applied = {one.snapshot.order_sn for one in same}
    shadows.settle(db, scope, rebuild_id, sorted(applied), "applied")
    shadows.settle(db, scope, rebuild_id, sorted(compared.keys() - applied), "moved_on")
    move_on(run, cursor=max(compared, default=run.cursor), done=len(rows))
    return len(rows) < _WRITTEN_AT_ONCE


def _settled(work: Work) -> tuple[Scope, UUID]:
    return Scope(work.connector, work.environment, work.scope["shop_id"]), UUID(work.scope["rebuild"])


def _reader_of(parts: Parts, name: ConnectorName) -> RereadsOrders:
    connector = parts.connector(name)
    if not isinstance(connector, RereadsOrders):
        raise Conflict(N_("%(label)s keeps no answers that can be read anew.", label=connector.label))
    return connector


def _text(instant: datetime | None) -> str | None:
    return None if instant is None else instant.isoformat()


def _instant(text: str | None) -> datetime | None:
    return None if text is None else datetime.fromisoformat(text)
