"""What people are told of outside the pages: the same list that Home begins with, made by the same function."""

from __future__ import annotations

from sqlalchemy.orm import Session

from kedai.runtime import Runtime
from kedai.sync.notifying import Wrong
from kedai.values.notification import Condition
from kedai.vault.queries import get_active_environment
from kedai.web.dashboard.connections import read_connections
from kedai.web.dashboard.health.read import read_health
from kedai.web.dashboard.shell import Shell, main_connector


def watched(runtime: Runtime) -> Wrong:
    """Where a worker looks for what is wrong."""
    return Wrong(lambda db: list_conditions(runtime, db), lambda: runtime.storage.trouble)


def list_conditions(runtime: Runtime, db: Session) -> list[Condition]:
    """What is wrong in either environment right now, as far as people are told of it."""
    shell = Shell(
        viewed="all",
        active=get_active_environment(db, main_connector(runtime)),
        now=runtime.clock.now(),
        section="",
        person=None,
        can=frozenset(),
        connectors=(),
        sealed=tuple(sorted(runtime.parts.quarantine.sealed(db))),
    )
    return [
        Condition(
            kind=item.kind,
            environment=item.environment,
            subject=item.subject,
            level="bad" if item.level == "bad" else "warn",
            title=str(item.title),  # in plain English, whatever pages make of it
            detail=str(item.detail),
            path=item.href or f"/e/{item.environment}/home",
        )
        for item in read_health(runtime, db, shell, read_connections(runtime, db, shell))
        if item.kind is not None and item.environment is not None
    ]
