"""The page of outgoing calls: what was asked of the marketplace, how it ended, and under which request ID."""

from __future__ import annotations

from fastapi import APIRouter, Request
from fastapi.responses import Response

from kedai.calls import queries
from kedai.vault.queries import get_cursor_key
from kedai.web.dashboard.access import Reader
from kedai.web.dashboard.formats import plural
from kedai.web.dashboard.render import render, url
from kedai.web.dashboard.shell import ViewedScope, read_shell, text_param
from kedai.web.deps import RuntimeDep

router = APIRouter()

PER_PAGE = 50
_FIELDS = {name: "error" if name == "code" else name for name in queries.FILTERS}
"""A field called code is where browsers offer one-time codes."""

_TABS = ((None, "All"), ("failed", "Failed"), ("ok", "OK"))


@router.get("/e/{scope}/calls")
def show_calls(request: Request, runtime: RuntimeDep, caller: Reader, scope: ViewedScope) -> Response:
    """Calls of the viewed environments, newest first."""
    given = {field: text_param(request, field) for field in _FIELDS.values()}
    wanted = queries.parse_filter({name: given[field] for name, field in _FIELDS.items()})
    cursor = text_param(request, "cursor", at_most=600)
    with runtime.web_db.read() as db:
        shell = read_shell(request, runtime, db, viewed=scope, section="calls", caller=caller)
        page = queries.list_calls(
            db,
            environment=shell.environment,
            wanted=wanted,
            cursor=cursor,
            cursor_key=get_cursor_key(db),
            limit=PER_PAGE,
        )
        nothing_yet = not page.rows and not queries.has_calls(db, environment=shell.environment)
    here, others = f"/e/{scope}/calls", {name: text for name, text in given.items() if name != "outcome"}
    return render(
        shell,
        "calls.html",
        rows=page.rows,
        given=given,
        narrowed=any(others.values()),
        tabs=[
            {"label": label, "href": url(here, **others, outcome=key), "current": key == wanted.outcome, "count": None}
            for key, label in _TABS
        ],
        nothing_yet=nothing_yet,
        scanned=queries.SCAN,
        kept_days=runtime.settings.call_log_days,
        kept_rows=runtime.settings.call_log_rows,
        shown=plural(len(page.rows), "call", "calls") + " on this page",
        first_href=url(here, **given) if cursor else None,
        next_href=url(here, **given, cursor=page.next_cursor) if page.next_cursor else None,
        next_label="Older" if len(page.rows) == PER_PAGE else "Look further back",
    )
