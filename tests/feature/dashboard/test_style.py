"""D1, D28: the style sheet and the static files: small, our own, legible in both themes."""

from __future__ import annotations

import gzip
import re
from importlib.resources import files
from itertools import product

import pytest

from kedai.errors import Unavailable
from kedai.web.dashboard.assets import require_vendor
from tests.feature.dashboard.browser import Browser
from tests.support.factories import PUBLIC_URL, on_sqlite

STATIC = files("kedai.web.dashboard").joinpath("static")
SHEETS = ("kedai", "forms", "pages", "live", "narrow")
APART = ("guides", "packing")  # of a few pages alone
CSS = "".join(STATIC.joinpath(f"{name}.css").read_text() for name in SHEETS)

PAIRS = (
    *product(("foreground", "muted-foreground", "primary", "bad", "live-text"), ("background", "card", "sunken")),
    *((word, f"{word}-bg") for word in ("good", "info", "warn", "bad")),
    *(("foreground", f"{word}-bg") for word in ("good", "info", "warn", "bad")),
    *(("foreground", "muted"), ("muted-foreground", "muted")),
    *(("on-sandbox", "sandbox"), ("on-sandbox", "sandbox-stripe"), ("on-live", "live"), ("on-all", "all")),
    *(("primary-foreground", "primary"), ("primary-foreground", "primary-hover"), ("card", "bad")),
)


def colours(theme: str) -> dict[str, str]:
    """The tokens of a theme: one for both, or `light-dark(light, dark)`."""
    block = re.search(r":root\s*\{([^}]*)\}", CSS)
    assert block is not None
    colour = "(#[0-9a-f]{6})"
    both = dict(re.findall(rf"--([\w-]+):\s*{colour};", block[1]))
    pairs = re.findall(rf"--([\w-]+):\s*light-dark\({colour}, {colour}\);", block[1])
    return both | {name: light if theme == "light" else dark for name, light, dark in pairs}


def luminance(colour: str) -> float:
    """The relative luminance of WCAG 2."""
    channels = [int(colour[place : place + 2], 16) / 255 for place in (1, 3, 5)]
    red, green, blue = (one / 12.92 if one <= 0.04045 else ((one + 0.055) / 1.055) ** 2.4 for one in channels)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


@pytest.mark.parametrize("theme", ["light", "dark"])
@pytest.mark.parametrize(("front", "back"), PAIRS)
def test_words_stand_out_from_their_ground(theme: str, front: str, back: str) -> None:
    known = colours(theme)
    bright, dim = sorted((luminance(known[front]), luminance(known[back])), reverse=True)
    assert (bright + 0.05) / (dim + 0.05) >= 4.5, (known[front], known[back])


def test_the_style_sheets_are_small_and_ask_nobody() -> None:
    """What every page loads once: the library's parts and ours, as they travel."""
    library = STATIC.joinpath("vendor/basecoat.css").read_text()
    assert len(gzip.compress(CSS.encode())) <= 10 * 1024
    assert len(gzip.compress(library.encode())) <= 14 * 1024
    for sheet in (CSS, library, *(STATIC.joinpath(f"{name}.css").read_text() for name in APART)):
        assert not re.search(r"@import|url\((?!['\"]data:image/svg)", sheet)
        assert {*re.findall(r"https?://[^\"' )]*", sheet)} <= {"http://www.w3.org/2000/svg"}


def test_the_library_s_dark_colours_follow_the_system_and_the_choice() -> None:
    """Of each rule for dark one is for the system's wish, unless it was chosen away, and one for the person's."""
    library = STATIC.joinpath("vendor/basecoat.css").read_text()
    assert library.count('html:not([data-theme="light"]) ') == library.count('html[data-theme="dark"] ') > 0


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
@pytest.mark.parametrize("path", ["/e/all/home", "/settings/components"])
def test_a_first_page_weighs_at_most_120_kb(admin: Browser, path: str) -> None:
    """The page as it is, and all that it loads, compressed."""
    page = admin.get(path)
    loaded = set(re.findall(r'<(?:link|script)[^>]* (?:href|src)="([^"]+)"', page.text))
    sizes = [int(admin.get(one, accept_encoding="gzip").headers["content-length"]) for one in loaded]
    ours = {f"/static/{name}.css" for name in SHEETS}
    assert {one.partition("?")[0] for one in loaded} >= {"/static/vendor/basecoat.css", *ours}
    assert {one.name for one in STATIC.iterdir() if one.name.endswith(".css")} == {
        f"{name}.css" for name in SHEETS + APART
    }
    assert len(page.text.encode()) + sum(sizes) <= 120 * 1024


@on_sqlite
def test_a_library_is_served_compressed_to_whom_that_suits(browser: Browser) -> None:
    address = next(link for link in browser.get("/login").links() if "vendor/basecoat.css" in link)
    packed, plain = browser.get(address, accept_encoding="br, gzip"), browser.get(address)
    assert (packed.headers["content-encoding"], packed.headers["vary"]) == ("gzip", "Accept-Encoding")
    assert "content-encoding" not in plain.headers
    assert packed.headers["etag"] != plain.headers["etag"]
    assert int(packed.headers["content-length"]) < int(plain.headers["content-length"]) / 5
    assert packed.headers["cache-control"] == "public, max-age=31536000, immutable"


def test_without_the_libraries_nothing_starts() -> None:
    """One line that says what to do, instead of a failure on every page."""
    with pytest.raises(Unavailable, match=r"browser libraries are missing \(basecoat.css, .*`make install`"):
        require_vendor({"kedai.css"})


@on_sqlite
@pytest.mark.parametrize(("chosen", "kept"), [("dark", "dark"), ("light", "light"), ("system", None)])
def test_a_choice_of_theme_comes_with_the_next_page(browser: Browser, chosen: str, kept: str | None) -> None:
    browser.cookies["kedai_theme"] = "dark"
    answer = browser.post("/theme", {"theme": chosen}, referer=f"{PUBLIC_URL}/login?next=%2Fstaff")
    assert (answer.status, answer.location) == (303, "/login?next=%2Fstaff")
    found = re.search(r'<html lang="en"(?: data-theme="(\w+)")?>', browser.get("/login").text)
    assert found is not None
    assert found[1] == kept


@on_sqlite
def test_no_other_theme_can_be_chosen_or_planted(browser: Browser) -> None:
    assert browser.post("/theme", {"theme": "neon"}).status == 422
    assert browser.post("/theme", {"theme": "dark"}, referer="https://elsewhere.example//other.example").location == "/"
    browser.cookies["kedai_theme"] = '"><script>'
    assert '<html lang="en">' in browser.get("/login").text


@on_sqlite
@pytest.mark.parametrize(
    "name",
    ["..%2f__init__.py", "vendor/LICENSES.txt", "vendor/..%2fkedai.css", "vendor", "nothing.css", "templates", ""],
)
def test_nothing_else_is_served(browser: Browser, name: str) -> None:
    assert browser.get(f"/static/{name}").status == 404
