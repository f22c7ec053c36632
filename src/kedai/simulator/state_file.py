"""The file that ``--state`` names: both environments' snapshots, read at the start and kept up to date from then on."""

from __future__ import annotations

import asyncio
import os
import sys
import time
from typing import TYPE_CHECKING

import msgspec

from kedai.simulator.state.snapshot import BadSnapshot

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from kedai.simulator.simulation import Simulation

# What a killed simulator may lose at most, unless a snapshot takes long.
EVERY_SECONDS = 2.0
# A snapshot holds up every call: it may take this part of the time at most.
_SHARE = 0.05


class BadStateFile(Exception):
    """The file cannot be read as a state; the text says why. It is left as it is."""


async def load_states(path: Path, simulations: Sequence[Simulation]) -> None:
    """Put back what the file holds; nothing happens if there is no file yet.

    Raises:
        BadStateFile: it is there and cannot be read.
    """
    try:
        kept = _read(path)
        for simulation in simulations:
            if simulation.world.environment in kept:
                await simulation.restore(bytes(kept[simulation.world.environment]))
    except (OSError, msgspec.MsgspecError, ValueError) as problem:
        raise BadStateFile(f"{path} cannot be read: {problem}") from None
    except BadSnapshot as problem:
        raise BadStateFile(f"{path}: {problem}") from None


class StateNotKept(Exception):
    """The file cannot be written at the end; the text says why. What it held before is still there."""


class StateFile:
    """Keeps the file up to date, so that a simulator that is killed loses a few seconds at most."""

    def __init__(self, path: Path, simulations: Sequence[Simulation]) -> None:
        """Take the state as it is now for what the file holds, if there is one."""
        self._path = path
        self._simulations = simulations
        self._written = self._changes() if path.exists() else None
        self._writing: asyncio.Task[None] | None = None

    async def keep(self, *, every_seconds: float = EVERY_SECONDS) -> None:
        """Write whenever something has changed, until cancelled; that it cannot be written is said once."""
        pause, is_said = every_seconds, False
        while True:
            await asyncio.sleep(pause)
            changes = self._changes()
            if changes == self._written:
                continue
            began = time.perf_counter()
            whole = self._whole()
            pause = max(every_seconds, (time.perf_counter() - began) / _SHARE)
            self._writing = asyncio.create_task(asyncio.to_thread(write_whole, self._path, whole))
            try:
                await asyncio.shield(self._writing)
            except OSError as problem:
                if not is_said:
                    sys.stderr.write(f"The state cannot be kept in {self._path}: {problem}\n")
                is_said = True
            else:
                self._written, is_said = changes, False

    async def finish(self) -> None:
        """Write the state as it is now, after what is being written; `keep` must have been cancelled.

        Raises:
            StateNotKept: the file cannot be written.
        """
        if self._writing is not None:
            await asyncio.wait([self._writing])
        try:
            write_whole(self._path, self._whole())
        except OSError as problem:
            raise StateNotKept(f"The state cannot be kept in {self._path}: {problem}") from None

    def _changes(self) -> int:
        return sum(simulation.changes for simulation in self._simulations)

    def _whole(self) -> bytes:
        kept = {one.world.environment: msgspec.Raw(one.snapshot()) for one in self._simulations}
        return msgspec.json.encode(kept)


def write_whole(path: Path, content: bytes) -> None:
    """Put a file in another's place, whole or not at all, also if the machine stops; only the owner can read it."""
    beside = path.with_name(f"{path.name}.new")
    descriptor = os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())
    beside.replace(path)
    _flush_folder(path)


def _flush_folder(path: Path) -> None:
    if os.name != "posix":
        return
    folder = os.open(path.parent, os.O_RDONLY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)


def _read(path: Path) -> dict[str, msgspec.Raw]:
    return msgspec.json.decode(path.read_bytes(), type=dict[str, msgspec.Raw]) if path.exists() else {}
