"""The page of exceptions: what a person must look at, grouped."""

from __future__ import annotations

from fastapi import APIRouter, Request
from fastapi.responses import Response

from kedai.connector_exceptions import queries
from kedai.vault.queries import get_cursor_key
from kedai.web.dashboard.access import Reader
from kedai.web.dashboard.formats import plural
from kedai.web.dashboard.render import render, url
from kedai.web.dashboard.shell import ViewedScope, read_shell, text_param
from kedai.web.deps import RuntimeDep

router = APIRouter()

PER_PAGE = 50
_TABS: dict[str, tuple[str, tuple[str, ...]]] = {
    "open": ("Open", queries.OPEN_STATES),
    "snoozed": ("Snoozed", ("snoozed",)),
    "resolved": ("Resolved", ("resolved",)),
    "all": ("All", queries.STATES),
}


@router.get("/e/{scope}/exceptions")
def show_exceptions(request: Request, runtime: RuntimeDep, caller: Reader, scope: ViewedScope) -> Response:
    """Groups of equal troubles, the one that happened last first."""
    wanted = text_param(request, "state") or "open"
    key = wanted if wanted in _TABS else "open"
    cursor = text_param(request, "cursor", at_most=600)
    with runtime.web_db.read() as db:
        shell = read_shell(request, runtime, db, viewed=scope, section="exceptions", caller=caller)
        counts = queries.count_exceptions(db, environment=shell.environment)
        page = queries.list_exceptions(
            db,
            environment=shell.environment,
            states=_TABS[key][1],
            cursor=cursor,
            cursor_key=get_cursor_key(db),
            limit=PER_PAGE,
        )
    here = f"/e/{scope}/exceptions"
    tabs = [
        {
            "label": label,
            "href": url(here, state=None if name == "open" else name),
            "current": name == key,
            "count": f"{sum(counts[state] for state in states):,}",
        }
        for name, (label, states) in _TABS.items()
    ]
    return render(
        shell,
        "exceptions.html",
        rows=page.rows,
        tabs=tabs,
        nothing_yet=not any(counts.values()),
        shown=plural(len(page.rows), "exception", "exceptions") + " on this page",
        first_href=url(here, state=key) if cursor else None,
        next_href=url(here, state=key, cursor=page.next_cursor) if page.next_cursor else None,
    )
