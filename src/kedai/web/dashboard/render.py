"""Renders pages: one template environment, escaping always on, nothing undefined is ever shown."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from typing import Any
from urllib.parse import urlencode

from fastapi.responses import HTMLResponse
from jinja2 import Environment as Templates
from jinja2 import PackageLoader, StrictUndefined

from kedai.kit.ids import show_id
from kedai.web.dashboard import formats, words
from kedai.web.dashboard.assets import static_url
from kedai.web.dashboard.icons import ICONS
from kedai.web.dashboard.shell import Shell


def render(
    shell: Shell, template: str, *, status: int = 200, policy: Mapping[str, str] | None = None, **context: Any
) -> HTMLResponse:
    """A page; ``policy`` replaces the usual security headers. Call it with no transaction open: all has been read."""
    page = templates().get_template(template)
    html = page.render(shell=shell, now=shell.now, section=shell.section, **context)
    return HTMLResponse(html, status_code=status, headers=dict(policy or {}))


@cache
def templates() -> Templates:
    """The one template environment."""
    found = Templates(
        loader=PackageLoader("kedai.web.dashboard"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    names = ("ago", "span", "stamp", "iso", "masked", "counted", "size", "took")
    found.filters.update({name: getattr(formats, name) for name in names})
    found.globals.update(
        ICONS=ICONS,
        money=formats.money,
        plural=formats.plural,
        show_id=show_id,
        static_url=static_url,
        url=url,
        words=words,
    )
    return found


def url(path: str, /, **params: str | None) -> str:
    """An address with those parameters that have a value."""
    given = {name: value for name, value in params.items() if value}
    return f"{path}?{urlencode(given)}" if given else path
