"""What a call to Shopee costs in CPU at 50 at once, beside bare HTTP clients that fetch and decode the same answer.

Ours signs, waits its turn at the bucket in the database that all processes share, breaks circuits, notes the call,
sorts errors and builds the typed order; the peers do none of it.
All run in this process and take turns, so that a slow minute of the machine slows them all; the server is another one.
"""

from __future__ import annotations

import asyncio
import json
import statistics
import sys
import tempfile
import time
from collections import defaultdict
from collections.abc import Awaitable, Callable
from pathlib import Path

import aiohttp
import httpx

from bench.table import Row
from kedai import migrations
from kedai.connectors.http import HttpClient
from kedai.connectors.shopee.client import ShopeeClient
from kedai.db.database import Database
from kedai.kit.clock import SystemClock
from kedai.sync.pacing import open_pacing
from kedai.values.credentials import Credentials
from kedai.values.environment import ConnectorName, Environment
from kedai.values.pace import Pace
from kedai.values.secret import Secret
from tests.support.processes import Process, free_port, wait_http

ROUNDS = 5
CALLS = 1000
AT_ONCE = 50
MOST_MILLISECONDS = 1.0
ORDER = "260801ABCD1234"
ANSWER = Path(__file__).parents[1] / "tests/connectors/shopee/fixtures/answer__get_order_detail__every_trap.json"
PACE = Pace(rate=1000, burst=1000)
"""The most that the settings allow."""

Call = Callable[[], Awaitable[object]]


def measure() -> list[Row]:
    """Take the median of rounds in which everybody makes the same calls."""
    port = free_port()
    with tempfile.TemporaryDirectory(prefix="kedai-bench-") as directory:
        body = Path(directory) / "answer.json"
        body.write_bytes(json.dumps(json.loads(ANSWER.read_bytes()), separators=(",", ":")).encode())
        server = Process([sys.executable, "-m", "bench.answering", str(body), "--port", str(port)])
        try:
            wait_http(f"http://127.0.0.1:{port}/", timeout=20.0)
            url = f"sqlite:///{directory}/kedai.sqlite3"
            migrations.upgrade(url)
            database = Database(url)
            costs = asyncio.run(_take_turns(f"http://127.0.0.1:{port}", database))
            database.close()
        finally:
            server.close()
    medians = {name: statistics.median(values) for name, values in costs.items()}
    ours = medians["kedai"]
    return [
        Row("client CPU/call, 50 at once", ours, "ms", target=MOST_MILLISECONDS, bound="at most"),
        Row("  beside bare httpx", ours, "ms", f"{medians['httpx']:.2f} ms", ours / medians["httpx"], 1.0, "at most"),
        Row("  beside bare aiohttp", ours, "ms", f"{medians['aiohttp']:.2f} ms", ours / medians["aiohttp"]),
    ]


async def _take_turns(base_url: str, database: Database) -> dict[str, list[float]]:
    http = HttpClient(sink=lambda _record: None, before_call=lambda: None, clock=SystemClock())
    url = f"{base_url}/api/v2/order/get_order_detail?order_sn_list={ORDER}"
    costs: dict[str, list[float]] = defaultdict(list)
    async with (
        httpx.AsyncClient(limits=httpx.Limits(max_connections=100), trust_env=False) as bare_httpx,
        aiohttp.ClientSession() as bare_aiohttp,
    ):
        order = _client(http, base_url, database).for_shop("226001122", Secret("an access token")).order

        async def with_aiohttp() -> object:
            async with bare_aiohttp.get(url) as response:
                return await response.json()

        async def with_httpx() -> object:
            return (await bare_httpx.get(url)).json()

        calls: dict[str, Call] = {
            "kedai": lambda: order.get_order_detail([ORDER]),
            "httpx": with_httpx,
            "aiohttp": with_aiohttp,
        }
        for turn in range(ROUNDS + 1):
            for name, call in calls.items():
                milliseconds = await _cost(call)
                if turn:  # the first one opens connections
                    costs[name].append(milliseconds)
    await http.close()
    return costs


def _client(http: HttpClient, base_url: str, database: Database) -> ShopeeClient:
    credentials = Credentials(
        connector=ConnectorName("shopee"),
        environment=Environment.SANDBOX,
        partner_id="2009876",
        partner_key=Secret("not-a-real-key-0123456789abcdef"),
        api_url=base_url,
        auth_url=base_url,
        region="SG",
        version=1,
    )
    return ShopeeClient(http, credentials, open_pacing(database, PACE, SystemClock()))


async def _cost(call: Call) -> float:
    """CPU milliseconds of this process for each call."""

    async def one_after_another() -> None:
        for _ in range(CALLS // AT_ONCE):
            await call()

    began = time.process_time()
    await asyncio.gather(*(one_after_another() for _ in range(AT_ONCE)))
    return (time.process_time() - began) * 1000 / (CALLS // AT_ONCE * AT_ONCE)
