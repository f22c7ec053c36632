"""How things stand in an environment, as far as pages show it and replace it where it stands. No row is kept."""

from __future__ import annotations

import zlib
from datetime import datetime

from sqlalchemy.orm import Session

from kedai.connector_exceptions.queries import count_exceptions
from kedai.coverage.queries import list_push_states
from kedai.inbox.rejected import Filter, count_kept
from kedai.inbox.waiting import count_events
from kedai.runs.queries import list_progress, list_schedule_states
from kedai.sync.diagnosis import ADMITTABLE
from kedai.values.environment import Environment
from kedai.values.event import EventState
from kedai.vault.queries import list_account_states

_COUNTED = 200
_WAITING = (EventState.RECEIVED, EventState.PARKED, EventState.DEAD)
_ADMITTABLE = tuple(one.value for one in ADMITTABLE)


def sum_standing(db: Session, *, environment: Environment, now: datetime) -> int:
    """A checksum: another one than before means that something began, ended, was mended or broke."""
    standing = (
        list_progress(db, environment=environment),
        count_exceptions(db, environment=environment, now=now),
        sorted(count_events(db, _WAITING, environments={environment}, at_most=_COUNTED).items()),
        count_kept(db, Filter(environment, diagnoses=_ADMITTABLE, admitted=False)),
        list_account_states(db, environment=environment),
        list_push_states(db, environment=environment),
        list_schedule_states(db, environment=environment),
    )
    return zlib.crc32(repr(standing).encode())
