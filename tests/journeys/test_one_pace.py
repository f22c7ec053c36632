"""L5: however many processes call for a shop, all of them together keep to the configured rate."""

from __future__ import annotations

import json
import subprocess
import sys
from bisect import bisect_right
from pathlib import Path
from typing import Any

import pytest

from tests.journeys.conftest import Place
from tests.support.installation import Installation

pytestmark = pytest.mark.journey

PROCESSES = 2
TASKS = 20
SECONDS = 2.5
RATE = 20
BURST = 10
SHOP_PATH = "/api/v2/shop/get_shop_info"
CALLER = Path(__file__).with_name("caller.py")


def test_l5_two_processes_together_never_call_faster_than_the_rate(place: Place) -> None:
    """In no second more than rate and burst; what finds no turn in time is told so, and fails nothing."""
    home = place()
    home.prepare("sandbox")
    home.control("sandbox", "DELETE", "/control/calls")

    told = call_everywhere(home)

    sent = sorted(instant for one in told for instant in one["sent"])
    assert home.calls("sandbox", SHOP_PATH) == len(sent), "what was counted is what came"
    assert most_within(sent, 1.0) <= RATE + BURST
    assert len(sent) <= BURST + RATE * (sent[-1] - sent[0])
    assert all(one["sent"] for one in told), "each has its part"
    assert sum(one["put_off"] for one in told) > 0, "there was more to do than was let through"


def most_within(instants: list[float], seconds: float) -> int:
    """The most of any span of that length, wherever it begins."""
    ends = (bisect_right(instants, instant + seconds) - number for number, instant in enumerate(instants))
    return max(ends)


def call_everywhere(home: Installation) -> list[dict[str, Any]]:
    """Start all processes, let them all begin at once, and collect what each did."""
    command = [sys.executable, CALLER, home.shop_id("sandbox"), str(TASKS), str(SECONDS)]
    environ = {**home.environ, "KEDAI_CALLS_PER_SECOND": str(RATE), "KEDAI_CALLS_BURST": str(BURST)}
    processes = [
        subprocess.Popen(command, env=environ, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
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
        return [json.loads(process.communicate(timeout=60)[0]) for process in processes]
    finally:
        for process in processes:
            process.kill()
            process.communicate()
