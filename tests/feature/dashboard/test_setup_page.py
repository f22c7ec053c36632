"""D7, the first run: every step before and after its proof, none of which anybody can tick off."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from datetime import timedelta

import msgspec
import pytest
import sqlalchemy as sa

from kedai.coverage.models import PushHealth
from kedai.inbox.rejected import Sample, keep_rejected
from kedai.kit.ids import show_id
from kedai.staff.models import Staff
from kedai.staff.roles import Role
from kedai.values.environment import Environment
from kedai.values.event import Topic
from tests.feature.dashboard.browser import Browser, Page, make_staff, store_orders
from tests.support.factories import FAKE, LIVE, PUBLIC_URL, SANDBOX, SHOP, START, House, incoming, snapshot

HERE = f"/connectors/{FAKE}"
LEADS_THERE = re.compile(r'class="btn"[^>]* href="/setup">')
"""A button of the page itself; the palette leads to every page at any time."""


def steps(page: Page, environment: Environment | None) -> dict[str, str]:
    """Of one part of the list: each step and its words, a done one's with a plus before them."""
    part = environment.value if environment else "people"
    found = re.search(rf'data-live-part="setup-{part}".*?</ol>', page.text, re.DOTALL)
    assert found is not None
    told = {}
    for key, done, rest in re.findall(r'data-step="(\w+)" data-done="(\w+)">(.*?)</li>', found[0], re.DOTALL):
        told[key] = ("+ " if done == "yes" else "- ") + replace(page, text=rest).words
    return told


def look(browser: Browser, environment: Environment) -> dict[str, str]:
    return steps(browser.get("/setup"), environment)


def test_an_empty_installation_has_everything_before_it_in_order(house: House, admin: Browser) -> None:
    page = admin.get("/setup")
    assert "1 of 13 steps done" in page.words
    assert list(steps(page, None)) == ["own_password", "second_factor"]
    assert list(steps(page, SANDBOX)) == ["credentials", "shop", "push_url", "first_push", "first_order"]
    live = steps(page, LIVE)
    assert list(live) == ["credentials", "shop", "push_url", "certificate", "switch", "first_push", "first_order"]
    assert {words[0] for words in (*live.values(), *steps(page, SANDBOX).values())} == {"-"}
    for environment in Environment:
        address = f"{PUBLIC_URL}/connectors/fake/webhook/{environment.value}"
        assert f'value="{address}"' in page.text
        assert f'data-copy="{address}"' in page.text
        assert f'data-copy="{PUBLIC_URL}/connectors/fake/oauth/callback/{environment.value}"' in page.text


def test_only_a_password_of_ones_own_counts_and_a_second_factor_is_no_duty(house: House, admin: Browser) -> None:
    make_staff(house, "second@example.com", Role.ADMIN)
    house.execute(sa.update(Staff).values(must_change_password=True).where(Staff.email == "second@example.com"))
    people = steps(admin.get("/setup"), None)
    assert people["own_password"].startswith("+ Done: A password of your own 1 of 2 administrators")
    assert people["second_factor"].startswith("- ")
    assert "recommended 0 of 2 administrators" in people["second_factor"]
    house.execute(sa.update(Staff).values(totp_confirmed_at=START))
    assert steps(admin.get("/setup"), None)["second_factor"].startswith("+ ")


@pytest.mark.parametrize("environment", list(Environment))
def test_credentials_are_done_when_the_app_is_complete(house: House, admin: Browser, environment: Environment) -> None:
    house.configure(environment, partner_id="1001")
    before = look(admin, environment)["credentials"]
    assert before.startswith("- ")
    assert "Missing: Partner key, Push partner key" in before
    house.configure(environment)
    after = look(admin, environment)["credentials"]
    assert after.startswith("+ ")
    assert "changed just now by anna@example.com" in after


def test_a_shop_is_done_when_it_is_connected_and_not_any_more_when_it_is_not(house: House, admin: Browser) -> None:
    house.configure(SANDBOX)
    house.connect(SANDBOX, SHOP, state="pending")
    assert look(admin, SANDBOX)["shop"].startswith("- ")
    house.connect(SANDBOX, SHOP)
    assert look(admin, SANDBOX)["shop"].startswith(f"+ Done: A connected shop Shop {SHOP}")
    assert look(admin, LIVE)["shop"].startswith("- ")


def test_the_push_url_is_proven_by_whatever_was_seen_last(house: House, admin: Browser) -> None:
    house.configure(SANDBOX)
    assert "Run the checks" in look(admin, SANDBOX)["push_url"]
    row = {"status": "normal", "since": START, "sound_until": START, "checked_at": START, "reaches_us": False}
    house.execute(sa.insert(PushHealth).values(connector=FAKE, environment=SANDBOX, **row))
    assert "pushes to another address" in look(admin, SANDBOX)["push_url"]
    old = incoming(at=START + timedelta(seconds=5))
    house.deliver(msgspec.structs.replace(old, matched_url="https://old.example/push"))
    assert look(admin, SANDBOX)["push_url"].startswith("- ")
    house.deliver(incoming(at=START + timedelta(seconds=9)))
    assert look(admin, SANDBOX)["push_url"].startswith("+ ")
    house.execute(sa.update(PushHealth).values(checked_at=START + timedelta(minutes=1)))
    assert look(admin, SANDBOX)["push_url"].startswith("- ")


def test_a_push_that_was_imported_or_fetched_is_not_the_first(house: House, admin: Browser) -> None:
    house.configure(SANDBOX)
    for key in ("imported", "lost_push"):
        house.deliver(msgspec.structs.replace(incoming(), matched_key=key))
    assert "Waiting for the first push about an order… Send test data" in look(admin, SANDBOX)["first_push"]
    with house.db.write() as db:
        sample = Sample("mismatch", {}, b"{}", 2)
        keep_rejected(db, FAKE, SANDBOX, sample, counts={"mismatch": 1}, diagnosis="", diagnosed_for="", now=house.now)
    page = admin.get("/setup")
    assert "A delivery came and did not verify" in steps(page, SANDBOX)["first_push"]
    assert "/e/sandbox/events?state=rejected" in page.links()
    house.deliver(incoming())
    done = "+ Done: The first push about an order They come: the newest just now"
    assert look(admin, SANDBOX)["first_push"].startswith(done)


@pytest.mark.parametrize("environment", list(Environment))
def test_d7_a_push_that_names_no_order_does_not_end_the_wait(
    house: House, admin: Browser, environment: Environment
) -> None:
    """The authorisation itself is pushed: it shows that pushes reach us, and not that orders come."""
    house.configure(environment)
    house.connect(environment, SHOP)
    house.deliver(incoming(None, environment=environment, topic=Topic.CONNECTION, code=1))
    told = look(admin, environment)
    assert told["push_url"].startswith("+ ")
    assert told["first_push"].startswith("- ")
    assert "none was about an order yet." in told["first_push"]
    house.deliver(incoming(environment=Environment.LIVE if environment is SANDBOX else SANDBOX))
    assert look(admin, environment)["first_push"].startswith("- ")
    house.deliver(incoming(environment=environment))
    assert look(admin, environment)["first_push"].startswith("+ ")


def test_a_delivery_that_was_refused_after_another_push_is_what_one_is_told_of(house: House, admin: Browser) -> None:
    house.configure(SANDBOX)
    house.deliver(incoming(None, topic=Topic.CONNECTION, at=START))
    house.clock.advance(timedelta(minutes=1))
    with house.db.write() as db:
        sample = Sample("mismatch", {}, b"{}", 2)
        keep_rejected(db, FAKE, SANDBOX, sample, counts={"mismatch": 1}, diagnosis="", diagnosed_for="", now=house.now)
    assert "A delivery came and did not verify" in look(admin, SANDBOX)["first_push"]


def test_the_first_order_is_the_one_that_is_stored(house: House, admin: Browser) -> None:
    house.configure(SANDBOX)
    house.connect(SANDBOX, SHOP)
    assert "Waiting for the first order…" in look(admin, SANDBOX)["first_order"]
    store_orders(house, snapshot("ORDER1"))
    page = admin.get("/setup")
    assert steps(page, SANDBOX)["first_order"].startswith("+ Done: The first order ORDER1 Ready to ship")
    assert f"/e/sandbox/orders/{show_id('ord', house.orders(SANDBOX)[0].id)}" in page.links()
    assert "is not active" in steps(page, LIVE)["first_order"]


def test_checks_count_for_an_hour_until_live_is_active(house: House, admin: Browser) -> None:
    house.configure(LIVE)
    house.connect(LIVE, SHOP)
    assert "The checks were never run." in look(admin, LIVE)["certificate"]
    house.certify(LIVE)
    assert look(admin, LIVE)["certificate"].startswith("+ Done: The checks, passed Run just now by")
    later = wait_hours(house, Role.OPERATOR)
    assert "older than an hour" in look(later, LIVE)["certificate"]
    assert look(later, LIVE)["switch"].startswith("- ")
    house.switch(LIVE)
    much_later = wait_hours(house, Role.VIEWER)
    live = look(much_later, LIVE)
    assert live["certificate"].startswith("+ ")
    assert live["switch"].startswith("+ Done: Live is made active Live is active, since 2 h ago")
    house.configure(SANDBOX)
    house.connect(SANDBOX, SHOP)
    house.switch(SANDBOX)
    assert "It was active once" in look(much_later, LIVE)["switch"]


def wait_hours(house: House, role: Role) -> Browser:
    """Somebody who signs in two hours later: the sessions of before have ended."""
    house.clock.advance(timedelta(hours=2))
    browser = Browser(house)
    browser.sign_in(role)
    return browser


def test_home_leads_there_until_a_live_order_came(house: House, admin: Browser) -> None:
    for environment in Environment:
        house.configure(environment)
        house.connect(environment, SHOP)
    assert LEADS_THERE.search(admin.get("/e/live/home").text)
    store_orders(house, snapshot("TEST1"))
    assert LEADS_THERE.search(admin.get("/e/sandbox/home").text)
    store_orders(house, snapshot("REAL1"), environment=LIVE)
    assert not LEADS_THERE.search(admin.get("/e/sandbox/home").text)
    assert "All done" in admin.get("/setup").words


def test_json_tells_the_steps_of_one_environment(house: House, admin: Browser) -> None:
    house.configure(SANDBOX)
    told = json.loads(admin.get("/api/v1/sandbox/connectors/fake/setup").text)
    assert (told["connector"], told["environment"], told["done"]) == (FAKE, "sandbox", False)
    assert told["callback_urls"]["webhook"][0] == f"{PUBLIC_URL}/connectors/fake/webhook/sandbox"
    by_key = {one["key"]: one for one in told["steps"]}
    assert list(by_key) == ["credentials", "shop", "push_url", "first_push", "first_order"]
    assert by_key["credentials"]["at"] == "2020-01-01T12:00:00Z"
    assert [one for one, step in by_key.items() if step["done"]] == ["credentials"]
    assert [one for one, step in by_key.items() if step["waits"]] == ["first_push", "first_order"]
    assert admin.get("/api/v1/sandbox/connectors/nobody/setup").status == 404


def test_who_may_only_read_sees_the_same_steps(house: House, browser: Browser) -> None:
    browser.sign_in(Role.VIEWER)
    assert list(look(browser, LIVE))[-1] == "first_order"
    assert browser.get("/setup").status == 200
