"""A list of a page as a file: the same filter, all its pages, streamed; that somebody took it is in the trail first.

Read page by page, each in a transaction of its own: what changes meanwhile may be missing, and is on the page again.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from fastapi.responses import StreamingResponse
from sqlalchemy.orm import Session

from kedai.audit.service import record
from kedai.db.database import Database
from kedai.errors import TooLarge
from kedai.kit.sheets import SheetFormat, head, lines
from kedai.runtime import Runtime
from kedai.values.wording import N_
from kedai.web.dashboard.shell import Viewed, environment_of
from kedai.web.security import Principal

MOST_ROWS: Final = 200_000
ROWS_AT_ONCE: Final = 500

Read = Callable[[Session, str | None], tuple[Sequence[Mapping[str, Any]], str | None]]
"""Some rows from a cursor on, and the cursor of the next ones; ``None`` where there are none."""


@dataclass(frozen=True, slots=True)
class Sheet:
    """What is taken away. ``count`` counts no further than it is told to; ``given`` is the filter, for the trail."""

    name: str
    columns: tuple[str, ...]
    count: Callable[[Session, int], int]
    read: Read
    given: Mapping[str, str | None] = field(default_factory=dict)
    personal: bool = False


def export_response(
    runtime: Runtime, caller: Principal, sheet: Sheet, form: SheetFormat, *, viewed: Viewed
) -> StreamingResponse:
    """The file, from the first row on.

    Raises:
        TooLarge: more rows fit than one file may have.
    """
    now = runtime.clock.now()
    with runtime.web_db.read() as db:
        rows = sheet.count(db, MOST_ROWS + 1)
    if rows > MOST_ROWS:
        raise TooLarge(N_("More than %(most)s rows fit this filter: narrow it, and export in parts.", most=MOST_ROWS))
    given = {name: text for name, text in sheet.given.items() if text}
    details = {"scope": viewed, "filter": given, "format": form.value, "rows": rows, "personal": sheet.personal}
    with runtime.web_db.write() as db:
        record(
            db,
            actor=caller.actor,
            action=f"{sheet.name}.exported",
            environment=environment_of(viewed),
            subject=sheet.name,
            details=details,
            now=now,
        )
    name = f"kedai-{viewed}-{sheet.name}-{now.strftime('%Y%m%dT%H%M%SZ')}.{form.ending}"
    return StreamingResponse(
        pieces(runtime.web_db, sheet, form),
        media_type=form.media_type,
        headers={"Content-Disposition": f'attachment; filename="{name}"'},
    )


def pieces(database: Database, sheet: Sheet, form: SheetFormat) -> Iterator[bytes]:
    """The file's parts, never more than one of them in memory."""
    if beginning := head(sheet.columns, form):
        yield beginning
    cursor: str | None = None
    while True:
        with database.read() as db:
            rows, cursor = sheet.read(db, cursor)
        if rows:
            yield lines(sheet.columns, rows, form)
        if cursor is None:
            return
