"""T21: however many processes and tasks meet an expired token, the marketplace is asked once for a new pair.

Break ``free_at`` in `is_refresh_free` and `begin_refresh` of `vault.refresh`: whoever looks takes the lease.
"""

from __future__ import annotations

import json
import subprocess
import sys
from datetime import UTC, datetime
from itertools import chain
from pathlib import Path

import pytest
import sqlalchemy as sa

from kedai.vault.models import AuthToken, Shop
from tests.journeys.conftest import Place
from tests.support.installation import Installation

pytestmark = pytest.mark.journey

PROCESSES = 4
TASKS = 50
REFRESH_PATH = "/api/v2/auth/access_token/get"
REFRESHER = Path(__file__).with_name("refresher.py")


def test_t21_two_hundred_callers_in_four_processes_at_expiry_cause_exactly_one_refresh(place: Place) -> None:
    home = place()
    home.prepare("sandbox")
    expire(home)
    home.control("sandbox", "DELETE", "/control/calls")

    first, second = ask_everywhere(home)

    assert home.calls("sandbox", REFRESH_PATH) == 1
    assert len(first) == PROCESSES * TASKS
    assert 2 in first
    assert set(first) <= {2, "RemoteUnavailable", "StorageUnavailable"}  # who waited too long is told to try again
    assert second == [2] * (PROCESSES * TASKS)
    ((generation, holder, state),) = home.rows(
        sa.select(AuthToken.generation, AuthToken.lease_by, Shop.state).join(Shop, Shop.shop_id == AuthToken.shop_id)
    )
    assert (generation, holder, state) == (2, None, "connected")


def expire(home: Installation) -> None:
    """The access token has ended, and both sides know it; the simulator refuses a refresh token's second use."""
    home.control("sandbox", "POST", "/control/settings", {"refresh_replay_mode": "strict"})
    home.control("sandbox", "POST", f"/control/shops/{home.shop_id('sandbox')}/expire-tokens")
    with home.database.write() as db:
        db.execute(sa.update(AuthToken).values(access_expires_at=datetime.now(UTC)))


def ask_everywhere(home: Installation) -> tuple[list[int | str], list[int | str]]:
    """Start all processes, let them all begin at once, and collect what each task got the first and second time."""
    command = [sys.executable, REFRESHER, home.shop_id("sandbox"), str(TASKS)]
    processes = [
        subprocess.Popen(command, env=home.environ, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        for _ in range(PROCESSES)
    ]
    try:
        for process in processes:
            assert process.stdout is not None
            assert process.stdout.readline() == "ready\n"
        for process in processes:
            assert process.stdin is not None
            process.stdin.write("go\n")
            process.stdin.flush()
        told = [process.communicate(timeout=30)[0] for process in processes]
    finally:
        for process in processes:
            process.kill()
            process.communicate()
    first, second = zip(*(json.loads(text) for text in told), strict=True)
    return list(chain.from_iterable(first)), list(chain.from_iterable(second))
