"""Signing in to the other environment: one act, effective on the next use in every process."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy.orm import Session

from kedai.inbox.service import count_parked
from kedai.runs.queries import find_open_runs
from kedai.sync.catch_up import KIND, schedule
from kedai.sync.connection import switch_fields
from kedai.sync.parts import Parts
from kedai.values.actor import Actor
from kedai.values.environment import ConnectorName, Environment
from kedai.vault.queries import find_last_switch
from kedai.vault.service import activate


@dataclass(frozen=True, slots=True)
class SwitchResult:
    """Whether anything changed, how many parked pushes wait there for a decision, and how many shops are caught up."""

    changed: bool
    parked: int
    catch_ups: int


def switch(
    parts: Parts, db: Session, name: ConnectorName, environment: Environment, *, actor: Actor, now: datetime
) -> SwitchResult:
    """Make ``environment`` the active one, and queue a catch-up of its shops' orders.

    Raises:
        Sealed: this seems to be a copy, and nobody has confirmed that environment yet.
        NotConfigured: it lacks something; its names in ``missing``.
    """
    parts.quarantine.refuse(db, environment)
    required = switch_fields(parts.connector(name))
    # before anything is recorded: a step of a run also takes the run first, and the audit trail's lock later
    find_open_runs(db, (KIND,), name, environment=environment, lock=True)
    inactive_since = find_last_switch(db, name)
    changed = activate(db, name, environment, required=required, actor=actor, now=now)
    catch_ups = 0
    if changed:
        catch_ups = schedule(parts, db, name, environment, inactive_since=inactive_since, actor=actor, now=now)
    return SwitchResult(changed, count_parked(db, name, environment), catch_ups)
