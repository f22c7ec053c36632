"""PostgreSQL's statistics of tables that have grown since they were made, before its own autovacuum comes by.

Without any, its planner guesses, and the checks of foreign keys may read all orders of a shop for each row they check.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import sqlalchemy as sa
from sqlalchemy.orm import Session

from kedai.db.base import Model
from kedai.db.database import dialect_of

MANY_ROWS: Final = 1_000
_LOCK: Final = 0x6B65_6461_6931
_NEVER_ANALYZED = sa.text(
    "SELECT relname FROM pg_stat_user_tables WHERE schemaname = current_schema() AND n_live_tup >= :rows"
    " AND last_analyze IS NULL AND last_autoanalyze IS NULL ORDER BY relname"
)


def find_unknown(db: Session, *, rows: int = MANY_ROWS) -> Sequence[str]:
    """Our tables with that many rows which PostgreSQL has never looked at; none on SQLite."""
    if dialect_of(db) != "postgresql":
        return ()
    ours = Model.metadata.tables.keys()
    return [name for name in db.execute(_NEVER_ANALYZED, {"rows": rows}).scalars() if name in ours]


def analyze(db: Session, tables: Sequence[str]) -> bool:
    """Look at them, which also has every plan made anew; False where another process does."""
    if not db.execute(sa.text("SELECT pg_try_advisory_xact_lock(:lock)"), {"lock": _LOCK}).scalar_one():
        return False
    db.execute(sa.text(f"ANALYZE {', '.join(sorted(tables))}"))
    return True
