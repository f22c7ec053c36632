"""Is what Kedai runs on new enough: Python, and every library that the package asks for?"""

from __future__ import annotations

import platform
import re
from collections.abc import Iterable, Iterator, Mapping
from importlib.metadata import PackageNotFoundError, requires, version
from typing import Final

from kedai.doctor.finding import Finding, State, finding, passed
from kedai.values.wording import N_, joined

MINIMUM_PYTHON: Final = "3.11"
_FLOOR: Final = re.compile(r"([A-Za-z0-9._-]+)(?:\[[^]]*])?\s*>=\s*([0-9.]+)")
_INSTALL: Final = N_("Install this version of Kedai anew, with the libraries that it asks for.")


def look_at_software() -> list[Finding]:
    """Reads what is installed; asks nobody."""
    floors = read_floors()
    return [judge_python(platform.python_version()), judge_libraries(floors, dict(_installed(floors)))]


def judge_python(found: str) -> Finding:
    """By the floor of the package."""
    if _numbers(found) < _numbers(MINIMUM_PYTHON):
        return finding(
            "python",
            State.FAIL,
            N_("Python %(found)s.", found=found),
            N_("Install Python %(minimum_python)s or newer.", minimum_python=MINIMUM_PYTHON),
        )
    return passed(
        "python",
        N_("Python %(found)s; %(minimum_python)s or newer is needed.", found=found, minimum_python=MINIMUM_PYTHON),
    )


def judge_libraries(floors: Mapping[str, str], installed: Mapping[str, str | None]) -> Finding:
    """Every library against its floor; one that is missing is too old as well."""
    wrong = [
        N_("%(library)s (needs %(floor)s)", library=f"{name} {installed[name]}", floor=floor)
        if installed[name]
        else N_("%(library)s is missing (needs %(floor)s)", library=name, floor=floor)
        for name, floor in sorted(floors.items())
        if _numbers(installed[name] or "0") < _numbers(floor)
    ]
    if wrong:
        return finding("dependencies", State.FAIL, N_("Too old: %(wrong)s.", wrong=joined(", ", wrong)), _INSTALL)
    return passed("dependencies", N_("%(floors)s libraries, none below its floor.", floors=len(floors)))


def read_floors() -> dict[str, str]:
    """The lowest version of each library that the installed package asks for, on this system."""
    return {match[1]: match[2] for text in requires("kedai") or () if (match := _FLOOR.match(text))}


def _installed(names: Iterable[str]) -> Iterator[tuple[str, str | None]]:
    for name in names:
        try:
            yield name, version(name)
        except PackageNotFoundError:
            yield name, None


def _numbers(text: str) -> tuple[int, ...]:
    """The release's numbers; what comes after them (a candidate, a build) counts as that release."""
    return tuple(int(part) for part in re.findall(r"\d+", re.split(r"[^0-9.]", text)[0]))
