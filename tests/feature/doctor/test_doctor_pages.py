"""D39: the doctor's page and its JSON twin: failures first, each with its fix; looking is for all, asking for some."""

from __future__ import annotations

import json
import re

import pytest

from kedai.doctor.finding import INSTALLATION
from kedai.staff.roles import Role
from tests.feature.dashboard.browser import Browser
from tests.feature.doctor.conftest import World
from tests.support.factories import LIVE, PUBLIC_URL, SANDBOX, House


@pytest.fixture
def browser(house: House) -> Browser:
    return Browser(house)


def shown(text: str) -> list[tuple[str, str]]:
    """Check and state, in the page's order."""
    return re.findall(r'data-check="(\w+)" data-state="(\w+)"', text)


def test_a_look_shows_every_check_failures_first_each_with_its_fix_and_asks_nobody(
    house: House, world: World, browser: Browser
) -> None:
    browser.sign_in(Role.VIEWER)
    page = browser.get("/doctor")
    found = shown(page.text)
    ranks = ["fail", "warn", "pass", "skipped"]
    assert [state for _, state in found] == sorted((state for _, state in found), key=ranks.index)
    assert {name for name, _ in found} >= set(INSTALLATION)
    failed = re.findall(r'data-state="fail".*?</li>', page.text, re.DOTALL)
    assert failed
    assert all("To do:" in one for one in failed)
    assert world.asked == []
    assert "Look through everything" not in page.words
    assert browser.post("/doctor/examinations", {"env": "sandbox"}).status == 403


def test_the_button_asks_for_the_environment_that_was_chosen_and_for_no_other(
    house: House, world: World, browser: Browser
) -> None:
    for environment in (SANDBOX, LIVE):
        house.configure(environment)
        house.connect(environment)
    browser.sign_in(Role.OPERATOR)
    assert 'href="/doctor" aria-current="page"' in browser.get("/doctor").text
    page = browser.post("/doctor/examinations", {"env": "live"})
    assert (page.status, dict(shown(page.text))["static_files"]) == (200, "pass")
    assert {one for one in world.asked if not one.startswith(PUBLIC_URL)} == {"https://api.fake/"}
    assert "the marketplace for live" in page.words
    assert '<option value="live" selected>' in page.text
    assert browser.post("/doctor/examinations", {}).status == 422


def test_a_finding_of_an_environment_carries_its_badge(house: House, browser: Browser) -> None:
    house.configure(LIVE)
    browser.sign_in()
    rows = re.findall(r"<li class=.*?</li>", browser.get("/doctor").text, re.DOTALL)
    of_tokens = [one for one in rows if 'data-check="token_expiry"' in one]
    assert ['class="env env-' in one for one in of_tokens] == [True, True]


def test_json_has_the_installation_and_the_environment_of_the_path(
    house: House, world: World, browser: Browser
) -> None:
    house.configure(LIVE)
    house.connect(LIVE)
    browser.sign_in(Role.OPERATOR)
    told = json.loads(browser.get("/api/v1/live/doctor").text)
    assert {one["environment"] for one in told["checks"]} == {None, "live"}
    assert sum(told["counts"].values()) == len(told["checks"])
    assert world.asked == []
    asked = json.loads(browser.post("/api/v1/live/doctor/examinations", content_type="application/json").text)
    states = {one["id"]: one["state"] for one in asked["checks"]}
    assert (states["signature"], states["loopback"]) == ("pass", "pass")
    assert asked["verdict"] == "fail"  # no worker lives
    assert browser.get("/api/v1/all/doctor").status == 404
