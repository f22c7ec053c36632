"""Which environment is the active one: changed in one transaction that checks the facts once more."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import TYPE_CHECKING

import sqlalchemy as sa
from sqlalchemy.orm import Session

from kedai.audit.service import record
from kedai.errors import CertificateRequired, NotConfigured
from kedai.values.actor import Actor
from kedai.values.environment import ConnectorName, Environment
from kedai.values.wording import N_
from kedai.vault.certificates import find_latest_certificate, objection_to, show_certificate
from kedai.vault.models import ActiveEnvironment
from kedai.vault.queries import get_credentials
from kedai.vault.service import missing_fields

if TYPE_CHECKING:
    from kedai.vault.models import EnvironmentCredentials


def activate(
    db: Session,
    connector: ConnectorName,
    environment: Environment,
    *,
    required: Sequence[str],
    override_reason: str | None,
    actor: Actor,
    now: datetime,
) -> bool:
    """Sign in to an environment; False when it already was the active one.

    The facts are checked in this transaction: a concurrent edit waits for the row that both lock first. To live a
    certificate must count, unless somebody who may says why it need not (``override_reason``).

    Raises:
        NotConfigured: the target lacks something (its names in ``missing``).
        CertificateRequired: live, and no certificate counts; it says why.
    """
    target = get_credentials(db, connector, environment, lock=True)
    missing = missing_fields(db, target, required)
    statement = sa.select(ActiveEnvironment).where(ActiveEnvironment.connector == connector).with_for_update()
    row = db.execute(statement, execution_options={"populate_existing": True}).scalar_one()
    if row.environment == environment:
        return False
    if missing:
        raise NotConfigured(environment, missing)
    details: dict[str, str | None] = {"from": row.environment.value, "to": environment.value}
    if environment is Environment.LIVE:
        details["certificate"] = _certify(db, target, override_reason, actor, now)
    row.environment, row.version = environment, row.version + 1
    row.updated_at, row.updated_by = now, actor.name
    db.flush()
    record(
        db,
        actor=actor,
        action="environment.switch",
        environment=environment,
        subject=connector,
        details=details,
        now=now,
    )
    return True


def _certify(
    db: Session, target: EnvironmentCredentials, override_reason: str | None, actor: Actor, now: datetime
) -> str | None:
    """The certificate that live becomes active by; None where somebody overrides, which is recorded here."""
    connector = ConnectorName(target.connector)
    latest = find_latest_certificate(db, connector, target.environment)
    objection = objection_to(latest, credentials_version=target.version, now=now)
    if latest is not None and not objection:
        return show_certificate(latest)
    if override_reason is None:
        name = target.environment.value
        raise CertificateRequired(
            N_("%(objection)s Run the checks of %(environment)s first.", objection=objection, environment=name)
        )
    record(
        db,
        actor=actor,
        action="certificate.override",
        environment=target.environment,
        subject=connector,
        details={"reason": override_reason, "objection": objection},
        now=now,
    )
    return None
