"""Whether this is still the installation that it was, and the seal on a copy that wakes elsewhere.

An identity is a keyed hash over the public URL and the database (spec, security, clone quarantine). A process that
starts with another identity than the stored one may ask a marketplace for nothing until a person confirms.
"""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

import msgspec
import sqlalchemy as sa
from sqlalchemy.engine import Connection
from sqlalchemy.orm import Session

from kedai.audit.service import record
from kedai.db.database import dialect_of
from kedai.db.upsert import insert_into
from kedai.errors import Conflict
from kedai.values.actor import SYSTEM, Actor
from kedai.values.environment import Environment
from kedai.values.wording import N_
from kedai.vault.models import EnvironmentSeal, Installation

_SYSTEM_AND_DATABASE = sa.text(
    "SELECT (SELECT system_identifier FROM pg_control_system()), oid FROM pg_database"
    " WHERE datname = current_database()"
)
_KNOWN = (Installation.cursor_key, Installation.identity, Installation.identity_public_url)


@dataclass(frozen=True, slots=True)
class Place:
    """Where an installation or a process is: its public URL (blank where none was set) and its database."""

    public_url: str
    database: str


@dataclass(frozen=True, slots=True)
class Seal:
    """A sealed environment: since when, and what it was and is. ``identity`` is that of the process that saw it."""

    environment: Environment
    identity: str
    was: Place
    found: Place
    sealed_at: datetime


def recognise(db: Session, given_url: str, *, now: datetime) -> Place | None:
    """Compare this process with what is stored, and seal both environments where it is another one.

    ``given_url`` is blank where nobody set a public URL: then the stored one is assumed, so that a port that changes
    or a command without that setting is no other installation. Returns where the process is, if something is sealed
    for it.
    """
    installation = _locked_installation(db)
    if installation is None:  # nothing was ever stored that could be asked with
        return None
    given = Place(given_url, _read_database(db))
    place, identity = _complete(installation, given), _identity(installation, given)
    if _is_first(db, installation, place):
        _accept(installation, identity, place)
    elif identity != installation.identity:
        was = Place(installation.identity_public_url or "", installation.identity_database or "")
        for environment in Environment:
            _seal(db, environment, identity, was, place, now)
    db.flush()
    return given if list_sealed(db, given) else None


def list_sealed(db: Session | Connection, place: Place) -> frozenset[Environment]:
    """The environments that a process at this place must leave alone, as it stands now."""
    installation = db.execute(sa.select(*_KNOWN)).one()
    identity = _identity(installation, place)
    if installation.identity != identity:
        return frozenset(Environment)
    rows = db.execute(sa.select(EnvironmentSeal.environment).where(EnvironmentSeal.identity == identity))
    return frozenset(rows.scalars())


def get_identity(db: Session, place: Place) -> str:
    """What a process at this place is known by now."""
    return _identity(db.execute(sa.select(*_KNOWN)).one(), place)


def list_seals(db: Session) -> Sequence[Seal]:
    """Every seal, the newest first."""
    statement = sa.select(EnvironmentSeal).order_by(
        EnvironmentSeal.sealed_at.desc(), EnvironmentSeal.environment.desc()
    )
    return [_shown(row) for row in db.execute(statement).scalars()]


def find_place(db: Session) -> Place | None:
    """Where the installation was when it was last recognised; None before its first start."""
    row = db.execute(sa.select(Installation)).scalar_one_or_none()
    if row is None or row.identity is None:
        return None
    return Place(row.identity_public_url or "", row.identity_database or "")


def unseal(db: Session, environment: Environment, *, identity: str | None, actor: Actor, now: datetime) -> Seal:
    """A person confirms that this environment belongs here: its seals go, and the place is accepted as ours.

    ``identity`` is that of the asking process; a command that has none of its own (None) means the newest seal. The
    other environment stays sealed.

    Raises:
        Conflict: it is not sealed.
    """
    installation = _locked_installation(db)
    seals = [one for one in list_seals(db) if one.environment is environment]
    chosen = next((one for one in seals if identity is None or one.identity == identity), None)
    if installation is None or chosen is None:
        raise Conflict(N_("%(environment)s is not sealed.", environment=environment.value.title()))
    _accept(installation, chosen.identity, chosen.found)
    db.execute(sa.delete(EnvironmentSeal).where(EnvironmentSeal.environment == environment))
    db.flush()
    _record(db, "environment.unseal", environment, actor, chosen.was, chosen.found, now)
    return chosen


def _locked_installation(db: Session) -> Installation | None:
    statement = sa.select(Installation).with_for_update().execution_options(populate_existing=True)
    return db.execute(statement).scalar_one_or_none()


def _read_database(db: Session) -> str:
    """What tells this database from a copy of it: the cluster and the database's number there, or the file's inode."""
    if dialect_of(db) == "postgresql":
        system, number = db.execute(_SYSTEM_AND_DATABASE).one()
        return f"postgresql system {system} database {number}"
    path = db.get_bind().engine.url.database or ""
    return f"sqlite inode {Path(path).stat().st_ino}"


def _complete(installation: Any, place: Place) -> Place:
    return Place(place.public_url or installation.identity_public_url or "", place.database)


def _identity(installation: Any, place: Place) -> str:
    """``installation`` is the row, or those columns of it that are known."""
    whole = _complete(installation, place)
    text = msgspec.json.encode(["kedai-identity-1", whole.public_url, whole.database])
    return hmac.new(installation.cursor_key, text, hashlib.sha256).hexdigest()


def _is_first(db: Session, installation: Installation, place: Place) -> bool:
    """Whether there is nothing to compare with: the first start, or a first public URL for the very same database."""
    if installation.identity is None:
        return True
    if installation.identity_public_url or installation.identity_database != place.database:
        return False
    return not list_sealed(db, Place("", place.database))


def _accept(installation: Installation, identity: str, place: Place) -> None:
    installation.identity = identity
    installation.identity_public_url, installation.identity_database = place.public_url, place.database


def _seal(db: Session, environment: Environment, identity: str, was: Place, found: Place, now: datetime) -> None:
    """Once per identity: any number of processes of the same copy may start."""
    row = {
        "environment": environment,
        "identity": identity,
        "found": {
            "public_url": {"was": was.public_url, "is": found.public_url},
            "database": {"was": was.database, "is": found.database},
        },
        "sealed_at": now,
    }
    insert = insert_into(db, EnvironmentSeal).values(row).on_conflict_do_nothing()
    if db.execute(insert.returning(EnvironmentSeal.identity)).first() is not None:
        _record(db, "environment.seal", environment, SYSTEM, was, found, now)


def _record(
    db: Session, action: str, environment: Environment, actor: Actor, was: Place, found: Place, now: datetime
) -> None:
    details = {
        "public_url": {"from": was.public_url, "to": found.public_url},
        "database": {"from": was.database, "to": found.database},
    }
    record(db, actor=actor, action=action, environment=environment, subject="installation", details=details, now=now)


def _shown(row: EnvironmentSeal) -> Seal:
    url, database = row.found["public_url"], row.found["database"]
    return Seal(
        row.environment,
        row.identity,
        Place(url["was"], database["was"]),
        Place(url["is"], database["is"]),
        row.sealed_at,
    )
