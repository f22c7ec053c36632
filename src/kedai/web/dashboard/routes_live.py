"""How much is new, while a page is open: a stream where it is asked for, else one answer."""

from __future__ import annotations

from fastapi import APIRouter, Request
from fastapi.responses import Response

from kedai.values.environment import Environment
from kedai.web.dashboard.access import Reader
from kedai.web.dashboard.shell import ViewedScope, environment_of, text_param
from kedai.web.live import Teller, instant_of
from kedai.web.live_response import LiveResponse

router = APIRouter()


@router.get("/e/{scope}/live")
async def watch(request: Request, caller: Reader, scope: ViewedScope) -> Response:
    """Counts of what came after ``since`` (or after the event that the browser names), and nothing of what it says."""
    teller: Teller = request.app.state.teller
    environment = environment_of(scope)
    environments = tuple(Environment) if environment is None else (environment,)
    since = instant_of(request.headers.get("last-event-id") or text_param(request, "since"))
    if "text/event-stream" not in request.headers.get("accept", ""):
        return Response(await teller.ask(environments, since=since), media_type="application/json")
    teller.refuse_too_many()
    return LiveResponse(teller, teller.watch(environments, session_id=caller.session_id, since=since))
