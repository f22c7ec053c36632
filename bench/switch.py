"""How soon a switch made through one web server rules in another: from the first's answer to the other's obedience."""

from __future__ import annotations

import contextlib
import statistics
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING

import sqlalchemy as sa

from bench.table import Row
from kedai.inbox.models import RawEvent
from kedai.staff.roles import TokenScope
from tests.support.installation import Installation, order_push
from tests.support.postgres import PostgresServer
from tests.support.processes import free_port

if TYPE_CHECKING:
    from collections.abc import Iterator

SWITCHES = 40
LONGEST_SECONDS = 10.0
ADMIN = "/admin/dashboard/connectors/shopee"
SHOPS = {"sandbox": 7001, "live": 8001}
KEYS = {"sandbox": "push-key-of-the-benchmark-0001", "live": "push-key-of-the-benchmark-0002"}


def measure() -> list[Row]:
    """Switch to and fro through one of two web servers on PostgreSQL, and push to the other after each."""
    with _two_servers() as (home, other):
        tokens = {one: home.token(one, scopes=[TokenScope.ACTIVATE_LIVE] if one == "live" else []) for one in SHOPS}
        for environment, shop_id in SHOPS.items():
            given = {"partner_id": "1", "partner_key": "partner-key-of-the-benchmark", "region": "SG"}
            given |= {"push_partner_key": KEYS[environment], "shop_id": str(shop_id)}
            _call(home, "PATCH", f"{ADMIN}?env={environment}", tokens[environment], given)
        seconds = [_switch(home, other, tokens, number) for number in range(SWITCHES)]
    print(f"  {SWITCHES} switches; first pushes that were already obeyed: {sum(first for _, first in seconds)}")
    spans = [span * 1000 for span, _ in seconds]
    name = "switch obeyed by another process"
    return [
        Row(f"{name}, median of {SWITCHES}", statistics.median(spans), "ms"),
        Row(f"{name}, worst of {SWITCHES}", max(spans), "ms", target=1000.0, bound="at most"),
    ]


def _switch(home: Installation, other: int, tokens: dict[str, str], number: int) -> tuple[float, bool]:
    """Seconds until the other server stored a push as the new active environment's, and whether its first one was."""
    target = "live" if number % 2 == 0 else "sandbox"
    if target == "live":
        home.certify("live")
    _call(home, "POST", f"{ADMIN}/active-environment", tokens[target], {"environment": target, "confirm": "live"})
    began = time.perf_counter()
    tries = 0
    while time.perf_counter() - began < LONGEST_SECONDS:
        tries += 1
        order_sn = f"S{number:04}T{tries:04}"
        sent = home.push(target, order_push(order_sn, SHOPS[target]), key=KEYS[target], port=other)
        answered = time.perf_counter()
        ((state,),) = home.rows(sa.select(RawEvent.state).where(RawEvent.order_sn == order_sn))
        if sent.status == 200 and state == "received":
            return answered - began, tries == 1
    message = f"the other server did not obey within {LONGEST_SECONDS:g} s"
    raise RuntimeError(message)


def _call(home: Installation, method: str, path: str, token: str, value: object) -> None:
    answer = home.call(method, path, token=token, value=value)
    if answer.status != 200:
        message = f"{method} {path} answered {answer.status}: {answer.body!r}"
        raise RuntimeError(message)


@contextlib.contextmanager
def _two_servers() -> Iterator[tuple[Installation, int]]:
    """An installation with two web servers and no worker, and the port of the second."""
    with contextlib.ExitStack() as stack:
        directory = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="kedai-bench-")))
        server = stack.enter_context(PostgresServer.start(durable=True))
        server.create_database("kedai")
        home = stack.enter_context(Installation(directory, database_url=server.url("kedai"), with_simulator=False))
        home.upgrade()
        other = free_port()
        servers = [home.start("web", ready=False), home.start("web", ready=False, port=other)]
        for process, port in zip(servers, (home.port, other), strict=True):
            home.wait_ready(process, "web", port=port)
        yield home, other
