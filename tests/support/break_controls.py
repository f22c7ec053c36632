"""Breaks each control and demands that its tests notice: `python -m tests.support.break_controls [ID…]`.

The tree is copied, and only the copy is broken: one piece at a time, the named tests run, the piece is put back. First
all of them run on the untouched copy, so that no failure is taken for a proof that has another cause.
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
import tempfile
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from shutil import copy2

from tests.support.controls import ROOT, Break, Control, read_controls

BUILT = "src/kedai/web/dashboard/static/vendor"
LIMIT_SECONDS = 600
_SHOWN = 180
_FAILED = 1
"""What pytest says where tests failed, and nothing worse: a file that cannot be imported is no proof."""


@dataclass(frozen=True, slots=True)
class Verdict:
    """What came of one break: ``noticed_by`` is the first test that failed, with its reason; empty where none did."""

    control: Control
    broken: Break
    noticed_by: str
    trouble: str


def copy_tree(target: Path) -> None:
    """What is, or would be, under version control, and the browser libraries, which the build has put beside it."""
    command = ["git", "ls-files", "--cached", "--others", "--exclude-standard", "-z"]
    listed = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True).stdout
    built = (str(path.relative_to(ROOT)) for path in (ROOT / BUILT).iterdir())
    for name in (*filter(None, listed.split("\0")), *built):
        if (ROOT / name).is_file():
            (target / name).parent.mkdir(parents=True, exist_ok=True)
            copy2(ROOT / name, target / name)


def run_tests(tree: Path, tests: Iterable[str], database: str) -> tuple[int, str]:
    """Pytest's exit status, and what it said."""
    paths = os.pathsep.join((str(tree / "src"), str(tree)))
    environment = {**os.environ, "PYTHONPATH": paths, "PYTHONDONTWRITEBYTECODE": "1", "COLUMNS": "300"}
    command = [sys.executable, "-m", "pytest", "-q", "-x", "--tb=no", "-n", "0", f"--database={database}"]
    try:
        done = subprocess.run(
            [*command, *tests],
            cwd=tree,
            env=environment,
            capture_output=True,
            text=True,
            timeout=LIMIT_SECONDS,
        )
    except subprocess.TimeoutExpired:
        return -1, f"did not end within {LIMIT_SECONDS} seconds"
    return done.returncode, done.stdout + done.stderr


def unbroken(tree: Path, controls: Sequence[Control]) -> str:
    """What fails though nothing is broken; nothing where all is well."""
    for database in sorted({control.database for control in controls}):
        tests = dict.fromkeys(test for one in controls if one.database == database for test in one.tests)
        status, said = run_tests(tree, tests, database)
        if status != 0:
            return said
    return ""


def try_breaks(tree: Path, control: Control) -> Iterator[Verdict]:
    """Each break of a control, tried alone."""
    for one in control.breaks:
        path = tree / one.file
        whole = path.read_text()
        changed = whole.replace(one.find, one.replace)
        try:
            if path.suffix == ".py":
                compile(changed, one.file, "exec")
            path.write_text(changed)
            yield _verdict(control, one, *run_tests(tree, control.tests, control.database))
        except SyntaxError as error:
            yield Verdict(control, one, "", f"the broken file is no Python: {error}")
        finally:
            path.write_text(whole)


def _verdict(control: Control, broken: Break, status: int, said: str) -> Verdict:
    if status == 0:
        return Verdict(control, broken, "", "no test noticed")
    failed = re.search(r"^(?:FAILED|ERROR) \S*::(.*)$", said, re.MULTILINE)
    if status != _FAILED or failed is None:
        return Verdict(control, broken, "", f"the tests did not run (status {status}):\n{said[-2000:]}")
    return Verdict(control, broken, failed.group(1)[:_SHOWN], "")


def chosen(ids: Sequence[str]) -> list[Control]:
    """The entries of these ids; all without one."""
    controls = read_controls()
    unknown = set(ids) - {one.id for one in controls}
    if unknown:
        raise SystemExit(f"no control has the id {', '.join(sorted(unknown))}")
    return [one for one in controls if not ids or one.id in ids]


def main(ids: Sequence[str]) -> int:
    """Print a line for each break; 0 where each was noticed."""
    controls = chosen(ids)
    missed = 0
    with tempfile.TemporaryDirectory() as folder:
        tree = Path(folder)
        copy_tree(tree)
        before = unbroken(tree, controls)
        if before:
            print(f"the tests fail though nothing is broken:\n{before}")
            return 1
        for control in controls:
            for verdict in try_breaks(tree, control):
                missed += not verdict.noticed_by
                told = verdict.noticed_by or f"NOT NOTICED: {verdict.trouble}"
                print(f"{control.id:>4}  {control.says}\n      {verdict.broken.file}: {told}", flush=True)
    print(f"{sum(len(one.breaks) for one in controls)} breaks of {len(controls)} controls, {missed} not noticed")
    return 1 if missed else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
