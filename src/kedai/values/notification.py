"""What people are told of outside the pages: conditions that begin and end, and deeds that happen once."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Literal

from kedai.values.environment import Environment


class Kind(StrEnum):
    """What a channel chooses among."""

    RECONNECT = "reconnect"
    AUTHORIZATION = "authorization"
    PUSHES = "pushes"
    SCHEDULE = "schedule"
    EXCEPTION = "exception"
    QUOTA = "quota"
    STORAGE = "storage"
    SWITCH = "switch"
    SEALED = "sealed"


class Change(StrEnum):
    """What became of it."""

    BEGAN = "began"
    WORSE = "worse"
    ENDED = "ended"
    HAPPENED = "happened"
    TEST = "test"


@dataclass(frozen=True, slots=True)
class Condition:
    """Something that is wrong right now. Of one environment and kind, ``subject`` names it for as long as it lasts."""

    kind: Kind
    environment: Environment
    subject: str
    level: Literal["warn", "bad"]
    title: str
    detail: str
    path: str

    @property
    def key(self) -> tuple[Environment, str, str]:
        """What makes two sights of it the same condition."""
        return self.environment, self.kind.value, self.subject


@dataclass(frozen=True, slots=True)
class News:
    """One thing to tell. ``path`` is the page of ours where one looks at it."""

    kind: Kind
    environment: Environment
    change: Change
    title: str
    detail: str
    path: str
    at: datetime


def news_of(condition: Condition, change: Change, at: datetime) -> News:
    """That a condition began, became worse or ended."""
    detail = "" if change is Change.ENDED else condition.detail
    return News(condition.kind, condition.environment, change, condition.title, detail, condition.path, at)
