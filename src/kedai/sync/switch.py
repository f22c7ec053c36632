"""Signing in to the other environment: one act, effective on the next use in every process."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy.orm import Session

from kedai.inbox.service import count_parked
from kedai.sync.connection import switch_fields
from kedai.sync.parts import Parts
from kedai.values.actor import Actor
from kedai.values.environment import ConnectorName, Environment
from kedai.vault.service import activate


@dataclass(frozen=True, slots=True)
class SwitchResult:
    """Whether anything changed, and how many parked pushes of the now active environment wait for a replay."""

    changed: bool
    parked: int


def switch(
    parts: Parts, db: Session, name: ConnectorName, environment: Environment, *, actor: Actor, now: datetime
) -> SwitchResult:
    """Make ``environment`` the active one.

    Raises:
        Sealed: this seems to be a copy, and nobody has confirmed that environment yet.
        NotConfigured: it lacks something; its names in ``missing``.
    """
    parts.quarantine.refuse(db, environment)
    required = switch_fields(parts.connector(name))
    changed = activate(db, name, environment, required=required, actor=actor, now=now)
    return SwitchResult(changed, count_parked(db, name, environment))
