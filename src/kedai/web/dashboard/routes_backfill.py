"""Back-filling a period: choose it, see how much there is, then start; three plain forms, no script."""

from __future__ import annotations

from dataclasses import dataclass

from fastapi import APIRouter, Request
from fastapi.concurrency import run_in_threadpool
from fastapi.responses import RedirectResponse, Response

from kedai.errors import Invalid, KedaiError
from kedai.runtime import Runtime
from kedai.sync import backfill
from kedai.sync.backfill import Estimate
from kedai.sync.period import Period, parse_period
from kedai.sync.position import LONGEST_WINDOW
from kedai.values.environment import Environment, Scope
from kedai.values.wording import N_
from kedai.vault.queries import get_active_environment, list_shops
from kedai.web.dashboard.access import Replayer
from kedai.web.dashboard.forms import Form
from kedai.web.dashboard.render import known, render, url
from kedai.web.dashboard.shell import ActedEnvironment, main_connector, read_shell
from kedai.web.deps import RuntimeDep
from kedai.web.security import Principal

router = APIRouter()

_FIELDS = ("shop_id", "since", "until")


@dataclass(frozen=True, slots=True)
class _Answer:
    """What was asked for, as it was typed, and what came of it."""

    typed: dict[str, str]
    found: Estimate | None = None
    period: Period | None = None
    problem: str = ""
    field: str | None = None


@router.get("/e/{environment}/backfill")
def ask(request: Request, runtime: RuntimeDep, caller: Replayer, environment: ActedEnvironment) -> Response:
    """Ask for a shop and a period."""
    return _show(request, runtime, caller, environment, _Answer(dict.fromkeys(_FIELDS, "")), status=200)


@router.post("/e/{environment}/backfill/estimate")
async def estimate(
    request: Request, runtime: RuntimeDep, caller: Replayer, environment: ActedEnvironment, form: Form
) -> Response:
    """Ask the marketplace how much there is; nothing is changed."""
    typed = {name: form.get(name, "") for name in _FIELDS}
    try:
        period = parse_period(typed["since"], typed["until"], now=runtime.clock.now())
        found = await backfill.estimate(runtime.parts, _scope(runtime, environment, typed), period)
    except KedaiError as error:
        return await run_in_threadpool(_refuse, request, runtime, caller, environment, typed, error)
    answer = _Answer(typed, found, period)
    return await run_in_threadpool(_show, request, runtime, caller, environment, answer, status=200)


@router.post("/e/{environment}/backfill")
async def begin(
    request: Request, runtime: RuntimeDep, caller: Replayer, environment: ActedEnvironment, form: Form
) -> Response:
    """Queue the run; its progress is on the page of runs."""
    typed = {name: form.get(name, "") for name in _FIELDS}
    try:
        period = parse_period(typed["since"], typed["until"], now=runtime.clock.now())
        await backfill.begin(runtime.parts, _scope(runtime, environment, typed), period, actor=caller.actor)
    except KedaiError as error:
        return await run_in_threadpool(_refuse, request, runtime, caller, environment, typed, error)
    return RedirectResponse(url(f"/e/{environment.value}/runs", status="backfill_queued"), 303)


def _scope(runtime: Runtime, environment: Environment, typed: dict[str, str]) -> Scope:
    shop_id = typed["shop_id"].strip()
    if not shop_id or "\0" in shop_id or len(shop_id) > 64:
        raise Invalid(N_("Choose a shop."), field="shop_id")
    return Scope(main_connector(runtime), environment, shop_id)


def _refuse(
    request: Request,
    runtime: Runtime,
    caller: Principal,
    environment: Environment,
    typed: dict[str, str],
    error: KedaiError,
) -> Response:
    field = error.field if isinstance(error, Invalid) else None
    status = 422 if isinstance(error, Invalid) else 409
    answer = _Answer(typed, problem=known(error.message), field=field)
    return _show(request, runtime, caller, environment, answer, status=status)


def _show(
    request: Request, runtime: Runtime, caller: Principal, environment: Environment, answer: _Answer, *, status: int
) -> Response:
    connector = runtime.parts.connector(main_connector(runtime))
    with runtime.web_db.read() as db:
        shell = read_shell(request, runtime, db, viewed=environment.value, section="runs", caller=caller)
        is_active = get_active_environment(db, connector.name) is environment
        shops = [
            (shop.shop_id, shop.name)
            for shop in list_shops(db, connector.name, environment=environment)
            if shop.state == "connected"
        ]
    return render(
        shell,
        "backfill.html",
        status=status,
        environment=environment,
        connector=connector,
        is_active=is_active,
        shops=shops,
        answer=answer,
        longest_days=LONGEST_WINDOW.days,
    )
