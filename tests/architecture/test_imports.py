"""Imports go one way: the contracts hold, and each kind of violation breaks the contract that is meant to stop it."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.architecture.sources import PACKAGE, ROOT

FLOW = "Data flows one way"
SIBLINGS = "A marketplace knows the protocols and nothing of its siblings"
PURE = "Connectors never touch the database, the features, the settings or the web"
SIMULATOR = "The simulator shares nothing with what it tests"
SIMULATOR_USE = "Only the command line starts the simulator"
EDGE = "Only the edges know the web framework"
TABLES = "A table is touched only by the feature that owns it"
CYCLES = "No cycles between siblings anywhere"
SHOPEE = "kedai.connectors.shopee"
CONTRACTS = (FLOW, SIBLINGS, PURE, SIMULATOR, SIMULATOR_USE, EDGE, TABLES, CYCLES)


@dataclass(frozen=True, slots=True)
class Violation:
    """One planted file and the contract that it must break."""

    contract: str
    path: str
    text: str


VIOLATIONS = {
    "a feature imports its neighbour": Violation(FLOW, "orders/planted.py", "import kedai.inbox.service"),
    "a feature touches its neighbour's table": Violation(FLOW, "vault/planted.py", "import kedai.orders.models"),
    "a lower room calls upward": Violation(FLOW, "db/planted.py", "import kedai.vault.service"),
    "the web reaches into the command line": Violation(FLOW, "web/planted.py", "import kedai.cli.exits"),
    "a room nobody placed": Violation(FLOW, "planted/__init__.py", ""),
    "a connector imports the database library": Violation(PURE, "connectors/shopee/planted.py", "import sqlalchemy"),
    "a connector imports a feature": Violation(PURE, "connectors/shopee/planted.py", "import kedai.vault.queries"),
    "a connector reads the settings": Violation(PURE, "connectors/shopee/planted.py", "import kedai.settings"),
    "a connector imports its sibling": Violation(SIBLINGS, "connectors/lazada/__init__.py", f"import {SHOPEE}"),
    "the protocols import a connector": Violation(SIBLINGS, "connectors/base.py", f"import {SHOPEE}.sign"),
    "the simulator imports kedai": Violation(SIMULATOR, "simulator/planted.py", "import kedai.errors"),
    "the simulator imports a connector": Violation(SIMULATOR, "simulator/planted.py", f"import {SHOPEE}.sign"),
    "the worker imports the simulator": Violation(SIMULATOR_USE, "sync/planted.py", "import kedai.simulator.server"),
    "sync imports the web framework": Violation(EDGE, "sync/planted.py", "import fastapi"),
    "a feature imports the web framework": Violation(EDGE, "inbox/planted.py", "import starlette.requests"),
    "sync touches a table": Violation(TABLES, "sync/planted.py", "import kedai.inbox.models"),
    "the web touches a table": Violation(TABLES, "web/planted.py", "import kedai.orders.models"),
    "two siblings need each other": Violation(CYCLES, "kit/planted.py", "import kedai.kit.ids\n"),
}


@pytest.fixture(scope="module")
def copied(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of the package and its contracts, to plant violations in."""
    place = tmp_path_factory.mktemp("imports")
    shutil.copytree(PACKAGE, place / "kedai", ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copy(ROOT / ".importlinter", place)
    return place


@pytest.fixture
def plant(copied: Path) -> Iterator[Path]:
    """The copy, as it was after the test."""
    yield copied
    shutil.rmtree(copied / "kedai")
    shutil.copytree(PACKAGE, copied / "kedai", ignore=shutil.ignore_patterns("__pycache__"))


def lint(place: Path) -> tuple[int, str]:
    """Run the linter on the package that lies in ``place``; its status and what it wrote."""
    command = [sys.executable, "-c", "from importlinter.cli import lint_imports_command as run; run()", "--no-cache"]
    # wide enough that no contract's name is wrapped; the copy must win over the installed package
    env = {**os.environ, "PYTHONPATH": str(place), "COLUMNS": "200", "NO_COLOR": "1"}
    done = subprocess.run(command, cwd=place, env=env, capture_output=True, text=True, check=False)
    return done.returncode, done.stdout + done.stderr


def broken(output: str) -> set[str]:
    """The names of the contracts that the linter calls broken."""
    return {line.removesuffix(" BROKEN").strip() for line in output.splitlines() if line.endswith(" BROKEN")}


def kept(output: str) -> set[str]:
    """The names of the contracts that the linter calls kept."""
    return {line.removesuffix(" KEPT").strip() for line in output.splitlines() if line.endswith(" KEPT")}


def test_all_contracts_are_kept(copied: Path) -> None:
    """Each by its name, so that none can be dropped from the file unnoticed."""
    status, output = lint(copied)
    assert status == 0, output
    assert kept(output) == set(CONTRACTS)


@pytest.mark.parametrize("violation", VIOLATIONS.values(), ids=VIOLATIONS.keys())
def test_a_violation_breaks_its_contract(plant: Path, violation: Violation) -> None:
    """The contract that is meant to stop it, and not by chance another one alone."""
    target = plant / "kedai" / violation.path
    target.parent.mkdir(exist_ok=True)
    if target.exists():
        target.write_text(f"{target.read_text()}\n{violation.text}\n")
    else:
        target.write_text(f'"""Planted by a test."""\n\n{violation.text}\n')
    if violation.contract == CYCLES:
        ids = plant / "kedai" / "kit" / "ids.py"
        ids.write_text(f"{ids.read_text()}\nimport kedai.kit.planted\n")
    status, output = lint(plant)
    assert status == 1, output
    assert violation.contract in broken(output), output
