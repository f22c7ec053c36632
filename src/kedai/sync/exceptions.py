"""Troubles across features: what a code means, and who looks after a group. Trying again is `retry`."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime
from typing import TYPE_CHECKING
from uuid import UUID

from sqlalchemy.orm import Session

from kedai.connector_exceptions import acts, causes
from kedai.connectors.base import ExplainsCodes
from kedai.errors import Invalid
from kedai.staff.queries import find_staff_by_email
from kedai.sync.parts import Parts
from kedai.values.actor import Actor
from kedai.values.cause import Cause
from kedai.values.environment import ConnectorName, Environment
from kedai.values.wording import N_

if TYPE_CHECKING:
    from kedai.connector_exceptions.models import ConnectorException


def explain(parts: Parts, row: ConnectorException) -> Cause:
    """What a group's code means: the connector's words for its own codes, else ours, an honest default at last.

    What whoever raised it says of the next step is nearer to the case than our table, but not than the connector's.
    """
    connector = parts.connectors.get(ConnectorName(row.connector))
    if row.code not in causes.CAUSES and connector is not None:
        found = connector.explain_code(row.code) if isinstance(connector, ExplainsCodes) else None
        if found is not None:
            return found
    ours = causes.explain(row.code)
    return replace(ours, next_step=row.next_step or ours.next_step)


def assign(
    db: Session, exception_id: UUID, *, environment: Environment, assignee: str | None, actor: Actor, now: datetime
) -> ConnectorException:
    """Say who looks after a group, by their address; ``None`` for nobody.

    Raises:
        NotFound: no such group in that environment. Invalid: nobody of that address works here.
    """
    email = None
    if assignee is not None:
        person = find_staff_by_email(db, assignee)
        if person is None or person.disabled_at is not None:
            raise Invalid(N_("Nobody with this address works here."), field="assignee")
        email = person.email
    return acts.set_assignee(db, exception_id, environment=environment, assignee=email, actor=actor, now=now)
