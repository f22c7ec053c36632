"""Home's charts: every number stands in a table, every chart says in words what it shows, and unknown is not zero.

What operators expect: D30, D33.
"""

from __future__ import annotations

import asyncio
import re
from datetime import timedelta

import pytest
import sqlalchemy as sa

from kedai.inbox.models import RawEvent
from kedai.sync.figures import measure_events
from kedai.values.environment import Environment
from kedai.vault.models import AuthToken
from kedai.web.dashboard.charts import Point, find_span, list_charts, read_points
from tests.feature.dashboard.browser import Browser
from tests.support.factories import LIVE, SANDBOX, House, incoming

SECOND = timedelta(seconds=1)


def happen(house: House, applied: int, dead: int, *, took: timedelta = SECOND) -> None:
    """Events that came and ended now."""
    house.deliver(*(incoming(f"O{one}", at=house.now) for one in range(applied + dead)))
    fresh = [one.id for one in house.events() if one.state == "received"]
    for number, one in enumerate(fresh):
        state = "applied" if number < applied else "dead"
        ended = {"state": state, "finished_at": house.now + took}
        house.execute(sa.update(RawEvent).where(RawEvent.id == one).values(**ended))
    house.clock.advance(took)
    asyncio.run(measure_events(house.parts))


def points(house: House, key: str = "hour", *environments: Environment) -> list[Point]:
    with house.db.read() as db:
        return read_points(db, find_span(key), environments=environments or (SANDBOX,), now=house.now)


def test_a_step_tells_success_and_how_long_most_took(house: House) -> None:
    happen(house, applied=9, dead=1, took=3 * SECOND)
    (one,) = [point for point in points(house) if point.received]
    assert (one.received, one.failed, one.success) == (10, 1, 90.0)
    assert one.half_ms is not None
    assert 1_000 < one.half_ms <= one.most_ms <= 5_000  # type: ignore[operator]


def test_what_nobody_measured_is_unknown_and_not_zero(house: House) -> None:
    happen(house, applied=1, dead=0)
    first, last = points(house)[0], points(house)[-1]
    assert (first.received, first.oldest_ms) == (None, None)
    assert (last.received, last.success) != (None, None)


@pytest.mark.parametrize(("key", "steps"), [("hour", 60), ("day", 48), ("week", 56)])
def test_a_span_has_all_its_steps_and_the_last_one_is_now(house: House, key: str, steps: int) -> None:
    happen(house, applied=2, dead=0)
    found = points(house, key)
    assert len(found) == steps
    assert found[-1].at <= house.now < found[-1].at + (found[-1].at - found[-2].at)
    assert sum(one.received or 0 for one in found) == 2


def test_another_environment_has_figures_of_its_own(house: House) -> None:
    happen(house, applied=2, dead=0)
    assert sum(one.received or 0 for one in points(house, "hour", LIVE)) == 0
    assert sum(one.received or 0 for one in points(house, "hour", SANDBOX, LIVE)) == 2


def test_every_chart_says_in_words_what_it_shows(house: House) -> None:
    happen(house, applied=3, dead=1)
    told = {one.key: one.summary for one in list_charts(points(house), zone="UTC", locale="en")}
    assert told["events"].startswith("4 arrived")
    assert "1 could not be applied" in told["success"]
    assert "95 of 100" in told["latency"]
    assert {one.summary for one in list_charts([Point(house.now)], zone="UTC", locale="en")} >= {
        "No event arrived in this time."
    }


def test_home_shows_the_table_behind_the_charts(admin: Browser, house: House) -> None:
    happen(house, applied=3, dead=1)
    page = admin.get("/e/sandbox/home?range=hour")
    table = re.search(r'<table class="table list" id="chart-table">(.*?)</table>', page.text, re.DOTALL)
    assert table is not None
    assert '<data value="75.0">75.0 %</data>' in table[1]
    assert table[1].count("<tr>") == 61
    assert "4 arrived" in page.words, "what a chart shows is said beside it"
    columns = set(re.findall(r'data-column="(\w+)"', table[1]))
    drawn = {name for names in re.findall(r'data-chart="([\w ]+)"', page.text) for name in names.split()}
    assert drawn == columns, "what is drawn stands in the table"


def test_the_access_that_ends_within_a_week_is_marked(admin: Browser, house: House) -> None:
    house.configure(SANDBOX)
    house.connect(SANDBOX)
    assert 'aria-labelledby="access-title"' in admin.get("/e/sandbox/home").text
    assert '<li class="warn">' not in admin.get("/e/sandbox/home").text
    house.execute(sa.update(AuthToken).values(refresh_expires_at=house.now + timedelta(days=5)))
    assert '<li class="warn">' in admin.get("/e/sandbox/home").text
