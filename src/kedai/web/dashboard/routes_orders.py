"""The page of orders: the list with its tabs and filters."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from fastapi import APIRouter, Request
from fastapi.responses import HTMLResponse
from sqlalchemy.orm import Session

from kedai.orders import queries as orders
from kedai.values.order import Page
from kedai.vault.queries import get_cursor_key
from kedai.web.dashboard.access import Reader
from kedai.web.dashboard.formats import counted
from kedai.web.dashboard.order_tabs import count_tab, statuses_of
from kedai.web.dashboard.render import render, url
from kedai.web.dashboard.saved_views import read_views
from kedai.web.dashboard.shell import Shell, ViewedScope, read_shell, text_param
from kedai.web.dashboard.words import ORDER_TABS, Tab
from kedai.web.deps import RuntimeDep

router = APIRouter()

PER_PAGE = 50
_COUNTED = 2_000


@dataclass(frozen=True, slots=True)
class OrderWish:
    """What the address asks for."""

    tab: Tab
    shop: str | None
    query: str | None
    cursor: str | None


@router.get("/e/{scope}/orders")
def show_orders(request: Request, runtime: RuntimeDep, caller: Reader, scope: ViewedScope) -> HTMLResponse:
    """Orders of the viewed environments, by tab, shop and number."""
    wish = read_wish(request)
    params = {"tab": _tab_param(wish.tab), "shop": wish.shop, "q": wish.query}
    with runtime.web_db.read() as db:
        shell = read_shell(request, runtime, db, viewed=scope, section="orders", caller=caller)
        environment = shell.environment
        counts = {} if wish.query else orders.count_by_status(db, environment=environment, at_most=_COUNTED)
        page = _read_page(db, shell, wish, tuple(counts))
        tabs = _list_tabs(shell, wish, counts)
        views = read_views(db, caller, shell, "orders", params)
        nothing_yet = not page.rows and not orders.has_orders(db, environment=environment)
        shops = sorted({found.shop_id for found in orders.list_scopes(db, environment=environment)})
    path = f"/e/{scope}/orders"
    return render(
        shell,
        "orders.html",
        rows=page.rows,
        tabs=tabs,
        tab=wish.tab,
        shop=wish.shop,
        query=wish.query,
        shops=shops,
        views=views,
        nothing_yet=nothing_yet,
        packing_params=[(name, text) for name, text in params.items() if text],
        export_href=url(f"{path}/exports", **params),
        first_href=url(path, **params) if wish.cursor else None,
        next_href=url(path, **params, cursor=page.next_cursor) if page.next_cursor else None,
    )


def read_wish(request: Request) -> OrderWish:
    """The list's filter, from the address."""
    key = text_param(request, "tab")
    tab = next((one for one in ORDER_TABS if one.key == key), ORDER_TABS[0])
    query = text_param(request, "q", at_most=64)
    if query:
        tab = ORDER_TABS[0]  # an order number is looked for among all statuses
    return OrderWish(tab, text_param(request, "shop"), query, text_param(request, "cursor", at_most=600))


def _read_page(db: Session, shell: Shell, wish: OrderWish, statuses: tuple[str, ...]) -> Page[orders.OrderRow]:
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
        statuses=statuses_of(wish.tab, statuses),
        shop_id=wish.shop,
        cursor=wish.cursor,
        cursor_key=cursor_key,
        limit=PER_PAGE,
    )


def _list_tabs(shell: Shell, wish: OrderWish, counts: Mapping[str, int]) -> list[dict[str, object]]:
    """The tabs with their counts; with a shop chosen there are none, since nothing counts them cheaply."""
    tabs: list[dict[str, object]] = []
    for tab in ORDER_TABS:
        href = url(f"/e/{shell.viewed}/orders", tab=_tab_param(tab), shop=wish.shop)
        count = counted(count_tab(tab, counts), _COUNTED) if wish.shop is None else None
        tabs.append({"label": tab.label, "href": href, "current": tab is wish.tab, "count": count})
    return tabs


def _tab_param(tab: Tab) -> str | None:
    return None if tab is ORDER_TABS[0] else tab.key
