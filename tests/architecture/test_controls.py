"""What we answer for (threats, faults, bad inputs, what operators expect) has tests by name, and a line to break.

Whether they really fail is tried by `make break-controls`; here only that everything named is there.
"""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from tests.support.controls import Break, Control, names_number, problems, read_controls

CONTROLS = read_controls()


def _numbers(kind: str, *spans: tuple[int, int]) -> list[str]:
    return [f"{kind}{number}" for first, last in spans for number in range(first, last + 1)]


REQUIRED = {
    *_numbers("T", (1, 9), (11, 11), (14, 33), (35, 35), (37, 44)),
    *_numbers("F", (4, 8), (10, 14), (16, 37), (39, 46), (49, 49), (52, 52)),
    *_numbers("D", (1, 20), (22, 40), (42, 45)),
    *_numbers("", (1, 11), (13, 17), (19, 27), (29, 37), (39, 39), (41, 47), (49, 61), (63, 73)),
    "Clone quarantine",
}
"""Threats (T), faults (F), what operators expect of the dashboard (D), and bad inputs (a number alone)."""

OWED: dict[str, str] = {
    "53": "being written",
    "72": "being written",
    "Clone quarantine": "being written",
}
"""What is required and has no entry yet, with the reason."""


@pytest.mark.parametrize("control", CONTROLS, ids=lambda one: f"{one.id} {one.says}")
def test_what_an_entry_names_is_there(control: Control) -> None:
    """Files, tests, and each piece to break exactly once; the tests say the number that they prove."""
    assert list(problems(control)) == []


def test_every_number_is_proven_or_said_to_be_owed() -> None:
    """Nothing is forgotten, and nothing stays on the list of debts once it is there."""
    listed = {control.id for control in CONTROLS}
    known = [("T", 60), ("F", 60), ("D", 46), ("", 99)]
    assert listed - REQUIRED - {one for kind, last in known for one in _numbers(kind, (1, last))} == set()
    assert REQUIRED - listed == OWED.keys()


@pytest.fixture
def sound(tmp_path: Path) -> Control:
    """An entry about a tree of its own, with nothing wrong."""
    (tmp_path / "code.py").write_text("one = 1\ntwo = 2\ntwo_more = 2\n")
    (tmp_path / "test_code.py").write_text(
        '"""F7 and T2 to T4."""\ndef test_it():\n    """T1: one."""\nclass TestMore:\n    def test_t5_it(self): ...\n'
    )
    breaks = (Break("code.py", "one = 1", "one = 0"),)
    return Control("T1", "one is one", ("test_code.py::test_it",), breaks, "sqlite", "x.toml")


def test_a_sound_entry_has_no_problems(sound: Control, tmp_path: Path) -> None:
    """Numbers may stand in the test, its docstring or its file's, alone or in a span."""
    assert list(problems(sound, tmp_path)) == []
    for number, test in (("T3", "test_it"), ("F7", "test_it"), ("T5", "TestMore::test_t5_it")):
        assert list(problems(replace(sound, id=number, tests=(f"test_code.py::{test}",)), tmp_path)) == []


@pytest.mark.parametrize(
    ("change", "problem"),
    [
        ({"tests": ()}, "at least one"),
        ({"breaks": ()}, "at least one"),
        ({"tests": ("gone.py::test_it",)}, "no file gone.py"),
        ({"tests": ("test_code.py::test_gone",)}, "no test test_gone"),
        ({"id": "T6"}, "names T6"),
        ({"breaks": (Break("gone.py", "a", "b"),)}, "no file gone.py"),
        ({"breaks": (Break("code.py", "three", "b"),)}, "0 times"),
        ({"breaks": (Break("code.py", "two", "b"),)}, "2 times"),
        ({"breaks": (Break("code.py", "one = 1", "one = 1"),)}, "changes nothing"),
        ({"database": "mysql"}, "no such database"),
    ],
)
def test_each_kind_of_problem_is_seen(sound: Control, tmp_path: Path, change: dict[str, object], problem: str) -> None:
    """The check above would notice it."""
    assert any(problem in one for one in problems(replace(sound, **change), tmp_path))  # type: ignore[arg-type]


@pytest.mark.parametrize("text", ["T11", "T1a", "XT1", "T10 to T12", "1"])
def test_a_number_that_only_resembles_another_is_not_taken_for_it(text: str) -> None:
    """T11 is not T1."""
    assert not names_number(text, "T1")
