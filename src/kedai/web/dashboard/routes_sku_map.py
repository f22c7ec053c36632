"""The page of the SKU map: which product of a marketplace is which of the merchant's own, typed down a column."""

from __future__ import annotations

from collections.abc import Mapping
from uuid import UUID

from fastapi import APIRouter, Request
from fastapi.responses import RedirectResponse, Response

from kedai.catalog import queries
from kedai.catalog.queries import Wish
from kedai.errors import Invalid, Stale
from kedai.kit.ids import parse_id
from kedai.kit.sheets import SheetFormat, parse_format
from kedai.orders import details
from kedai.orders import queries as orders
from kedai.runtime import Runtime
from kedai.sync import listings, skus
from kedai.values.environment import ConnectorName, Environment, Scope
from kedai.values.wording import N_, NP_
from kedai.web.dashboard.access import CatalogKeeper, Reader
from kedai.web.dashboard.forms import Form
from kedai.web.dashboard.notice_words import Notice, find_notice
from kedai.web.dashboard.render import known, render, url
from kedai.web.dashboard.shell import ActedEnvironment, Viewed, ViewedScope, parse_viewed, read_shell, text_param
from kedai.web.dashboard.sku_map_page import (
    FIELD,
    MAPPED,
    PageWish,
    Typed,
    read_changes,
    read_page,
    read_rows,
    read_standings,
    tabs_of,
    tell_seen,
)
from kedai.web.deps import RuntimeDep
from kedai.web.security import Principal
from kedai.web.sku_files import export_response

router = APIRouter()


@router.get("/e/{scope}/sku-map")
def show_map(request: Request, runtime: RuntimeDep, caller: Reader, scope: ViewedScope) -> Response:
    """Listings with a field for the SKU, those without one first."""
    wish = _read_wish({name: text_param(request, name, at_most=most) for name, most in _PARAMS.items()})
    notice = find_notice(text_param(request, "status"))
    return _show(request, runtime, caller, scope, wish, notice=notice)


@router.post("/e/{environment}/sku-map")
def save(
    request: Request, runtime: RuntimeDep, caller: CatalogKeeper, environment: ActedEnvironment, form: Form
) -> Response:
    """Save what was typed into the page's fields: all of it, or nothing and the page again with what is wrong."""
    changes, wish = read_changes(form), _read_wish(form)
    if not changes:
        return _back(environment, wish, "unchanged")
    try:
        with runtime.web_db.write() as db:
            skus.set_skus(db, changes, environment=environment, actor=caller.actor, now=runtime.clock.now())
    except (Invalid, Stale) as error:
        typed = Typed(
            {UUID(hex=name.removeprefix(FIELD)): form[name] for name in form if name.startswith(FIELD)},
            known(error.message),
            error.facts.get("listing_id"),
        )
        status = 412 if isinstance(error, Stale) else 422
        return _show(request, runtime, caller, environment.value, wish, typed=typed, status=status)
    return _back(environment, wish, "skus_saved")


@router.post("/e/{environment}/sku-map/demand")
def demand(runtime: RuntimeDep, caller: CatalogKeeper, environment: ActedEnvironment, form: Form) -> Response:
    """Say whether an order with a product that is not in the map is told to a person."""
    name, demanded = runtime.parts.connector(form.get("connector", "")).name, form.get("demanded") == "yes"
    version = form.get("version", "")
    if not version.isascii() or not version.isdigit() or len(version) > 18:
        raise Invalid(N_("This form must be sent as the page sends it."), field="version")
    with runtime.web_db.write() as db:
        skus.set_demanded(
            db,
            name,
            environment,
            demanded,
            expected_version=int(version),
            actor=caller.actor,
            now=runtime.clock.now(),
        )
    return _back(environment, _read_wish({}), "sku_map_on" if demanded else "sku_map_off")


@router.post("/e/{environment}/sku-map/exports")
def export(runtime: RuntimeDep, caller: Reader, environment: ActedEnvironment, form: Form) -> Response:
    """The listings that the page shows (all its pages) as a file."""
    name = runtime.parts.connector(form.get("connector", "")).name
    chosen = parse_format(form.get("format", SheetFormat.CSV.value))
    return export_response(runtime, name, environment, _read_wish(form).wish, caller, chosen)


@router.post("/e/{environment}/sku-map/refreshes")
def refresh(runtime: RuntimeDep, caller: CatalogKeeper, environment: ActedEnvironment, form: Form) -> Response:
    """Start fetching what the connected shops offer."""
    name = runtime.parts.connector(form.get("connector", "")).name
    with runtime.web_db.write() as db:
        listings.start(runtime.parts, db, name, environment, actor=caller.actor, now=runtime.clock.now())
    return _back(environment, _read_wish({}), "listings_queued")


@router.post("/e/{environment}/orders/{order_id}/sku-checks")
def check_order(
    runtime: RuntimeDep, _caller: CatalogKeeper, environment: ActedEnvironment, order_id: str, form: Form
) -> Response:
    """Look an order's products up in the map once more."""
    scope = parse_viewed(form.get("from") or environment.value)
    with runtime.web_db.write() as db:
        order = orders.get_order(db, parse_id("ord", order_id), environment=environment)
        lines = details.list_items(db, order)
        shop = Scope(ConnectorName(order.connector), environment, order.shop_id)
        complete = skus.check_order(db, shop, order.order_sn, lines, now=runtime.clock.now())
    status = "skus_complete" if complete else "skus_lacking"
    return RedirectResponse(url(f"/e/{scope}/orders/{order_id}", status=status), 303)


_PARAMS = {"state": 20, "shop": 64, "q": 100, "cursor": 600, "suggest": 3}


def _read_wish(given: Mapping[str, str | None]) -> PageWish:
    """From an address or a form's hidden fields."""
    texts = {name: (given.get(name) or "").strip()[:most].replace("\0", "") or None for name, most in _PARAMS.items()}
    state = texts["state"] if texts["state"] in MAPPED else "all"
    return PageWish(state or "all", texts["shop"], texts["q"], texts["cursor"], texts["suggest"] == "yes")


def _show(
    request: Request,
    runtime: Runtime,
    caller: Principal,
    scope: Viewed,
    wish: PageWish,
    *,
    notice: Notice | None = None,
    typed: Typed | None = None,
    status: int = 200,
) -> Response:
    with runtime.web_db.read() as db:
        shell = read_shell(request, runtime, db, viewed=scope, section="sku-map", caller=caller)
        page = read_page(db, shell, wish)
        rows = read_rows(db, page, wish, typed)
        counts = queries.count_listings(db, Wish(None, wish.shop_id, wish.text), environment=shell.environment)
        shops = queries.list_shops(db, environment=shell.environment)
        standings = read_standings(runtime, db, shell)
    here = f"/e/{scope}/sku-map"
    return render(
        shell,
        "sku_map.html",
        status=status,
        rows=rows,
        seen=tell_seen(rows),
        wish=wish,
        params=wish.params(),
        here=here,
        shops=shops,
        standings=standings,
        tabs=tabs_of(here, wish, counts),
        unmapped=counts[False],
        can_edit="catalog.write" in shell.can and shell.environment is not None,
        can_suggest=any(one.listing.sku is None and one.listing.channel_sku for one in rows),
        nothing_yet=not rows and wish == _read_wish({}),
        notice=notice,
        problem="" if typed is None else typed.problem,
        shown=NP_("%(num)s product on this page", "%(num)s products on this page", len(rows)),
        first_href=url(here, **wish.params()) if wish.cursor else None,
        next_href=url(here, **wish.params(), cursor=page.next_cursor) if page.next_cursor else None,
    )


def _back(environment: Environment, wish: PageWish, status: str) -> Response:
    return RedirectResponse(url(f"/e/{environment.value}/sku-map", **wish.params(), status=status), 303)
