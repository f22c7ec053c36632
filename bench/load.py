"""Runs the generator as its own process and reads its report."""

from __future__ import annotations

import json
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parent.parent
TIME_LIMIT_SECONDS = 180


@dataclass(frozen=True, slots=True)
class Slice:
    """Which requests of a file to send: `warm_up` uncounted ones after the first `skip`, then `count`."""

    file: Path
    skip: int
    warm_up: int
    count: int


@dataclass(frozen=True, slots=True)
class Report:
    """What the generator saw; latencies in milliseconds, `cpu_seconds` its own."""

    count: int
    seconds: float
    per_second: float
    statuses: dict[str, int]
    p50_ms: float
    p99_ms: float
    max_ms: float
    cpu_seconds: float


def generate(requests: Slice, *, port: int, connections: int = 64, rate: float = 0.0) -> Report:
    """Send a slice to a loopback port; RuntimeError if any answer was not 200, since then nothing was measured."""
    options = {
        "--port": port,
        "--skip": requests.skip,
        "--warm-up": requests.warm_up,
        "--count": requests.count,
        "--connections": connections,
        "--rate": rate,
    }
    command = [sys.executable, "-m", "bench.generator", str(requests.file)]
    for name, value in options.items():
        command += [name, str(value)]
    done = subprocess.run(command, capture_output=True, text=True, check=False, cwd=ROOT, timeout=TIME_LIMIT_SECONDS)
    if done.returncode:
        message = f"the generator failed: {done.stderr[-2000:]}"
        raise RuntimeError(message)
    report = Report(**json.loads(done.stdout))
    if set(report.statuses) != {"200"}:
        message = f"not every answer was 200: {report.statuses}"
        raise RuntimeError(message)
    return report
