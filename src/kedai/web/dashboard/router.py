"""All pages, and the rule that holds for each: they are for people, never for a program's token."""

from __future__ import annotations

from fastapi import APIRouter, Depends

from kedai.errors import Forbidden
from kedai.values.wording import N_
from kedai.web.dashboard.assets import router as assets
from kedai.web.dashboard.routes_account import router as account
from kedai.web.dashboard.routes_audit import router as audit
from kedai.web.dashboard.routes_backfill import router as backfill
from kedai.web.dashboard.routes_calls import router as calls
from kedai.web.dashboard.routes_certificates import router as certificates
from kedai.web.dashboard.routes_components import router as components
from kedai.web.dashboard.routes_confirm import router as confirm
from kedai.web.dashboard.routes_connection import router as connection
from kedai.web.dashboard.routes_coverage import router as coverage
from kedai.web.dashboard.routes_credentials import router as credentials
from kedai.web.dashboard.routes_doctor import router as doctor
from kedai.web.dashboard.routes_events import router as events
from kedai.web.dashboard.routes_exception_acts import router as exception_acts
from kedai.web.dashboard.routes_exceptions import router as exceptions
from kedai.web.dashboard.routes_exports import router as exports
from kedai.web.dashboard.routes_help import router as help_pages
from kedai.web.dashboard.routes_home import router as home
from kedai.web.dashboard.routes_keys import router as keys
from kedai.web.dashboard.routes_live import router as live
from kedai.web.dashboard.routes_merchants import router as merchants
from kedai.web.dashboard.routes_notices import router as notices
from kedai.web.dashboard.routes_notifications import router as notifications
from kedai.web.dashboard.routes_order import router as order
from kedai.web.dashboard.routes_orders import router as orders
from kedai.web.dashboard.routes_packing import router as packing
from kedai.web.dashboard.routes_parity import router as parity
from kedai.web.dashboard.routes_parked import router as parked
from kedai.web.dashboard.routes_passkeys import router as passkeys
from kedai.web.dashboard.routes_quarantine import router as quarantine
from kedai.web.dashboard.routes_rebuilds import router as rebuilds
from kedai.web.dashboard.routes_rejected import router as rejected
from kedai.web.dashboard.routes_replays import router as replays
from kedai.web.dashboard.routes_runs import router as runs
from kedai.web.dashboard.routes_schedule import router as schedule
from kedai.web.dashboard.routes_search import router as search
from kedai.web.dashboard.routes_session import router as session
from kedai.web.dashboard.routes_settings import router as settings
from kedai.web.dashboard.routes_setup import router as setup
from kedai.web.dashboard.routes_shop import router as shop
from kedai.web.dashboard.routes_shops import router as shops
from kedai.web.dashboard.routes_sku_copy import router as sku_copy
from kedai.web.dashboard.routes_sku_import import router as sku_import
from kedai.web.dashboard.routes_sku_map import router as sku_map
from kedai.web.dashboard.routes_staff import router as staff
from kedai.web.dashboard.routes_switch import router as switch
from kedai.web.dashboard.routes_tokens import router as tokens
from kedai.web.dashboard.routes_totp import router as totp
from kedai.web.dashboard.routes_undo import router as undo
from kedai.web.dashboard.routes_views import router as views
from kedai.web.dashboard.theme import router as theme
from kedai.web.deps import MaybeCaller


def refuse_programs(caller: MaybeCaller) -> None:
    """A token is bound to one environment, a page may show both.

    Raises:
        Forbidden: the caller came with a token.
    """
    if caller is not None and caller.kind != "session":
        raise Forbidden(N_("Pages are for people: sign in with a browser. Programs use the JSON routes."))


router = APIRouter(include_in_schema=False)
router.include_router(assets)
PAGES = (
    *(session, confirm, account, totp, passkeys, theme, components),
    *(home, orders, events, parked, exceptions, runs, schedule, calls, connection, credentials),
    *(rejected, exception_acts),
    *(shops, shop, merchants, certificates, switch),
    *(packing, order, notices),  # in this order: “packing” is no order’s id
    *(sku_map, sku_import, sku_copy),
    *(parity, quarantine, staff, tokens, audit, keys, rebuilds, replays),
    notifications,
    *(backfill, coverage, doctor, exports, live, search, views),
    *(setup, settings, undo, help_pages),
)
for pages in PAGES:
    router.include_router(pages, dependencies=[Depends(refuse_programs)])
