"""T41: every page of the route table has exactly one banner, and every row with data of an environment its badge."""

from __future__ import annotations

import re

import pytest

from kedai.kit.ids import show_id
from tests.feature.dashboard.browser import Browser, Page
from tests.feature.dashboard.world import fill
from tests.feature.web.routes import SAMPLES, Route, framework_of, routes_of
from tests.support.factories import FAKE, SANDBOX, SHOP, House

WITHOUT_ENVIRONMENT = ("/staff", "/account", "/settings/keys", "/settings/components", "/setup", "/help")
"""Pages whose tables list people, their sessions, and keys, and guides: they lie in no environment."""

SIDE_BY_SIDE = ("/parity", "/settings/retention")
"""Pages whose rows have a column for each environment: its badge stands over it."""

NO_PAGES = ("/static/", "/admin/", "/api/", "/livez", "/readyz", "/metrics", "/connectors/{connector}/oauth/")
LOOKS = ("", "?env=sandbox&tab=sandbox&to=live", "?env=live&tab=live&to=sandbox", "?state=rejected", "?state=all")


@pytest.fixture
def ids(house: House, admin: Browser) -> dict[str, str]:
    """A filled world, and what stands for each parameter of an address in it."""
    fill(house)
    staff = re.search(r"/staff/(staff_\w+)", admin.get("/staff").text)
    assert staff is not None
    return {
        **SAMPLES,
        "name": FAKE,
        "shop_id": SHOP,
        "staff_id": staff[1],
        "event_id": show_id("evt", house.events(SANDBOX)[0].id),
        "order_id": show_id("ord", house.orders(SANDBOX)[0].id),
    }


def pages(browser: Browser) -> list[Route]:
    app = framework_of(browser.app)  # type: ignore[arg-type]
    found = [one for one in routes_of(app) if one.method == "GET" and not one.path.startswith(NO_PAGES)]
    found = [one for one in found if not one.path.endswith("/live")]  # counts, as JSON
    assert len(found) > 20
    return found


def addresses(route: Route, ids: dict[str, str]) -> list[str]:
    """A page as it is seen in each scope, and by what its address may ask for."""
    scopes = [one for one in ("sandbox", "live", "all") if "{scope}" in route.path or one != "all"]
    found = [
        route.path.format(**{**ids, "scope": scope, "environment": scope}) + look for scope in scopes for look in LOOKS
    ]
    return list(dict.fromkeys(found))


def test_t41_every_page_has_one_banner_and_every_row_its_badge(admin: Browser, ids: dict[str, str]) -> None:
    seen: dict[str, int] = {}
    for route in pages(admin):
        for address in addresses(route, ids):
            page = admin.get(address)
            if page.status != 303:
                assert_is_labelled(page, address, said_above="_id}" in route.path or route.path.endswith(SIDE_BY_SIDE))
                seen[route.path] = seen.get(route.path, 0) + len(page.rows())
    assert len(seen) >= len(pages(admin)) - 4, "but for those that lead elsewhere"
    assert sum(1 for rows in seen.values() if rows) >= 8


def assert_is_labelled(page: Page, address: str, *, said_above: bool) -> None:
    """Where both environments are viewed, each row says which is its own.

    The page of one thing says it once, above, and where both stand side by side, it stands over the columns.
    """
    banners = re.findall(r'data-env="(\w+)"', page.text)
    assert len(banners) == 1, address
    assert banners[0] in {"sandbox", "live", "all"}, address
    assert page.words.upper().count("SANDBOX") >= 1, address
    if address.startswith(WITHOUT_ENVIRONMENT):
        return
    head = page.text.partition("<main")[2].partition("<tbody>")[0]
    for row in page.rows() if banners[0] == "all" else []:
        badge = 'class="env env-'
        assert badge in row or "Installation" in row or (said_above and badge in head), (address, row)
