"""The pages of rebuilds: ask for one, see what would differ, apply or discard it."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import TYPE_CHECKING

from fastapi import APIRouter, Request
from fastapi.responses import RedirectResponse, Response
from sqlalchemy.orm import Session

from kedai.errors import Invalid
from kedai.kit.ids import parse_id, show_id
from kedai.kit.instants import parse_instant
from kedai.orders.queries import list_scopes
from kedai.orders.shadow import OPEN, count_shadows, list_shadows
from kedai.runs.queries import find_open_runs, list_latest_runs
from kedai.runtime import Runtime
from kedai.sync import rebuild
from kedai.values.environment import ConnectorName, Environment, Scope
from kedai.values.wording import N_
from kedai.web.dashboard.access import FreshReplayer, Reader, Replayer
from kedai.web.dashboard.forms import Form
from kedai.web.dashboard.notice_words import find_notice
from kedai.web.dashboard.render import render, url
from kedai.web.dashboard.shell import ActedEnvironment, main_connector, read_shell, text_param
from kedai.web.deps import RuntimeDep
from kedai.web.security import Principal

if TYPE_CHECKING:
    from kedai.runs.models import Run

router = APIRouter()

_SHOWN_RUNS = 10
_SHOWN_ORDERS = 100


@router.get("/e/{environment}/rebuilds")
def show_form(request: Request, runtime: RuntimeDep, caller: Reader, environment: ActedEnvironment) -> Response:
    """The form, and the latest rebuilds."""
    name = runtime.parts.connector(text_param(request, "connector") or main_connector(runtime)).name
    with runtime.web_db.read() as db:
        shell = read_shell(request, runtime, db, viewed=environment.value, section="orders", caller=caller)
        shops = sorted({one.shop_id for one in list_scopes(db, environment=environment) if one.connector == name})
        runs = list_latest_runs(db, rebuild.KIND, name, environment=environment, limit=_SHOWN_RUNS)
    return render(
        shell,
        "rebuilds.html",
        environment=environment,
        connector=name,
        shops=shops,
        runs=runs,
        given={"shop": text_param(request, "shop"), "order": text_param(request, "order", at_most=64)},
        as_of=_for_input(runtime.clock.now()),
    )


@router.post("/e/{environment}/rebuilds")
def start(runtime: RuntimeDep, caller: Replayer, environment: ActedEnvironment, form: Form) -> Response:
    """Queue a rebuild; its page shows how far it is."""
    name = runtime.parts.connector(form.get("connector") or main_connector(runtime)).name
    shop_id = form.get("shop", "").strip()
    if not shop_id:
        raise Invalid(N_("Choose the shop."), field="shop")
    wish = rebuild.Wish(
        _instant(form, "as_of") or runtime.clock.now(),
        form.get("order", "").strip() or None,
        _instant(form, "placed_from"),
        _instant(form, "placed_until"),
    )
    scope, now = Scope(name, environment, shop_id), runtime.clock.now()
    with runtime.web_db.read() as db:
        counted = rebuild.count_meant(db, scope, wish)
    with runtime.web_db.write() as db:
        run = rebuild.start_rebuild(runtime.parts, db, scope, wish, counted=counted, actor=caller.actor, now=now)
        here = _address(environment, run)
    return RedirectResponse(here, 303)


@router.get("/e/{environment}/rebuilds/{run_id}")
def show_one(
    request: Request, runtime: RuntimeDep, caller: Reader, environment: ActedEnvironment, run_id: str
) -> Response:
    """How far it is, and the orders that would differ, by number."""
    after = text_param(request, "after", at_most=64) or ""
    with runtime.web_db.read() as db:
        shell = read_shell(request, runtime, db, viewed=environment.value, section="orders", caller=caller)
        run = rebuild.get_rebuild(db, parse_id("run", run_id), environment=environment)
        counts = count_shadows(db, run.id, environment=environment)
        rows = list_shadows(db, run.id, environment=environment, after=after, limit=_SHOWN_ORDERS + 1)
        settling = _find_settling(db, run)
    here = _address(environment, run)
    more = len(rows) > _SHOWN_ORDERS
    return render(
        shell,
        "rebuild.html",
        environment=environment,
        run=run,
        settling=settling,
        counts=counts,
        waiting=sum(counts.get(state, 0) for state in OPEN),
        rows=rows[:_SHOWN_ORDERS],
        here=here,
        notice=find_notice(text_param(request, "status")),
        first_href=here if after else None,
        next_href=url(here, after=rows[_SHOWN_ORDERS - 1].order_sn) if more else None,
    )


@router.post("/e/{environment}/rebuilds/{run_id}/apply")
def apply(runtime: RuntimeDep, caller: FreshReplayer, environment: ActedEnvironment, run_id: str) -> Response:
    """Queue a run that leaves the orders as they were known then."""
    return _settle(rebuild.apply_rebuild, runtime, caller, environment, run_id, status="rebuild_applied")


@router.post("/e/{environment}/rebuilds/{run_id}/discard")
def discard(runtime: RuntimeDep, caller: Replayer, environment: ActedEnvironment, run_id: str) -> Response:
    """Queue a run that notes that the orders stay as they are."""
    return _settle(rebuild.discard_rebuild, runtime, caller, environment, run_id, status="rebuild_discarded")


def _settle(
    verb: Callable[..., Run],
    runtime: Runtime,
    caller: Principal,
    environment: Environment,
    run_id: str,
    *,
    status: str,
) -> Response:
    found = parse_id("run", run_id)
    with runtime.web_db.write() as db:
        verb(db, found, environment=environment, actor=caller.actor, now=runtime.clock.now())
    return RedirectResponse(url(f"/e/{environment.value}/rebuilds/{show_id('run', found)}", status=status), 303)


def _find_settling(db: Session, run: Run) -> Run | None:
    """The run that is applying or discarding this rebuild just now."""
    kinds = (rebuild.APPLY_KIND, rebuild.DISCARD_KIND)
    found = find_open_runs(db, kinds, ConnectorName(run.connector), environment=run.environment)
    return next((one for one in found if one.scope["rebuild"] == str(run.id)), None)


def _instant(form: Form, name: str) -> datetime | None:
    text = form.get(name, "").strip()
    return parse_instant(text, field=name, zone_given=False) if text else None


def _for_input(instant: datetime) -> str:
    return instant.strftime("%Y-%m-%dT%H:%M")


def _address(environment: Environment, run: Run) -> str:
    return f"/e/{environment.value}/rebuilds/{show_id('run', run.id)}"
