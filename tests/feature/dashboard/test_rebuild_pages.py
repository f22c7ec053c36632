"""Time travel by forms alone: ask, look, apply; and who may not."""

from __future__ import annotations

import asyncio
from datetime import timedelta

import pytest

from kedai.kit.ids import show_id
from kedai.orders.service import prepare, upsert
from kedai.runs.queries import find_latest_run
from kedai.staff.roles import Role
from kedai.sync import rebuild, runner
from kedai.values.environment import Environment, Scope
from tests.feature.dashboard.browser import Browser
from tests.support.factories import FAKE, LIVE, SANDBOX, SHOP, START, House, snapshot

FORM = {"shop": SHOP, "as_of": "2020-01-01T12:05", "order": "", "placed_from": "", "placed_until": ""}


@pytest.fixture
def travelled(house: House) -> House:
    """One order of the sandbox, known in two states ten minutes apart."""
    for environment in Environment:
        house.configure(environment)
    house.connect(SANDBOX)
    for minutes, status in ((0, "READY_TO_SHIP"), (10, "SHIPPED")):
        at = START + timedelta(minutes=minutes)
        one = snapshot(status=status, remote_updated_at=at, read_started_at=at)
        house.market.rereadings[one.answer] = one
        with house.db.write() as db:
            upsert(db, Scope(FAKE, SANDBOX, SHOP), prepare([one]), now=at)
    house.clock.advance(timedelta(hours=1))
    return house


def work(house: House) -> None:
    while asyncio.run(runner.run_next(house.parts)):
        pass


def status(house: House) -> str:
    (order,) = house.orders()
    return order.status


def test_a_person_asks_looks_and_applies(travelled: House, admin: Browser) -> None:
    assert "Start a rebuild" in admin.get("/e/sandbox/rebuilds").words
    answer = admin.post("/e/sandbox/rebuilds", {"connector": FAKE, **FORM})
    here = answer.location
    assert "0 of 1 (0 %)" in admin.follow(answer).words
    work(travelled)
    page = admin.get(here)
    assert "Orders as of 2020-01-01 12:05 UTC" in page.words
    assert "SHIPPED → READY_TO_SHIP" in page.words
    assert "Apply to 1 order" in page.words
    assert status(travelled) == "SHIPPED"
    after = admin.follow(admin.post(f"{here}/apply", {}))
    assert "The rebuild is being applied." in after.words
    assert "Apply a rebuild is going on." in after.words
    work(travelled)
    assert status(travelled) == "READY_TO_SHIP"
    assert "Applied" in admin.get(here).words
    assert "2020-01-01 12:05 UTC" in admin.get("/e/sandbox/rebuilds").words


def test_discarding_leaves_the_order_as_it_is(travelled: House, admin: Browser) -> None:
    here = admin.post("/e/sandbox/rebuilds", {"connector": FAKE, **FORM}).location
    work(travelled)
    assert "The orders stay as they are." in admin.follow(admin.post(f"{here}/discard", {})).words
    work(travelled)
    page = admin.get(here)
    assert "Left as it is" in page.words
    assert "Apply to" not in page.words
    assert status(travelled) == "SHIPPED"


def test_a_rebuild_of_now_says_that_nothing_differs(travelled: House, admin: Browser) -> None:
    here = admin.post("/e/sandbox/rebuilds", {"connector": FAKE, **FORM, "as_of": "2020-01-01T13:00"}).location
    work(travelled)
    assert "Every order stands exactly as it was known then." in admin.get(here).words


@pytest.mark.parametrize(
    ("given", "code"),
    [
        ({"as_of": "2020-02-30T10:00"}, 422),
        ({"as_of": "9999-01-01T10:00"}, 422),
        ({"as_of": "2030-01-01T10:00"}, 422),
        ({"placed_from": "2020-01-02T00:00", "placed_until": "2020-01-01T00:00"}, 422),
        ({"shop": ""}, 422),
        ({"shop": "9999"}, 404),
        ({"order": "NOWHERE"}, 404),
    ],
)
def test_what_makes_no_sense_is_explained(travelled: House, admin: Browser, given: dict[str, str], code: int) -> None:
    assert admin.post("/e/sandbox/rebuilds", {"connector": FAKE, **FORM, **given}).status == code
    with travelled.db.read() as db:
        assert find_latest_run(db, rebuild.KIND, FAKE, environment=SANDBOX) is None


def test_a_viewer_looks_and_starts_nothing(travelled: House, admin: Browser) -> None:
    viewer = Browser(travelled)
    viewer.sign_in(role=Role.VIEWER)
    here = admin.post("/e/sandbox/rebuilds", {"connector": FAKE, **FORM}).location
    work(travelled)
    assert "Apply to" not in viewer.get(here).words
    assert viewer.post("/e/sandbox/rebuilds", {"connector": FAKE, **FORM}).status == 403
    assert viewer.post(f"{here}/apply", {}).status == 403
    assert viewer.post(f"{here}/discard", {}).status == 403


def test_a_rebuild_is_seen_in_its_own_environment_alone(travelled: House, admin: Browser) -> None:
    here = admin.post("/e/sandbox/rebuilds", {"connector": FAKE, **FORM}).location
    assert admin.get(here.replace("/e/sandbox/", "/e/live/")).status == 404
    with travelled.db.read() as db:
        run = find_latest_run(db, rebuild.KIND, FAKE, environment=SANDBOX)
        assert run is not None
        assert find_latest_run(db, rebuild.KIND, FAKE, environment=LIVE) is None
    assert admin.post(f"/e/live/rebuilds/{show_id('run', run.id)}/apply", {}).status == 404
