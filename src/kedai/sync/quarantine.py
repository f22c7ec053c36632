"""The seal on a copy, as every verb of this room asks for it: is this environment sealed for this process?

A process that was recognised at its start is never asked again; one that was not looks at each use, so that a person's
word counts at once.
"""

from __future__ import annotations

from dataclasses import dataclass

import structlog
from sqlalchemy.engine import Connection
from sqlalchemy.orm import Session

from kedai.db.database import Database
from kedai.errors import Sealed
from kedai.kit.clock import Clock
from kedai.settings import Settings
from kedai.values.environment import Environment
from kedai.vault.identity import Place, get_identity, list_sealed, recognise

log = structlog.get_logger("quarantine")


@dataclass(frozen=True, slots=True)
class Quarantine:
    """``place`` is None where this process was recognised: nothing is sealed for it while it runs."""

    place: Place | None

    def sealed(self, db: Session | Connection) -> frozenset[Environment]:
        """The environments that must be left alone now."""
        return frozenset() if self.place is None else list_sealed(db, self.place)

    def identity(self, db: Session) -> str | None:
        """Whose seals are this process's own; None for one that was recognised."""
        return None if self.place is None else get_identity(db, self.place)

    def refuse(self, db: Session, environment: Environment) -> None:
        """Before anything that acts for an environment.

        Raises:
            Sealed: until a person confirms.
        """
        if environment in self.sealed(db):
            raise Sealed(environment)


def open_quarantine(settings: Settings, database: Database, clock: Clock) -> Quarantine:
    """At start, once per process: recognise the installation, or seal what seems to be a copy of it."""
    with database.write() as db:
        found = Quarantine(recognise(db, settings.given_public_url, now=clock.now()))
        sealed = sorted(found.sealed(db))
    if sealed:
        log.error("this seems to be a copy of another installation", sealed=[one.value for one in sealed])
    return found
