"""The file that ``--state`` names: both environments' snapshots, read at the start and written at an orderly end."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import msgspec

from kedai.simulator.state.snapshot import BadSnapshot

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from kedai.simulator.simulation import Simulation


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


def _read(path: Path) -> dict[str, msgspec.Raw]:
    return msgspec.json.decode(path.read_bytes(), type=dict[str, msgspec.Raw]) if path.exists() else {}


def save_states(path: Path, simulations: Sequence[Simulation]) -> None:
    """Write both environments, whole or not at all; only the owner can read it."""
    kept = {simulation.world.environment: msgspec.Raw(simulation.snapshot()) for simulation in simulations}
    beside = path.with_name(f"{path.name}.new")
    descriptor = os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "wb") as file:
        file.write(msgspec.json.encode(kept))
    beside.replace(path)
