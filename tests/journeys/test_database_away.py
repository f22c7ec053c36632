"""F12 to F14: PostgreSQL is stopped, killed or silent, or its connections are cut, while pushes arrive.

Nothing is acknowledged that is not stored, and everything goes on by itself.
"""

from __future__ import annotations

import asyncio
import itertools
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
import sqlalchemy as sa

from kedai import migrations
from kedai.inbox.models import RawEvent
from tests.journeys.senders import Senders, Sent, in_thread, until
from tests.journeys.test_kills_of_workers import SHORT_LEASE
from tests.support.installation import Installation, order_push
from tests.support.postgres import PostgresServer
from tests.support.processes import wait_until
from tests.support.tcp_proxy import TcpProxy

pytestmark = pytest.mark.journey

KEY = "push-key-of-the-journeys-00001"
SEEDS = {"SHOPEE_PUSH_PARTNER_KEY": KEY, "SHOPEE_SHOP_ID": "7001", "SHOPEE_REGION": "SG"}
RECOVERY_SECONDS = 10.0
MARKETPLACE_PATIENCE_SECONDS = 3.0
OUTAGE_PUSHES = 30
CUTS = 10
IN_A_ROW = 100


@pytest.fixture
def own_postgres() -> Iterator[PostgresServer]:
    """A server that this test alone may stop."""
    with PostgresServer.start(durable=True) as server:
        server.create_database("kedai")
        migrations.upgrade(server.url("kedai"))
        yield server


@dataclass(frozen=True)
class Outage:
    """How the database goes away and comes back, and how long a sender may wait meanwhile."""

    begin: Callable[[PostgresServer], None]
    end: Callable[[PostgresServer], None]
    answer_seconds: float


REFUSED = Outage(PostgresServer.halt, PostgresServer.restart, 1.0)
KILLED = Outage(PostgresServer.kill, PostgresServer.restart, 1.0)
FROZEN = Outage(PostgresServer.freeze, PostgresServer.thaw, MARKETPLACE_PATIENCE_SECONDS)


@pytest.mark.parametrize(
    "outage",
    [
        pytest.param(REFUSED, id="F12-stopped"),
        pytest.param(FROZEN, id="F12-frozen"),
        pytest.param(KILLED, id="F13-killed"),
    ],
)
def test_f12_f13_without_a_database_pushes_get_503_in_time_and_everything_resumes_by_itself(
    own_postgres: PostgresServer, tmp_path: Path, outage: Outage
) -> None:
    with Installation(tmp_path, database_url=own_postgres.url("kedai"), with_simulator=False, extra=SEEDS) as home:
        server = home.start()
        senders = Senders(home.port, home.url, KEY)
        during, recovered_after = asyncio.run(_live_through(senders, own_postgres, outage))

        assert server.is_running()
        assert {sent.status for sent in during} == {503}
        assert all(int(sent.retry_after or 0) >= 1 for sent in during)
        assert max(sent.seconds for sent in during) < outage.answer_seconds
        assert senders.statuses == {200, 503}
        assert recovered_after < RECOVERY_SECONDS
        # a claim that was committed and never answered is nobody's until its lease of 45 seconds ends
        wait_until(lambda: home.count_events("received") == 0, timeout=60, message="the worker did not go on")
        stored = {bytes(row[0]) for row in home.rows(sa.select(RawEvent.body))}
        assert senders.acknowledged <= stored


def test_f14_connections_that_are_cut_in_the_middle_are_replaced_and_nobody_stays_with_a_dead_one(
    own_postgres: PostgresServer, tmp_path: Path
) -> None:
    """Each cut fails who is in the middle, and nobody after that."""
    with TcpProxy(own_postgres.port) as proxy:
        url = own_postgres.url("kedai").replace(str(own_postgres.port), str(proxy.port))
        with Installation(tmp_path, database_url=url, with_simulator=False, extra=SEEDS | SHORT_LEASE) as home:
            server = home.start()
            senders = Senders(home.port, home.url, KEY)
            asyncio.run(_be_cut(senders, proxy))

            assert server.is_running()
            assert senders.statuses <= {200, 503}
            assert 503 in senders.statuses, "nothing was cut in the middle"
            wait_until(lambda: home.count_events("received") == 0, timeout=60, message="the worker did not go on")
            stored = {bytes(row[0]) for row in home.rows(sa.select(RawEvent.body))}
            assert senders.acknowledged <= stored


async def _be_cut(senders: Senders, proxy: TcpProxy) -> None:
    """Senders never stop; after each cut all is soon well, for a good while."""
    over = asyncio.Event()
    sending = asyncio.create_task(senders.keep_sending(_numbered(), over.is_set, connections=8, pause=0.005))

    async def be_well(message: str) -> None:
        """So many in a row, sent from now on."""
        first = len(senders.done)

        def is_well() -> bool:
            latest = senders.done[first:][-IN_A_ROW:]
            return len(latest) == IN_A_ROW and all(sent.status == 200 for sent in latest)

        await until(is_well, timeout=30, message=message)

    await be_well("no push was stored before the cuts")
    for _ in range(CUTS):
        assert proxy.cut() > 0
        await be_well("somebody goes on with a dead connection")
    over.set()
    await sending


def _numbered() -> Callable[[], bytes]:
    numbers = itertools.count()
    return lambda: order_push(f"26090100{next(numbers):06d}", 7001)


async def _live_through(senders: Senders, server: PostgresServer, outage: Outage) -> tuple[list[Sent], float]:
    """Senders never stop; what was sent wholly during the outage, and how long the first 200 after it took."""
    over = asyncio.Event()
    sending = asyncio.create_task(senders.keep_sending(_numbered(), over.is_set, connections=8, pause=0.02))
    await until(lambda: len(senders.acknowledged) > 50, timeout=20, message="no push was stored before the outage")

    await in_thread(lambda: outage.begin(server))
    gone_at = time.monotonic()

    def during() -> list[Sent]:
        return [sent for sent in senders.done if sent.at > gone_at]

    await until(lambda: len(during()) >= OUTAGE_PUSHES, timeout=20, message="pushes were not answered in the outage")
    seen = during()

    await in_thread(lambda: outage.end(server))
    back_at = time.monotonic()
    await until(
        lambda: any(sent.status == 200 and sent.at > gone_at for sent in senders.done),
        timeout=2 * RECOVERY_SECONDS,
        message="no push was stored after the outage",
    )
    recovered_after = time.monotonic() - back_at
    over.set()
    await sending
    return seen, recovered_after
