"""The page of outgoing calls: what was asked of the marketplace, how it ended, and under which request ID."""

from __future__ import annotations

from fastapi import APIRouter, Request
from fastapi.responses import Response

from kedai.calls import queries
from kedai.runtime import Runtime
from kedai.values.console import ConsolePage, Place
from kedai.values.wording import N_, NP_
from kedai.vault.queries import get_cursor_key
from kedai.web.dashboard.access import Reader
from kedai.web.dashboard.console import read_console
from kedai.web.dashboard.render import render, url
from kedai.web.dashboard.saved_views import read_views
from kedai.web.dashboard.shell import Shell, ViewedScope, read_shell, text_param, viewed_connectors
from kedai.web.deps import RuntimeDep

router = APIRouter()

PER_PAGE = 50
_FIELDS = {name: "error" if name == "code" else name for name in queries.FILTERS}
"""A field called code is where browsers offer one-time codes."""

_TABS = ((None, N_("All")), ("failed", N_("Failed")), ("ok", "OK"))


@router.get("/e/{scope}/calls")
def show_calls(request: Request, runtime: RuntimeDep, caller: Reader, scope: ViewedScope) -> Response:
    """Calls of the viewed environments, newest first."""
    given, wanted = read_wish(request)
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
        views = read_views(db, caller, shell, "calls", given)
        nothing_yet = not page.rows and not queries.has_calls(db, environment=shell.environment)
    here, others = f"/e/{scope}/calls", {name: text for name, text in given.items() if name != "outcome"}
    return render(
        shell,
        "calls.html",
        rows=page.rows,
        given=given,
        views=views,
        outsides=_read_outsides(runtime, shell),
        narrowed=any(others.values()),
        tabs=[
            {"label": label, "href": url(here, **others, outcome=key), "current": key == wanted.outcome, "count": None}
            for key, label in _TABS
        ],
        nothing_yet=nothing_yet,
        scanned=queries.SCAN,
        export_href=url(f"{here}/exports", **given),
        kept_days=runtime.settings.call_log_days,
        kept_rows=runtime.settings.call_log_rows,
        shown=NP_("%(num)s call on this page", "%(num)s calls on this page", len(page.rows)),
        first_href=url(here, **given) if cursor else None,
        next_href=url(here, **given, cursor=page.next_cursor) if page.next_cursor else None,
        next_label=N_("Older") if len(page.rows) == PER_PAGE else N_("Look further back"),
    )


def read_wish(request: Request) -> tuple[dict[str, str | None], queries.CallFilter]:
    """The list's filter, from the address: as it is given, and as it is meant.

    Raises:
        Invalid: an outcome or a period that there is not.
    """
    given = {field: text_param(request, field) for field in _FIELDS.values()}
    return given, queries.parse_filter({name: given[field] for name, field in _FIELDS.items()})


def _read_outsides(runtime: Runtime, shell: Shell) -> list[tuple[ConsolePage, str]]:
    """Where the marketplaces in view keep a log of the same calls, and take questions about them; each page once."""
    found: dict[str, tuple[ConsolePage, str]] = {}
    for name, environment in viewed_connectors(runtime, shell):
        console, label = read_console(runtime.connectors[name], environment), runtime.connectors[name].label
        pages = (console[place] for place in (Place.CALL_LOG, Place.SUPPORT) if place in console)
        found |= {page.url: (page, label) for page in pages}
    return list(found.values())
