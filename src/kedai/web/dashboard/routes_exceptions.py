"""The pages of exceptions: what a person must look at, grouped; one group with its orders and its history."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from fastapi import APIRouter, Request
from fastapi.responses import Response

from kedai.audit.queries import list_deeds
from kedai.connector_exceptions import queries
from kedai.connector_exceptions.queries import Filter
from kedai.inbox.retries import read_states
from kedai.kit.ids import parse_id, show_id
from kedai.orders.queries import OrderKey, find_order_ids
from kedai.runs.queries import list_latest_runs
from kedai.staff.queries import list_staff
from kedai.sync.exceptions import explain
from kedai.sync.retry import KIND
from kedai.values.wording import N_, NP_, numeral
from kedai.vault.queries import get_cursor_key
from kedai.web.dashboard.access import Reader
from kedai.web.dashboard.console import read_console
from kedai.web.dashboard.notice_words import find_notice
from kedai.web.dashboard.render import render, url
from kedai.web.dashboard.saved_views import read_views
from kedai.web.dashboard.shell import Shell, ViewedScope, read_shell, text_param
from kedai.web.dashboard.words import SNOOZES
from kedai.web.deps import RuntimeDep

if TYPE_CHECKING:
    from kedai.connector_exceptions.models import ConnectorException, ExceptionOrder

router = APIRouter()

PER_PAGE = 50
SHOWN_ORDERS = 100
_KNOWN_RUNS = 20
_OF_CONNECTIONS = frozenset(
    {
        *("needs_reconnect", "shop_disconnected", "merchant_disconnected", "authorization_ending"),
        *("not_configured", "secret_unreadable", "unknown_shop"),
    }
)
TABS: dict[str, tuple[str, tuple[str, ...]]] = {
    "open": (N_("Open"), queries.OPEN_STATES),
    "snoozed": (N_("Snoozed"), ("snoozed",)),
    "resolved": (N_("Resolved"), ("resolved",)),
    "all": (N_("All"), queries.STATES),
}
_NOBODY = "nobody"


@router.get("/e/{scope}/exceptions")
def show_exceptions(request: Request, runtime: RuntimeDep, caller: Reader, scope: ViewedScope) -> Response:
    """Groups of equal troubles, the one that happened last first."""
    key, given, chosen = read_wish(request)
    params = {"state": None if key == "open" else key, **given}
    cursor = text_param(request, "cursor", at_most=600)
    with runtime.web_db.read() as db:
        shell = read_shell(request, runtime, db, viewed=scope, section="exceptions", caller=caller)
        environment, now = shell.environment, shell.now
        views = read_views(db, caller, shell, "exceptions", params)
        counts = queries.count_exceptions(db, environment=environment, now=now)
        choices = queries.list_choices(db, environment=environment, states=chosen.states, now=now)
        page = queries.list_exceptions(
            db,
            environment=environment,
            chosen=chosen,
            cursor=cursor,
            cursor_key=get_cursor_key(db),
            limit=PER_PAGE,
            now=now,
        )
    here = f"/e/{scope}/exceptions"
    return render(
        shell,
        "exceptions.html",
        rows=[{"row": row, "state": queries.shown_state(row, now)} for row in page.rows],
        tabs=_tabs(here, key, counts, given),
        views=views,
        chips=_chips(here, params, choices),
        filtered=any(given.values()),
        reset_href=url(here, state=params["state"]),
        nothing_yet=not any(counts.values()),
        export_href=url(f"{here}/exports", **params),
        notice=find_notice(text_param(request, "status")),
        shown=NP_("%(num)s exception on this page", "%(num)s exceptions on this page", len(page.rows)),
        first_href=url(here, **params) if cursor else None,
        next_href=url(here, **params, cursor=page.next_cursor) if page.next_cursor else None,
    )


def read_wish(request: Request) -> tuple[str, dict[str, str | None], Filter]:
    """The list's filter, from the address: the tab, what else is given, and what both mean."""
    wanted = text_param(request, "state") or "open"
    key = wanted if wanted in TABS else "open"
    given = {name: text_param(request, name) for name in ("code", "shop", "assignee")}
    assignee = "" if given["assignee"] == _NOBODY else given["assignee"]
    return key, given, Filter(TABS[key][1], given["code"], given["shop"], assignee)


@router.get("/e/{scope}/exceptions/{exception_id}")
def show_exception(
    request: Request, runtime: RuntimeDep, caller: Reader, scope: ViewedScope, exception_id: str
) -> Response:
    """One group: what it means, what to do, whom it touches, and who did what about it."""
    found = parse_id("exc", exception_id)
    with runtime.web_db.read() as db:
        shell = read_shell(request, runtime, db, viewed=scope, section="exceptions", caller=caller)
        row = queries.get_exception(db, found, environment=shell.environment)
        affected = queries.list_affected(db, found, limit=SHOWN_ORDERS)
        orders = find_order_ids(db, {_order_key(row, one) for one in affected if one.order_sn and one.shop_id})
        states = read_states(db, {one.event_id for one in affected if one.event_id}, environment=row.environment)
        runs = list_latest_runs(db, KIND, row.connector, environment=row.environment, limit=_KNOWN_RUNS)
        people = [one.email for one in list_staff(db) if one.disabled_at is None]
        deeds = list_deeds(db, subject=show_id("exc", found), environment=row.environment, limit=20)
    run = next((one for one in runs if one.scope["exception"] == show_id("exc", found)), None)
    connector = runtime.parts.connector(row.connector)
    return render(
        shell,
        "exception.html",
        console=read_console(connector, row.environment),
        marketplace=connector.label,
        one=row,
        state=queries.shown_state(row, shell.now),
        cause=explain(runtime.parts, row),
        mended_at=_mended_at(row),
        affected=[_shown(shell, row, one, orders, states) for one in affected],
        run=run,
        people=people,
        snoozes=list(SNOOZES.items()),
        deeds=deeds,
        notice=find_notice(text_param(request, "status")),
    )


def _mended_at(row: ConnectorException) -> tuple[str, str] | None:
    """The page where the cause is mended, and which one it is; None where no page of ours can mend it."""
    if row.code == "sku_not_mapped":
        return url(f"/e/{row.environment.value}/sku-map", state="unmapped", shop=row.shop_id), "skus"
    if row.code in _OF_CONNECTIONS:
        return url(f"/connectors/{row.connector}", tab=row.environment.value), "connection"
    if row.code == "run_failed":
        return f"/e/{row.environment.value}/runs", "runs"
    return None


def _tabs(here: str, key: str, counts: dict[str, int], given: dict[str, str | None]) -> list[dict[str, Any]]:
    return [
        {
            "label": label,
            "href": url(here, state=None if name == "open" else name, **given),
            "current": name == key,
            "count": numeral(sum(counts[state] for state in states)),
        }
        for name, (label, states) in TABS.items()
    ]


def _chips(here: str, params: dict[str, str | None], choices: queries.Choices) -> list[dict[str, Any]]:
    """For each field what it can be narrowed down to; what is chosen is taken off by a click on it."""
    groups = [(N_("Code"), "code", choices.codes), (N_("Shop"), "shop", choices.shops)]
    groups.append((N_("Assigned to"), "assignee", (_NOBODY, *choices.assignees)))
    found = []
    for label, name, values in groups:
        chosen = params[name]
        offered = [value for value in values if chosen is None or value == chosen]
        if chosen is not None and chosen not in offered:
            offered.append(chosen)
        items = [
            {
                "label": value,
                "on": value == chosen,
                "href": url(here, **{**params, name: None if value == chosen else value}),
            }
            for value in offered
        ]
        if chosen is not None or len(values) > 1:
            found.append({"label": label, "entries": items})
    return found


def _shown(
    shell: Shell, row: ConnectorException, one: ExceptionOrder, orders: dict[OrderKey, Any], states: dict[Any, str]
) -> dict[str, Any]:
    order_id = orders.get(_order_key(row, one))
    return {
        "row": one,
        "order_href": None if order_id is None else f"/e/{shell.viewed}/orders/{show_id('ord', order_id)}",
        "event_href": None if one.event_id is None else f"/e/{shell.viewed}/events/{show_id('evt', one.event_id)}",
        "event_state": states.get(one.event_id),
    }


def _order_key(row: ConnectorException, one: ExceptionOrder) -> OrderKey:
    return OrderKey(row.connector, row.environment, one.shop_id or "", one.order_sn or "")
