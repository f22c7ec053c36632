"""Environments whose app the marketplace refuses: until a call goes well again, or the credentials change."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import sqlalchemy as sa
from sqlalchemy.orm import Session

from kedai.values.environment import ConnectorName, Environment
from kedai.vault.models import EnvironmentCredentials

_PROBLEM_LENGTH = 700


@dataclass(frozen=True, slots=True)
class Degraded:
    """An environment that works only in part, and why, with what to do."""

    connector: str
    environment: Environment
    problem: str


def note_app(db: Session, connector: ConnectorName, environment: Environment, *, problem: str) -> None:
    """What the last call said of the app; empty where it went well. Written only where it says something new."""
    table, text = EnvironmentCredentials, problem[:_PROBLEM_LENGTH]
    mine = (table.connector == connector, table.environment == environment)
    same = table.app_problem == text
    if text:  # refused anew, with other credentials
        same = sa.and_(same, table.app_problem_version == table.version)
    if db.execute(sa.select(sa.literal(1)).where(*mine, sa.not_(same))).first() is not None:
        statement = sa.update(table).where(*mine).values(app_problem=text, app_problem_version=table.version)
        db.execute(statement.execution_options(synchronize_session=False))


def list_degraded(db: Session) -> Sequence[Degraded]:
    """Environments whose app was refused with the credentials that they have now."""
    table = EnvironmentCredentials
    statement = sa.select(table.connector, table.environment, table.app_problem).where(
        table.app_problem != "", table.app_problem_version == table.version
    )
    return [Degraded(*row) for row in db.execute(statement.order_by(table.connector, table.environment.desc()))]
