"""The pages of events: the list, one event, and what a person decides about it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from fastapi import APIRouter, Request
from fastapi.responses import RedirectResponse, Response
from sqlalchemy.orm import Session

from kedai.audit.service import latest_entry
from kedai.errors import Invalid
from kedai.inbox import queries as inbox
from kedai.kit.ids import parse_id, show_id
from kedai.orders.queries import OrderKey, find_order_ids
from kedai.runtime import Runtime
from kedai.sync.replay import discard_event, replay_event
from kedai.values.event import EventState
from kedai.values.wording import N_, NP_
from kedai.vault.queries import get_cursor_key
from kedai.web.dashboard import payload, routes_rejected
from kedai.web.dashboard.access import Reader, Replayer
from kedai.web.dashboard.event_story import list_steps
from kedai.web.dashboard.events import name_event, safe_headers
from kedai.web.dashboard.forms import Form
from kedai.web.dashboard.notice_words import find_notice
from kedai.web.dashboard.parked import Parked, read_parked
from kedai.web.dashboard.render import render, url
from kedai.web.dashboard.saved_views import read_views
from kedai.web.dashboard.shell import (
    ActedEnvironment,
    Shell,
    Viewed,
    ViewedScope,
    parse_viewed,
    read_shell,
    text_param,
    viewed_connectors,
)
from kedai.web.dashboard.words import EVENT_STATE
from kedai.web.deps import RuntimeDep

router = APIRouter()

PER_PAGE = 50


@dataclass(frozen=True, slots=True)
class EventWish:
    """What the address asks for."""

    tab: str | None
    state: EventState | None
    shop: str | None
    order_sn: str | None


@router.get("/e/{scope}/events")
def show_events(request: Request, runtime: RuntimeDep, caller: Reader, scope: ViewedScope) -> Response:
    """Pushes of the viewed environments, newest first; `?state=rejected` is the list of refused deliveries."""
    wanted = text_param(request, "state")
    if wanted == routes_rejected.STATE:
        return routes_rejected.show_list(request, runtime, caller, scope, _tabs(scope, wanted))
    wish = read_wish(request)
    params = {"state": wanted, "shop": wish.shop, "order": wish.order_sn}
    cursor = text_param(request, "cursor", at_most=600)
    with runtime.web_db.read() as db:
        shell = read_shell(request, runtime, db, viewed=scope, section="events", caller=caller)
        page = _read_page(db, shell, wish, cursor)
        orders = find_order_ids(db, {_order_key(row) for row in page.rows if row.order_sn and row.shop_id})
        parked = _read_parked(db, runtime, shell) if wish.state is EventState.PARKED else []
        views = read_views(db, caller, shell, "events", params)
        nothing_yet = not page.rows and not inbox.has_events(db, environment=shell.environment)
    here = f"/e/{scope}/events"
    return render(
        shell,
        "events.html",
        rows=[_shown(runtime, shell, row, orders) for row in page.rows],
        tabs=_tabs(scope, wanted),
        state=wanted,
        shop=wish.shop,
        order_sn=wish.order_sn,
        parked=parked,
        views=views,
        notice=find_notice(text_param(request, "status")),
        nothing_yet=nothing_yet,
        scanned=inbox.SCAN,
        export_href=url(f"{here}/exports", **params),
        shown=NP_("%(num)s event on this page", "%(num)s events on this page", len(page.rows)),
        first_href=url(here, **params) if cursor else None,
        next_href=url(here, **params, cursor=page.next_cursor) if page.next_cursor else None,
        next_label=N_("Older") if len(page.rows) == PER_PAGE else N_("Look further back"),
    )


@router.get("/e/{scope}/events/{event_id}")
def show_event(request: Request, runtime: RuntimeDep, caller: Reader, scope: ViewedScope, event_id: str) -> Response:
    """One push: what it said, who vouched for it, what became of it."""
    view = "raw" if text_param(request, "view") == "raw" else "pretty"
    with runtime.web_db.read() as db:
        shell = read_shell(request, runtime, db, viewed=scope, section="events", caller=caller)
        event = inbox.get_event(db, parse_id("evt", event_id), environment=shell.environment)
        orders = find_order_ids(db, {_order_key(event)} if event.order_sn and event.shop_id else set())
    order_id = next(iter(orders.values()), None)
    return render(
        shell,
        "event.html",
        event=event,
        name=name_event(runtime, event),
        view=view,
        steps=list_steps(event),
        payload=payload.raw(event.body) if view == "raw" else payload.pretty(event.body),
        headers=safe_headers(event.headers),
        order_href=None if order_id is None else f"/e/{scope}/orders/{show_id('ord', order_id)}",
        notice=find_notice(text_param(request, "status")),
    )


@router.post("/e/{environment}/events/{event_id}/replays")
def replay_one(
    runtime: RuntimeDep, caller: Replayer, environment: ActedEnvironment, event_id: str, form: Form
) -> Response:
    """Put one push back in the queue."""
    scope = parse_viewed(form.get("from") or environment.value)
    with runtime.web_db.write() as db:
        found = parse_id("evt", event_id)
        replay_event(db, found, environment=environment, actor=caller.actor, now=runtime.clock.now())
    return RedirectResponse(url(f"/e/{scope}/events/{show_id('evt', found)}", status="event_replayed"), 303)


@router.post("/e/{environment}/events/{event_id}/discards")
def discard_one(
    runtime: RuntimeDep, caller: Replayer, environment: ActedEnvironment, event_id: str, form: Form
) -> Response:
    """Note that one push is not needed."""
    scope = parse_viewed(form.get("from") or environment.value)
    with runtime.web_db.write() as db:
        found = parse_id("evt", event_id)
        discard_event(db, found, environment=environment, actor=caller.actor, now=runtime.clock.now())
        undo = latest_entry(db)
    return RedirectResponse(url(f"/e/{scope}/events/{show_id('evt', found)}", status="event_discarded", undo=undo), 303)


def read_wish(request: Request) -> EventWish:
    """The list's filter, from the address.

    Raises:
        Invalid: there is no such state.
    """
    wanted = text_param(request, "state")
    return EventWish(
        wanted, _parse_state(wanted), *(text_param(request, name, at_most=64) for name in ("shop", "order"))
    )


def _read_page(db: Session, shell: Shell, wish: EventWish, cursor: str | None) -> inbox.EventPage:
    return inbox.list_events(
        db,
        environment=shell.environment,
        state=wish.state,
        shop_id=wish.shop,
        order_sn=wish.order_sn,
        cursor=cursor,
        cursor_key=get_cursor_key(db),
        limit=PER_PAGE,
    )


def _parse_state(text: str | None) -> EventState | None:
    if text is None:
        return None
    if text not in set(EventState):
        raise Invalid(N_("There is no such state of an event."), field="state")
    return EventState(text)


def _tabs(scope: Viewed, wanted: str | None) -> list[dict[str, Any]]:
    labels: list[tuple[str | None, str]] = [(None, N_("All")), *((key, words[0]) for key, words in EVENT_STATE.items())]
    return [
        {"label": label, "href": url(f"/e/{scope}/events", state=key), "current": key == wanted, "count": None}
        for key, label in [*labels, (routes_rejected.STATE, N_("Rejected"))]
    ]


def _read_parked(db: Session, runtime: Runtime, shell: Shell) -> list[Parked]:
    here = url(f"/e/{shell.viewed}/events", state=EventState.PARKED.value)
    found = [
        read_parked(db, name, environment, back="events", refresh_href=here)
        for name, environment in viewed_connectors(runtime, shell)
    ]
    return [one for one in found if one.number]


def _shown(runtime: Runtime, shell: Shell, row: inbox.EventRow, orders: dict[OrderKey, Any]) -> dict[str, Any]:
    order_id = orders.get(_order_key(row))
    href = None if order_id is None else f"/e/{shell.viewed}/orders/{show_id('ord', order_id)}"
    return {"row": row, "name": name_event(runtime, row), "order_href": href}


def _order_key(row: Any) -> OrderKey:
    return OrderKey(row.connector, row.environment, row.shop_id or "", row.order_sn or "")
