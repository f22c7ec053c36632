"""Home tells of a trouble once: by its exception while that is open, else by the events that could not be applied.

What operators expect: D8.
"""

from __future__ import annotations

import re
from datetime import timedelta
from itertools import product
from typing import Any

import pytest
import sqlalchemy as sa

from kedai.connector_exceptions.models import ConnectorException
from kedai.connector_exceptions.service import Trouble, raise_exception
from kedai.inbox.models import RawEvent
from kedai.runs.schedules import make_schedule
from kedai.sync.runner import PLANS
from kedai.values.environment import Environment
from kedai.web.conditions import list_conditions
from tests.feature.dashboard.browser import Browser
from tests.support.factories import FAKE, LIVE, SANDBOX, SHOP, House, incoming
from tests.support.statements import heard_statements

TROUBLE = Trouble(code="test", title="A push that says nothing", next_step="Look at it", shop_id=SHOP)


@pytest.fixture
def shop(house: House) -> House:
    for environment in Environment:
        house.configure(environment)
        house.connect(environment, SHOP)
    return house


def die(house: House, environment: Environment = SANDBOX) -> None:
    house.deliver(incoming(environment=environment))
    house.execute(sa.update(RawEvent).where(RawEvent.environment == environment).values(state="dead"))


def raise_one(house: House, environment: Environment = SANDBOX) -> None:
    with house.db.write() as db:
        raise_exception(db, FAKE, environment, TROUBLE, now=house.now)


def schedule_everything(house: House) -> None:
    hour = timedelta(hours=1)
    due: dict[str, Any] = {"every": hour, "cron": None, "grace": hour, "offset": hour, "next_due_at": house.now}
    with house.db.write() as db:
        for kind, environment in product(PLANS, Environment):
            make_schedule(db, kind, FAKE, environment, **due)


def health(browser: Browser, scope: str = "sandbox") -> list[str]:
    """The entries of the list, each as HTML."""
    page = browser.get(f"/e/{scope}/home")
    found = re.search(r'<ul class="health-list">(.*?)</ul>', page.text, re.DOTALL)
    return [] if found is None else found[1].split("<li ")[1:]


def test_more_shops_schedules_and_trouble_cost_no_more_statements(shop: House, admin: Browser) -> None:
    admin.get("/e/all/home")
    with heard_statements() as before:
        admin.get("/e/all/home")

    for number in range(5):
        for environment in Environment:
            shop.connect(environment, f"90{number}")
    schedule_everything(shop)
    die(shop)
    raise_one(shop)
    with heard_statements() as after:
        admin.get("/e/all/home")

    assert len(after) == len(before)


def test_what_its_exception_explains_is_told_once_with_the_way_to_what_to_do(shop: House, admin: Browser) -> None:
    die(shop)
    raise_one(shop)
    (entry,) = health(admin)
    assert 'class="bad"' in entry
    assert "Exceptions: 1 new one" in entry
    assert "1 event could not be applied. Each exception says what happened and what to do next." in entry
    assert 'href="/e/sandbox/exceptions"' in entry


def test_events_that_no_open_exception_explains_are_told_by_themselves(shop: House, admin: Browser) -> None:
    die(shop)
    (entry,) = health(admin)
    assert ("1 event could not be applied" in entry, 'href="/e/sandbox/events?state=dead"' in entry) == (True, True)
    raise_one(shop)
    shop.execute(sa.update(ConnectorException).values(state="resolved", resolved_at=shop.now))
    (entry,) = health(admin)
    assert 'href="/e/sandbox/events?state=dead"' in entry


def test_an_exception_alone_says_nothing_of_events_and_a_known_one_is_only_a_warning(
    shop: House, admin: Browser
) -> None:
    raise_one(shop)
    assert "could not be applied" not in "".join(health(admin))
    shop.execute(sa.update(ConnectorException).values(state="ongoing"))
    (entry,) = health(admin)
    assert ('class="warn"' in entry, "1 ongoing" in entry) == (True, True)
    die(shop)
    (entry,) = health(admin)
    assert ('class="bad"' in entry, "1 event could not be applied." in entry) == (True, True)


def test_one_environments_exception_does_not_hide_the_others_events(shop: House, admin: Browser) -> None:
    die(shop, LIVE)
    raise_one(shop, SANDBOX)
    told = health(admin, "all")
    assert [('href="/e/live/events?state=dead"' in one, 'href="/e/sandbox/exceptions"' in one) for one in told] in (
        [(True, False), (False, True)],
        [(False, True), (True, False)],
    )


def test_who_is_told_of_troubles_elsewhere_is_told_of_the_same_as_before(shop: House) -> None:
    """Neither is a condition of its own: exceptions are told of one by one."""
    with shop.db.read() as db:
        before = list_conditions(shop.runtime, db)
    die(shop)
    raise_one(shop)
    with shop.db.read() as db:
        assert list_conditions(shop.runtime, db) == before
