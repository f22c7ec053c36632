"""What a person decides about all parked events of one reason: replay, or, after a look at how many, discard."""

from __future__ import annotations

from fastapi import APIRouter, Request
from fastapi.responses import RedirectResponse, Response

from kedai.errors import Invalid
from kedai.inbox.service import count_parked
from kedai.sync.replay import discard_parked, replay_parked
from kedai.values.environment import ConnectorName, Environment
from kedai.values.event import ParkedReason
from kedai.values.wording import N_
from kedai.web.dashboard.access import FreshReplayer, Replayer
from kedai.web.dashboard.forms import Form
from kedai.web.dashboard.render import render, url
from kedai.web.dashboard.shell import ActedEnvironment, main_connector, read_shell, text_param
from kedai.web.deps import RuntimeDep

router = APIRouter()


@router.post("/e/{environment}/events/replay-parked")
def replay_all(runtime: RuntimeDep, caller: Replayer, environment: ActedEnvironment, form: Form) -> Response:
    """Queue a run that replays parked pushes; its progress is shown on the page where it was started."""
    connector = runtime.parts.connector(form.get("connector") or main_connector(runtime)).name
    reason, now = _parse_reason(form.get("reason")), runtime.clock.now()
    with runtime.web_db.write() as db:
        replay_parked(runtime.parts, db, connector, environment, reason=reason, actor=caller.actor, now=now)
    return RedirectResponse(_back(connector, environment, form.get("back"), status="replay_queued"), 303)


@router.get("/e/{environment}/parked/discard")
def ask(request: Request, runtime: RuntimeDep, caller: FreshReplayer, environment: ActedEnvironment) -> Response:
    """Say how many there are and what discarding means, and ask."""
    connector = runtime.parts.connector(text_param(request, "connector") or main_connector(runtime))
    reason, back = _parse_reason(text_param(request, "reason")), text_param(request, "back")
    with runtime.web_db.read() as db:
        shell = read_shell(request, runtime, db, viewed=environment.value, section="events", caller=caller)
        number = count_parked(db, connector.name, environment, reason=reason)
    return render(
        shell,
        "discard.html",
        connector=connector,
        environment=environment,
        reason=reason,
        number=number,
        back=back or "events",
        back_href=_back(connector.name, environment, back, status=None),
    )


@router.post("/e/{environment}/parked/discard")
def discard_all(runtime: RuntimeDep, caller: FreshReplayer, environment: ActedEnvironment, form: Form) -> Response:
    """Queue a run that discards parked pushes."""
    connector = runtime.parts.connector(form.get("connector") or main_connector(runtime)).name
    if form.get("reason") is None:
        raise Invalid(N_("Say which parked events are meant."), field="reason")
    reason, now = _parse_reason(form.get("reason")), runtime.clock.now()
    with runtime.web_db.write() as db:
        discard_parked(runtime.parts, db, connector, environment, reason=reason, actor=caller.actor, now=now)
    return RedirectResponse(_back(connector, environment, form.get("back"), status="discard_queued"), 303)


def _parse_reason(text: str | None) -> ParkedReason:
    if text is None:
        return ParkedReason.INACTIVE_ENVIRONMENT
    if text not in set(ParkedReason):
        raise Invalid(N_("There is no such reason for parking."), field="reason")
    return ParkedReason(text)


def _back(connector: ConnectorName, environment: Environment, page: str | None, *, status: str | None) -> str:
    """The page on which it was begun."""
    if page == "connection":
        return url(f"/connectors/{connector}", tab=environment.value, status=status)
    return url(f"/e/{environment.value}/events", state="parked", status=status)
