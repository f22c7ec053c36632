"""The log of outgoing calls in JSON."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from fastapi import APIRouter, Query

from kedai.calls import queries
from kedai.vault.queries import get_cursor_key
from kedai.web.api.place import PREFIX, Place, Reader
from kedai.web.api.shown import shown_call
from kedai.web.deps import ReadSession

router = APIRouter(prefix=f"{PREFIX}/calls")

Text = Annotated[str | None, Query(max_length=200)]


@router.get("")
def list_all(
    place: Place,
    _caller: Reader,
    db: ReadSession,
    shop: Text = None,
    path: Text = None,
    outcome: Annotated[Literal["ok", "failed"] | None, Query()] = None,
    code: Text = None,
    request_id: Text = None,
    since: Text = None,
    until: Text = None,
    cursor: Annotated[str | None, Query(max_length=600)] = None,
    limit: Annotated[int, Query(ge=1, le=100)] = 50,
) -> dict[str, Any]:
    """An environment's outgoing calls, newest first; a short page with a ``next_cursor`` has older ones."""
    values = (shop, path, outcome, code, request_id, since, until)
    wanted = queries.parse_filter(dict(zip(queries.FILTERS, values, strict=True)))
    page = queries.list_calls(
        db, environment=place, wanted=wanted, cursor=cursor, cursor_key=get_cursor_key(db), limit=limit
    )
    calls = [shown_call(call) for call in page.rows]
    return {"calls": calls, "next_cursor": page.next_cursor, "has_more": page.next_cursor is not None}
