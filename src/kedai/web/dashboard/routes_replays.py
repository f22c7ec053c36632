"""The page that replays events, by filter and range or those that were chosen in the list: see how many, start."""

from __future__ import annotations

from collections.abc import Mapping
from uuid import UUID

from fastapi import APIRouter, Request
from fastapi.responses import RedirectResponse, Response

from kedai.errors import Invalid
from kedai.inbox.replays import REPLAYABLE, Choice
from kedai.kit.ids import parse_id
from kedai.kit.instants import parse_instant
from kedai.sync.replay_events import COUNTED, preview, replay_events
from kedai.values.event import EventState
from kedai.values.wording import N_
from kedai.vault.queries import get_active_environment
from kedai.web.dashboard.access import Replayer
from kedai.web.dashboard.formats import counted as show_count
from kedai.web.dashboard.forms import Form
from kedai.web.dashboard.render import render, url
from kedai.web.dashboard.shell import ActedEnvironment, main_connector, read_shell, text_param
from kedai.web.deps import RuntimeDep

router = APIRouter()

_FIELDS = ("state", "shop", "order", "since", "until")
_MOST_CHOSEN = 200


@router.get("/e/{environment}/replays")
def ask(request: Request, runtime: RuntimeDep, caller: Replayer, environment: ActedEnvironment) -> Response:
    """The filter, and how many events it means."""
    name = runtime.parts.connector(text_param(request, "connector") or main_connector(runtime)).name
    given = {field: text_param(request, field, at_most=64) or "" for field in _FIELDS}
    given["events"] = " ".join(request.query_params.getlist("event"))
    choice = _choice(given)
    with runtime.web_db.read() as db:
        shell = read_shell(request, runtime, db, viewed=environment.value, section="events", caller=caller)
        number = preview(db, name, environment, choice)
        is_active = get_active_environment(db, name) is environment
    return render(
        shell,
        "replays.html",
        environment=environment,
        connector=name,
        given=given,
        chosen=len(choice.ids),
        states=[state.value for state in REPLAYABLE],
        number=number,
        count=show_count(number, COUNTED),
        is_active=is_active,
    )


@router.post("/e/{environment}/replays")
def start(runtime: RuntimeDep, caller: Replayer, environment: ActedEnvironment, form: Form) -> Response:
    """Queue the run; the page of runs shows how far it is."""
    name = runtime.parts.connector(form.get("connector") or main_connector(runtime)).name
    choice, now = _choice(form), runtime.clock.now()
    with runtime.web_db.read() as db:
        counted = preview(db, name, environment, choice)
    with runtime.web_db.write() as db:
        replay_events(runtime.parts, db, name, environment, choice, counted=counted, actor=caller.actor, now=now)
    return RedirectResponse(url(f"/e/{environment.value}/runs", status="replay_queued"), 303)


def _choice(given: Mapping[str, str]) -> Choice:
    """Times without a zone are meant in UTC, as the form says.

    Raises:
        Invalid: no such state or time, or a range that ends before it begins.
    """
    text = {field: given.get(field, "").strip() for field in _FIELDS}
    if text["state"] and text["state"] not in REPLAYABLE:
        raise Invalid(N_("There is no such state to replay from."), field="state")
    ends = {
        field: parse_instant(text[field], field=field, zone_given=False) for field in ("since", "until") if text[field]
    }
    states = (EventState(text["state"]),) if text["state"] else REPLAYABLE
    return Choice(states, None, text["shop"] or None, text["order"] or None, **ends, ids=_ids(given.get("events", "")))


def _ids(text: str) -> tuple[UUID, ...]:
    """Those that were chosen in the list, by their ids as it shows them.

    Raises:
        Invalid: too many. NotFound: none can have such an id.
    """
    shown = dict.fromkeys(text.split())
    if len(shown) > _MOST_CHOSEN:
        raise Invalid(N_("Choose %(most)s events at most, or replay by filter.", most=_MOST_CHOSEN), field="event")
    return tuple(parse_id("evt", one) for one in shown)
