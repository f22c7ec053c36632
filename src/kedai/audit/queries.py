"""Reads the audit trail: pages of it, and whether it is still whole."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, Final, Literal

import sqlalchemy as sa
from sqlalchemy.orm import InstrumentedAttribute, Session

from kedai.audit.chain import FIRST_HASH, Deed, chained_hash
from kedai.audit.models import AuditEntry
from kedai.errors import Invalid
from kedai.values.environment import Environment
from kedai.values.wording import N_

_ROWS_AT_ONCE = 500
_DAY = timedelta(days=1)
_ID = re.compile(r"[a-z]+_[0-9a-f]{32}")
_NUMBER = re.compile(r"[0-9]{1,18}")
_HASH = re.compile(r"[0-9a-fA-F]{64}")

SUBJECT: Final = "audit"
"""What deeds about the trail itself are about."""

CHECKED: Final = "audit.checked"

Where = Environment | Literal["installation"]
"""The environment of a deed, or the whole installation, to which deeds without one belong."""


@dataclass(frozen=True, slots=True)
class Filter:
    """Which entries are wanted; ``None`` asks for nothing. ``who`` and ``what`` are parts of a text, in any case."""

    who: str | None = None
    what: str | None = None
    where: Where | None = None
    since: datetime | None = None
    until: datetime | None = None


@dataclass(frozen=True, slots=True)
class Mark:
    """An entry by its number and hash: a note of it, kept elsewhere, tells later whether the trail was cut off."""

    sequence: int
    hash: bytes

    def __str__(self) -> str:
        return f"{self.sequence}:{self.hash.hex()}"


@dataclass(frozen=True, slots=True)
class Verdict:
    """What a look at the whole trail found: ``broken`` is the first number that is missing, changed or out of place.

    ``read`` entries were compared, up to and with the one that does not fit.
    """

    broken: int | None
    last: Mark | None
    read: int


def parse_filter(given: Mapping[str, str]) -> Filter:
    """The filter that a form or an address names; days are whole days of UTC.

    Raises:
        Invalid: an environment or a day that there is not, or an end before the beginning.
    """
    if any("\0" in text for text in given.values()):
        raise Invalid(N_("A filter holds a character that nothing can have."))
    since, last = _day(given.get("from"), "from"), _day(given.get("to"), "to")
    if since is not None and last is not None and last < since:
        raise Invalid(N_("The period ends before it begins."), field="to")
    until = None if last is None else last + _DAY
    return Filter(given.get("who"), given.get("what"), _where(given.get("env")), since, until)


def list_entries(
    db: Session, *, environment: Environment | None, before_sequence: int | None, limit: int
) -> list[AuditEntry]:
    """The newest entries first; with an ``environment`` only its own, with ``before_sequence`` only older ones."""
    return find_entries(db, Filter(where=environment), before_sequence=before_sequence, limit=limit)


def find_entries(db: Session, wanted: Filter, *, before_sequence: int | None, limit: int) -> list[AuditEntry]:
    """The entries that fit, newest first; with ``before_sequence`` only older ones."""
    statement = sa.select(AuditEntry).where(*_conditions(wanted)).order_by(AuditEntry.sequence.desc()).limit(limit)
    if before_sequence is not None:
        statement = statement.where(AuditEntry.sequence < before_sequence)
    return list(db.scalars(statement))


def list_deeds(db: Session, *, subject: str, environment: Environment, limit: int) -> list[AuditEntry]:
    """What was done to one thing of an environment, the latest first."""
    statement = sa.select(AuditEntry).where(AuditEntry.subject == subject, AuditEntry.environment == environment)
    return list(db.execute(statement.order_by(AuditEntry.sequence.desc()).limit(limit)).scalars())


def next_entries(
    db: Session, wanted: Filter, *, after_sequence: int, up_to_sequence: int, limit: int
) -> list[AuditEntry]:
    """The entries that fit, oldest first: for an export, a piece at a time."""
    statement = (
        sa.select(AuditEntry)
        .where(*_conditions(wanted), AuditEntry.sequence > after_sequence, AuditEntry.sequence <= up_to_sequence)
        .order_by(AuditEntry.sequence)
        .limit(limit)
    )
    return list(db.scalars(statement))


def last_sequence(db: Session) -> int:
    """The newest entry's number; 0 where there is none."""
    return db.scalar(sa.select(sa.func.max(AuditEntry.sequence))) or 0


def is_there(db: Session, noted: Mark) -> bool:
    """Whether the trail still has this very entry."""
    found = db.scalar(sa.select(AuditEntry.hash).where(AuditEntry.sequence == noted.sequence))
    return found is not None and bytes(found) == noted.hash


def verify_chain(db: Session) -> int | None:
    """The first sequence number that is missing, changed or out of place, or ``None`` if all is well."""
    return verify(db).broken


def verify(db: Session) -> Verdict:
    """Read the whole trail and compare each hash.

    Entries cut off at the end leave no trace in what remains: compare an earlier note of the last `Mark`.
    """
    seen = _Seen()
    with db.execute(_whole_trail()) as rows:
        broken = _first_broken(seen.passing(rows))
    return Verdict(broken, seen.last, seen.number)


class _Seen:
    """Notes what passes: how many rows, and the last one that was followed or fitted."""

    def __init__(self) -> None:
        self.number = 0
        self.last: Mark | None = None

    def passing(self, rows: Iterable[Sequence[Any]]) -> Iterator[Sequence[Any]]:
        for row in rows:
            self.number += 1
            yield row
            self.last = Mark(row[0], bytes(row[-1]))


def parse_mark(text: str) -> Mark:
    """A mark as it was noted: its number, a colon, its hash in hexadecimal digits.

    Raises:
        Invalid: that is none.
    """
    number, _, hashed = text.strip().partition(":")
    if not _NUMBER.fullmatch(number) or not _HASH.fullmatch(hashed):
        raise Invalid(N_("A noted entry is written NUMBER:HASH, as the check printed it."), field="noted")
    return Mark(int(number), bytes.fromhex(hashed))


def find_last_check(db: Session) -> AuditEntry | None:
    """The newest entry about a check of the trail, made on a page."""
    statement = sa.select(AuditEntry).where(AuditEntry.subject == SUBJECT, AuditEntry.action == CHECKED)
    return db.scalars(statement.order_by(AuditEntry.sequence.desc()).limit(1)).first()


def count_entries(db: Session, wanted: Filter, *, up_to_sequence: int) -> int:
    """How many fit, no newer ones counted."""
    statement = sa.select(sa.func.count()).select_from(AuditEntry)
    return db.execute(statement.where(*_conditions(wanted), AuditEntry.sequence <= up_to_sequence)).scalar_one()


def _conditions(wanted: Filter) -> list[sa.ColumnElement[bool]]:
    found: list[sa.ColumnElement[bool]] = []
    if wanted.who is not None:
        found.append(_told_by(AuditEntry.actor_name, AuditEntry.actor_id, wanted.who))
    if wanted.what is not None:
        found.append(_told_by(AuditEntry.action, AuditEntry.subject, wanted.what))
    if wanted.where == "installation":
        found.append(AuditEntry.environment.is_(None))
    elif wanted.where is not None:
        found.append(AuditEntry.environment == wanted.where)
    if wanted.since is not None:
        found.append(AuditEntry.at >= wanted.since)
    if wanted.until is not None:
        found.append(AuditEntry.at < wanted.until)
    return found


def _told_by(words: InstrumentedAttribute[str], name: InstrumentedAttribute[str], text: str) -> sa.ColumnElement[bool]:
    """A part of the words, or the whole name; what can only be an id is looked for as a name alone, by its index."""
    if _ID.fullmatch(text):
        return name == text
    return sa.or_(_holds(words, text), name == text)


def _holds(column: InstrumentedAttribute[str], text: str) -> sa.ColumnElement[bool]:
    return sa.func.lower(column).contains(text.lower(), autoescape=True)


def _first_broken(rows: Iterable[Sequence[Any]]) -> int | None:
    expected, previous_hash = 1, FIRST_HASH
    for *fields, stored_previous_hash, stored_hash in rows:
        deed = Deed(*fields)
        if deed.sequence != expected or stored_previous_hash != previous_hash:
            return min(deed.sequence, expected)
        if stored_hash != chained_hash(deed, previous_hash):
            return expected
        expected, previous_hash = expected + 1, stored_hash
    return None


def _whole_trail() -> sa.Select[*tuple[Any, ...]]:
    """Every row, streamed; texts as they are stored, since a changed row may hold what its type refuses to read."""
    columns = (
        AuditEntry.sequence,
        AuditEntry.at,
        AuditEntry.actor_kind,
        AuditEntry.actor_id,
        AuditEntry.actor_name,
        AuditEntry.action,
        sa.type_coerce(AuditEntry.environment, sa.Text),
        AuditEntry.subject,
        sa.type_coerce(AuditEntry.details, sa.Text),
        AuditEntry.previous_hash,
        AuditEntry.hash,
    )
    return sa.select(*columns).order_by(AuditEntry.sequence).execution_options(yield_per=_ROWS_AT_ONCE)


def _where(text: str | None) -> Where | None:
    if text is None or text == "all":
        return None
    if text == "installation":
        return "installation"
    if text not in set(Environment):
        raise Invalid(N_("The environment is sandbox, live or installation."), field="env")
    return Environment(text)


def _day(text: str | None, field: str) -> datetime | None:
    if text is None:
        return None
    try:
        found = datetime.strptime(text, "%Y-%m-%d").replace(tzinfo=UTC)
    except ValueError:
        raise Invalid(N_("A day is written like 2026-11-23."), field=field) from None
    if found.year in {1, 9999}:
        raise Invalid(N_("There is nothing so far away."), field=field)
    return found
