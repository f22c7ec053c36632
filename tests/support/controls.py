"""Reads `tests/controls/*.toml`: which tests prove a control, and which line to break so that they fail.

An entry is one control against one threat, fault or bad input; a number may have several. Each of its breaks is tried
alone by `tests.support.break_controls`; that everything an entry names exists is tested in `tests/architecture`.
"""

from __future__ import annotations

import ast
import re
import tomllib
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[2]
FOLDER = ROOT / "tests" / "controls"
DATABASES = ("sqlite", "postgresql")

_KEYS = {"id", "says", "tests", "breaks", "database"}
_NUMBER = re.compile(r"([TFD]?)(\d+)")


@dataclass(frozen=True, slots=True)
class Break:
    """A piece of a file that stands there exactly once, and what to put in its place so that the control is gone."""

    file: str
    find: str
    replace: str


@dataclass(frozen=True, slots=True)
class Control:
    """``tests`` are node ids without parameters; ``database`` is the one on which the breaks are tried."""

    id: str
    says: str
    tests: tuple[str, ...]
    breaks: tuple[Break, ...]
    database: str
    source: str
    """The file of the entry."""


def read_controls(folder: Path = FOLDER) -> list[Control]:
    """Every entry, by file and place in it."""
    return [
        _control(path.name, entry)
        for path in sorted(folder.glob("*.toml"))
        for entry in tomllib.loads(path.read_text())["control"]
    ]


def _control(source: str, entry: dict[str, Any]) -> Control:
    unknown = entry.keys() - _KEYS
    if unknown:
        raise ValueError(f"{source}: {entry.get('id')}: unknown {sorted(unknown)}")
    breaks = tuple(Break(**one) for one in entry["breaks"])
    return Control(
        entry["id"], entry["says"], tuple(entry["tests"]), breaks, entry.get("database", DATABASES[0]), source
    )


def problems(control: Control, root: Path = ROOT) -> Iterator[str]:
    """What an entry names that is not there, in words."""
    where = f"{control.source}: {control.id} ({control.says})"
    if not control.tests or not control.breaks:
        yield f"{where}: needs at least one test and one break"
    if control.database not in DATABASES:
        yield f"{where}: no such database: {control.database}"
    for one in control.breaks:
        yield from (f"{where}: {problem}" for problem in _break_problems(one, root))
    for test in control.tests:
        yield from (f"{where}: {problem}" for problem in _test_problems(control.id, test, root))


def _break_problems(one: Break, root: Path) -> Iterator[str]:
    path = root / one.file
    if not path.is_file():
        yield f"there is no file {one.file}"
        return
    found = path.read_text().count(one.find)
    if found != 1:
        yield f"{one.file} holds {one.find!r} {found} times: once is needed"
    if one.find == one.replace:
        yield f"{one.file}: the break of {one.find!r} changes nothing"


def _test_problems(number: str, test: str, root: Path) -> Iterator[str]:
    file, _, name = test.partition("::")
    path = root / file
    if not path.is_file():
        yield f"there is no file {file}"
        return
    found = _tests_of(path)
    if name not in found:
        yield f"{file} has no test {name}"
    elif not any(names_number(text, number) for text in found[name]):
        yield f"neither {test} nor its docstring nor its file's names {number}"


@cache
def _tests_of(path: Path) -> dict[str, tuple[str, ...]]:
    """The texts that may name a number, by the test's name: its own name, its docstring, its file's docstring."""
    tree = ast.parse(path.read_text())
    module = ast.get_docstring(tree) or ""
    return {
        name: (node.name.replace("_", " "), ast.get_docstring(node) or "", module) for name, node in _functions(tree)
    }


def _functions(tree: ast.Module) -> Iterator[tuple[str, ast.FunctionDef | ast.AsyncFunctionDef]]:
    for node in tree.body:
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            yield node.name, node
        elif isinstance(node, ast.ClassDef):
            inner = (one for one in node.body if isinstance(one, ast.FunctionDef | ast.AsyncFunctionDef))
            yield from ((f"{node.name}::{one.name}", one) for one in inner)


def names_number(text: str, number: str) -> bool:
    """Whether a text names a number (or another id) in whatever case, alone or inside "T16 to T18"."""
    if re.search(rf"(?<!\w){re.escape(number)}(?!\w)", text, re.IGNORECASE):
        return True
    wanted = _NUMBER.fullmatch(number)
    if wanted is None:
        return False
    kind, value = wanted.group(1), int(wanted.group(2))
    spans = re.findall(rf"(?<!\w){kind}(\d+) to {kind}(\d+)(?!\w)", text)
    return any(int(first) <= value <= int(last) for first, last in spans)
