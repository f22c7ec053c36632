"""D23: a person's time zone: absolute times on pages are of it and name it; what machines read stays in UTC."""

from __future__ import annotations

import json
from datetime import timedelta

import pytest
import sqlalchemy as sa

from kedai.kit.zones import at_place, list_zones
from kedai.staff.models import Staff
from kedai.staff.roles import Role
from tests.feature.dashboard.browser import Browser, Page, store_orders
from tests.feature.dashboard.world import fill
from tests.support.factories import FAKE, START, House, snapshot

HERE = "/account/time-zone"


@pytest.fixture
def world(house: House) -> House:
    return fill(house)


def choose(browser: Browser, zone: str) -> Page:
    return browser.post(HERE, {"time_zone": zone})


def test_times_are_utc_until_somebody_chooses(world: House, admin: Browser) -> None:
    page = admin.get("/e/sandbox/events")
    assert 'title="2020-01-01 12:00:00 UTC"' in page.text
    assert 'data-zone="UTC"' in page.text
    assert "Now: 2020-01-01 12:00:00 UTC" in admin.get("/account").words


def test_the_chosen_zone_is_that_of_every_page_and_is_named(world: House, admin: Browser) -> None:
    page = admin.follow(choose(admin, "Asia/Jakarta"))
    assert "Times are shown in your time zone now." in page.words
    assert '<option value="Asia/Jakarta" selected>' in page.text
    assert "Now: 2020-01-01 19:00:00 Asia/Jakarta" in page.words
    events = admin.get("/e/sandbox/events").text
    assert 'data-zone="Asia/Jakarta"' in events
    assert 'datetime="2020-01-01T12:00:00Z" title="2020-01-01 19:00:00 Asia/Jakarta"' in events
    assert "UTC" not in events.partition("<main")[2].partition("<tbody>")[2].partition("</tbody>")[0]
    shops = admin.get(f"/connectors/{FAKE}?tab=sandbox").words
    assert "until 2020-01-01 23:00:00 Asia/Jakarta" in shops
    home = admin.get("/e/all/home").words
    assert "Times are Asia/Jakarta." in home
    assert "placed today (since 00:00 Asia/Jakarta)" in home


def test_today_begins_where_the_person_is(world: House, admin: Browser) -> None:
    """At noon UTC the day is two hours old on Kiritimati. Break: midnight of UTC counts what was placed at nine."""

    def placed_today(zone: str) -> int:
        choose(admin, zone)
        return int(admin.get("/e/sandbox/home").words.partition(" placed today")[0].split()[-1])

    before = placed_today("UTC"), placed_today("Pacific/Kiritimati")
    at = START - timedelta(hours=3)
    store_orders(world, snapshot("EARLY", remote_created_at=at, remote_updated_at=at))
    assert (placed_today("UTC"), placed_today("Pacific/Kiritimati")) == (before[0] + 1, before[1])


def test_another_person_and_json_and_exports_stay_in_utc(world: House, admin: Browser) -> None:
    choose(admin, "America/New_York")
    other = Browser(world)
    other.sign_in(Role.VIEWER)
    assert "12:00:00 UTC" in other.get("/e/sandbox/events").text
    orders = json.loads(admin.get("/api/v1/sandbox/orders").text)
    assert "2020-01-01T11:00:00Z" in json.dumps(orders)
    export = admin.post("/e/sandbox/orders/exports", {"format": "csv"}).text
    assert "2020-01-01T11:00:00" in export
    assert "America" not in export


@pytest.mark.parametrize("zone", ["", "Asia/Nowhere", "../../etc/passwd", "EST5EDT", "asia/jakarta", "UTC "])
def test_what_is_no_zone_of_the_list_is_refused(house: House, admin: Browser, zone: str) -> None:
    assert choose(admin, zone).status == 422
    assert house.scalar(sa.select(Staff.time_zone)) == "UTC"


def test_a_choice_is_recorded_once(house: House, admin: Browser) -> None:
    for _ in range(2):
        assert choose(admin, "Asia/Singapore").status == 303
    audit = admin.get("/audit").words
    assert audit.count("staff.time_zone") == 1


def test_a_zone_that_the_system_no_longer_knows_is_shown_as_utc(world: House, admin: Browser) -> None:
    world.execute(sa.update(Staff).values(time_zone="Atlantis/Sunken"))
    page = admin.get("/e/sandbox/events")
    assert page.status == 200
    assert 'title="2020-01-01 12:00:00 UTC"' in page.text


def test_every_zone_that_is_offered_can_be_shown() -> None:
    zones = list_zones()
    assert zones[0] == "UTC"
    assert {"Asia/Jakarta", "Asia/Singapore", "America/Sao_Paulo", "Asia/Ho_Chi_Minh"} <= set(zones)
    assert {at_place(START, one)[1] for one in zones} == set(zones)
    assert not [one for one in zones[1:] if "/" not in one or one.startswith("Etc/")]
