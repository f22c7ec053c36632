"""Lists as files, by the filter of the address: a form is sent, since what is taken away is recorded."""

from __future__ import annotations

from collections.abc import Mapping

from fastapi import APIRouter, Request
from fastapi.responses import Response

from kedai.errors import Forbidden
from kedai.kit.sheets import parse_format
from kedai.orders.queries import list_statuses
from kedai.staff.roles import Capability
from kedai.values.wording import N_
from kedai.web.dashboard import routes_calls, routes_events, routes_exceptions, routes_orders, routes_rejected
from kedai.web.dashboard.access import Reader
from kedai.web.dashboard.exporting import export_response
from kedai.web.dashboard.forms import Form
from kedai.web.dashboard.sheets import calls_sheet, events_sheet, exceptions_sheet, orders_sheet, rejected_sheet
from kedai.web.dashboard.shell import ViewedScope, environment_of, text_param
from kedai.web.deps import RuntimeDep
from kedai.web.security import Principal

router = APIRouter()


@router.post("/e/{scope}/orders/exports")
def export_orders(request: Request, runtime: RuntimeDep, caller: Reader, scope: ViewedScope, form: Form) -> Response:
    """Orders; with `personal=yes` their buyers in full, for those who may see them."""
    personal = _wants_personal(form, caller)
    given = {name: text_param(request, name) for name in ("tab", "shop", "q")}
    wish = routes_orders.read_wish(request)
    with runtime.web_db.read() as db:
        known = list_statuses(db, environment=environment_of(scope))
    sheet = orders_sheet(wish, scope, given, known_statuses=known, personal=personal)
    return export_response(runtime, caller, sheet, parse_format(form.get("format", "")), viewed=scope)


@router.post("/e/{scope}/events/exports")
def export_events(request: Request, runtime: RuntimeDep, caller: Reader, scope: ViewedScope, form: Form) -> Response:
    """Pushes, without their bodies; with `?state=rejected` deliveries that were refused, likewise."""
    if text_param(request, "state") == routes_rejected.STATE:
        refused = routes_rejected.read_wish(request)
        sheet = rejected_sheet(refused, scope, refused.given)
        return export_response(runtime, caller, sheet, parse_format(form.get("format", "")), viewed=scope)
    wish = routes_events.read_wish(request)
    given = {"state": wish.tab, "shop": wish.shop, "order": wish.order_sn}
    sheet = events_sheet(runtime, wish, scope, given)
    return export_response(runtime, caller, sheet, parse_format(form.get("format", "")), viewed=scope)


@router.post("/e/{scope}/exceptions/exports")
def export_exceptions(
    request: Request, runtime: RuntimeDep, caller: Reader, scope: ViewedScope, form: Form
) -> Response:
    """Groups of troubles."""
    key, given, chosen = routes_exceptions.read_wish(request)
    sheet = exceptions_sheet(chosen, scope, {"state": key, **given}, now=runtime.clock.now())
    return export_response(runtime, caller, sheet, parse_format(form.get("format", "")), viewed=scope)


@router.post("/e/{scope}/calls/exports")
def export_calls(request: Request, runtime: RuntimeDep, caller: Reader, scope: ViewedScope, form: Form) -> Response:
    """Outgoing calls."""
    given, wanted = routes_calls.read_wish(request)
    sheet = calls_sheet(wanted, scope, given)
    return export_response(runtime, caller, sheet, parse_format(form.get("format", "")), viewed=scope)


def _wants_personal(form: Mapping[str, str], caller: Principal) -> bool:
    if form.get("personal", "") != "yes":
        return False
    if not caller.can(Capability.PERSONAL_REVEAL):
        raise Forbidden(
            N_("Your role does not allow this (%(capability)s).", capability=Capability.PERSONAL_REVEAL.value)
        )
    return True
