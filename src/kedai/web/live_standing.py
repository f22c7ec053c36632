"""How things stand in an environment, as far as pages show it and replace it where it stands. No row is kept."""

from __future__ import annotations

import zlib
from datetime import datetime

import sqlalchemy as sa
from sqlalchemy.orm import Session

from kedai.connector_exceptions.queries import count_exceptions
from kedai.coverage.models import PushHealth
from kedai.inbox.queries import count_events
from kedai.inbox.rejected import Filter, count_kept
from kedai.runs.models import Schedule
from kedai.runs.queries import list_progress
from kedai.sync.diagnosis import ADMITTABLE
from kedai.values.environment import Environment
from kedai.values.event import EventState
from kedai.vault.models import Merchant, Shop

_COUNTED = 200
_WAITING = (EventState.RECEIVED, EventState.PARKED, EventState.DEAD)
_ADMITTABLE = tuple(one.value for one in ADMITTABLE)


def sum_standing(db: Session, *, environment: Environment, now: datetime) -> int:
    """A checksum: another one than before means that something began, ended, was mended or broke."""
    standing = (
        list_progress(db, environment=environment),
        count_exceptions(db, environment=environment, now=now),
        [count_events(db, state, environment=environment, at_most=_COUNTED) for state in _WAITING],
        count_kept(db, Filter(environment, diagnoses=_ADMITTABLE, admitted=False)),
        _list_states(db, environment),
    )
    return zlib.crc32(repr(standing).encode())


def _list_states(db: Session, environment: Environment) -> list[list[str]]:
    """Of shops, merchants, pushes and schedules; there are few."""
    shops = sa.select(Shop.shop_id, Shop.state).where(Shop.environment == environment)
    merchants = sa.select(Merchant.merchant_id, Merchant.state).where(Merchant.environment == environment)
    pushes = sa.select(PushHealth.connector, PushHealth.status).where(PushHealth.environment == environment)
    columns = (Schedule.connector, Schedule.kind, Schedule.paused_at, Schedule.last_success_at)
    schedules = sa.select(*columns).where(Schedule.environment == environment)
    return [sorted(map(str, db.execute(one))) for one in (shops, merchants, pushes, schedules)]
