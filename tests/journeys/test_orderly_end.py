"""F47: SIGTERM under load. What was begun is finished, what was acknowledged is stored, and the exit status is 0."""

from __future__ import annotations

import asyncio
import itertools

import pytest
import sqlalchemy as sa

from kedai.inbox.models import RawEvent
from tests.journeys.conftest import Place
from tests.journeys.senders import Senders, Sent, exchange, until
from tests.support.installation import order_push
from tests.support.processes import Process

pytestmark = pytest.mark.journey

KEY = "push-key-of-the-journeys-00001"
SEEDS = {"SHOPEE_PUSH_PARTNER_KEY": KEY, "SHOPEE_SHOP_ID": "7001", "SHOPEE_REGION": "SG"}
DRAIN_SECONDS = 20.0


@pytest.mark.parametrize("http_server", ["uvicorn", "granian"])
def test_f47_sigterm_under_load_drains_and_exits_0_without_any_5xx(place: Place, http_server: str) -> None:
    home = place(with_simulator=False, extra=SEEDS)
    server = home.start("serve", "--server", http_server)
    senders = Senders(home.port, home.url, KEY)

    begun = asyncio.run(_stop_under_load(senders, server))

    assert server.wait_exit(DRAIN_SECONDS) == 0
    assert senders.statuses <= {200, None}
    assert begun.status == 200
    stored = {bytes(row[0]) for row in home.rows(sa.select(RawEvent.body))}
    assert senders.acknowledged | {begun.body} <= stored


async def _stop_under_load(senders: Senders, server: Process) -> Sent:
    """SIGTERM while many send and one has sent half a push, who sends the rest only then, byte by byte."""
    numbers = itertools.count()

    def body() -> bytes:
        return order_push(f"26090147{next(numbers):06d}", 7001)

    sending = asyncio.create_task(senders.keep_sending(body, lambda: not server.is_running(), connections=16))
    await until(lambda: len(senders.acknowledged) > 200, timeout=20, message="nothing was acknowledged under load")
    slow = body()
    written = senders.written(slow)
    reader, writer = await asyncio.open_connection("127.0.0.1", senders.port)
    writer.write(written[:-20])
    await writer.drain()
    enough = len(senders.acknowledged) + 100  # by then the half push has long been read
    await until(lambda: len(senders.acknowledged) > enough, timeout=20, message="the senders stopped")

    server.terminate()

    await until(lambda: sending.done() or None in senders.statuses, timeout=10, message="nobody noticed the end")
    for place in range(len(written) - 20, len(written) - 1):  # a second in all: a slow sender, but not a late one
        writer.write(written[place : place + 1])
        await asyncio.sleep(0.05)
    sent = await exchange(reader, writer, written[-1:], slow)
    writer.close()
    await asyncio.wait_for(sending, DRAIN_SECONDS)
    return sent
