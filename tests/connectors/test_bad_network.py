"""F31: whatever the network does, a call ends by its own bounds, and leaves neither a task nor a connection behind.

The bound that a test is about is a small part of the real one, and so is what the proxy does; the others are far away.
"""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Awaitable, Callable
from contextlib import ExitStack, suppress
from typing import Any

import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer

from kedai.connectors.http import HttpClient
from kedai.connectors.shopee.client import ShopeeClient
from kedai.errors import KedaiError, OutcomeUnknown, RemoteUnavailable
from kedai.kit.clock import SystemClock
from kedai.kit.deadline import within
from kedai.values.call import CallRecord
from kedai.values.credentials import Credentials
from kedai.values.environment import ConnectorName, Environment
from kedai.values.secret import Secret
from tests.support.fault_proxy import FaultProxy

pytestmark = pytest.mark.enable_socket  # one local server each, and the proxy before it

SHOP = "226001122"
TOKEN = Secret("an access token")
AT_ONCE = 20
FAR = {"connect_seconds": 30.0, "read_seconds": 20.0, "total_seconds": 60.0}

Call = Callable[[ShopeeClient], Awaitable[object]]


async def answer(request: web.Request) -> web.Response:
    return web.json_response(
        {"error": "", "message": "", "request_id": "r", "shop_name": "A shop" * 20, "region": "SG"}
    )


def app_at(url: str) -> Credentials:
    return Credentials(
        ConnectorName("shopee"), Environment.SANDBOX, "2009876", Secret("not-a-real-key"), url, url, "SG", 1
    )


def read(client: ShopeeClient) -> Awaitable[object]:
    return client.get_shop(SHOP, TOKEN)


def write(client: ShopeeClient) -> Awaitable[object]:
    return client.for_shop(SHOP, TOKEN).order.set_note("260801ABCD1234", "x")


def attempt(
    proxy: FaultProxy, *calls: Call, seconds: float | None = None, **bounds: float
) -> tuple[list[Any], list[CallRecord]]:
    """Make calls through the proxy, all at once; what became of them, and the log of calls.

    Nothing that a call began may be left when it has ended, and no connection once the client is closed.
    """
    records: list[CallRecord] = []

    async def whole() -> list[Any]:
        application = web.Application()
        application.router.add_route("*", "/{path:.*}", answer)
        async with TestServer(application) as server, proxy.before(server.port or 0) as url:
            http = HttpClient(sink=records.append, before_call=lambda: None, clock=SystemClock(), **{**FAR, **bounds})
            client = ShopeeClient(http, app_at(url))
            others = asyncio.all_tasks()
            with within(600.0 if seconds is None else seconds):
                ends = await asyncio.gather(*(call(client) for call in calls), return_exceptions=True)
            await http.close()
            await settle(proxy, others)
            return list(ends)

    return asyncio.run(whole()), records


async def settle(proxy: FaultProxy, others: set[asyncio.Task[Any]]) -> None:
    """Proxy and server learn of closed connections a moment later; what is still there then is a leak."""
    with suppress(TimeoutError):
        async with asyncio.timeout(10):
            while proxy.open_now or asyncio.all_tasks() - others:
                await asyncio.sleep(0.01)
    assert proxy.open_now == 0
    assert asyncio.all_tasks() <= others


def families(ends: list[Any]) -> set[type[Any]]:
    return {type(one) for one in ends}


def test_f31_through_a_proxy_without_faults_all_goes_well() -> None:
    """Otherwise the tests below would prove nothing."""
    ends, records = attempt(FaultProxy(), *[read] * AT_ONCE)
    assert not [one for one in ends if isinstance(one, KedaiError)]
    assert {one.code for one in records} == {""}


def test_f31_latency_beyond_the_bound_of_silence() -> None:
    ends, records = attempt(FaultProxy(latency=0.5), *[read] * AT_ONCE, write, read_seconds=0.25)
    assert families(ends[:-1]) == {RemoteUnavailable}, "what only reads may be asked again"
    assert families(ends[-1:]) == {OutcomeUnknown}, "what writes may have taken effect"
    assert {one.code for one in records} == {"silence"}


def test_f31_lost_connections_fail_their_own_call_alone() -> None:
    proxy = FaultProxy(loss=0.2)
    ends, records = attempt(proxy, *[read] * 60)
    lost = [one for one in ends if isinstance(one, KedaiError)]
    assert families(lost) == {RemoteUnavailable}
    assert 0 < len(lost) < 40
    assert {one.code for one in records} == {"", "lost"}


def test_f31_slow_drip_is_never_silent_and_ends_by_the_bound_of_the_whole_call() -> None:
    ends, records = attempt(FaultProxy(drip=0.05), *[read] * AT_ONCE, total_seconds=0.6)
    assert families(ends) == {RemoteUnavailable}
    assert {one.code for one in records} == {"timeout"}


@pytest.mark.parametrize("after", [1, 40, 250])
def test_f31_reset_in_the_middle_of_the_answer(after: int) -> None:
    """In its first line, among its headers, in its body."""
    ends, records = attempt(FaultProxy(reset_after=after), read, write)
    assert [type(one) for one in ends] == [RemoteUnavailable, OutcomeUnknown]
    assert {one.code for one in records} == {"lost"}


def test_f31_host_that_accepts_nothing_ends_by_the_bound_of_the_connection() -> None:
    """Its queue is full: what comes now is neither taken nor refused."""
    records: list[CallRecord] = []

    async def call(port: int) -> object:
        http = HttpClient(
            sink=records.append, before_call=lambda: None, clock=SystemClock(), **{**FAR, "connect_seconds": 0.2}
        )
        try:
            return await read(ShopeeClient(http, app_at(f"http://127.0.0.1:{port}")))
        finally:
            await http.close()

    with socket.create_server(("127.0.0.1", 0), backlog=0) as full, ExitStack() as queue:
        for _ in range(4):
            waiting = queue.enter_context(socket.socket())
            waiting.setblocking(False)
            waiting.connect_ex(full.getsockname())
        with pytest.raises(RemoteUnavailable, match="accept a connection"):
            asyncio.run(call(full.getsockname()[1]))
    assert [one.code for one in records] == ["connect_timeout"]


def test_f31_half_open_connection() -> None:
    ends, records = attempt(FaultProxy(is_half_open=True), *[read] * AT_ONCE, read_seconds=0.25)
    assert families(ends) == {RemoteUnavailable}
    assert {one.code for one in records} == {"silence"}


def test_f31_work_that_has_less_time_left_ends_with_it() -> None:
    """The whole deadline is the work's: the bounds of a single call are longer than what is left of it."""
    ends, records = attempt(FaultProxy(is_half_open=True), *[read] * AT_ONCE, seconds=0.3)
    assert families(ends) == {RemoteUnavailable}
    assert {one.code for one in records} == {"timeout"}


def test_f31_work_without_any_time_left_sends_nothing() -> None:
    proxy = FaultProxy()
    ends, records = attempt(proxy, read, write, seconds=0.0)
    assert families(ends) == {RemoteUnavailable}, "a write too had surely no effect"
    assert (records, proxy.opened) == ([], 0)
