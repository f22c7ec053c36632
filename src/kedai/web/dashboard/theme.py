"""Light, dark, or as the system is: a choice of this browser, kept in a cookie so that a page comes in it at once.

No script decides it, so that nothing flashes, and it can be chosen without script.
"""

from __future__ import annotations

from typing import Literal, cast
from urllib.parse import urlsplit

from fastapi import APIRouter, Request
from fastapi.responses import RedirectResponse, Response

from kedai.errors import Invalid
from kedai.values.wording import N_
from kedai.web.dashboard.forms import Form
from kedai.web.deps import RuntimeDep, is_secure
from kedai.web.security import read_cookie, safe_next

router = APIRouter()

Theme = Literal["light", "dark"]

COOKIE = "kedai_theme"
_YEAR_SECONDS = 31_536_000


@router.post("/theme")
def choose_theme(request: Request, runtime: RuntimeDep, form: Form) -> Response:
    """Keep the choice and go back; `system` forgets it.

    Raises:
        Invalid: none of the three.
    """
    chosen = form.get("theme")
    if chosen not in {"system", "light", "dark"}:
        raise Invalid(N_("Choose system, light or dark."), field="theme")
    response = RedirectResponse(_where_from(request), 303)
    secure = is_secure(runtime)
    if chosen == "system":
        response.delete_cookie(COOKIE, path="/", secure=secure, httponly=True, samesite="lax")
    else:
        response.set_cookie(
            COOKIE, chosen, max_age=_YEAR_SECONDS, path="/", secure=secure, httponly=True, samesite="lax"
        )
    return response


def read_theme(request: Request) -> Theme | None:
    """What this browser chose; anything else in the cookie is no choice."""
    chosen = read_cookie(request, COOKIE)
    return cast("Theme", chosen) if chosen in {"light", "dark"} else None


def _where_from(request: Request) -> str:
    """The page of ours that the form stood on; it does not repeat its own address in itself."""
    came = urlsplit(request.headers.get("referer", ""))
    return safe_next(came.path + (f"?{came.query}" if came.query else ""))
