"""T35: at a million rows no list may read a whole table: each statement's plan is looked at, on both databases."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import timedelta
from typing import Any

import pytest
import sqlalchemy as sa
from sqlalchemy.orm import Session

from kedai.calls import queries as calls
from kedai.calls.queries import CallFilter
from kedai.coverage import queries as coverage
from kedai.inbox import firsts as inbox_firsts
from kedai.inbox import notices, receipts, waiting
from kedai.inbox import queries as inbox
from kedai.orders import details, escrow, held, people
from kedai.orders import firsts as order_firsts
from kedai.orders import queries as orders
from kedai.orders.queries import OrderKey
from kedai.sync.timeline import read_timeline
from kedai.values.environment import Environment, Scope
from kedai.values.event import EventState
from kedai.vault import certificates
from tests.feature.dashboard.world import fill
from tests.support.factories import FAKE, LIVE, SANDBOX, SHOP, START, House

KEY = b"k" * 32
BIG = (
    *("raw_event", "order_sync", "order_item", "order_timeline", "order_answer", "audit", "notice"),
    *("order_package", "order_package_change", "order_escrow", "order_escrow_line", "covered_interval"),
    "outgoing_call",
)
TO_SHIP = ("READY_TO_SHIP", "PROCESSED")


def page(**wish: Any) -> dict[str, Any]:
    """A first page of whatever is wished for."""
    return {"shop_id": None, "cursor": None, "cursor_key": KEY, "limit": 50, **wish}


def order_reads(db: Session, environment: Environment | None) -> None:
    for statuses in (None, TO_SHIP):
        first = orders.list_orders(db, **page(environment=environment, statuses=statuses, limit=1))
        rest = {"cursor": first.next_cursor, "limit": 1}
        orders.list_orders(db, **page(environment=environment, statuses=statuses, **rest))
    orders.search_orders(db, **page(environment=environment, order_sn="SAND"))
    orders.list_statuses(db, environment=environment)
    orders.count_by_status(db, environment=environment, at_most=1000)
    orders.list_scopes(db, environment=environment)
    orders.count_orders_created(db, environment=environment, since=START, at_most=1000)
    orders.find_order_ids(db, {OrderKey(FAKE, SANDBOX, SHOP, f"SANDBOX{number}") for number in range(3)})


def event_reads(db: Session, environment: Environment | None) -> None:
    for state in (None, *EventState):
        inbox.list_events(db, **page(environment=environment, state=state, order_sn=None, scan=2, limit=1))
    inbox.list_events(db, **page(environment=environment, state=None, order_sn="SANDBOX0"))
    environments = tuple(Environment) if environment is None else (environment,)
    waiting.count_events(db, (EventState.PARKED, EventState.DEAD), environments=environments, at_most=1000)
    inbox.count_recent(db, environment=environment, since=START, at_most=1000)
    waiting.get_queue(db, environments=environments, at_most=1000)
    waiting.find_next_due(db)


def reads_of_one(db: Session, _environment: Environment | None) -> None:
    order = next(iter(orders.search_orders(db, **page(environment=SANDBOX, order_sn="SANDBOX0")).rows))
    found = orders.get_order(db, order.id, environment=SANDBOX)
    details.list_items(db, found)
    details.list_packages(db, found)
    details.get_answers(db, found)
    people.get_masked(db, found.id)
    escrow.find_escrow(db, found)
    read_timeline(db, found)
    orders.find_booked(db, Scope(FAKE, SANDBOX, SHOP), {"B1", "B2"})
    orders.find_order(db, Scope(FAKE, SANDBOX, SHOP), "SANDBOX0")
    notices.count_unseen(db, environment=LIVE, at_most=100)
    notices.list_notices(db, environments=tuple(Environment), cursor=None, cursor_key=KEY, limit=20)
    inbox.list_order_events(db, FAKE, environment=SANDBOX, shop_id=SHOP, order_sn="SANDBOX0", limit=20)
    inbox.find_last_event(db, FAKE, environment=LIVE)
    waiting.count_parked(db, FAKE, environment=LIVE, at_most=1000)
    waiting.count_waiting(db, FAKE, environment=SANDBOX, shop_id=SHOP, at_most=1000)
    inbox.find_last_pushes(db, FAKE, environment=LIVE)
    orders.find_newest_change(db, Scope(FAKE, LIVE, SHOP))


def call_reads(db: Session, environment: Environment | None) -> None:
    words = {"shop_id": SHOP, "path": "order", "outcome": "ok", "code": "x", "request_id": "live-1"}
    filters = [CallFilter(**{name: text}) for name, text in words.items()]
    filters += [CallFilter(), CallFilter(outcome="failed"), CallFilter(since=START, until=START), CallFilter(**words)]
    for wanted in filters:
        rest = {"environment": environment, "wanted": wanted, "cursor_key": KEY, "limit": 1}
        first = calls.list_calls(db, cursor=None, scan=1, **rest)
        calls.list_calls(db, cursor=first.next_cursor, **rest)
    calls.has_calls(db, environment=environment)


def recovery_reads(db: Session, environment: Environment | None) -> None:
    """What a statement and the gap ledger ask."""
    scope = Scope(FAKE, environment or SANDBOX, SHOP)
    period = {"since": START - timedelta(days=7), "until": START}
    numbers = [f"SANDBOX{number}" for number in range(3)]
    held.find_changes(db, scope, numbers)
    held.list_changed(db, scope, **period)
    receipts.find_last_pushes(db, scope, numbers)
    receipts.find_last_rejection(db, FAKE, scope.environment)
    coverage.list_intervals(db, scope, **period)
    inbox.find_last_pushes(db, FAKE, environment=scope.environment)


def setup_reads(db: Session, environment: Environment | None) -> None:
    """What the first run is told by, and whether Home still leads there."""
    place = environment or SANDBOX
    receipts.find_last_rejection(db, FAKE, place)
    for names_order in (False, True):
        inbox_firsts.find_sent_push(db, FAKE, place, fetched_key="lost_push", names_order=names_order)
    order_firsts.find_stored_order(db, FAKE, place)
    for one in Environment:
        order_firsts.has_orders(db, FAKE, one)
        certificates.find_latest_certificate(db, FAKE, one)


@pytest.mark.parametrize("environment", [LIVE, None])
@pytest.mark.parametrize("reads", [order_reads, event_reads, call_reads, reads_of_one, recovery_reads, setup_reads])
def test_no_read_walks_a_whole_table(
    house: House, reads: Callable[[Session, Environment | None], None], environment: Environment | None
) -> None:
    fill(house)
    with house.db.read() as db:
        if not house.db.is_sqlite:  # with few rows a walk is cheaper: only where it is forbidden do indexes show
            db.execute(sa.text("SET LOCAL enable_seqscan = off"))
        with recorded(house) as statements:
            reads(db, environment)
        assert len(statements) > 5
        bad = {statement: plan for statement, plan in plans(db, statements).items() if walks(plan)}
    assert bad == {}


@contextmanager
def recorded(house: House) -> Iterator[list[tuple[str, Any]]]:
    """Every statement that is run meanwhile, with what it was given."""
    found: list[tuple[str, Any]] = []

    def note(_connection: Any, _cursor: Any, statement: str, parameters: Any, *_rest: Any) -> None:
        found.append((statement, parameters))

    sa.event.listen(house.db.read_engine, "before_cursor_execute", note)
    yield found
    sa.event.remove(house.db.read_engine, "before_cursor_execute", note)


def plans(db: Session, statements: list[tuple[str, Any]]) -> dict[str, list[str]]:
    """How the database runs each statement."""
    is_sqlite = db.get_bind().dialect.name == "sqlite"
    prefix = "EXPLAIN QUERY PLAN " if is_sqlite else "EXPLAIN "
    found = {}
    for statement, parameters in statements:
        rows = db.connection().exec_driver_sql(prefix + statement, parameters or ()).all()
        found[statement] = [str(row[3 if is_sqlite else 0]) for row in rows]
    return found


def walks(plan: list[str]) -> bool:
    """Whether a big table is read without an index."""
    return any(
        f"Seq Scan on {table}" in step or (step.startswith(f"SCAN {table}") and "INDEX" not in step)
        for table in BIG
        for step in plan
    )
