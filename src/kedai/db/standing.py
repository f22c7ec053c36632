"""How a database stands: which one, how durably it writes, which schema, and what time it says; for those who look."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final

import sqlalchemy as sa
from sqlalchemy.orm import Session

from kedai.db.database import dialect_of

_DURABLE: Final[Mapping[str, Mapping[str, frozenset[str]]]] = {
    "postgresql": {
        "fsync": frozenset({"on"}),
        "full_page_writes": frozenset({"on"}),
        "synchronous_commit": frozenset({"on", "local", "remote_write", "remote_apply"}),
    },
    "sqlite": {"journal_mode": frozenset({"wal"}), "synchronous": frozenset({"2", "3"})},
}
"""What each setting may be, so that what was committed survives a power cut."""


@dataclass(frozen=True, slots=True)
class Standing:
    """``now`` is the database's clock, ``None`` where it has none of its own (SQLite)."""

    product: str
    version: str
    durability: Mapping[str, str]
    revision: str | None
    now: datetime | None

    @property
    def lapses(self) -> tuple[str, ...]:
        """The settings under which a confirmed commit can be lost."""
        good = _DURABLE[self.product]
        return tuple(name for name, value in self.durability.items() if value not in good[name])


def read_standing(db: Session) -> Standing:
    """Everything at once."""
    product = dialect_of(db)
    ask = "SHOW" if product == "postgresql" else "PRAGMA"
    version = "SHOW server_version" if product == "postgresql" else "SELECT sqlite_version()"
    durability = {name: str(db.execute(sa.text(f"{ask} {name}")).scalar_one()) for name in _DURABLE[product]}
    found = str(db.execute(sa.text(version)).scalar_one())
    return Standing(product, found, durability, find_revision(db), _clock(db, product))


def find_revision(db: Session) -> str | None:
    """The schema's revision; ``None`` in an empty database."""
    if not sa.inspect(db.connection()).has_table("alembic_version"):
        return None
    found: str | None = db.execute(sa.text("SELECT version_num FROM alembic_version")).scalar_one_or_none()
    return found


def _clock(db: Session, product: str) -> datetime | None:
    if product != "postgresql":
        return None
    value: datetime = db.execute(sa.text("SELECT clock_timestamp()")).scalar_one()
    return value.astimezone(UTC)
