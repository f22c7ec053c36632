"""A running installation to import into, and short words for what the tests of this folder ask of it."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import Session

from kedai.db.base import Model
from kedai.runtime import Runtime
from kedai.sync.medusa.dump import Dump
from kedai.sync.medusa.importer import run_import
from kedai.sync.medusa.report import Report, TableReport
from kedai.sync.medusa.source import Source
from kedai.sync.medusa.tables import LAYOUTS
from tests.support.factories import ANNA

DATA = Path(__file__).parent / "data"


@dataclass
class Kedai:
    """An open installation, and short words for importing into it."""

    runtime: Runtime

    def take(self, source: Source, *, apply: bool = True, connect: bool = False) -> dict[str, TableReport]:
        return {one.table: one for one in self.report(source, apply=apply, connect=connect).tables}

    def report(self, source: Source, *, apply: bool = True, connect: bool = False) -> Report:
        return run_import(self.runtime.parts, source, apply=apply, connect=connect, actor=ANNA)

    def read(self, work: Callable[[Session], Any]) -> Any:
        with self.runtime.web_db.read() as db:
            return work(db)

    def rows(self, table: type[Model]) -> list[Any]:
        return self.read(lambda db: db.execute(sa.select(table)).scalars().all())

    def contents(self) -> dict[str, list[tuple[Any, ...]]]:
        """Every row of every table."""
        tables = Model.metadata.sorted_tables
        return self.read(
            lambda db: {one.name: sorted(map(tuple, db.execute(sa.select(one))), key=repr) for one in tables}
        )


def open_dump(path: Path) -> Dump:
    return Dump(path, tuple(LAYOUTS))


def counts(tables: Mapping[str, TableReport]) -> dict[str, tuple[int, ...]]:
    return {name: (one.read, one.new, one.changed, one.present, one.refused_rows) for name, one in tables.items()}


def only(rows: Sequence[Any], **wanted: Any) -> Any:
    """The one row with these values."""
    (found,) = [row for row in rows if all(getattr(row, name) == value for name, value in wanted.items())]
    return found
