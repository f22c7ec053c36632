"""The error page. Reads the banner if it can, and never fails for want of it."""

from __future__ import annotations

from dataclasses import replace

from fastapi import Request
from fastapi.responses import HTMLResponse
from sqlalchemy.exc import SQLAlchemyError

from kedai.errors import KedaiError
from kedai.runtime import Runtime
from kedai.values.wording import N_
from kedai.web.dashboard.language import choose_language
from kedai.web.dashboard.render import known, render
from kedai.web.dashboard.shell import Shell, Viewed, read_shell

_STORAGE_AWAY = 503
_SERVER_ERRORS = 500

_TITLES = {
    400: N_("This request was not understood"),
    401: N_("Sign in first"),
    403: N_("This is not allowed"),
    404: N_("Nothing was found here"),
    405: N_("This address does not take that"),
    409: N_("That does not fit how things stand"),
    412: N_("Somebody changed this meanwhile"),
    413: N_("That is too large"),
    422: N_("Something is not valid"),
    429: N_("Too many tries"),
    500: N_("Something went wrong on our side"),
    502: N_("The marketplace did not help"),
    503: N_("Kedai cannot do this right now"),
}
_ADVICE = {
    400: N_("Go back, look at what you entered, and try again."),
    401: N_("Sign in, then open the page again."),
    403: N_("Ask an administrator of this installation, or sign in as somebody who may."),
    404: N_("Check the address, or start from the home page. A link of one environment never opens the other's data."),
    405: N_("Start again from the home page."),
    409: N_("Load the page again to see how things stand now."),
    412: N_("Load the page again to see how things stand now."),
    413: N_("Send or ask for less at once."),
    422: N_("Go back, look at what you entered, and try again."),
    429: N_("Wait a minute, then try again."),
    500: N_("Try again. If it stays, give the request ID to whoever looks after this installation."),
    502: N_("Wait a minute, then try again. Nothing was lost."),
    503: N_("Wait a moment and load the page again. Nothing that was stored is lost."),
}


def render_error(request: Request, status: int, title: str, detail: str, request_id: str) -> HTMLResponse:
    """The error page: what happened, why, what to do, and the request id to hand on."""
    family = 500 if status >= _SERVER_ERRORS else 400
    shell = _shell_for(request, status)
    return render(
        shell,
        "error.html",
        status=status,
        code=status,
        title=_TITLES.get(status, known(title)),
        detail=known(detail),
        advice=_ADVICE.get(status, _ADVICE[family]),
        request_id=request_id,
    )


def _shell_for(request: Request, status: int) -> Shell:
    """The frame that the failed page had already read, else a fresh one, else one that admits to know nothing."""
    known: Shell | None = getattr(request.state, "shell", None)
    runtime: Runtime = request.app.state.runtime
    if known is not None:
        return replace(known, storage=runtime.storage.trouble)  # what failed may be what it has just met
    viewed = _viewed_of(request)
    if status != _STORAGE_AWAY:
        try:
            with runtime.web_db.read() as db:
                return read_shell(request, runtime, db, viewed=viewed, section="", caller=None)
        except (KedaiError, SQLAlchemyError):
            pass  # the page of an error must not become another error
    now, storage = runtime.clock.now(), runtime.storage.trouble
    return Shell(
        viewed or "all", None, now, "", None, frozenset(), (), storage=storage, language=choose_language(request, None)
    )


def _viewed_of(request: Request) -> Viewed | None:
    segments = request.url.path.split("/")
    named = segments[2] if segments[1:2] == ["e"] and segments[3:] else request.query_params.get("tab")
    scopes: dict[str, Viewed] = {"sandbox": "sandbox", "live": "live", "all": "all"}
    return scopes.get(named or "")
