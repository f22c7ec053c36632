"""One thing that an operator should know."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from kedai.values.console import ConsolePage
from kedai.values.environment import Environment
from kedai.values.notification import Kind
from kedai.web.dashboard.words import Level


@dataclass(frozen=True, slots=True)
class Item:
    """One thing to know. ``environment`` is ``None`` where it concerns the whole installation.

    What people are also told of elsewhere has a ``kind``, and a ``subject`` that stays for as long as it lasts.
    ``outside`` is where it is looked after at the marketplace, and the marketplace's name.
    """

    level: Level
    environment: Environment | None
    title: str
    detail: str
    href: str | None
    action: str
    at: datetime | None = None
    kind: Kind | None = None
    subject: str = ""
    outside: tuple[ConsolePage, str] | None = None
