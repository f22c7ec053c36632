"""What a run's kind is made of: steps that write, and, where the marketplace must be asked first, a reader."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any
from uuid import UUID

from kedai.sync.parts import Parts
from kedai.values.environment import ConnectorName, Environment

if TYPE_CHECKING:
    from kedai.runs.models import Run

Step = Callable[..., bool]
"""``step(db, run, now=…) -> finished``, in one transaction with the cursor; it may also end or postpone the run."""


@dataclass(frozen=True, slots=True)
class Work:
    """A run in our hands, as it stood when it was looked at: for what happens outside transactions."""

    run_id: UUID
    holder: str
    kind: str
    connector: ConnectorName
    environment: Environment
    scope: dict[str, Any]
    cursor: Any
    attempts: int
    created_at: datetime


Reader = Callable[[Parts, Work], Awaitable[Sequence[Step]]]
"""Asks the marketplace with no transaction open; the steps it answers with are taken one after the other."""


def work_of(run: Run, holder: str) -> Work:
    """The facts of a claimed run."""
    name = ConnectorName(run.connector)
    return Work(run.id, holder, run.kind, name, run.environment, run.scope, run.cursor, run.attempts, run.created_at)
