"""Saved views of the lists: keep, rename, share, remove. A view holds no environment; the address does."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Final
from urllib.parse import parse_qsl, urlencode

from fastapi import APIRouter, Request
from fastapi.responses import RedirectResponse, Response

from kedai.audit.service import latest_entry
from kedai.errors import Invalid, NotFound
from kedai.kit.ids import parse_id
from kedai.staff.roles import Capability
from kedai.staff.saved_views import PREFIX, change_view, list_views, remove_view, save_view
from kedai.values.wording import N_
from kedai.web.dashboard import routes_calls, routes_events, routes_exceptions, routes_orders, routes_rejected
from kedai.web.dashboard.access import Person
from kedai.web.dashboard.forms import Form
from kedai.web.dashboard.notice_words import find_notice
from kedai.web.dashboard.people import staff_of
from kedai.web.dashboard.render import render, url
from kedai.web.dashboard.saved_views import FIELDS, written
from kedai.web.dashboard.shell import ViewedScope, read_shell, text_param
from kedai.web.dashboard.words import ORDER_TABS
from kedai.web.deps import RuntimeDep

router = APIRouter()

_MOST_FIELDS: Final = 20
_LONGEST: Final = 1_000


def _read_events(request: Request) -> object:
    """Events and refused deliveries share a page, and each has filters of its own."""
    is_refused = text_param(request, "state") == routes_rejected.STATE
    foreign = ("shop", "order") if is_refused else ("diagnosis", "show")
    if any(text_param(request, name) for name in foreign):
        raise Invalid(N_("This list has no such filter."), field="query")
    return routes_rejected.read_wish(request) if is_refused else routes_events.read_wish(request)


_READERS: Final[Mapping[str, Callable[[Request], object]]] = {
    "orders": routes_orders.read_wish,
    "events": _read_events,
    "exceptions": routes_exceptions.read_wish,
    "calls": routes_calls.read_wish,
}
"""What each list makes of its address."""

_CLOSED: Final = {
    ("orders", "tab"): frozenset(tab.key for tab in ORDER_TABS),
    ("exceptions", "state"): routes_exceptions.TABS.keys(),
}
"""Filters that a list takes for its first tab where it does not know them: kept, they would mislead."""


@router.get("/e/{scope}/views/{page}")
def show_views(request: Request, runtime: RuntimeDep, caller: Person, scope: ViewedScope, page: str) -> Response:
    """One's own views of a list, and those that others share."""
    _fields_of(page)
    with runtime.web_db.read() as db:
        shell = read_shell(request, runtime, db, viewed=scope, section=page, caller=caller)
        views = list_views(db, staff_of(db, caller).id, page)
    return render(
        shell,
        "views.html",
        page=page,
        views=views,
        may_remove_others=caller.can(Capability.STAFF_MANAGE),
        prefix=PREFIX,
        notice=find_notice(text_param(request, "status")),
        scope_links={one: f"/e/{one}/views/{page}" for one in ("sandbox", "live", "all")},
    )


@router.post("/e/{scope}/views/{page}")
def save(runtime: RuntimeDep, caller: Person, scope: ViewedScope, page: str, form: Form) -> Response:
    """Keep the filter that the list shows, and go back to it."""
    query = judged(page, form.get("query", ""))
    with runtime.web_db.write() as db:
        staff, shared = staff_of(db, caller), form.get("shared") == "yes"
        now = runtime.clock.now()
        save_view(db, staff.id, page, form.get("name", ""), query, shared=shared, actor=caller.actor, now=now)
    return RedirectResponse(f"/e/{scope}/{page}?{query}", 303)


@router.post("/e/{scope}/views/{page}/{view_id}")
def change(runtime: RuntimeDep, caller: Person, scope: ViewedScope, page: str, view_id: str, form: Form) -> Response:
    """Rename one's own view, share it or no longer."""
    _fields_of(page)
    found, shared = parse_id(PREFIX, view_id), form.get("shared") == "yes"
    with runtime.web_db.write() as db:
        staff, now = staff_of(db, caller), runtime.clock.now()
        change_view(db, staff.id, found, form.get("name", ""), shared=shared, actor=caller.actor, now=now)
        undo = latest_entry(db)
    return RedirectResponse(url(f"/e/{scope}/views/{page}", status="saved", undo=undo), 303)


@router.post("/e/{scope}/views/{page}/{view_id}/remove")
def remove(runtime: RuntimeDep, caller: Person, scope: ViewedScope, page: str, view_id: str) -> Response:
    """Remove a view: one's own, or, for who manages people, one that somebody shares."""
    _fields_of(page)
    found, others = parse_id(PREFIX, view_id), caller.can(Capability.STAFF_MANAGE)
    with runtime.web_db.write() as db:
        staff, now = staff_of(db, caller), runtime.clock.now()
        remove_view(db, staff.id, found, may_remove_others=others, actor=caller.actor, now=now)
        undo = latest_entry(db)
    return RedirectResponse(url(f"/e/{scope}/views/{page}", status="view_removed", undo=undo), 303)


def judged(page: str, query: str) -> str:
    """A filter as the list itself understands it, written anew.

    Raises:
        NotFound: no list has views by this name. Invalid: the list has no such filter, or the filter is empty.
    """
    fields = _fields_of(page)
    if len(query) > _LONGEST:
        raise Invalid(N_("This filter is too long to be kept."), field="query")
    try:
        pairs = parse_qsl(query, max_num_fields=_MOST_FIELDS, errors="strict")
    except ValueError:
        raise Invalid(N_("This is no filter."), field="query") from None
    given = {name: text.strip() for name, text in pairs}
    unknown = [name for name in given if name not in fields]
    if unknown or len(given) != len(pairs):
        raise Invalid(N_("This list has no such filter."), field="query")
    for name, text in given.items():
        if text not in _CLOSED.get((page, name), {text}):
            raise Invalid(N_("This list has no such filter."), field="query")
    _READERS[page](Request({"type": "http", "headers": [], "query_string": urlencode(given).encode()}))
    kept = written(page, given)
    if not kept:
        raise Invalid(N_("There is no filter to keep: narrow the list first."), field="query")
    return kept


def _fields_of(page: str) -> tuple[str, ...]:
    if page not in FIELDS:
        raise NotFound(N_("There is no such list."))
    return FIELDS[page]
