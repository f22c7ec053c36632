"""Everything that is set for the whole installation or for oneself, on one list; and what is kept for how long."""

from __future__ import annotations

from dataclasses import dataclass

from fastapi import APIRouter, Request
from fastapi.responses import Response
from sqlalchemy.orm import Session

from kedai.errors import NotFound
from kedai.runtime import Runtime
from kedai.staff.queries import count_staff, list_api_tokens
from kedai.sync.retention_view import COUNTED, RetentionView, read_retention
from kedai.values.environment import Environment
from kedai.web.dashboard.access import Reader
from kedai.web.dashboard.people import EVERYWHERE, staff_of
from kedai.web.dashboard.render import render
from kedai.web.dashboard.shell import Shell, main_connector, read_shell
from kedai.web.deps import RuntimeDep
from kedai.web.security import Principal

router = APIRouter()


@dataclass(frozen=True, slots=True)
class _Facts:
    """What the list tells beside its entries; ``None`` where somebody may not know."""

    has_second_factor: bool
    people: int | None
    tokens: int | None


@router.get("/settings")
def show_settings(request: Request, runtime: RuntimeDep, caller: Reader) -> Response:
    """The list; each entry only for those who may open it."""
    with runtime.web_db.read() as db:
        shell = read_shell(request, runtime, db, viewed="all", section="settings", caller=caller)
        facts = _read_facts(db, shell, caller)
    return render(shell, "settings.html", facts=facts, **EVERYWHERE)


@router.get("/settings/retention")
def show_retention(request: Request, runtime: RuntimeDep, caller: Reader) -> Response:
    """How long each table's rows are kept, how many are due, and what the last sweep of each environment removed."""
    with runtime.web_db.read() as db:
        shell = read_shell(request, runtime, db, viewed="all", section="settings", caller=caller)
        views = _read_views(runtime, db, shell)
    rows = list(zip(*(view.tables for view in views), strict=True))
    settings = runtime.settings
    calls = (settings.call_log_days, settings.call_log_rows)
    return render(shell, "retention.html", views=views, rows=rows, counted=COUNTED, calls=calls, **EVERYWHERE)


def _read_facts(db: Session, shell: Shell, caller: Principal) -> _Facts:
    tokens = list_api_tokens(db) if "tokens.manage" in shell.can else None
    usable = None
    if tokens is not None:
        usable = sum(
            one.revoked_at is None and (one.expires_at is None or one.expires_at > shell.now) for one in tokens
        )
    people = count_staff(db) if "staff.manage" in shell.can else None
    return _Facts(staff_of(db, caller).totp_confirmed_at is not None, people, usable)


def _read_views(runtime: Runtime, db: Session, shell: Shell) -> list[RetentionView]:
    """Both environments of the first marketplace; none before anything was seeded."""
    name = main_connector(runtime)
    try:
        return [read_retention(runtime.parts, db, name, one, now=shell.now) for one in Environment]
    except NotFound:
        return []
