"""Goes through the whole list: what needs nobody first, then everything that asks the network, side by side."""

from __future__ import annotations

import asyncio
from collections.abc import Collection, Sequence
from typing import Final

import structlog

from kedai.doctor.door import CHECKS, Face, look_at_door
from kedai.doctor.environment import Place, look_at_environment, places_of
from kedai.doctor.finding import Finding, State, completed, finding, in_order, skipped, within
from kedai.doctor.installation import look_at_installation
from kedai.doctor.place import look_at_settings, look_at_storage
from kedai.doctor.software import look_at_software
from kedai.kit.clock import Clock
from kedai.runtime import Runtime
from kedai.settings import Settings
from kedai.values.environment import Environment
from kedai.values.wording import N_

_BROKEN: Final = N_("Nothing can be said: what comes before it does not work.")
_AGAIN: Final = N_("Run it again. If it stays, look into Kedai's log.")
_LEFT_OUT: Final = N_("Not asked this time.")

log = structlog.get_logger("doctor")


def examine_settings(problem: str) -> list[Finding]:
    """Where not even the settings can be read."""
    fix = N_("Mend the setting that is named; docs/reference/settings.md lists them all.")
    wrong = finding("config", State.FAIL, problem, fix)
    return in_order(completed([*look_at_software(), wrong], _BROKEN))


def examine_place(settings: Settings, clock: Clock) -> list[Finding]:
    """What can be said before the installation is opened."""
    return [*look_at_software(), *look_at_settings(settings), *look_at_storage(settings, clock)]


def broken_off(found: Sequence[Finding], problem: str = "") -> list[Finding]:
    """The list where the installation cannot be opened; ``problem`` is what the attempt said."""
    fix = N_("Mend what is said here, then run the doctor again.")
    kept = [one for one in found if not (problem and one.id == "config")]
    told = [finding("config", State.FAIL, problem, fix)] if problem else []
    return in_order(completed([*kept, *told], _BROKEN))


async def examine(
    runtime: Runtime,
    face: Face,
    *,
    environments: Collection[Environment],
    asked: Collection[Environment],
    offline: bool,
) -> list[Finding]:
    """The whole list. The marketplace is asked for the ``asked`` among the ``environments`` alone.

    With ``offline`` nobody is asked, not even our own address.
    """
    places = places_of(runtime, sorted(environments))
    looks = [asyncio.to_thread(_look_at_home, runtime)]
    waits = [_look(runtime, place, offline=offline or place.environment not in asked) for place in places]
    door = [] if offline else [look_at_door(runtime, face)]
    answers = await asyncio.gather(*looks, *waits, *door)
    found = [one for answer in answers for one in answer]
    if offline:
        found += [skipped(name, _LEFT_OUT) for name in CHECKS]
    return in_order(completed(found, _BROKEN))


def _look_at_home(runtime: Runtime) -> list[Finding]:
    found = examine_place(runtime.settings, runtime.clock)
    try:
        return [*found, *look_at_installation(runtime)]
    except Exception:
        log.exception("the installation could not be looked at")
        return [*found, finding("environments", State.FAIL, N_("What is stored could not be read."), _AGAIN)]


async def _look(runtime: Runtime, place: Place, *, offline: bool) -> list[Finding]:
    """One environment whose look breaks is a failed check, and no error of the whole."""
    try:
        found = await look_at_environment(runtime, place, offline=offline)
    except Exception:
        log.exception("an environment could not be looked at", environment=place.environment.value)
        found = [finding("configuration", State.FAIL, N_("It could not be looked at."), _AGAIN)]
    return within(found, place.environment)
