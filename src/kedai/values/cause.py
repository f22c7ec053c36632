"""Why something went wrong, in an operator's words."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Cause:
    """What a code means: a short title, the likely cause, and the next step to take."""

    title: str
    cause: str
    next_step: str
