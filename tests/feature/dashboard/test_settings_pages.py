"""Settings: one list for each role, and what is kept for how long, beside what is due and what was removed."""

from __future__ import annotations

import asyncio
import json
import re
from datetime import timedelta

import pytest
import sqlalchemy as sa

from kedai.inbox.models import RawEvent
from kedai.runs.service import create_run
from kedai.staff.roles import Role
from kedai.sync import retention
from kedai.sync.retention_view import COUNTED
from kedai.sync.runner import run_next
from kedai.values.environment import Environment
from tests.feature.dashboard.browser import Browser, Page
from tests.support.factories import ANNA, FAKE, LIVE, SANDBOX, House, incoming

HERE = "/settings/retention"
FOR_ALL = {"/account", "/account#time-zone", "/setup", HERE, "/settings/components"}
FOR_ADMINS = {"/staff", "/tokens", "/settings/keys", "/settings/notifications"}


@pytest.mark.parametrize(("role", "more"), [(Role.VIEWER, set()), (Role.OPERATOR, set()), (Role.ADMIN, FOR_ADMINS)])
def test_the_list_has_what_one_may_open_and_each_entry_opens(browser: Browser, role: Role, more: set[str]) -> None:
    browser.sign_in(role)
    page = browser.get("/settings")
    listed = set(re.findall(r'<li><a href="([^"]+)">', page.text.partition("<main")[2]))
    assert listed == FOR_ALL | more
    for address in listed:
        assert browser.get(address.partition("#")[0]).status == 200, address
    assert f"{HERE}" in page.links()


def test_the_navigation_leads_there_and_stays_marked_below_it(admin: Browser) -> None:
    assert '<a href="/settings" aria-current="page">' in admin.get("/settings").text
    for address in ("/staff", "/tokens", "/account", "/settings/keys", "/settings/notifications", HERE):
        page = admin.get(address)
        assert re.search(r'<a href="/settings" aria-current="(page|true)">', page.text), address
    for address in ("/audit", "/doctor"):
        assert address in admin.get("/e/all/home").links()


def row(page: Page, name: str) -> str:
    """The words of a table's row."""
    (found,) = [Page(200, {}, one).words for one in page.rows() if name in one]
    return found


def sweep(house: House, environment: Environment) -> None:
    with house.db.write() as db:
        create_run(db, retention.KIND, FAKE, environment, scope={}, total=None, actor=ANNA, now=house.now)

    async def until_idle() -> None:
        while await run_next(house.parts, kind=retention.KIND):
            pass

    asyncio.run(until_idle())


def test_what_is_due_and_what_was_removed_stand_beside_each_period(house: House, admin: Browser) -> None:
    for environment in Environment:
        house.configure(environment)
    old, number = house.now - timedelta(days=91), 3
    house.deliver(*(incoming(f"OLD{one}", at=old) for one in range(number)), incoming("NEW"))
    house.deliver(incoming("LIVE1", environment=LIVE, at=old))
    house.execute(sa.update(RawEvent).values(state="applied", finished_at=house.now))
    before = admin.get(HERE)
    assert row(before, ">Events<") == (
        "Events applied, skipped or discarded; what waits, is parked or is dead stays 90 days KEDAI_EVENT_DAYS 3 1 — —"
    )
    assert "None has ended yet" in before.words
    assert "Due now Sandbox Due now Live Removed last Sandbox Removed last Live" in before.words
    sweep(house, SANDBOX)
    after = admin.get(HERE)
    assert row(after, ">Events<").endswith("KEDAI_EVENT_DAYS 0 1 3 —")
    assert "Events: 3" in after.words
    assert "The last one ended just now" in after.words
    told = json.loads(admin.get("/api/v1/sandbox/connectors/fake/retention").text)
    (events,) = [one for one in told["tables"] if one["name"] == "events"]
    assert events == {
        "name": "events",
        "days": 90,
        "setting": "KEDAI_EVENT_DAYS",
        "due": 0,
        "due_is_all": True,
        "removed": 3,
    }
    assert told["last_run"]["state"] == "succeeded"


def test_every_table_of_the_sweep_has_a_row_and_a_name(admin: Browser) -> None:
    page = admin.get(HERE)
    assert len(page.rows()) == len(retention.SWEEPS)
    names = page.words
    assert "orders masked" not in names
    for one in retention.SWEEPS:
        assert one.setting is None or f"KEDAI_{one.setting.upper()}" in names


def test_counts_end_at_the_oldest_rows(house: House, admin: Browser) -> None:
    house.configure(SANDBOX)
    old = house.now - timedelta(days=91)
    house.deliver(*(incoming(f"OLD{one}", at=old) for one in range(COUNTED)))
    assert "KEDAI_EVENT_DAYS none of the oldest 1,000" in row(admin.get(HERE), ">Events<"), "all of them wait"
    house.execute(sa.update(RawEvent).values(state="applied", finished_at=house.now))
    assert "KEDAI_EVENT_DAYS at least 1,000" in row(admin.get(HERE), ">Events<")
