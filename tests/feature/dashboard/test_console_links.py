"""D44: where the marketplace's own console is needed, a link of the right environment leads there, and is marked.

What operators expect: D6.
"""

from __future__ import annotations

import re

import pytest
import sqlalchemy as sa

from kedai.connector_exceptions.models import ConnectorException
from kedai.connector_exceptions.service import Trouble, raise_exception
from kedai.coverage.service import Rating, note_rating
from kedai.kit.ids import show_id
from kedai.values.console import Place
from kedai.values.environment import Environment
from kedai.web.dashboard.console import read_console
from tests.connectors.tiny.connector import TINY
from tests.feature.dashboard.browser import Browser, Page
from tests.feature.dashboard.world import fill
from tests.support.factories import FAKE, LIVE, SANDBOX, SHOP, House

HERE = f"/connectors/{FAKE}"
LINK = re.compile(r'<a class="outside" href="([^"]+)" target="_blank" rel="noopener noreferrer">(.*?)</a>', re.DOTALL)
ABROAD = re.compile(r'<a [^>]*href="(?:https?:)?//[^"]*"[^>]*>')


def outside(page: Page) -> set[str]:
    """The addresses that a page links elsewhere; each in the one way, and saying so."""
    assert page.status == 200, page.words
    found = LINK.findall(page.text)
    assert len(ABROAD.findall(page.text)) == len(found), "a link leads elsewhere without the marks"
    assert all("(leaves Kedai, opens in a new tab)" in words and "at Fake" in words for _href, words in found)
    return {href for href, _words in found}


def at(environment: Environment, *places: Place) -> set[str]:
    return {f"https://console.fake/{environment.value}/{place}" for place in places}


@pytest.mark.parametrize("environment", list(Environment))
def test_the_connection_links_the_console_of_its_environment(
    house: House, admin: Browser, environment: Environment
) -> None:
    fill(house)
    page = admin.get(f"{HERE}?tab={environment.value}")
    assert outside(page) == at(environment, Place.APP, Place.PUSHES, Place.PUSH_GUIDE, Place.CONSENT_GUIDE)
    near_key = page.text.split('id="f-push_partner_key"')[1].split("</div>")[0]
    assert f"https://console.fake/{environment.value}/pushes" in near_key
    assert "Where to find it:" in page.text.split('id="f-partner_id"')[1].split("</div>")[0]
    assert "the address of this server must be among them" in page.words


@pytest.mark.parametrize("environment", list(Environment))
def test_home_leads_out_where_pushes_are_switched_off(house: House, admin: Browser, environment: Environment) -> None:
    fill(house)
    home = f"/e/{environment.value}/home"
    assert outside(admin.get(home)) == set()
    with house.db.write() as db:
        note_rating(db, FAKE, environment, Rating("suspended", None, True), now=house.now)
    assert outside(admin.get(home)) == at(environment, Place.PUSHES)


def test_get_started_links_what_each_half_needs(house: House, admin: Browser) -> None:
    found = outside(admin.get("/setup"))
    for environment in Environment:
        assert at(environment, Place.APP, Place.PUSHES, Place.TEST_ORDERS, Place.CONSENT_GUIDE) <= found


@pytest.mark.parametrize("environment", list(Environment))
def test_a_failed_check_says_where_to_look_and_a_passed_one_does_not(
    house: House, admin: Browser, environment: Environment
) -> None:
    house.configure(environment)
    admin.post(f"{HERE}/certificates?env={environment.value}", {"back": "certificates"})
    page = admin.get(f"{HERE}/certificates?env={environment.value}")
    assert outside(page) <= at(environment, *Place)
    for part in page.text.split("<li class=")[1:]:
        state = re.search(r'data-check="(\w+)" data-state="(\w+)"', part)
        if state and state[2] not in {"failed", "warning"}:
            assert "Where to look:" not in part.split("</li>")[0], state[1]
        if state and state.groups() == ("push_config", "failed"):
            assert f"https://console.fake/{environment.value}/pushes" in part


def test_a_switch_to_live_names_the_apps_own_page(house: House, admin: Browser) -> None:
    fill(house)
    assert at(LIVE, Place.APP) <= outside(admin.get(f"{HERE}/switch?to=live"))


@pytest.mark.parametrize("environment", list(Environment))
def test_troubles_lead_to_their_environments_console(house: House, admin: Browser, environment: Environment) -> None:
    fill(house)
    trouble = Trouble(code="needs_reconnect", title="No access", next_step="Reconnect", shop_id=SHOP)
    with house.db.write() as db:
        raise_exception(db, FAKE, environment, trouble, now=house.now)
    row = house.scalar(sa.select(ConnectorException).where(ConnectorException.code == "needs_reconnect"))
    one = admin.get(f"/e/all/exceptions/{show_id('exc', row.id)}")
    assert outside(one) == at(environment, Place.APP, Place.SUPPORT)
    rejected = admin.get(f"/e/{environment.value}/events?state=rejected")
    (kept,) = [link for link in rejected.links() if "/rejected/" in link]
    assert outside(admin.get(kept)) == at(environment, Place.PUSHES)


def test_calls_lead_to_the_marketplaces_log_of_what_is_in_view(house: House, admin: Browser) -> None:
    fill(house)
    assert outside(admin.get("/e/live/calls")) == at(LIVE, Place.CALL_LOG, Place.SUPPORT)
    both = at(LIVE, Place.CALL_LOG, Place.SUPPORT) | at(SANDBOX, Place.CALL_LOG, Place.SUPPORT)
    assert outside(admin.get("/e/all/calls")) == both


def test_a_marketplace_without_a_console_has_no_links() -> None:
    assert [read_console(TINY, environment) for environment in Environment] == [{}, {}]
