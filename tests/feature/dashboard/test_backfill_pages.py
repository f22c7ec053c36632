"""D16: back-filling on the pages: choose, see how much there is, start; bad periods are told at their field."""

from __future__ import annotations

import asyncio
from datetime import timedelta

import pytest
import sqlalchemy as sa

from kedai.runs.models import Run
from kedai.staff.roles import Role
from kedai.sync.runner import run_next
from tests.feature.dashboard.browser import Browser
from tests.support.factories import LIVE, SANDBOX, SHOP, House, snapshot

HERE = "/e/sandbox/backfill"
CHOSEN = {"shop_id": SHOP, "since": "2019-12-01", "until": "2020-01-01"}


@pytest.fixture
def shop(house: House) -> House:
    house.configure()
    house.connect()
    changed = house.now - timedelta(days=3)
    house.market.put(SANDBOX, *(snapshot(f"S{number}", remote_updated_at=changed) for number in range(120)))
    return house


def runs(house: House) -> list[Run]:
    with house.db.read() as db:
        return list(db.execute(sa.select(Run)).scalars())


def test_a_period_is_chosen_counted_started_and_read_without_script(shop: House, admin: Browser) -> None:
    page = admin.get(HERE)
    assert (page.status, "<script" in page.markup) == (200, False)
    counted = admin.post(f"{HERE}/estimate", CHOSEN)
    assert "120 orders" in counted.words
    assert "3 windows" in counted.words
    assert (runs(shop), shop.orders()) == ([], [])
    again = {name: counted.value(name) for name in CHOSEN}
    assert again == CHOSEN
    done = admin.follow(admin.post(HERE, again))
    assert "The back-fill has been queued." in done.words
    asyncio.run(run_next(shop.parts))
    (run,) = runs(shop)
    assert (run.kind, run.state, run.done, run.total) == ("backfill", "succeeded", 120, 120)
    assert "Back-fill orders" in admin.get("/e/sandbox/runs").words
    assert len(shop.orders()) == 120


@pytest.mark.parametrize(
    ("changed", "told"),
    [
        ({"since": "2019-02-30"}, "no such date"),
        ({"since": "2020-01-01", "until": "2019-12-01"}, "ends before it begins"),
        ({"until": "9999-12-31"}, "cannot be meant"),
        ({"until": "2020-01-09"}, "in the future"),
        ({"since": "<script>"}, "no such date"),
        ({"shop_id": ""}, "Choose a shop"),
        ({"shop_id": "404"}, "no such shop"),
        ({"since": "2018-01-01"}, "longer than 366 days"),
    ],
)
def test_49_a_bad_period_is_refused_at_its_field_and_nothing_is_begun(
    shop: House, admin: Browser, changed: dict[str, str], told: str
) -> None:
    for address in (f"{HERE}/estimate", HERE):
        page = admin.post(address, {**CHOSEN, **changed})
        assert page.status in {409, 422}
        assert told in page.words
        assert "<script" not in page.markup
    assert runs(shop) == []
    assert shop.market.count("list_orders") == 0


def test_in_the_inactive_environment_it_says_what_to_do(shop: House, admin: Browser) -> None:
    shop.configure(LIVE)
    shop.connect(LIVE)
    assert "Live is not the active environment" in admin.get("/e/live/backfill").words
    assert admin.post("/e/live/backfill", CHOSEN).status == 409
    assert runs(shop) == []


def test_a_viewer_begins_none(shop: House, browser: Browser) -> None:
    browser.sign_in(Role.VIEWER)
    assert browser.get(HERE).status == 403
    assert browser.post(HERE, CHOSEN).status == 403
    assert runs(shop) == []
