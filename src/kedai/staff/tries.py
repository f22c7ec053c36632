"""Counts failed tries of an address or of a person's codes; slows down, never locks out, and keeps few rows."""

from __future__ import annotations

import ipaddress
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

import sqlalchemy as sa
from sqlalchemy.orm import Session

from kedai.db.upsert import insert_into
from kedai.staff.models import SignInTries

MAX_ROWS = 10_000
"""Of each kind: who comes from very many places makes us forget the oldest ones, and never grow."""

_MAX_DELAY_SECONDS = 60
_SWEPT_AT_ONCE = 500


class TryKind(StrEnum):
    """What is counted: all sign-ins from one network address, or the codes given for one person."""

    ADDRESS = "address"
    CODE = "code"


@dataclass(frozen=True, slots=True)
class _Rule:
    free: int
    forgotten_after: timedelta


_RULES = {
    TryKind.ADDRESS: _Rule(free=20, forgotten_after=timedelta(minutes=15)),  # many people may share an address
    TryKind.CODE: _Rule(free=5, forgotten_after=timedelta(days=1)),
}


def growing_delay(failed: int, *, free: int) -> int:
    """Seconds to wait after so many failures: none for the ``free`` ones, then 1, 2, 4, … and never over 60."""
    if failed < free:
        return 0
    return min(_MAX_DELAY_SECONDS, 1 << min(failed - free, 6))


def admit(db: Session, kind: TryKind, subject: str, *, now: datetime) -> bool:
    """Whether a try may be looked at; if so it counts as failed until `take_back` or `forget`.

    Counted before it is looked at, so that a thousand at once are not a thousand tries.
    """
    rule, row = _RULES[kind], _locked_row(db, kind, subject, now=now)
    if row.failed and now >= row.last_failed_at + rule.forgotten_after:
        row.failed = 0
    wait = timedelta(seconds=growing_delay(row.failed, free=rule.free))
    if row.failed and now < row.last_failed_at + wait:
        return False
    row.failed, row.last_failed_at = row.failed + 1, now
    db.flush()
    return True


def take_back(db: Session, kind: TryKind, subject: str) -> None:
    """The last try was a good one: only the failures before it still count."""
    where = SignInTries.kind == kind.value, SignInTries.subject == subject, SignInTries.failed > 0
    db.execute(sa.update(SignInTries).where(*where).values(failed=SignInTries.failed - 1))


def forget(db: Session, kind: TryKind, subject: str) -> None:
    """Start from nothing again."""
    db.execute(sa.delete(SignInTries).where(SignInTries.kind == kind.value, SignInTries.subject == subject))


def address_subject(address: str) -> str:
    """What is counted as one place: an IPv4 address, or the /64 network that an IPv6 user has for themselves."""
    try:
        found = ipaddress.ip_address(address)
    except ValueError:
        return "unknown"
    if isinstance(found, ipaddress.IPv4Address):
        return str(found)
    if found.ipv4_mapped is not None:
        return str(found.ipv4_mapped)
    return str(ipaddress.ip_network((found, 64), strict=False))


def _locked_row(db: Session, kind: TryKind, subject: str, *, now: datetime) -> SignInTries:
    """The row of a place, made if it is missing; an update that changes nothing holds it, so that none can sweep it."""
    insert = insert_into(db, SignInTries).values(kind=kind.value, subject=subject, failed=0, last_failed_at=now)
    key = ["kind", "subject"]
    held = insert.on_conflict_do_update(index_elements=key, set_={"failed": SignInTries.failed})
    if db.execute(held.returning(SignInTries.failed)).scalar_one() == 0:
        _sweep(db, kind, now=now, keep=subject)
    return db.get_one(SignInTries, (kind.value, subject), populate_existing=True)


def _sweep(db: Session, kind: TryKind, *, now: datetime, keep: str) -> None:
    """Remove what no longer counts, and the oldest ones over the limit; rows that others hold are left to them."""
    ours = SignInTries.kind == kind.value
    number = db.scalar(sa.select(sa.func.count()).select_from(SignInTries).where(ours)) or 0
    others = sa.select(SignInTries.subject).where(ours, SignInTries.subject != keep)
    oldest = others.order_by(SignInTries.last_failed_at, SignInTries.subject)
    stale = oldest.where(SignInTries.last_failed_at <= now - _RULES[kind].forgotten_after).limit(_SWEPT_AT_ONCE)
    over = oldest.limit(min(number - MAX_ROWS, _SWEPT_AT_ONCE)) if number > MAX_ROWS else None
    for statement in (stale,) if over is None else (stale, over):
        subjects = db.scalars(statement.with_for_update(skip_locked=True)).all()
        if subjects:
            db.execute(sa.delete(SignInTries).where(ours, SignInTries.subject.in_(subjects)))
