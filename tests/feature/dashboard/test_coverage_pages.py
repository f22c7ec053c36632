"""D34: what was covered, on a page: gaps, sources, how pushes go, and the statement."""

from __future__ import annotations

from datetime import timedelta

import pytest
import sqlalchemy as sa

from kedai.coverage import service as coverage
from kedai.coverage.service import Rating
from kedai.inbox.models import RawEvent
from kedai.kit.ids import show_id
from kedai.staff.roles import Role
from kedai.values.coverage import Source
from kedai.values.environment import Scope
from tests.feature.dashboard.browser import Browser, store_orders
from tests.support.factories import FAKE, SANDBOX, SHOP, House, incoming, snapshot

HERE = "/e/sandbox/coverage"
CHOSEN = {"shop_id": SHOP, "since": "2019-12-20", "until": "2020-01-01"}
ADDRESS = f"{HERE}?shop_id={SHOP}&since=2019-12-20&until=2020-01-01"


@pytest.fixture
def shop(house: House) -> House:
    house.configure()
    house.connect()
    return house


def cover(house: House, source: Source, since: timedelta, until: timedelta) -> None:
    with house.db.write() as db:
        scope, now = Scope(FAKE, SANDBOX, SHOP), house.now
        coverage.record(db, scope, source, now - since, now - until, run_id=None, now=now)


def rate(house: House, status: str) -> None:
    with house.db.write() as db:
        coverage.note_rating(db, FAKE, SANDBOX, Rating(status, None, True), now=house.now)


def test_gaps_and_sources_of_a_period_are_shown(shop: House, admin: Browser) -> None:
    cover(shop, Source.RECONCILE, timedelta(days=30), timedelta(days=6))
    cover(shop, Source.PUSH, timedelta(days=5), timedelta())
    page = admin.get(ADDRESS)
    assert page.status == 200
    assert "Covered by nothing" in page.words
    assert "2019-12-26 12:00:00 UTC to 2019-12-27 12:00:00 UTC" in page.words
    assert len(page.rows()) == len(Source)
    cover(shop, Source.BACKFILL, timedelta(days=6), timedelta(days=5))
    assert "No gap" in admin.get(ADDRESS).words


def test_the_statement_names_every_difference_and_its_reason(shop: House, admin: Browser) -> None:
    changed = shop.now - timedelta(days=3)
    shop.market.put(SANDBOX, *(snapshot(one, remote_updated_at=changed) for one in ("A1", "A2")))
    store_orders(shop, snapshot("A1", remote_updated_at=changed))
    page = admin.post(HERE, CHOSEN)
    assert "Not complete" in page.words
    assert "A2" in page.words
    assert "no push about it ever came" in page.words
    store_orders(shop, snapshot("A2", remote_updated_at=changed))
    page = admin.post(HERE, CHOSEN)
    assert "Complete Every order that Fake lists" in page.words


@pytest.mark.parametrize("changed", [{"since": "nonsense"}, {"until": "9999-12-31"}, {"shop_id": "404"}])
def test_what_cannot_be_asked_is_told_on_the_page(shop: House, admin: Browser, changed: dict[str, str]) -> None:
    page = admin.post(HERE, {**CHOSEN, **changed})
    assert page.status in {409, 422}
    assert shop.market.calls == []


def test_a_viewer_sees_what_was_covered_and_asks_for_no_statement(shop: House, browser: Browser) -> None:
    browser.sign_in(Role.VIEWER)
    assert "Compare now" not in browser.get(ADDRESS).words
    assert browser.post(HERE, CHOSEN).status == 403


def test_pushes_that_are_switched_off_stand_on_the_home_page_with_since_when(shop: House, admin: Browser) -> None:
    rate(shop, "normal")
    assert "switched its pushes to us off" not in admin.get("/e/sandbox/home").words
    rate(shop, "suspended")
    assert "Fake has switched its pushes to us off" in admin.get("/e/sandbox/home").words
    assert "Suspended is what Fake said of its pushes" in admin.get(HERE).words
    rate(shop, "warning")
    assert "not content with our answers" in admin.get("/e/sandbox/home").words


def test_a_push_that_was_lost_says_so(shop: House, admin: Browser) -> None:
    shop.deliver(incoming())
    with shop.db.write() as db:
        db.execute(sa.update(RawEvent).values(matched_key="lost_push"))
    assert "lost, fetched" in admin.get("/e/sandbox/events").words
    one = admin.get(f"/e/sandbox/events/{show_id('evt', shop.event().id)}")
    assert "Fetched from the marketplace's list of lost pushes" in one.words
