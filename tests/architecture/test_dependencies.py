"""T43, T44: what is installed, what must not be: floors above known holes, forbidden packages, plain lock files."""

from __future__ import annotations

import importlib.util
import re
import tomllib
from importlib.metadata import version

import pytest
from packaging.requirements import Requirement
from packaging.version import Version

from tests.architecture.sources import ROOT

FLOORS = {
    "python-multipart": "0.0.27",  # CVE-2026-40347, CVE-2026-42561
    "starlette": "1.0.1",
    "authlib": "1.9.1",  # only if it is ever used
}
FORBIDDEN = ("sqladmin", "starlette_admin")
LOCKS = ("requirements/run.txt", "requirements/dev.txt", "requirements/node.txt")
_PIN = re.compile(r"^([A-Za-z0-9_.-]+)(?:\[[^]]*])?==([^ ;\\]+)", re.MULTILINE)


def pins(lock: str) -> dict[str, str]:
    """Name and version of everything a lock file pins."""
    return {name.lower().replace("_", "-"): number for name, number in _PIN.findall((ROOT / lock).read_text())}


@pytest.mark.parametrize("name", FORBIDDEN)
def test_no_generic_admin_can_be_imported(name: str) -> None:
    """T44: a generic admin over these tables would show secrets' columns, whatever its own access rules say."""
    assert importlib.util.find_spec(name) is None
    assert all(name.replace("_", "-") not in pins(lock) for lock in LOCKS)


@pytest.mark.parametrize("lock", LOCKS)
def test_nothing_is_pinned_below_its_floor(lock: str) -> None:
    """T43, offline: the table above holds the first version without the hole."""
    found = pins(lock)
    too_old = {name: found[name] for name, floor in FLOORS.items() if name in found and _older(found[name], floor)}
    assert too_old == {}


@pytest.mark.parametrize("name", ["python-multipart", "starlette"])
def test_what_is_installed_and_what_is_asked_for_is_above_its_floor(name: str) -> None:
    """The lock file is one half: who installs the wheel elsewhere is bound by its own requirements."""
    assert not _older(version(name), FLOORS[name])
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    asked = [Requirement(text) for text in project["dependencies"]]
    lowest = [one.version for need in asked if need.name == name for one in need.specifier if one.operator == ">="]
    assert lowest, f"{name} has a lower bound"
    assert not any(_older(bound, FLOORS[name]) for bound in lowest)


@pytest.mark.parametrize(
    ("lock", "least"), [("requirements/run.txt", 21), ("requirements/dev.txt", 21), ("requirements/node.txt", 1)]
)
def test_a_lock_file_names_no_address_and_pins_by_hash(lock: str, least: int) -> None:
    """Where packages come from is the installer's choice; what they hold is not."""
    text = (ROOT / lock).read_text()
    assert not re.search(r"://|^\s*-(-index-url|-extra-index-url|-find-links|i|f)\b|\s@\s", text, re.MULTILINE)
    entries = re.split(r"\n(?=[A-Za-z0-9])", re.sub(r"^\s*#.*\n", "", text, flags=re.MULTILINE))
    assert len(entries) >= least
    assert [entry.split()[0] for entry in entries if "--hash=sha256:" not in entry] == []


def test_browser_lock_files_name_no_address() -> None:
    """The same rule for what Node installs."""
    locks = [path for path in ROOT.rglob("package-lock.json") if not {"node_modules", ".venv"} & set(path.parts)]
    assert [str(path.relative_to(ROOT)) for path in locks if '"resolved"' in path.read_text()] == []


def _older(found: str, floor: str) -> bool:
    return Version(found) < Version(floor)
