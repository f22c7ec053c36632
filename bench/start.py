"""How long a person waits: `kedai serve` until it is ready, and `kedai --help`."""

from __future__ import annotations

import os
import statistics
import subprocess
import tempfile
import time
from pathlib import Path

from bench.kedai_app import COMMAND, KedaiApp
from bench.table import Row
from tests.support.processes import free_port

ROUNDS = 5


def measure() -> list[Row]:
    """Take the median of five of each, after one that fills the machine's caches."""
    with tempfile.TemporaryDirectory(prefix="kedai-bench-") as directory:
        app = KedaiApp(Path(directory), port=free_port())
        app.prepare({"sandbox": os.urandom(32).hex()})
        ready = statistics.median(app.seconds_to_ready() for _ in range(ROUNDS))
    _seconds_of_help()
    answered = statistics.median(_seconds_of_help() for _ in range(ROUNDS))
    return [
        Row("kedai serve until ready, existing SQLite database", ready, "s", target=3.0, bound="at most"),
        Row("kedai --help", answered, "s", target=0.4, bound="at most"),
    ]


def _seconds_of_help() -> float:
    started = time.perf_counter()
    subprocess.run([COMMAND, "--help"], check=True, stdout=subprocess.DEVNULL)
    return time.perf_counter() - started
