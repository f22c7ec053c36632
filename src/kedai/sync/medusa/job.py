"""One import: what its tables share, and the way every table is walked, batch by batch, each in its own transaction.

A kill leaves whole batches. Every row has a key that does not depend on the run, so that the next run goes on.
"""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import islice
from typing import Final, TypeVar

from sqlalchemy.orm import Session

from kedai.audit.service import record
from kedai.connectors.base import Connector
from kedai.errors import SecretUnreadable
from kedai.kit import crash
from kedai.kit.crypto import derive_v1_key, open_v1
from kedai.sync.medusa.fields import Fields, RefusedRow, open_row
from kedai.sync.medusa.report import TableReport
from kedai.sync.medusa.source import OldRow, Source
from kedai.sync.medusa.tables import LAYOUTS
from kedai.sync.parts import Parts
from kedai.values.actor import Actor
from kedai.values.environment import ConnectorName, Environment
from kedai.values.secret import Secret
from kedai.vault.queries import get_active_environment

T = TypeVar("T")
SHOPEE: Final = ConnectorName("shopee")
BATCH_ROWS: Final = 200
_BREATH_SECONDS = 0.002


@dataclass(slots=True)
class Tally:
    """What became of a batch's rows; ``refused`` counts reasons."""

    new: int = 0
    changed: int = 0
    present: int = 0
    refused: Counter[str] = field(default_factory=Counter)
    notes: list[str] = field(default_factory=list)


@dataclass(slots=True)
class Job:
    """An import's choices, and what later tables need of earlier ones."""

    parts: Parts
    source: Source
    apply: bool
    connect: bool
    actor: Actor
    shop_ids: dict[Environment, str] = field(default_factory=dict)
    partner_ids: dict[Environment, str] = field(default_factory=dict)

    @property
    def shopee(self) -> Connector:
        return self.parts.connector(SHOPEE)

    def active_environment(self) -> Environment:
        with self.parts.database.read() as db:
            return get_active_environment(db, SHOPEE)

    def transact(self, table: str, work: Callable[[Session], T]) -> T:
        """Writing when applied, else reading only: a dry run could not write if it wanted to."""
        if not self.apply:
            with self.parts.database.read() as db:
                return work(db)
        done = self.parts.database.transact(work)
        crash.point(f"import.{table}")
        if self.parts.settings.embedded:
            time.sleep(_BREATH_SECONDS)  # the intake's turn
        return done

    def audit(self, db: Session, table: str, tally: Tally) -> None:
        """Note what a batch wrote, in its own transaction."""
        if self.apply and (tally.new or tally.changed):
            details = {"table": table, "new": tally.new, "changed": tally.changed}
            now = self.parts.clock.now()
            record(
                db,
                actor=self.actor,
                action="import.medusa",
                subject=SHOPEE,
                environment=None,
                details=details,
                now=now,
            )


def take_table(
    job: Job, table: str, read: Callable[[Job, Fields], T], write: Callable[[Job, Session, Sequence[T]], Tally]
) -> TableReport:
    """Take over a table: ``read`` judges a row alone, ``write`` a batch against what is stored."""
    report, layout = TableReport(table), LAYOUTS[table]
    columns = job.source.columns(table)
    if columns is None:
        report.missing = "the old system has no such table"
        return report
    if lacking := layout.lacking(columns):
        report.missing = f"nothing is taken over, since the table lacks {', '.join(lacking)}"
        return report
    if unread := layout.unread(columns):
        report.notes.append(f"nothing is taken from {', '.join(unread)}")
    match = layout.match(columns)
    for batch in _batches(job.source.rows(table)):
        taken = []
        for row in batch:
            report.read += 1
            try:
                taken.append(read(job, open_row(row, match)))
            except RefusedRow as refusal:
                report.refused[str(refusal)] += 1
        if taken:
            _count(report, job.transact(table, lambda db, taken=taken: _written(job, db, table, taken, write)))  # type: ignore[misc]
    return report


def decrypt(job: Job, column: str, stored: str) -> Secret:
    """An old secret in the clear.

    Raises:
        RefusedRow: its key was not given, is another one, or the value is in no known format.
    """
    settings = job.parts.settings
    if stored.startswith("v1:"):
        if settings.v1_secret is None:
            raise RefusedRow("its secrets need KEDAI_V1_SECRET, KEDAI_V1_SALT and KEDAI_V1_INFO")
        key = derive_v1_key(settings.v1_secret.get_secret_value(), settings.v1_salt, settings.v1_info)
        try:
            return Secret(open_v1(key, stored))
        except SecretUnreadable:
            raise RefusedRow("a secret does not open with the KEDAI_V1_… settings given") from None
    if column.endswith("_encrypted"):
        raise RefusedRow("a secret is in no format that is known here")
    return Secret(stored.strip())


def _batches(rows: Iterable[OldRow]) -> Iterator[list[OldRow]]:
    remaining = iter(rows)
    while batch := list(islice(remaining, BATCH_ROWS)):
        yield batch


def _written(
    job: Job, db: Session, table: str, taken: Sequence[T], write: Callable[[Job, Session, Sequence[T]], Tally]
) -> Tally:
    tally = write(job, db, taken)
    job.audit(db, table, tally)
    return tally


def _count(report: TableReport, tally: Tally) -> None:
    report.new += tally.new
    report.changed += tally.changed
    report.present += tally.present
    report.refused += tally.refused
    report.notes += tally.notes
