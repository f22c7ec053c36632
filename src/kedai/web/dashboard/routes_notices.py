"""The page of notices: what the marketplace tells the operator in words, and the click that says it was read."""

from __future__ import annotations

from fastapi import APIRouter, Request
from fastapi.responses import RedirectResponse, Response

from kedai.audit.service import latest_entry
from kedai.inbox import notices
from kedai.kit.ids import parse_id
from kedai.values.environment import Environment
from kedai.values.wording import NP_
from kedai.vault.queries import get_cursor_key
from kedai.web.dashboard.access import Reader, Replayer
from kedai.web.dashboard.forms import Form
from kedai.web.dashboard.notice_words import find_notice
from kedai.web.dashboard.render import render, url
from kedai.web.dashboard.shell import ActedEnvironment, ViewedScope, parse_viewed, read_shell, text_param
from kedai.web.deps import RuntimeDep

router = APIRouter()

PER_PAGE = 50


@router.get("/e/{scope}/notices")
def show_notices(request: Request, runtime: RuntimeDep, caller: Reader, scope: ViewedScope) -> Response:
    """Notices of the viewed environments, newest first."""
    cursor = text_param(request, "cursor", at_most=600)
    with runtime.web_db.read() as db:
        shell = read_shell(request, runtime, db, viewed=scope, section="notices", caller=caller)
        environments = tuple(Environment) if shell.environment is None else (shell.environment,)
        page = notices.list_notices(
            db, environments=environments, cursor=cursor, cursor_key=get_cursor_key(db), limit=PER_PAGE
        )
    here = f"/e/{scope}/notices"
    return render(
        shell,
        "notices.html",
        rows=page.rows,
        notice=find_notice(text_param(request, "status")),
        shown=NP_("%(num)s notice on this page", "%(num)s notices on this page", len(page.rows)),
        first_href=here if cursor else None,
        next_href=url(here, cursor=page.next_cursor) if page.next_cursor else None,
    )


@router.post("/e/{environment}/notices/{notice_id}/seen")
def mark_seen(
    runtime: RuntimeDep, caller: Replayer, environment: ActedEnvironment, notice_id: str, form: Form
) -> Response:
    """Note that somebody has read it."""
    scope, found = parse_viewed(form.get("from") or environment.value), parse_id("ntc", notice_id)
    with runtime.web_db.write() as db:
        notices.mark_seen(db, found, environment=environment, actor=caller.actor, now=runtime.clock.now())
        undo = latest_entry(db)
    return RedirectResponse(url(f"/e/{scope}/notices", status="notice_seen", undo=undo), 303)
