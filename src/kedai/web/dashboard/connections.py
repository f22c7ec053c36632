"""How the connections stand, read once for all that a page shows of them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TypeAlias

from sqlalchemy.orm import Session

from kedai.errors import NotFound
from kedai.runtime import Runtime
from kedai.sync.connection import ConnectionView, get_connection
from kedai.values.environment import ConnectorName, Environment
from kedai.web.dashboard.shell import Shell

Connections: TypeAlias = Mapping[tuple[ConnectorName, Environment], ConnectionView]


def watched_environments(shell: Shell) -> tuple[Environment, ...]:
    """What is viewed, and the active environment always."""
    return tuple(one for one in Environment if one in shell.environments or one is shell.active)


def read_connections(runtime: Runtime, db: Session, shell: Shell) -> Connections:
    """Every marketplace's watched environments; without those of which nothing has been seeded yet."""
    found = {}
    for name in runtime.connectors:
        for environment in watched_environments(shell):
            try:
                found[name, environment] = get_connection(runtime.parts, db, name, environment)
            except NotFound:  # without a master key nothing has been seeded yet
                continue
    return found
