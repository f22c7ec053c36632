"""One question that was asked of an environment before it goes live, and its answer in words."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class CheckState(StrEnum):
    """How a check ended; only ``failed`` stands in the way."""

    PASSED = "passed"
    WARNING = "warning"
    FAILED = "failed"
    NOT_APPLICABLE = "not_applicable"
    """The marketplace has no such thing, or another failure made it impossible to ask."""


@dataclass(frozen=True, slots=True)
class Check:
    """``name`` is stable, ``title`` and the rest are for people; ``fix`` is empty where nothing must be done.

    ``subject`` names the shop where the same question is asked for each. Nothing in here is ever a secret.
    """

    name: str
    title: str
    state: CheckState
    found: str
    fix: str = ""
    subject: str = ""
