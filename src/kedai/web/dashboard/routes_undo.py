"""The Undo button of the line at the top of a page."""

from __future__ import annotations

from urllib.parse import parse_qsl, urlencode

from fastapi import APIRouter
from fastapi.responses import RedirectResponse, Response

from kedai.errors import Conflict, NotFound, Stale
from kedai.web.dashboard.access import Person
from kedai.web.dashboard.forms import Form
from kedai.web.dashboard.undoing import take_back
from kedai.web.deps import RuntimeDep
from kedai.web.security import safe_next

router = APIRouter()


@router.post("/deeds/{number}/undo")
def undo(runtime: RuntimeDep, caller: Person, number: str, form: Form) -> Response:
    """Take one's own deed back, unless something else was done since; then say so on the page it was done on."""
    status = "undone"
    try:
        with runtime.web_db.write() as db:
            take_back(runtime.parts, db, caller, number, now=runtime.clock.now())
    except (Stale, Conflict, NotFound):
        status = "not_undone"
    return RedirectResponse(_back(form.get("back"), status), 303)


def _back(given: str | None, status: str) -> str:
    """The page's address, with another line at its top."""
    path, _, query = safe_next(given).partition("?")
    kept = [(name, text) for name, text in parse_qsl(query) if name not in {"status", "undo"}]
    return f"{path}?{urlencode([*kept, ('status', status)])}"
