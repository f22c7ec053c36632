"""Starts the real server process once per module and gives both ports to the tests."""

from __future__ import annotations

import contextlib
import sys
from dataclasses import dataclass
from typing import TYPE_CHECKING

import pytest

from tests.simulator.market import Market
from tests.simulator.receiver import Receiver
from tests.support.processes import Process, free_port, wait_http

if TYPE_CHECKING:
    from collections.abc import Iterator

PLAIN_SETTINGS = {
    "http_status_mode": "mixed",
    "refresh_replay_mode": "strict",
    "duplicate_pushes": 0,
    "shuffle_pushes": False,
    "event_pushes": True,
    "unpaid_pushes": False,
    "expiry_push_page_size": 50,
    "intranet_callbacks": True,
    "tracking_delay_seconds": 0,
    "document_delay_seconds": 0,
    "legacy_host_mode": False,
    "escrow_batch_method": "POST",
    "lost_data_as_text": True,
    "latency_ms": 0,
    "fail": [],
}


@dataclass(frozen=True)
class Running:
    """A started simulator."""

    process: Process
    port: int

    @property
    def urls(self) -> tuple[str, str]:
        """The addresses of the sandbox and of live."""
        return f"http://127.0.0.1:{self.port}", f"http://127.0.0.1:{self.port + 1}"


@contextlib.contextmanager
def running_simulator(*options: str) -> Iterator[Running]:
    """Start the simulator and wait until both ports answer."""
    port = free_port(with_next=True)
    with Process([sys.executable, "-m", "kedai.simulator", "--port", str(port), *options]) as process:
        running = Running(process, port)
        for url in running.urls:
            wait_http(f"{url}/control/health")
        yield running


@pytest.fixture(scope="module")
def simulator() -> Iterator[Running]:
    """One process for the module."""
    with running_simulator() as running:
        yield running


@pytest.fixture
def market(simulator: Running) -> Iterator[Market]:
    """The sandbox port, with plain settings, no callback and nothing counted."""
    yield from _fresh(simulator.urls[0])


@pytest.fixture
def live(simulator: Running) -> Iterator[Market]:
    """The live port, likewise."""
    yield from _fresh(simulator.urls[1])


def _fresh(url: str) -> Iterator[Market]:
    market = Market(url)
    market.control("POST", "/settings", PLAIN_SETTINGS)
    market.control("DELETE", "/calls")
    yield market
    plain = {"callback_url": None, "push_status": "Normal"}
    market.control("POST", f"/apps/{market.app['partner_id']}", plain)
    market.control("DELETE", "/busy-day")


@pytest.fixture
def receiver(market: Market) -> Iterator[Receiver]:
    """A push receiver that the sandbox app's callback URL points at."""
    with Receiver() as receiver:
        market.control("POST", f"/apps/{market.app['partner_id']}", {"callback_url": receiver.url})
        yield receiver
