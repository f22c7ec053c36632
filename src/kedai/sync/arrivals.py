"""Where a push goes that is to be stored: in the queue, aside until its environment is active, or nowhere."""

from __future__ import annotations

from collections.abc import Collection, Sequence

import structlog
from msgspec.structs import replace
from sqlalchemy.exc import OperationalError, StatementError
from sqlalchemy.orm import Session

from kedai.inbox.flush import IncomingPush, insert_pushes
from kedai.sync.parts import Parts
from kedai.values.environment import ConnectorName, Environment
from kedai.values.event import EventState, InboundEvent, ParkedReason, Topic
from kedai.values.wording import N_
from kedai.vault.queries import read_switchboard

REFUSED = (StatementError, UnicodeEncodeError, OverflowError, TypeError)
"""A row the database refuses, and what no driver can even send: half a character, a number beyond 64 bits."""

log = structlog.get_logger("arrivals")


def place_push(
    push: IncomingPush, *, active: Environment, sealed: Collection[Environment], drops: bool
) -> IncomingPush | None:
    """The push as it is stored; None where the installer chose to drop what comes for the inactive environment."""
    is_sealed = push.environment in sealed  # never dropped: nobody chose that this environment rests
    if push.event.topic is not Topic.ORDER or (push.environment is active and not is_sealed):
        return push
    if drops and not is_sealed:
        return None
    return replace(push, state=EventState.PARKED, parked_reason=ParkedReason.INACTIVE_ENVIRONMENT)


def without_fields(push: IncomingPush) -> IncomingPush:
    """The same bytes, as malformed: what the database refuses is one of the fields that were read from them."""
    event_id, problem = push.event.event_id, N_("the database refused its fields")
    return replace(push, event=InboundEvent(event_id, Topic.MALFORMED, None, None, None, None, problem))


def store_fetched(parts: Parts, db: Session, connector: ConnectorName, pushes: Sequence[IncomingPush]) -> int:
    """Store pushes that were fetched and did not come by themselves, in the caller's transaction; how many were new.

    Raises:
        StatementError: the database refuses one of them even without its fields; nothing may be confirmed then.
    """
    connection = db.connection()
    active = read_switchboard(connection, connector).active  # share-locked: a switch waits until these are stored
    sealed, drops = parts.quarantine.sealed(connection), parts.settings.inactive_events == "drop"
    placed = [place_push(push, active=active, sealed=sealed, drops=drops) for push in pushes]
    kept = [push for push in placed if push is not None]
    if len(kept) < len(pushes):
        log.info("fetched pushes were dropped", connector=connector, pushes=len(pushes) - len(kept))
    try:
        with db.begin_nested():  # the savepoint is not made before the session is asked for its connection
            return insert_pushes(db.connection(), kept) or 0
    except OperationalError:  # the database, and no push, is at fault
        raise
    except REFUSED as error:
        log.warning("a fetched page holds a row that the database refuses", error=type(error).__name__)
    return sum(_store_alone(db, push) for push in kept)


def _store_alone(db: Session, push: IncomingPush) -> int:
    try:
        with db.begin_nested():
            return insert_pushes(db.connection(), [push]) or 0
    except OperationalError:
        raise
    except REFUSED:
        return insert_pushes(db.connection(), [without_fields(push)]) or 0
