"""The page that is printed and packed by: orders of one environment that wait to be shipped."""

from __future__ import annotations

from collections.abc import Sequence
from urllib.parse import urlencode
from uuid import UUID

from fastapi import APIRouter, Request
from fastapi.responses import Response

from kedai.errors import Invalid
from kedai.kit.ids import parse_id, show_id
from kedai.orders.packing import PackingWish
from kedai.sync.packing import COUNTED, MOST, read_packing_list
from kedai.values.environment import Environment
from kedai.values.wording import N_
from kedai.web.dashboard.access import Reader
from kedai.web.dashboard.formats import counted
from kedai.web.dashboard.render import render, url
from kedai.web.dashboard.routes_orders import OrderWish, read_wish
from kedai.web.dashboard.shell import ViewedScope, read_shell
from kedai.web.dashboard.words import TO_SHIP
from kedai.web.deps import RuntimeDep

router = APIRouter()


@router.get("/e/{scope}/orders/packing")
def show_packing(request: Request, runtime: RuntimeDep, caller: Reader, scope: ViewedScope) -> Response:
    """The chosen orders, or those that fit the list's filter. Of both environments at once there is no such page.

    Sheets of paper come apart, and a heading stands on the first of them only: what is a test must not lie in the
    pile of what is sent.
    """
    listed, chosen = read_wish(request), _read_chosen(request)
    wish = PackingWish(_statuses_of(listed), listed.shop, listed.query, chosen)
    filtered = {"tab": listed.tab.key if listed.tab.statuses else None, "shop": listed.shop, "q": listed.query}
    with runtime.web_db.read() as db:
        shell = read_shell(request, runtime, db, viewed=scope, section="orders", caller=caller)
        found = None if shell.environment is None else read_packing_list(db, wish, environment=shell.environment)
    given = [*((name, text) for name, text in filtered.items() if text), *_named(chosen)]
    return render(
        shell,
        "packing.html",
        found=found,
        chosen=0 if chosen is None else len(chosen),
        more=0 if found is None else found.fitting - len(found.slips),
        fitting="" if found is None else counted(found.fitting, COUNTED),
        most=MOST,
        back_href=url(f"/e/{scope}/orders", **filtered),
        one_by_one=[(one.value, f"/e/{one.value}/orders/packing?{urlencode(given)}") for one in Environment],
    )


def _read_chosen(request: Request) -> frozenset[UUID] | None:
    """The orders that the address names; None where it names none.

    Raises:
        Invalid: more than a list holds. NotFound: no order has such an id.
    """
    names = set(request.query_params.getlist("order"))
    if len(names) > MOST:
        raise Invalid(N_("A packing list holds %(most)s orders at most.", most=MOST), field="order")
    return frozenset(parse_id("ord", one) for one in names) or None


def _statuses_of(wish: OrderWish) -> Sequence[str]:
    """Only what waits to be shipped, whatever tab the list shows: nobody shall pack what was sent or cancelled."""
    return [one for one in TO_SHIP if wish.tab.statuses is None or one in wish.tab.statuses]


def _named(chosen: frozenset[UUID] | None) -> list[tuple[str, str]]:
    return [("order", show_id("ord", one)) for one in sorted(chosen or ())]
