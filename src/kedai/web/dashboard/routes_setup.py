"""The page of the first run: from an empty installation to the first live order, each step with its proof."""

from __future__ import annotations

from fastapi import APIRouter, Request
from fastapi.responses import Response
from sqlalchemy.orm import Session

from kedai.errors import NotFound
from kedai.runtime import Runtime
from kedai.sync.getting_started.steps import Checklist, StepKey, is_finished, read_checklist
from kedai.values.environment import ConnectorName, Environment
from kedai.web.dashboard.access import Reader
from kedai.web.dashboard.connection_page import labels
from kedai.web.dashboard.console import read_console
from kedai.web.dashboard.notice_words import find_notice
from kedai.web.dashboard.people import EVERYWHERE
from kedai.web.dashboard.render import render, url
from kedai.web.dashboard.shell import Shell, main_connector, read_shell, text_param
from kedai.web.deps import RuntimeDep

router = APIRouter()


@router.get("/setup")
def show_setup(request: Request, runtime: RuntimeDep, caller: Reader) -> Response:
    """The checklist. It is read anew at each look, so that it also tells of what went away again."""
    name = main_connector(runtime)
    with runtime.web_db.read() as db:
        shell = read_shell(request, runtime, db, viewed="all", section="setup", caller=caller)
        checklist = _find_checklist(runtime, db, name, shell)
        finished = is_finished(db, name)
    connector = runtime.connectors[name]
    return render(
        shell,
        "setup.html",
        connector=connector,
        checklist=checklist,
        finished=finished,
        hrefs={one: {key.value: _href(name, one, key) for key in StepKey} for one in Environment},
        field_labels=labels,
        consoles={one: read_console(connector, one) for one in Environment},
        notice=find_notice(text_param(request, "status")),
        **EVERYWHERE,
    )


def find_unfinished(runtime: Runtime, db: Session, shell: Shell) -> Checklist | None:
    """The checklist for Home; ``None`` once live orders come, or while nothing can be read of it."""
    name = main_connector(runtime)
    return None if is_finished(db, name) else _find_checklist(runtime, db, name, shell)


def _find_checklist(runtime: Runtime, db: Session, name: ConnectorName, shell: Shell) -> Checklist | None:
    try:
        return read_checklist(runtime.parts, db, name, now=shell.now)
    except NotFound:  # without a master key nothing has been seeded yet
        return None


def _href(name: ConnectorName, environment: Environment, key: StepKey) -> str:
    """The very place where a step is taken, or where its proof stands."""
    here, env = f"/connectors/{name}", environment.value
    return {
        StepKey.OWN_PASSWORD: "/account/password",
        StepKey.SECOND_FACTOR: "/account",
        StepKey.CREDENTIALS: f"{url(here, tab=env)}#credentials",
        StepKey.SHOP: f"{url(here, tab=env)}#shops",
        StepKey.PUSH_URL: url(f"{here}/certificates", env=env),
        StepKey.CERTIFICATE: url(f"{here}/certificates", env=env),
        StepKey.SWITCH: url(f"{here}/switch", to=env),
        StepKey.FIRST_PUSH: f"/e/{env}/events",
        StepKey.FIRST_ORDER: f"/e/{env}/orders",
    }[key]
