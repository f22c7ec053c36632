"""What covered a shop's time, what did not, and the statement that a period is complete."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta

from fastapi import APIRouter, Request
from fastapi.concurrency import run_in_threadpool
from fastapi.responses import Response

from kedai.coverage.queries import find_gaps, find_push_health, list_intervals, shares
from kedai.errors import Invalid, KedaiError
from kedai.runtime import Runtime
from kedai.staff.roles import Capability
from kedai.sync import completeness
from kedai.sync.completeness import Statement
from kedai.sync.period import parse_period
from kedai.values.environment import Environment, Scope
from kedai.vault.queries import list_shops
from kedai.web.dashboard.access import Reader, Replayer
from kedai.web.dashboard.forms import Form
from kedai.web.dashboard.render import known, render
from kedai.web.dashboard.shell import ActedEnvironment, main_connector, read_shell, text_param
from kedai.web.deps import RuntimeDep
from kedai.web.security import Principal

router = APIRouter()

_FIELDS = ("shop_id", "since", "until")
_SHOWN_FIRST = timedelta(days=7)
_SHOWN_GAPS = 50
_SHOWN_DIFFERENCES = 500


@dataclass(frozen=True, slots=True)
class _Asked:
    """What was asked for, as it was typed, and what came of it."""

    typed: dict[str, str]
    statement: Statement | None = None
    problem: str = ""
    status: int = 200


@router.get("/e/{environment}/coverage")
def show(request: Request, runtime: RuntimeDep, caller: Reader, environment: ActedEnvironment) -> Response:
    """A shop's last days, or the period that the address names."""
    typed = {name: text_param(request, name, at_most=64) or "" for name in _FIELDS}
    return _show(request, runtime, caller, environment, _Asked(typed))


@router.post("/e/{environment}/coverage")
async def state(
    request: Request, runtime: RuntimeDep, caller: Replayer, environment: ActedEnvironment, form: Form
) -> Response:
    """Ask the marketplace for its list, and compare; nothing is changed."""
    typed = {name: form.get(name, "") for name in _FIELDS}
    scope = Scope(main_connector(runtime), environment, typed["shop_id"])
    try:
        period = parse_period(typed["since"], typed["until"], now=runtime.clock.now())
        statement = await completeness.state(runtime.parts, scope, period)
    except KedaiError as error:
        refused = _Asked(typed, problem=known(error.message), status=422 if isinstance(error, Invalid) else 409)
        return await run_in_threadpool(_show, request, runtime, caller, environment, refused)
    return await run_in_threadpool(_show, request, runtime, caller, environment, _Asked(typed, statement))


def _show(request: Request, runtime: Runtime, caller: Principal, environment: Environment, asked: _Asked) -> Response:
    connector, now = runtime.parts.connector(main_connector(runtime)), runtime.clock.now()
    typed, problem, status = dict(asked.typed), asked.problem, asked.status
    typed["since"] = typed["since"] or f"{now - _SHOWN_FIRST:%Y-%m-%d}"
    typed["until"] = typed["until"] or f"{now:%Y-%m-%d}"
    period = None
    try:
        period = parse_period(typed["since"], typed["until"], now=now)
    except Invalid as error:
        problem, status = problem or known(error.message), 422
    with runtime.web_db.read() as db:
        shell = read_shell(request, runtime, db, viewed=environment.value, section="runs", caller=caller)
        shops = [(shop.shop_id, shop.name) for shop in list_shops(db, connector.name, environment=environment)]
        ids = {shop_id for shop_id, _ in shops}
        chosen = typed["shop_id"] if typed["shop_id"] in ids else next(iter(sorted(ids)), None)
        intervals = None
        if chosen is not None and period is not None:
            scope = Scope(connector.name, environment, chosen)
            intervals = list_intervals(db, scope, since=period.since, until=period.until)
        health = find_push_health(db, connector.name, environment)
    bounds = {} if period is None else {"since": period.since, "until": period.until}
    gaps = [] if intervals is None else find_gaps(intervals, **bounds)
    return render(
        shell,
        "coverage.html",
        status=status,
        environment=environment,
        connector=connector,
        shops=shops,
        chosen=chosen,
        typed=typed,
        problem=problem,
        period=period,
        shares=[] if intervals is None else shares(intervals, **bounds),
        gaps=gaps[:_SHOWN_GAPS],
        more_gaps=max(0, len(gaps) - _SHOWN_GAPS),
        health=health,
        statement=asked.statement,
        shown_differences=_SHOWN_DIFFERENCES,
        may_state=caller.can(Capability.EVENTS_REPLAY),
    )
