"""D21: the palette leads to pages that one may open, in the environment that is viewed, and does nothing else."""

from __future__ import annotations

import html
import re

import pytest

from kedai.staff.roles import Role
from tests.feature.dashboard.browser import Browser, Page
from tests.feature.dashboard.world import fill
from tests.feature.web.routes import framework_of, routes_of
from tests.support.factories import FAKE, House, on_sqlite

ELSEWHERE = {
    "/": "leads to Home",
    "/login": "for who is not signed in",
    "/login/code": "for who is not signed in",
    "/confirm": "asked for where it is needed",
    "/account/password": "a step of one's account",
    "/account/totp": "a step of one's account",
    "/connectors/{name}/switch": "the connection's page says first what is active",
    "/connectors/{name}/parity/copy": "a step of the comparison",
    "/settings/notifications/new": "a step of the notifications",
    "/e/{scope}/live": "counts, as JSON",
    "/e/{environment}/parked/discard": "a step of what is parked",
    "/e/{environment}/sku-map/copy": "a step of the SKU map",
}
"""Pages without a name of their own in the address that are not offered, with the reason."""

NO_PAGES = ("/static/", "/admin/", "/api/", "/livez", "/readyz", "/metrics", "/connectors/{connector}/oauth/")


def offered(page: Page) -> list[str]:
    """The addresses of the palette, as they stand in the page."""
    dialog = re.search(r'<dialog class="command-dialog".*?</dialog>', page.text, re.DOTALL)
    assert dialog is not None
    return [html.unescape(one) for one in re.findall(r'role="option"[^>]* href="([^"]+)"', dialog[0])]


@on_sqlite
@pytest.mark.parametrize("role", Role)
@pytest.mark.parametrize("viewed", ["sandbox", "live", "all"])
def test_each_entry_opens_for_whom_it_is_shown_to_and_keeps_what_is_viewed(
    house: House, browser: Browser, role: Role, viewed: str
) -> None:
    fill(house)
    browser.sign_in(role)
    addresses = offered(browser.get(f"/e/{viewed}/orders"))
    assert len(addresses) == len(set(addresses)) > 15
    for address in addresses:
        assert browser.get(address).status == 200, address
        if address.startswith("/e/"):
            assert address.startswith(f"/e/{viewed}/")
    others = {"sandbox": "live", "live": "sandbox", "all": "none"}
    assert not [one for one in addresses if others[viewed] in one]


@on_sqlite
def test_who_may_less_is_offered_less(house: House, browser: Browser) -> None:
    fill(house)
    found = {}
    for role in Role:
        browser.sign_in(role)
        found[role] = set(offered(browser.get("/e/sandbox/home")))
    assert found[Role.VIEWER] < found[Role.OPERATOR] < found[Role.ADMIN]
    assert found[Role.OPERATOR] - found[Role.VIEWER] == {
        "/e/sandbox/replays",
        "/e/sandbox/backfill",
        "/e/sandbox/sku-map/import",
    }
    assert found[Role.ADMIN] - found[Role.OPERATOR] == {
        *("/audit", "/staff", "/tokens", "/settings/keys", "/settings/notifications")
    }


@on_sqlite
def test_every_page_that_is_no_single_thing_is_offered_or_left_out_for_a_reason(house: House, admin: Browser) -> None:
    fill(house)
    paths = {one.partition("?")[0] for one in offered(admin.get("/e/sandbox/home"))}
    named = {"name": FAKE, "scope": "sandbox", "environment": "sandbox"}
    routes = routes_of(framework_of(admin.app))  # type: ignore[arg-type]
    pages = {one.path for one in routes if one.method == "GET" and not one.path.startswith(NO_PAGES)}
    whole = {one for one in pages if set(re.findall(r"{(\w+)}", one)) <= set(named)}
    assert {one for one in whole if one.format(**named) not in paths} == set(ELSEWHERE)


@on_sqlite
def test_the_search_keeps_the_environment_that_is_viewed(house: House, admin: Browser) -> None:
    fill(house)
    assert "/search?from=live" in offered(admin.get("/e/live/home"))
    assert "/search" in offered(admin.get("/e/all/home"))


@on_sqlite
def test_nobody_who_is_not_signed_in_is_told_what_there_is(browser: Browser) -> None:
    for path in ("/login", "/no/such/page"):
        assert "command-dialog" not in browser.get(path).text
        assert "data-palette" not in browser.get(path).text
