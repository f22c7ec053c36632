"""The home page: what is wrong first, then figures."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from fastapi import APIRouter, Request
from fastapi.responses import RedirectResponse, Response
from sqlalchemy.orm import Session

from kedai.inbox.queries import count_recent
from kedai.inbox.waiting import get_queue
from kedai.kit.zones import at_place
from kedai.orders import queries as orders
from kedai.vault.queries import get_active_environment
from kedai.web.dashboard.access import Reader
from kedai.web.dashboard.charts import SPANS, find_span, list_charts, read_points
from kedai.web.dashboard.connections import read_connections
from kedai.web.dashboard.expiry import list_access
from kedai.web.dashboard.formats import counted
from kedai.web.dashboard.health.read import read_health
from kedai.web.dashboard.language import languages
from kedai.web.dashboard.order_tabs import count_tab
from kedai.web.dashboard.render import render
from kedai.web.dashboard.routes_setup import find_unfinished
from kedai.web.dashboard.shell import Shell, ViewedScope, main_connector, read_shell, text_param
from kedai.web.dashboard.words import EVENT_STATE, ORDER_TABS
from kedai.web.deps import RuntimeDep

router = APIRouter()

COUNTED = 2_000  # an exact count of many would cost more than all else on the page


@router.get("/")
def go_home(runtime: RuntimeDep, _caller: Reader) -> Response:
    """To the home page of the active environment."""
    with runtime.web_db.read() as db:
        active = get_active_environment(db, main_connector(runtime))
    return RedirectResponse(f"/e/{active.value}/home", 303)


@router.get("/e/{scope}/home")
def show_home(request: Request, runtime: RuntimeDep, caller: Reader, scope: ViewedScope) -> Response:
    """Health first, then orders and events of the viewed environments, and how they fared over time."""
    span = find_span(text_param(request, "range"))
    with runtime.web_db.read() as db:
        shell = read_shell(request, runtime, db, viewed=scope, section="home", caller=caller)
        connections = read_connections(runtime, db, shell)
        health = read_health(runtime, db, shell, connections)
        setup = find_unfinished(runtime, db, shell)
        figures = _read_figures(db, shell)
        points = read_points(db, span, environments=shell.environments, now=shell.now)
    access = list_access(runtime, shell, connections)
    charts = list_charts(points, zone=shell.zone, locale=languages()[shell.language].locale)
    over_time: dict[str, Any] = {"span": span, "spans": SPANS, "points": points, "charts": charts}
    return render(shell, "home.html", health=health, setup=setup, access=access, **over_time, **figures)


def _read_figures(db: Session, shell: Shell) -> dict[str, Any]:
    environment = shell.environment
    here, zone = at_place(shell.now, shell.zone)
    midnight = here.replace(hour=0, minute=0, second=0, microsecond=0)
    queue = get_queue(db, environments=shell.environments, at_most=COUNTED)
    recent = count_recent(db, environment=environment, since=shell.now - timedelta(days=1), at_most=COUNTED)
    return {
        "today_zone": zone,
        "orders_today": counted(
            orders.count_orders_created(db, environment=environment, since=midnight, at_most=COUNTED), COUNTED
        ),
        "order_counts": _count_orders(db, shell),
        "recent": [(EVENT_STATE[state][0], state, recent.get(state, 0)) for state in EVENT_STATE],
        "recent_total": counted(sum(recent.values()), COUNTED),
        "recent_capped": COUNTED if sum(recent.values()) >= COUNTED else None,
        "queue": counted(queue.waiting, COUNTED),
        "queue_empty": not queue.waiting,
        "oldest": queue.oldest_received_at,
    }


def _count_orders(db: Session, shell: Shell) -> list[dict[str, str]]:
    counts = orders.count_by_status(db, environment=shell.environment, at_most=COUNTED)
    path = f"/e/{shell.viewed}/orders?tab="
    return [
        {"label": tab.label, "count": counted(count_tab(tab, counts), COUNTED), "href": path + tab.key}
        for tab in ORDER_TABS[1:]
    ]
