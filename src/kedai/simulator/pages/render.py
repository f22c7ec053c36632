"""Renders the pages: templates beside this file, escaping always on, headers that keep the page to itself."""

from __future__ import annotations

from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import quote

from aiohttp import web

if TYPE_CHECKING:
    from jinja2 import Environment

# No form-action: browsers would apply it to the redirect after the form too, which leads to the app's own address.
_HEADERS = {
    "Content-Security-Policy": "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; frame-ancestors 'none'",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
    "Cache-Control": "no-store",
}


def page(name: str, *, status: int = 200, **content: object) -> web.Response:
    """Return a rendered page."""
    text = _templates().get_template(name).render(**content)
    return web.Response(text=text, status=status, content_type="text/html", headers=_HEADERS)


@lru_cache(maxsize=1)
def _templates() -> Environment:
    # Imported at the first page: most runs of the simulator never show one, and starting stays quick.
    from jinja2 import Environment, FileSystemLoader, StrictUndefined

    loader = FileSystemLoader(Path(__file__).parent / "templates")
    found = Environment(loader=loader, autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True)
    # One part of a path: a slash in an order's number must not end it.
    found.filters["segment"] = lambda text: quote(text, safe="")
    return found
