"""The pages of orders: the list with its tabs and filters, and one order."""

from __future__ import annotations

from dataclasses import dataclass

from fastapi import APIRouter, Request
from fastapi.responses import HTMLResponse
from sqlalchemy.orm import Session

from kedai.inbox.queries import list_order_events
from kedai.kit.ids import parse_id
from kedai.orders import queries as orders
from kedai.sync.skus import skus_of_lines
from kedai.values.environment import ConnectorName, Scope
from kedai.values.order import Page
from kedai.vault.queries import get_cursor_key
from kedai.web.dashboard.access import Reader
from kedai.web.dashboard.events import name_event
from kedai.web.dashboard.formats import counted
from kedai.web.dashboard.payload import masked_answer
from kedai.web.dashboard.render import render, url
from kedai.web.dashboard.shell import Shell, ViewedScope, read_shell, text_param
from kedai.web.dashboard.words import KNOWN_STATUSES, ORDER_TABS, Tab, find_notice
from kedai.web.deps import RuntimeDep

router = APIRouter()

PER_PAGE = 50
_COUNTED = 10_000
_EVENTS_SHOWN = 20


@dataclass(frozen=True, slots=True)
class _Wish:
    """What the address asks for."""

    tab: Tab
    shop: str | None
    query: str | None
    cursor: str | None


@router.get("/e/{scope}/orders")
def show_orders(request: Request, runtime: RuntimeDep, caller: Reader, scope: ViewedScope) -> HTMLResponse:
    """Orders of the viewed environments, by tab, shop and number."""
    wish = _read_wish(request)
    with runtime.web_db.read() as db:
        shell = read_shell(request, runtime, db, viewed=scope, section="orders", caller=caller)
        environment = shell.environment
        statuses = orders.list_statuses(db, environment=environment)
        page = _read_page(db, shell, wish, statuses)
        tabs = _read_tabs(db, shell, wish, statuses)
        shops = sorted({found.shop_id for found in orders.list_scopes(db, environment=environment)})
    path = f"/e/{scope}/orders"
    params = {"tab": _tab_param(wish.tab), "shop": wish.shop, "q": wish.query}
    return render(
        shell,
        "orders.html",
        rows=page.rows,
        tabs=tabs,
        tab=wish.tab,
        shop=wish.shop,
        query=wish.query,
        shops=shops,
        nothing_yet=not statuses,
        first_href=url(path, **params) if wish.cursor else None,
        next_href=url(path, **params, cursor=page.next_cursor) if page.next_cursor else None,
    )


@router.get("/e/{scope}/orders/{order_id}")
def show_order(
    request: Request, runtime: RuntimeDep, caller: Reader, scope: ViewedScope, order_id: str
) -> HTMLResponse:
    """One order; a link of one environment never opens the other's."""
    with runtime.web_db.read() as db:
        shell = read_shell(request, runtime, db, viewed=scope, section="orders", caller=caller)
        order = orders.get_order(db, parse_id("ord", order_id), environment=shell.environment)
        items = orders.list_items(db, order)
        mapped = skus_of_lines(db, Scope(ConnectorName(order.connector), order.environment, order.shop_id), items)
        timeline = orders.list_timeline(db, order)
        answers = orders.get_answers(db, order)
        events = list_order_events(
            db,
            order.connector,
            environment=order.environment,
            shop_id=order.shop_id,
            order_sn=order.order_sn,
            limit=_EVENTS_SHOWN + 1,
        )
    return render(
        shell,
        "order.html",
        order=order,
        items=items,
        skus=mapped,
        notice=find_notice(text_param(request, "status")),
        timeline=timeline,
        answer_count=answers.count,
        answer=None if answers.latest is None else masked_answer(answers.latest.body),
        events=[{"row": row, "name": name_event(runtime, row)} for row in events[:_EVENTS_SHOWN]],
        more_events=len(events) > _EVENTS_SHOWN,
    )


def _read_wish(request: Request) -> _Wish:
    key = text_param(request, "tab")
    tab = next((one for one in ORDER_TABS if one.key == key), ORDER_TABS[0])
    query = text_param(request, "q", at_most=64)
    if query:
        tab = ORDER_TABS[0]  # an order number is looked for among all statuses
    return _Wish(tab, text_param(request, "shop"), query, text_param(request, "cursor", at_most=600))


def _read_page(db: Session, shell: Shell, wish: _Wish, statuses: tuple[str, ...]) -> Page[orders.OrderRow]:
    cursor_key = get_cursor_key(db)
    if wish.query:
        return orders.search_orders(
            db,
            environment=shell.environment,
            order_sn=wish.query,
            shop_id=wish.shop,
            cursor=wish.cursor,
            cursor_key=cursor_key,
            limit=PER_PAGE,
        )
    return orders.list_orders(
        db,
        environment=shell.environment,
        statuses=_statuses_of(wish.tab, statuses),
        shop_id=wish.shop,
        cursor=wish.cursor,
        cursor_key=cursor_key,
        limit=PER_PAGE,
    )


def _read_tabs(db: Session, shell: Shell, wish: _Wish, statuses: tuple[str, ...]) -> list[dict[str, object]]:
    """The tabs with their counts; with a shop chosen there are none, since nothing counts them cheaply."""
    tabs: list[dict[str, object]] = []
    for tab in ORDER_TABS:
        count = None
        if wish.shop is None:
            wanted = _statuses_of(tab, statuses)
            number = orders.count_orders(
                db, environment=shell.environment, statuses=statuses if wanted is None else wanted, at_most=_COUNTED
            )
            count = counted(number, _COUNTED)
        href = url(f"/e/{shell.viewed}/orders", tab=_tab_param(tab), shop=wish.shop)
        tabs.append({"label": tab.label, "href": href, "current": tab is wish.tab, "count": count})
    return tabs


def _statuses_of(tab: Tab, known: tuple[str, ...]) -> tuple[str, ...] | None:
    if tab.statuses is None:
        return None
    return tab.statuses or tuple(status for status in known if status not in KNOWN_STATUSES)


def _tab_param(tab: Tab) -> str | None:
    return None if tab is ORDER_TABS[0] else tab.key
