"""F12: PostgreSQL is stopped, or answers no more, while pushes arrive; nothing is acknowledged that is not stored."""

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
from tests.support.installation import Installation, order_push
from tests.support.postgres import PostgresServer
from tests.support.processes import wait_until

pytestmark = pytest.mark.journey

KEY = "push-key-of-the-journeys-00001"
SEEDS = {"SHOPEE_PUSH_PARTNER_KEY": KEY, "SHOPEE_SHOP_ID": "7001", "SHOPEE_REGION": "SG"}
RECOVERY_SECONDS = 10.0
MARKETPLACE_PATIENCE_SECONDS = 3.0
OUTAGE_PUSHES = 30


@pytest.fixture
def own_postgres() -> Iterator[PostgresServer]:
    """A server that this test alone may stop."""
    with PostgresServer.start() as server:
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
FROZEN = Outage(PostgresServer.freeze, PostgresServer.thaw, MARKETPLACE_PATIENCE_SECONDS)


@pytest.mark.parametrize("outage", [pytest.param(REFUSED, id="stopped"), pytest.param(FROZEN, id="frozen")])
def test_f12_without_a_database_pushes_get_503_in_time_and_everything_resumes_by_itself(
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
        wait_until(lambda: home.count_events("received") == 0, timeout=30, message="the worker did not go on")
        stored = {bytes(row[0]) for row in home.rows(sa.select(RawEvent.body))}
        assert senders.acknowledged <= stored


async def _live_through(senders: Senders, server: PostgresServer, outage: Outage) -> tuple[list[Sent], float]:
    """Senders never stop; what was sent wholly during the outage, and how long the first 200 after it took."""
    numbers = itertools.count()
    over = asyncio.Event()

    def body() -> bytes:
        return order_push(f"26090100{next(numbers):06d}", 7001)

    sending = asyncio.create_task(senders.keep_sending(body, over.is_set, connections=8, pause=0.02))
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
