"""Admitting rejected deliveries after a mistake was mended: each is verified again and goes through the intake.

What does not verify with this environment's own push key, over this environment's own address, can never be admitted.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING
from uuid import UUID

import msgspec
from sqlalchemy.orm import Session

from kedai.audit.service import record
from kedai.db.database import Database
from kedai.errors import Conflict, KedaiError
from kedai.inbox.flush import IncomingPush
from kedai.inbox.queries import find_event_id
from kedai.inbox.rejected import Filter, count_kept, list_stale, lock_rejected, lock_waiting, note_diagnosis
from kedai.kit.ids import new_id, show_id
from kedai.sync.diagnosis import ADMITTABLE, EXPLAINED, Diagnosis, Keyring, diagnose, find_match, open_keyring
from kedai.sync.intake import Intake, Stored, VerifiedPush
from kedai.sync.parts import Parts
from kedai.values.actor import Actor
from kedai.values.environment import ConnectorName, Environment
from kedai.values.event import EventState, PushMatch
from kedai.values.wording import N_

if TYPE_CHECKING:
    from kedai.inbox.models import RejectedDelivery

_AT_ONCE = 10  # SQLite's one writer is held for some milliseconds
_LOOKED_AT_ONCE = 100


@dataclass(frozen=True, slots=True)
class Admitted:
    """How many were admitted, and how many still do not verify."""

    admitted: int
    left: int


@dataclass(frozen=True, slots=True)
class Judgement:
    """Why one fails, by the keys and URLs that ``diagnosed_for`` names."""

    rejected_id: UUID
    diagnosis: str
    diagnosed_for: str


def admit_one(
    parts: Parts, db: Session, rejected_id: UUID, *, environment: Environment, actor: Actor, now: datetime
) -> RejectedDelivery:
    """Verify one again and store it as a push.

    Raises:
        NotFound: no such delivery in that environment.
        Conflict: it was admitted before, it still does not verify, or the installation drops such pushes.
    """
    row = lock_rejected(db, rejected_id, environment=environment)
    if row.admitted_at is not None:
        raise Conflict(N_("This delivery was admitted before."))
    name = ConnectorName(row.connector)
    ring = open_keyring(parts, db, name, environment, now=now)
    found = find_match(ring, row)
    if found is None:
        why = EXPLAINED[diagnose(ring, row)]
        raise Conflict(N_("It still does not verify. %(why)s: %(next_step)s", why=why.title, next_step=why.next_step))
    stored = _admit(parts, db, ring, row, found[0], actor, now)
    if stored is not Stored.STORED:
        raise Conflict(N_("It was not stored: pushes of an environment that is not active are dropped here."))
    details = {"event": show_id("evt", row.event_id) if row.event_id else None, "matched": found[1].value}
    subject, action = show_id("rej", row.id), "quarantine.admit"
    record(db, actor=actor, action=action, environment=environment, subject=subject, details=details, now=now)
    return row


def admit_all(
    parts: Parts, database: Database, name: ConnectorName, *, environment: Environment, actor: Actor, now: datetime
) -> Admitted:
    """Verify all that wait again and admit those that verify, in transactions of a few; one audit entry for each.

    Raises:
        NotFound: there is no such connector.
    """
    parts.connector(name)
    after: UUID | None = None
    admitted = left = 0
    while True:
        with database.write() as db:
            rows = lock_waiting(db, name, environment=environment, after=after, limit=_AT_ONCE)
            if not rows:
                return Admitted(admitted, left)
            after = rows[-1].id
            ring = open_keyring(parts, db, name, environment, now=now)
            events = [_try(parts, db, ring, row, actor, now) for row in rows]
            ids = [event for event in events if event is not None]
            if ids:
                _note_many(db, name, environment, ids, actor, now)
        admitted, left = admitted + len(ids), left + len(events) - len(ids)


def judge(
    parts: Parts, db: Session, name: ConnectorName, *, environment: Environment, limit: int, now: datetime
) -> list[Judgement]:
    """Why waiting ones fail that were judged by other keys or URLs, newest first.

    It takes about a millisecond for each, so it is done with no lock held; `note_judgements` writes it down.
    """
    ring = open_keyring(parts, db, name, environment, now=now)
    stale = list_stale(db, name, environment=environment, diagnosed_for=ring.fingerprint, limit=limit)
    return [Judgement(row.id, diagnose(ring, row).value, ring.fingerprint) for row in stale]


def note_judgements(db: Session, judgements: Sequence[Judgement]) -> None:
    """Write down what was judged."""
    for one in sorted(judgements, key=lambda one: one.rejected_id):
        note_diagnosis(db, one.rejected_id, diagnosis=one.diagnosis, diagnosed_for=one.diagnosed_for)


def note_verifying(parts: Parts, db: Session, name: ConnectorName, *, environment: Environment, now: datetime) -> None:
    """Of the newest waiting ones note those that verify now: quick enough for the transaction that changes a key."""
    ring = open_keyring(parts, db, name, environment, now=now)
    stale = list_stale(db, name, environment=environment, diagnosed_for=ring.fingerprint, limit=_LOOKED_AT_ONCE)
    matches = [(row.id, find_match(ring, row)) for row in stale]
    note_judgements(db, [Judgement(found, match[1].value, ring.fingerprint) for found, match in matches if match])


def count_admittable(db: Session, name: ConnectorName, *, environment: Environment) -> int:
    """How many waiting ones verified when they were judged last."""
    diagnoses = tuple(one.value for one in ADMITTABLE)
    return count_kept(db, Filter(environment, name, diagnoses, admitted=False))


def _try(parts: Parts, db: Session, ring: Keyring, row: RejectedDelivery, actor: Actor, now: datetime) -> UUID | None:
    """The event of one that verifies, else None."""
    found = find_match(ring, row)
    if found is not None and _admit(parts, db, ring, row, found[0], actor, now) is Stored.STORED:
        return row.event_id
    return None


def _admit(
    parts: Parts, db: Session, ring: Keyring, row: RejectedDelivery, match: PushMatch, actor: Actor, now: datetime
) -> Stored:
    """Through the intake: the switchboard decides whether it waits or is parked, and a twin is counted only."""
    event = ring.connector.parse_push(bytes(row.body))
    push = IncomingPush(
        id=new_id(),
        connector=ConnectorName(row.connector),
        environment=row.environment,
        event=event,
        body=bytes(row.body),
        headers=msgspec.json.encode(row.headers).decode(),
        matched_key=match.key_name,
        matched_url=match.url,
        received_at=row.received_at,
        state=EventState.RECEIVED,
        parked_reason=None,
    )
    if ring.keys is None or row.signature is None:
        raise KedaiError("A delivery without keys or signature was about to be admitted.")
    signed = {ring.connector.signature_header: bytes(row.signature)}
    stored = Intake(parts).store_in(db, VerifiedPush(push, ring.keys.version, "", signed))
    if stored is Stored.STORED:
        row.event_id = find_event_id(db, row.connector, environment=row.environment, event_id=event.event_id)
        row.admitted_at, row.admitted_by = now, actor.name
        row.diagnosis, row.diagnosed_for = Diagnosis.VERIFIES, ring.fingerprint
    return stored


def _note_many(
    db: Session, name: ConnectorName, environment: Environment, ids: list[UUID], actor: Actor, now: datetime
) -> None:
    details = {"count": len(ids), "events": [show_id("evt", one) for one in ids]}
    action = "quarantine.admit_all"
    record(db, actor=actor, action=action, environment=environment, subject=name, details=details, now=now)
