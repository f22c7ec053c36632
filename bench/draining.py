"""An installation whose workers are given a backlog, and what they took to work it off."""

from __future__ import annotations

import os
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

import sqlalchemy as sa

from bench import backlog
from bench.machine import cpu_seconds, peak_memory_mb
from kedai.inbox.models import RawEvent
from kedai.orders.models import OrderSync
from kedai.values.event import EventState
from tests.support.processes import wait_until

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tests.support.installation import Installation
    from tests.support.processes import Process

WARM_UP = 2_000
LEAST_RATE = 20.0  # events a second: below that something is wrong, and waiting is of no use
SETTINGS = {"KEDAI_CALLS_PER_SECOND": "1000", "KEDAI_CALLS_BURST": "1000", "KEDAI_LOG_LEVEL": "warning"}
DETAIL = "/api/v2/order/get_order_detail"
_WRITES = sa.text("SELECT sum(n_tup_upd) FROM pg_stat_user_tables WHERE relname IN ('raw_event', 'order_sync')")


@dataclass(frozen=True, slots=True)
class Drained:
    """What working off a backlog took; ``twice`` is how many events and orders were not written exactly once."""

    per_second: float
    detail_calls: int
    all_calls: int
    peak_mb: float
    twice: int


class Drain:
    """A connected shop, its orders at the simulator, and an installation that has run before."""

    def __init__(self, home: Installation, events: int) -> None:
        """Connect the shop, place its orders, and work on some events before anything is measured."""
        self.home = home
        self.name = "SQLite" if home.database.is_sqlite else "PostgreSQL"
        home.prepare("sandbox")
        self.shop_id = home.shop_id("sandbox")
        self.order_sns = place_orders(home, self.shop_id, min(events, WARM_UP))
        self.run()
        if not home.database.is_sqlite:
            with home.database.connect() as connection:
                connection.exec_driver_sql("ANALYZE")
        self.order_sns += place_orders(home, self.shop_id, events - len(self.order_sns))

    def run(self, *, processes: int = 1, waiting: int = 0) -> Drained:
        """Let so many processes work off one event of each order, while ``waiting`` in all wait when they start."""
        home, events = self.home, len(self.order_sns)
        backlog.clear(home.database)
        backlog.pile_up(home.database, self.shop_id, self.order_sns)
        if waiting > events:
            backlog.pile_up_invented(home.database, waiting - events)
        home.control("sandbox", "DELETE", "/control/calls")
        writes = self._writes()
        started = self._start(processes)
        before = sum(cpu_seconds(process.pid) for process in started)
        wait_until(self._is_through, timeout=60 + events / LEAST_RATE, message="the backlog did not end")
        calls = home.control("sandbox", "GET", "/control/calls")
        peak = max(peak_memory_mb(process.pid) for process in started)
        spent = (sum(cpu_seconds(process.pid) for process in started) - before) / events * 1e6
        _end(started)
        drained = Drained(self._rate(), calls[DETAIL], sum(calls.values()), peak, self._count_twice(writes, waiting))
        print(
            f"  {self.name}, {processes} process(es), {max(waiting, events):,} waiting: {drained.per_second:,.0f}/s,"
            f" {spent:.0f} us of their processor time an event, load {os.getloadavg()[0]:.1f}",
            flush=True,
        )
        return drained

    def _start(self, processes: int) -> list[Process]:
        command = "serve" if self.home.database.is_sqlite else "worker"
        started = [self.home.start(command, ready=False, **SETTINGS) for _ in range(processes)]
        for process in started:
            self.home.wait_ready(process, command)
        return started

    def _is_through(self) -> bool:
        """Whether nothing waits any more but what was invented."""
        time.sleep(1.0)  # what it costs is the worker's loss; the rate is told by the rows
        # written into the statement, else PostgreSQL reads all rows five times a second
        received = sa.literal(EventState.RECEIVED.value, literal_execute=True)
        oldest = sa.select(RawEvent.order_sn).where(RawEvent.state == received)
        rows = self.home.rows(oldest.order_by(RawEvent.due_at, RawEvent.id).limit(1))
        return not rows or rows[0].order_sn.startswith(backlog.INVENTED)

    def _rate(self) -> float:
        """Events a second from the moment when the first ones were finished."""
        applied, at = RawEvent.state == EventState.APPLIED, RawEvent.finished_at
        ((first, last),) = self.home.rows(sa.select(sa.func.min(at), sa.func.max(at)).where(applied))
        ((count,),) = self.home.rows(sa.select(sa.func.count()).where(applied, at > first))
        return float(count / max((last - first).total_seconds(), 0.001))

    def _writes(self) -> int:
        """How often PostgreSQL has changed a row of events or orders; it counts what was rolled back too."""
        return 0 if self.home.database.is_sqlite else int(self.home.rows(_WRITES)[0][0])

    def _count_twice(self, writes: int, waiting: int) -> int:
        """Events that were not applied at the first try, orders that were written again, changes too many or few.

        Each event's row is changed twice: by its claim and by its end. Where others wait behind, theirs change too.
        """
        events = len(self.order_sns)
        untouched = sa.and_(RawEvent.state == EventState.APPLIED, RawEvent.attempts == 0, RawEvent.stalls == 0)
        ((once,),) = self.home.rows(sa.select(sa.func.count()).where(untouched))
        ((again,),) = self.home.rows(sa.select(sa.func.count()).where(OrderSync.synced_at != OrderSync.first_seen_at))
        surplus = 0
        if not self.home.database.is_sqlite and waiting <= events:
            surplus = abs(self._writes() - writes - 2 * events)
        return int(events - once + again + surplus)


def place_orders(home: Installation, shop_id: str, count: int) -> list[str]:
    """Place orders of which Kedai hears nothing; return their numbers."""
    if count == 0:
        return []
    wish = {"shop_id": int(shop_id), "count": count}
    return list(home.control("sandbox", "POST", "/control/orders/batch", wish)["order_sns"])


def _end(processes: Sequence[Process]) -> None:
    for process in processes:
        process.terminate()
    for process in processes:
        process.wait_exit()
