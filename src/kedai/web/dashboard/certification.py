"""How the checks of an environment stand, as the pages show it: the latest ones, and whether they count now."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any

from sqlalchemy.orm import Session

from kedai.values.environment import ConnectorName, Environment
from kedai.vault.certificates import find_latest_certificate, objection_to
from kedai.vault.queries import get_credentials

if TYPE_CHECKING:
    from kedai.vault.models import GoLiveCertificate


@dataclass(frozen=True, slots=True)
class Certification:
    """``objection`` says why nobody may go live by the latest certificate now; empty where they may."""

    latest: GoLiveCertificate | None
    objection: str

    @property
    def asks_to_register(self) -> bool:
        """Whether registering our address and codes is the fix of something that failed."""
        return has_failed(self.latest, "push_config", "push_status")


def read_certification(db: Session, name: ConnectorName, environment: Environment, *, now: datetime) -> Certification:
    """The latest certificate, judged."""
    latest = find_latest_certificate(db, name, environment)
    version = get_credentials(db, name, environment).version
    return Certification(latest, objection_to(latest, credentials_version=version, now=now))


def has_failed(certificate: GoLiveCertificate | None, *names: str) -> bool:
    """Whether one of these checks failed in it."""
    checks: list[dict[str, Any]] = [] if certificate is None else certificate.checks
    return any(check["state"] == "failed" and check["name"] in names for check in checks)
