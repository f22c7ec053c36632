"""The style sheet and the static files: small, our own, legible in both themes."""

from __future__ import annotations

import re
from importlib.resources import files
from itertools import product

import pytest

from tests.feature.dashboard.browser import Browser
from tests.support.factories import on_sqlite

CSS = files("kedai.web.dashboard").joinpath("static/kedai.css").read_text()

PAIRS = (
    *product(("text", "muted", "accent", "bad", "live-text"), ("page", "surface", "sunken")),
    *((word, f"{word}-bg") for word in ("good", "info", "warn", "bad")),
    *(("text", f"{word}-bg") for word in ("good", "info", "warn", "bad")),
    ("muted", "quiet-bg"),
    ("on-sandbox", "sandbox"),
    ("on-sandbox", "sandbox-stripe"),
    ("on-live", "live"),
    ("on-accent", "accent"),
    ("on-accent", "accent-hover"),
    ("surface", "bad"),
)


def colours(theme: str) -> dict[str, str]:
    """The tokens of a theme; dark ones stand over light ones."""
    blocks = re.findall(r":root\s*\{([^}]*)\}", CSS)
    found: dict[str, str] = {}
    for block in blocks[: 1 if theme == "light" else 2]:
        found.update(re.findall(r"--([\w-]+):\s*(#[0-9a-f]{3,6})\b", block))
    return found


def luminance(colour: str) -> float:
    """The relative luminance of WCAG 2."""
    digits = colour[1:] if len(colour) == 7 else "".join(one * 2 for one in colour[1:])
    channels = [int(digits[place : place + 2], 16) / 255 for place in (0, 2, 4)]
    red, green, blue = (one / 12.92 if one <= 0.04045 else ((one + 0.055) / 1.055) ** 2.4 for one in channels)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


@pytest.mark.parametrize("theme", ["light", "dark"])
@pytest.mark.parametrize(("front", "back"), PAIRS)
def test_words_stand_out_from_their_ground(theme: str, front: str, back: str) -> None:
    known = colours(theme)
    bright, dim = sorted((luminance(known[front]), luminance(known[back])), reverse=True)
    assert (bright + 0.05) / (dim + 0.05) >= 4.5, (known[front], known[back])


def test_the_style_sheet_is_small_and_asks_nobody() -> None:
    assert len(CSS.encode()) <= 25 * 1024
    assert not re.search(r"url\(|@import|https?:", CSS)


@on_sqlite
def test_static_files_are_kept_for_good_only_under_their_own_hash(browser: Browser) -> None:
    address = next(link for link in browser.get("/login").links() if "kedai.css" in link)
    file = browser.get(address)
    assert file.status == 200
    assert file.headers["cache-control"] == "public, max-age=31536000, immutable"
    assert file.headers["content-type"] == "text/css; charset=utf-8"
    assert browser.get("/static/kedai.css").headers["cache-control"] == "no-cache"
    assert browser.get("/static/kedai.css?v=other").headers["cache-control"] == "no-cache"
    assert browser.get("/static/kedai.css", if_none_match=file.headers["etag"]).status == 304


@on_sqlite
@pytest.mark.parametrize("name", ["..%2f__init__.py", "nothing.css", "templates", ""])
def test_nothing_else_is_served(browser: Browser, name: str) -> None:
    assert browser.get(f"/static/{name}").status == 404
