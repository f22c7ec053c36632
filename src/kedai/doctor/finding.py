"""One check's answer: state, evidence and fix, in words for an operator. No evidence ever holds a secret."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Final

from kedai.sync.preflight.findings import TITLES as MARKETPLACE_TITLES
from kedai.values.check import Check, CheckState
from kedai.values.environment import Environment
from kedai.values.wording import N_


class State(StrEnum):
    """How a check ended; only ``fail`` makes the whole fail."""

    FAIL = "fail"
    WARN = "warn"
    PASS = "pass"  # noqa: S105  a verdict
    SKIPPED = "skipped"
    """It could not be looked at, or does not apply here; the evidence says why."""


@dataclass(frozen=True, slots=True)
class Finding:
    """``id`` is stable; ``fix`` and ``go`` (a page's path) are empty where nothing must be done.

    ``environment`` is ``None`` where it concerns the installation; ``subject`` names the shop where each is asked for.
    """

    id: str
    title: str
    state: State
    evidence: str
    fix: str = ""
    go: str = ""
    environment: Environment | None = None
    subject: str = ""


INSTALLATION: Final[Mapping[str, str]] = {
    "python": N_("Python is new enough"),
    "dependencies": N_("The libraries are new enough"),
    "config": N_("The settings are valid"),
    "master_keys": N_("Master keys are here, and sound"),
    "key_canary": N_("The master keys are this database's own"),
    "key_use": N_("Every stored secret has its key"),
    "v1_rows": N_("No secret is left in the older format"),
    "database": N_("The database answers"),
    "durability": N_("The database keeps what it has confirmed"),
    "schema": N_("The schema is this version's"),
    "disk_space": N_("There is room on the disk"),
    "data_dir": N_("The data directory outlasts this process"),
    "database_clock": N_("Our clock is the database's"),
    "environments": N_("Both environments are there"),
    "same_key": N_("No key stands in both environments"),
    "public_url": N_("Marketplaces can reach the public address"),
    "trusted_proxies": N_("The proxy in front is known"),
    "security_headers": N_("Pages reach browsers with their security headers"),
    "session_cookie": N_("The session cookie reaches browsers as it must"),
    "static_files": N_("Browsers get the static files of this version"),
    "hmac": N_("Signatures are computed right"),
    "worker": N_("A worker is alive"),
    "notifications": N_("People can be told of trouble"),
}
"""The checks of the installation, in the order in which they are shown."""

ENVIRONMENT: Final[Mapping[str, str]] = {
    **MARKETPLACE_TITLES,
    "token_expiry": N_("The shops' tokens last"),
    "lost_messages": N_("No push was lost"),
    "last_jobs": N_("What comes round went well"),
}
"""The checks of each environment of a marketplace: those of going live, and what is stored."""

ORDER: Final = (*INSTALLATION, *ENVIRONMENT)
_TITLES: Final = {**INSTALLATION, **ENVIRONMENT}
_STATES: Final = {
    CheckState.PASSED: State.PASS,
    CheckState.WARNING: State.WARN,
    CheckState.FAILED: State.FAIL,
    CheckState.NOT_APPLICABLE: State.SKIPPED,
}


def finding(name: str, state: State, evidence: str, fix: str = "", *, go: str = "", subject: str = "") -> Finding:
    """A finding with its title, of the installation until it is placed `within` an environment."""
    return Finding(name, _TITLES[name], state, evidence, fix, go, subject=subject)


def passed(name: str, evidence: str, *, subject: str = "") -> Finding:
    """It is as it should be."""
    return finding(name, State.PASS, evidence, subject=subject)


def skipped(name: str, why: str) -> Finding:
    """It was not looked at, for a reason that is no failure of its own."""
    return finding(name, State.SKIPPED, why)


def within(found: Iterable[Finding], environment: Environment) -> list[Finding]:
    """What was found of one environment."""
    return [replace(one, environment=environment) for one in found]


def of_check(check: Check, go: str) -> Finding:
    """What a check before going live found; ``go`` leads to where its fix is done."""
    state = _STATES[check.state]
    where = go if check.fix else ""
    return Finding(check.name, check.title, state, check.found, check.fix, where, subject=check.subject)


def completed(found: Iterable[Finding], why: str) -> list[Finding]:
    """The whole list of the installation, also where something stood in the way of looking at the rest."""
    told = list(found)
    known = {one.id for one in told}
    return [*told, *(skipped(name, why) for name in INSTALLATION if name not in known)]


def in_order(found: Iterable[Finding]) -> list[Finding]:
    """The installation first, then each environment; within it by check and shop."""
    return sorted(found, key=lambda one: (one.environment or "", ORDER.index(one.id), one.subject))


def worst(found: Iterable[Finding]) -> State:
    """The verdict over all: fail, warn or pass."""
    states = {one.state for one in found}
    return next((state for state in (State.FAIL, State.WARN) if state in states), State.PASS)


def as_values(found: Iterable[Finding]) -> dict[str, object]:
    """The list as programs get it."""
    told = list(found)
    counts = {state.value: sum(one.state is state for one in told) for state in State}
    checks = [
        {
            "id": one.id,
            "title": one.title,
            "state": one.state.value,
            "environment": None if one.environment is None else one.environment.value,
            "subject": one.subject or None,
            "evidence": one.evidence,
            "fix": one.fix or None,
            "go": one.go or None,
        }
        for one in told
    ]
    return {"verdict": worst(told).value, "counts": counts, "checks": checks}
