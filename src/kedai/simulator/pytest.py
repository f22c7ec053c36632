"""Fixtures for test suites that need a Shopee: ``pytest_plugins = ["kedai.simulator.pytest"]`` in a conftest.

`shopee_server` runs one simulator for the whole session; `shopee` is the same, begun anew for each test.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from kedai.simulator.embedded import Simulator, simulator_in_thread

if TYPE_CHECKING:
    from collections.abc import Iterator


@pytest.fixture(scope="session")
def shopee_server() -> Iterator[Simulator]:
    """One simulator for the session, in a thread, on free ports."""
    with simulator_in_thread() as simulator:
        yield simulator


@pytest.fixture
def shopee(shopee_server: Simulator) -> Simulator:
    """The session's simulator without orders, consents or faults: ``shopee.sandbox`` and ``shopee.live``."""
    shopee_server.reset()
    return shopee_server
