"""Certificates for tests that are about something else than the checks."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy.orm import Session

from kedai.values.actor import COMMAND_LINE
from kedai.values.check import Check, CheckState
from kedai.values.environment import ConnectorName, Environment
from kedai.vault.certificates import keep_certificate
from kedai.vault.models import GoLiveCertificate
from kedai.vault.queries import get_credentials


def store_certificate(
    db: Session,
    connector: ConnectorName,
    environment: Environment,
    *,
    now: datetime,
    state: CheckState = CheckState.PASSED,
    checked_at: datetime | None = None,
    version: int | None = None,
) -> GoLiveCertificate:
    """One check of the given state, of the present credentials and just now unless said otherwise."""
    check = Check("configuration", "Everything is filled in", state, "Nothing is missing.")
    return keep_certificate(
        db,
        connector,
        environment,
        [check],
        credentials_version=get_credentials(db, connector, environment).version if version is None else version,
        checked_at=checked_at or now,
        actor=COMMAND_LINE,
        now=now,
    )
