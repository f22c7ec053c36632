"""The home page: what is wrong first, then figures."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from fastapi import APIRouter, Request
from fastapi.responses import RedirectResponse, Response
from sqlalchemy.orm import Session

from kedai.inbox import queries as inbox
from kedai.orders import queries as orders
from kedai.vault.queries import get_active_environment
from kedai.web.dashboard.access import Reader
from kedai.web.dashboard.formats import counted
from kedai.web.dashboard.health import read_health, read_steps
from kedai.web.dashboard.render import render
from kedai.web.dashboard.shell import Shell, ViewedScope, main_connector, read_shell
from kedai.web.dashboard.words import EVENT_STATE, KNOWN_STATUSES, ORDER_TABS
from kedai.web.deps import RuntimeDep

router = APIRouter()

COUNTED = 10_000


@router.get("/")
def go_home(runtime: RuntimeDep, _caller: Reader) -> Response:
    """To the home page of the active environment."""
    with runtime.web_db.read() as db:
        active = get_active_environment(db, main_connector(runtime))
    return RedirectResponse(f"/e/{active.value}/home", 303)


@router.get("/e/{scope}/home")
def show_home(request: Request, runtime: RuntimeDep, caller: Reader, scope: ViewedScope) -> Response:
    """Health first, then orders and events of the viewed environments."""
    with runtime.web_db.read() as db:
        shell = read_shell(request, runtime, db, viewed=scope, section="home", caller=caller)
        health = read_health(runtime, db, shell)
        steps = read_steps(runtime, db, shell)
        figures = _read_figures(db, shell)
    return render(shell, "home.html", health=health, steps=steps, **figures)


def _read_figures(db: Session, shell: Shell) -> dict[str, Any]:
    environment = shell.environment
    midnight = shell.now.replace(hour=0, minute=0, second=0, microsecond=0)
    queue = inbox.get_queue(db, environment=environment, at_most=COUNTED)
    recent = inbox.count_recent(db, environment=environment, since=shell.now - timedelta(days=1), at_most=COUNTED)
    return {
        "orders_today": counted(
            orders.count_orders_created(db, environment=environment, since=midnight, at_most=COUNTED), COUNTED
        ),
        "order_counts": _count_orders(db, shell),
        "recent": [(EVENT_STATE[state][0], state, recent.get(state, 0)) for state in EVENT_STATE],
        "recent_total": counted(sum(recent.values()), COUNTED),
        "recent_capped": sum(recent.values()) >= COUNTED,
        "queue": counted(queue.waiting, COUNTED),
        "queue_empty": not queue.waiting,
        "oldest": queue.oldest_received_at,
    }


def _count_orders(db: Session, shell: Shell) -> list[dict[str, str]]:
    found = orders.list_statuses(db, environment=shell.environment)
    rows = []
    for tab in ORDER_TABS[1:]:
        statuses = tab.statuses or tuple(status for status in found if status not in KNOWN_STATUSES)
        number = orders.count_orders(db, environment=shell.environment, statuses=statuses, at_most=COUNTED)
        rows.append(
            {"label": tab.label, "count": counted(number, COUNTED), "href": f"/e/{shell.viewed}/orders?tab={tab.key}"}
        )
    return rows
