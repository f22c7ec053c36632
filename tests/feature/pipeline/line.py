"""The whole line for a push: the served application, its worker, and the simulator as the marketplace behind it."""

from __future__ import annotations

import socket
from collections import Counter
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from kedai.inbox.models import RawEvent
from kedai.kit.ids import show_id
from kedai.simulator.embedded import Simulator
from kedai.values.environment import Environment
from tests.feature.pipeline.rows import Subject, push
from tests.feature.web.site import Site, read_answer, serving
from tests.support.installation import Answer
from tests.support.stall import Stall


@dataclass
class Line:
    """One installation with both environments configured and connected; sandbox is active."""

    site: Site
    stall: Stall

    def subject(self) -> Subject:
        """An order of its own, of which nobody has told us yet."""
        order = self.stall.market().create_order(status="READY_TO_SHIP", pushes=False)
        live = self.stall.market(Environment.LIVE)
        return Subject(order["order_sn"], int(order["shop_id"]), live.shop_ids[0])

    def answer_status(self, subject: Subject, status: str) -> None:
        """Let the marketplace say this of the order from now on."""
        market = self.stall.market()
        kept = market.snapshot()
        for order in kept["orders"]:
            if order["order_sn"] == subject.order_sn:
                order["status"] = status
        market.restore(kept)

    def stated(self, subject: Subject) -> str:
        """How the marketplace says the order stands."""
        orders = self.stall.market().control("GET", "/state?deliveries=0")["orders"]
        return next(str(one["order_status"]) for one in orders if one["order_sn"] == subject.order_sn)

    def headers(self, body: bytes) -> list[tuple[str, str]]:
        """All that a right push has but its length."""
        return [("Host", f"127.0.0.1:{self.site.port}"), ("Authorization", self.sign(body))]

    def sign(self, body: bytes) -> str:
        return self.site.sign(body, key=self.secrets["push key"])

    def push(self, body: bytes) -> Answer:
        return self.site.push(body, key=self.secrets["push key"])

    def push_good(self) -> Subject:
        """A push with nothing wrong; its order."""
        subject = self.subject()
        assert self.push(push(subject)).status == 200
        return subject

    def trickle(self, written: bytes) -> Answer:
        """The head at once, then a byte a second for as long as nothing is answered."""
        head, mark, body = written.partition(b"\r\n\r\n")
        with closing(self.site.connect()) as connection:
            connection.sendall(head + mark)
            connection.settimeout(1)
            for position in range(len(body)):
                try:
                    connection.recv(1, socket.MSG_PEEK)
                except TimeoutError:
                    connection.sendall(body[position : position + 1])
                else:
                    break
            return read_answer(connection)

    def event_of(self, subject: Subject) -> RawEvent | None:
        return next((one for one in self.site.events() if one.order_sn == subject.order_sn), None)

    def troubles(self) -> Counter[str]:
        """How often each kind of trouble was met."""
        found: Counter[str] = Counter()
        for one in self.stall.exceptions():
            found[one.code] += one.count
        return found

    def believed(self, subject: Subject) -> str | None:
        """The order's status here; None where we know of no such order."""
        row = self.stall.orders().get(subject.order_sn)
        return None if row is None else row.status

    def pages(self, event: RawEvent | None) -> dict[str, Answer]:
        """Everything on which a person would look after it."""
        paths = ["/e/sandbox/events", "/e/sandbox/exceptions"]
        if event is not None:
            one = f"/e/sandbox/events/{show_id('evt', event.id)}"
            paths += [one, f"{one}?view=raw"]
        return {path: self.site.get(path, **self._session) for path in paths}

    @cached_property
    def secrets(self) -> dict[str, str]:
        app: dict[str, Any] = self.stall.market().app
        return {"partner key": app["partner_key"], "push key": app["push_partner_key"]}

    @cached_property
    def _session(self) -> dict[str, str]:
        return self.site.session()


@contextmanager
def open_line(database_url: str, data_dir: Path, simulator: Simulator) -> Iterator[Line]:
    """Begin the simulator anew, and serve an installation whose marketplace it is; nothing is pushed by it."""
    simulator.reset()
    markets = {"sandbox": simulator.sandbox, "live": simulator.live}
    for market in markets.values():
        market.push_to(None)
    urls = {name: market.url for name, market in markets.items()}
    with serving(database_url, data_dir, configured=False, simulators=urls, calls_per_second=1000.0) as site:
        stall = Stall(site.runtime, simulator, site.clock)
        stall.prepare(Environment.SANDBOX)
        stall.prepare(Environment.LIVE)
        yield Line(site, stall)
