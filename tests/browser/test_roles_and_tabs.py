"""What each role finds and may not do, two tabs on one form, a sign-in lost in the middle, and no script at all."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
from playwright.sync_api import Browser, BrowserContext, Page, expect

from kedai.runs.models import Schedule
from kedai.staff.roles import Role
from kedai.staff.service import start_session
from tests.browser.hostile_world import Hostile, open_hostile
from tests.browser.test_hostile_texts import addresses, all_routes, leads_to
from tests.feature.dashboard.browser import PASSWORD, make_staff
from tests.feature.web.routes import SAFE, Route
from tests.feature.web.test_route_table import ROLES

pytestmark = [pytest.mark.browser, pytest.mark.xdist_group("browser")]

FORMS = """() => [...document.forms].filter(form => form.method === 'post').flatMap(form =>
    [...form.querySelectorAll('button:not([type=button])')].filter(one => !one.matches(':disabled'))
        .map(one => new URL(one.getAttribute('formaction') ?? form.getAttribute('action'), location.href).pathname))"""
"""Where the buttons of a page post to that can be pressed."""


@pytest.fixture(scope="module")
def world(sqlite_template: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Hostile]:
    """Filled and served; the texts in it are harmless here."""
    with open_hostile(sqlite_template, tmp_path_factory.mktemp("roles"), poisoned=False) as opened:
        yield opened


@pytest.fixture(scope="module")
def people(world: Hostile) -> dict[str, str]:
    """A signed-in session of each role: the cookie's text."""
    found = {"admin": world.cookie[1]}
    for role in (Role.OPERATOR, Role.VIEWER):
        staff = make_staff(world.house, f"{role.value}@example.com", role)
        with world.house.db.write() as db:
            _, token = start_session(db, staff, now=world.house.now, address="", user_agent="")
        found[role.value] = token.reveal()
    return found


@pytest.fixture
def enter(chromium: Browser, world: Hostile, people: dict[str, str]) -> Iterator[Any]:
    """Open a window as somebody: ``enter("viewer", script=False)``."""
    opened: list[BrowserContext] = []

    def open_window(role: str, *, script: bool = True) -> Page:
        context = chromium.new_context(java_script_enabled=script, base_url=world.url)
        context.set_default_timeout(15_000)
        context.add_cookies([{"name": world.cookie[0], "value": people[role], "url": world.url}])
        opened.append(context)
        return context.new_page()

    yield open_window
    for context in opened:
        context.close()


def test_each_role_finds_the_buttons_of_what_it_may_do_and_no_other(enter: Any, world: Hostile) -> None:
    """And what it does not find it cannot do either: the server refuses the same form."""
    routes = {one.path: one for one in all_routes(world) if one.method not in SAFE and not one.is_json}
    offered: dict[str, set[str]] = {}
    for role in ROLES:
        page = enter(role, script=False)
        for address in {one.partition("?")[0]: one for one in addresses(world)}.values():
            page.goto(address)
            offered.setdefault(role, set()).update(page.evaluate(FORMS))
        wrong = [path for path in offered[role] if not may(role, routes, path)]
        assert wrong == [], role
    missing = {role: offered["admin"] - offered[role] for role in ("operator", "viewer")}
    assert (len(missing["operator"]) >= 5, len(missing["viewer"]) >= 15) == (True, True)
    for role, paths in missing.items():
        page = enter(role)
        page.goto("/account")
        for path in paths:
            if not may(role, routes, path):
                answer = page.request.post(path, form={"x": "y"}, headers={"Sec-Fetch-Site": "same-origin"})
                assert answer.status == 403, (role, path, answer.status)


def may(role: str, routes: dict[str, Route], path: str) -> bool:
    """By the route's own word; public ones are for everybody."""
    (found,) = [one for route, one in routes.items() if leads_to(route, path)][:1]
    return not found.capabilities or found.capabilities[0] in ROLES[role]


def test_two_tabs_on_the_credentials_lose_nothing(enter: Any) -> None:
    """D43: the second save changes nothing, says so, and shows what was typed beside what is stored."""
    one, other = enter("admin"), enter("admin")
    for page in (one, other):
        page.goto("/connectors/fake?tab=live")
    other.locator("#f-default_location_id").fill("HERE")
    other.get_by_role("button", name=re.compile("Save .* credentials")).click()
    expect(other.get_by_role("status").filter(has_text="Saved.")).to_be_visible()
    one.locator("#f-default_location_id").fill("THERE")
    one.get_by_role("button", name=re.compile("Save .* credentials")).click()
    expect(one.locator("#credentials [role=alert]")).to_be_visible()
    expect(one.locator("#f-default_location_id")).to_have_value("THERE")
    expect(one.locator("#f-default_location_id-stored")).to_contain_text("HERE")
    one.get_by_role("button", name=re.compile("Save .* credentials")).click()
    expect(one.get_by_role("status").filter(has_text="Saved.")).to_be_visible()
    expect(one.locator("#f-default_location_id")).to_have_value("THERE")


def test_two_tabs_on_one_line_of_the_sku_map_lose_nothing(enter: Any) -> None:
    one, other = enter("operator"), enter("operator")
    field = re.compile("Your SKU for Mug")
    for page in (one, other):
        page.goto("/e/sandbox/sku-map")
    other.get_by_role("textbox", name=field).fill("MUG-A")
    other.get_by_role("button", name="Save", exact=True).click()
    expect(other.get_by_role("status")).to_contain_text("Saved.")
    one.get_by_role("textbox", name=field).fill("MUG-B")
    one.get_by_role("button", name="Save", exact=True).click()
    expect(one.get_by_role("alert")).to_contain_text("Nothing was saved.")
    expect(one.get_by_role("textbox", name=field)).to_have_value("MUG-B")
    expect(one.get_by_role("main")).to_contain_text("MUG-A")
    other.reload()
    expect(other.get_by_role("textbox", name=field)).to_have_value("MUG-A")
    one.get_by_role("button", name="Save", exact=True).click()
    expect(one.get_by_role("status")).to_contain_text("Saved.")
    other.reload()
    expect(other.get_by_role("textbox", name=field)).to_have_value("MUG-B")


def test_a_sign_in_lost_in_the_middle_leads_back_to_where_one_was(
    chromium: Browser, world: Hostile, people: Any
) -> None:
    """D26: by a link, and by a form, of which the page is shown again."""
    context = chromium.new_context(base_url=world.url)
    page = context.new_page()
    page.goto("/e/live/orders?q=LIVE1&tab=all")
    expect(page.get_by_role("heading", name="Sign in")).to_be_visible()
    page.get_by_label("E-mail address").fill("viewer@example.com")
    page.get_by_label("Password").fill(PASSWORD)
    page.get_by_role("button", name="Sign in", exact=True).click()
    page.wait_for_url("**/e/live/orders?q=LIVE1&tab=all")
    expect(page.get_by_role("link", name="LIVE1")).to_be_visible()
    context.clear_cookies()
    page.get_by_role("link", name="LIVE1").click()
    expect(page.get_by_role("heading", name="Sign in")).to_be_visible()
    assert "/login?next=/e/live/orders/" in page.url.replace("%2F", "/")
    context.close()


def test_every_page_reads_without_script(enter: Any, world: Hostile) -> None:
    """D40: its heading, and a button on each form."""
    page = enter("admin", script=False)
    for address in addresses(world):
        answer = page.goto(address)
        assert answer.ok or answer.status == 404, address
        assert page.locator("h1").count() == 1, address
        assert page.locator("h1").is_visible(), address
        if address.endswith("/components"):
            continue  # it shows fields, and sends none
        without = page.locator("form:not(:has(button:not([type=button]))):not([role=search])")
        assert without.count() == 0, address


def test_the_main_deeds_need_no_script(enter: Any, world: Hostile) -> None:
    """Fetch, resolve, run and pause; credentials, connecting, switching, replaying and the map have tests beside."""
    page = enter("operator", script=False)
    page.goto(f"/e/sandbox/orders/{world.ids['order_id']}")
    page.get_by_role("button", name=re.compile("Fetch again")).click()
    expect(page.locator("main .alert").first).to_be_visible()
    page.goto(f"/e/sandbox/exceptions/{world.ids['exception_id']}")
    page.get_by_role("button", name="Resolve").click()
    expect(page.get_by_text("Resolved", exact=True).first).to_be_visible()
    page.get_by_role("button", name="Open it again").click()
    world.house.execute(sa.update(Schedule).values(active_since=world.house.now))
    page.goto("/e/sandbox/runs")
    page.get_by_role("button", name=re.compile("Run now: Reconcile")).click()
    expect(page.get_by_role("status").first).to_be_visible()
    page.goto("/e/sandbox/runs")
    page.get_by_label(re.compile("^Pause Reconcile")).click()
    page.get_by_role("button", name="Pause it").first.click()
    expect(page.get_by_role("button", name=re.compile("Resume Reconcile"))).to_be_visible()
