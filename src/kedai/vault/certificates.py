"""Go-live certificates: what the checks of an environment found, kept for good, and whether one counts now."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from datetime import datetime, timedelta
from typing import Final
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.orm import Session

from kedai.audit.service import record
from kedai.errors import NotFound
from kedai.kit.ids import new_id, show_id
from kedai.values.actor import Actor
from kedai.values.check import Check, CheckState
from kedai.values.environment import ConnectorName, Environment
from kedai.values.wording import N_
from kedai.vault.models import GoLiveCertificate

PREFIX: Final = "cert"
VALID_FOR: Final = timedelta(hours=1)
_CLOCKS_APART: Final = timedelta(minutes=1)
"""How far ahead another host's clock may be: a certificate from further ahead is no certificate."""


def keep_certificate(
    db: Session,
    connector: ConnectorName,
    environment: Environment,
    checks: Sequence[Check],
    *,
    credentials_version: int,
    checked_at: datetime,
    actor: Actor,
    now: datetime,
) -> GoLiveCertificate:
    """Store what was found; it passed where nothing failed (and anything was asked at all)."""
    failed = [check.name for check in checks if check.state is CheckState.FAILED]
    certificate = GoLiveCertificate(
        id=new_id(),
        connector=connector,
        environment=environment,
        credentials_version=credentials_version,
        checked_at=checked_at,
        checked_by=actor.name,
        passed=bool(checks) and not failed,
        checks=[{**asdict(check), "state": check.state.value} for check in checks],
    )
    db.add(certificate)
    db.flush()
    record(
        db,
        actor=actor,
        action="certificate.checked",
        environment=environment,
        subject=show_certificate(certificate),
        details={"connector": connector, "version": credentials_version, "passed": not failed, "failed": failed},
        now=now,
    )
    return certificate


def find_latest_certificate(
    db: Session, connector: ConnectorName, environment: Environment
) -> GoLiveCertificate | None:
    """The newest one, whatever it says; None where the checks were never run."""
    return next(iter(list_certificates(db, connector, environment, limit=1)), None)


def list_certificates(
    db: Session, connector: ConnectorName, environment: Environment, *, limit: int
) -> Sequence[GoLiveCertificate]:
    """The newest ones, newest first."""
    statement = sa.select(GoLiveCertificate).where(
        GoLiveCertificate.connector == connector, GoLiveCertificate.environment == environment
    )
    return db.execute(statement.order_by(GoLiveCertificate.id.desc()).limit(limit)).scalars().all()


def get_certificate(
    db: Session, connector: ConnectorName, environment: Environment, certificate_id: UUID
) -> GoLiveCertificate:
    """One of this environment.

    Raises:
        NotFound: there is none by that id here.
    """
    found = db.get(GoLiveCertificate, certificate_id)
    if found is None or (found.connector, found.environment) != (connector, environment):
        raise NotFound(N_("There is no such certificate here."))
    return found


def objection_to(certificate: GoLiveCertificate | None, *, credentials_version: int, now: datetime) -> str:
    """Why this latest certificate does not let anybody go live now; empty where it does.

    Only the latest one is ever asked: checks that fail undo those that passed before.
    """
    if certificate is None:
        return N_("The checks were never run.")
    if not certificate.passed:
        return N_("The latest checks did not pass.")
    if certificate.credentials_version != credentials_version:
        return N_("The credentials were changed since the checks.")
    age = now - certificate.checked_at
    return "" if -_CLOCKS_APART <= age < VALID_FOR else N_("The latest checks are older than an hour.")


def show_certificate(certificate: GoLiveCertificate) -> str:
    """``cert_…``."""
    return show_id(PREFIX, certificate.id)
