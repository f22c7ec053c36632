"""Reads what the machine says of itself and of a process; Linux's /proc only."""

from __future__ import annotations

import os
import platform
import statistics
import tempfile
import time
from pathlib import Path

from tests.support.processes import children_of, wait_until

_TICKS = os.sysconf("SC_CLK_TCK")
_QUIET_SHARE = 0.05
_QUIET_SECONDS = 0.5


def describe() -> str:
    """Return one line: processor, cores, load before the run, kernel, Python, and what a durable write costs here."""
    model = next((line.split(":")[1].strip() for line in _lines("/proc/cpuinfo") if line.startswith("model name")), "?")
    sync = _sync_milliseconds(Path(tempfile.gettempdir()))
    return (
        f"{model}, {os.cpu_count()} cores, load {os.getloadavg()[0]:.2f}, Linux {platform.release()}, "
        f"Python {platform.python_version()}, {sync:.2f} ms per fdatasync of 8 KiB"
    )


def _lines(path: str) -> list[str]:
    return Path(path).read_text(encoding="utf-8").splitlines()


def _sync_milliseconds(directory: Path) -> float:
    spans = []
    with tempfile.TemporaryFile(dir=directory, buffering=0) as file:
        for _ in range(50):
            started = time.perf_counter()
            file.write(bytes(8192))
            os.fdatasync(file.fileno())
            spans.append(time.perf_counter() - started)
    return statistics.median(spans) * 1000


def family(pid: int) -> list[int]:
    """Return a process and its descendants."""
    return [pid, *(member for child in children_of(pid) for member in family(child))]


def peak_memory_mb(pid: int) -> float:
    """Return the most resident memory a process and its descendants ever held, in MB (10^6 bytes)."""
    return sum(_peak_kib(member) for member in family(pid)) * 1024 / 1e6


def _peak_kib(pid: int) -> int:
    return next(int(line.split()[1]) for line in _lines(f"/proc/{pid}/status") if line.startswith("VmHWM"))


def cpu_seconds(pid: int) -> float:
    """Return the processor time a process and its descendants that live have used."""
    return sum(_cpu_ticks(member) for member in family(pid)) / _TICKS


def _cpu_ticks(pid: int) -> int:
    fields = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8").rpartition(")")[2].split()
    return int(fields[11]) + int(fields[12])


def wait_quiet(pid: int, *, timeout: float = 60.0) -> None:
    """Wait until a process has finished its start and whatever was left over, and uses next to no processor time."""

    def is_quiet() -> bool:
        before = cpu_seconds(pid)
        time.sleep(_QUIET_SECONDS)
        return cpu_seconds(pid) - before < _QUIET_SHARE * _QUIET_SECONDS

    wait_until(is_quiet, timeout=timeout, message=f"process {pid} does not come to rest")
