"""Builds the wheel, installs it apart and uses it: `python -m tests.support.check_wheel` prints what is missing.

What is tested elsewhere is the source tree; what people install is this file. Nothing is fetched.
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import zipfile
from collections.abc import Iterator
from pathlib import Path

from kedai.web.dashboard.guides import Guide

ROOT = Path(__file__).resolve().parents[2]
SOURCE = ROOT / "src"
KINDS = {
    "templates": "kedai/web/dashboard/templates/",
    "static files": "kedai/web/dashboard/static/",
    "the component library": "kedai/web/dashboard/static/vendor/basecoat.css",
    "uPlot": "kedai/web/dashboard/static/vendor/uPlot.min.js",
    "the browser libraries' licences": "kedai/web/dashboard/static/vendor/LICENSES.txt",
    "the simulator's templates": "kedai/simulator/pages/templates/",
    "migrations": "kedai/migrations/versions/",
    "a connector's docs.md": "kedai/connectors/shopee/docs.md",
}
"""What is no module, and is easily left out: at least one file must begin with each of these."""

READ_GUIDES = "from kedai.web.dashboard.guides import *; print(sum(bool(read_document(one).parts) for one in Guide))"


class Failed(Exception):
    """A program of the check did not do what it should."""


def build(directory: Path) -> Path:
    """The wheel, made as a release is made."""
    run([sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(directory)], cwd=ROOT)
    return next(directory.glob("kedai-*.whl"))


def install(wheel: Path, target: Path) -> None:
    """Unpack it as an installer does, alone: its dependencies are those of this environment."""
    options = ["--no-deps", "--no-index", "--no-compile", "--quiet", "--disable-pip-version-check"]
    run([sys.executable, "-m", "pip", "install", *options, "--target", str(target), str(wheel)], cwd=target.parent)


def missing_files(wheel: Path) -> Iterator[str]:
    """What the source tree has and the wheel has not, and what no wheel of ours may hold."""
    with zipfile.ZipFile(wheel) as archive:
        held = set(archive.namelist())
    for path in sorted(SOURCE.rglob("*")):
        name = path.relative_to(SOURCE).as_posix()
        if path.is_file() and "__pycache__" not in path.parts and name not in held:
            yield f"{name} is not in the wheel"
    for kind, prefix in KINDS.items():
        if not any(name.startswith(prefix) for name in held):
            yield f"{kind}: the wheel holds nothing at {prefix}"
    if not any(name.endswith("/licenses/LICENSE") for name in held):
        yield "the licence is not in the wheel"
    foreign = {name.partition("/")[0] for name in held if ".dist-info/" not in name} - {"kedai"}
    yield from (f"{name} has no place in the wheel" for name in sorted(foreign))


def unusable(target: Path, directory: Path) -> Iterator[str]:
    """Whether what was installed runs: itself and not the source tree, with its help, its guides and its migrations."""
    env = {**os.environ, "PYTHONPATH": str(target), "KEDAI_DATA_DIR": str(directory / "data")}
    env = {name: value for name, value in env.items() if name not in {"KEDAI_DATABASE_URL", "KEDAI_MASTER_KEYS"}}
    found = run([sys.executable, "-c", "import kedai; print(kedai.__file__)"], cwd=directory, env=env).strip()
    if not Path(found).is_relative_to(target):
        yield f"another kedai was imported: {found}"
        return
    command = [sys.executable, "-m", "kedai"]
    if run([sys.executable, "-c", READ_GUIDES], cwd=directory, env=env).strip() != str(len(Guide)):
        yield "not every guide can be read from where it was installed"
    if "Exit codes" not in run([*command, "--help"], cwd=directory, env=env):
        yield "`python -m kedai --help` does not print the help"
    for arguments in (["--version"], ["db", "upgrade"], ["db", "check"]):
        run([*command, *arguments], cwd=directory, env=env)
    if not (target / "bin" / "kedai").is_file():
        yield "the command `kedai` was not installed"


def run(command: list[str], *, cwd: Path, env: dict[str, str] | None = None) -> str:
    """Run a program and return what it wrote; it must end well."""
    done = subprocess.run(command, cwd=cwd, env=env, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        shown = " ".join(command[1:4])
        raise Failed(f"`{shown} …` ended with {done.returncode}:\n{done.stdout}{done.stderr}".rstrip())
    return done.stdout


def problems() -> list[str]:
    """Build, install and use it in a directory that goes away."""
    with tempfile.TemporaryDirectory(prefix="kedai-wheel-") as name:
        directory = Path(name).resolve()
        (directory / "elsewhere").mkdir()
        wheel = build(directory)
        install(wheel, directory / "target")
        return [*missing_files(wheel), *unusable(directory / "target", directory / "elsewhere")]


def main() -> int:
    """Print what is wrong; 0 where nothing is."""
    try:
        found = problems()
    except Failed as failure:
        found = [str(failure)]
    for line in found:
        print(line)
    if not found:
        print("wheel: whole, and it runs from where it was installed")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
