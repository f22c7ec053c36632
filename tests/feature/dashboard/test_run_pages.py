"""D16, D15: the pages of runs: how each kind stands, run now, pause with a reason, one run's progress; and home."""

from __future__ import annotations

import asyncio
import re
from datetime import timedelta

import pytest
import sqlalchemy as sa

from kedai.kit.ids import show_id
from kedai.runs.models import Run, Schedule
from kedai.runs.service import create_run
from kedai.staff.roles import Role
from kedai.sync import keep_alive, runner, schedule
from tests.feature.dashboard.browser import Browser
from tests.support.factories import ANNA, FAKE, SANDBOX, House

HERE = "/e/sandbox/runs"
KIND = f"/e/sandbox/schedules/{FAKE}/{keep_alive.KIND}"


@pytest.fixture
def ticking(house: House) -> House:
    """A configured sandbox whose schedule has begun and succeeded once."""
    house.configure(SANDBOX)
    asyncio.run(schedule.tend(house.parts))
    while asyncio.run(runner.run_next(house.parts)):
        pass
    return house


def tend(house: House) -> int:
    return asyncio.run(schedule.tend(house.parts))


def age(house: House, by: timedelta) -> None:
    """As if the clock had moved on, but for who is signed in."""
    with house.db.write() as db:
        for row in db.execute(sa.select(Schedule)).scalars():
            row.next_due_at -= by
            row.active_since = None if row.active_since is None else row.active_since - by
            row.last_success_at = None if row.last_success_at is None else row.last_success_at - by
        for run in db.execute(sa.select(Run)).scalars():
            run.due_at -= by
            run.started_at = None if run.started_at is None else run.started_at - by
            run.paused_at = None if run.paused_at is None else run.paused_at - by
            run.scheduled_at = None if run.scheduled_at is None else run.scheduled_at - by


def running(house: House, *, done: int, total: int | None) -> str:
    """A run of three minutes' work; its public id."""
    with house.db.write() as db:
        made = create_run(
            db, "catch_up", FAKE, SANDBOX, scope={"shop_id": "7001"}, total=total, actor=ANNA, now=house.now
        )
        made.started_at, made.state, made.done = house.now, "running", done
    house.clock.advance(timedelta(minutes=3))
    return show_id("run", made.id)


def test_d15_page_says_how_each_kind_stands_as_the_clock_moves(ticking: House, admin: Browser) -> None:
    """Up, then late, then down: on the page and first on home; and up again."""
    page = admin.get(HERE)
    assert "Keep tokens alive" in page.words
    assert re.search(r"Up\b.*every 10 minutes.*and 6 h of grace", page.words, re.DOTALL)
    age(ticking, timedelta(hours=1))
    assert "Late overdue since" in admin.get(HERE).words
    age(ticking, timedelta(hours=6))
    assert "Down overdue since" in admin.get(HERE).words
    assert "“Keep tokens alive” is down" in admin.get("/e/all/home").words
    tend(ticking)
    while asyncio.run(runner.run_next(ticking.parts)):  # every kind that came round
        pass
    assert "Down" not in admin.get(HERE).words.replace("Going on", "")
    assert "is down" not in admin.get("/e/all/home").words


def test_d15_run_now_leads_to_the_run_and_pause_says_by_whom_and_why(ticking: House, admin: Browser) -> None:
    begun = admin.post(f"{KIND}/runs")
    assert begun.status == 303
    assert "It runs now." in admin.get(begun.location).words
    asyncio.run(runner.run_next(ticking.parts, kind=keep_alive.KIND))
    assert admin.post(f"{KIND}/pause", {"from": "all", "reason": "  the   fair "}).location.startswith("/e/all/runs")
    words = admin.get(HERE).words
    assert "Paused" in words
    assert "the fair" in words
    assert "“Keep tokens alive” is paused" in admin.get("/e/all/home").words
    age(ticking, timedelta(days=1))
    tend(ticking)
    assert "“Keep tokens alive” is down" not in admin.get("/e/all/home").words
    assert admin.post(f"{KIND}/pause", {}).status == 409
    assert admin.post(f"{KIND}/resume", {}).status == 303
    assert tend(ticking) >= 1


@pytest.mark.parametrize("reason", ["word " * 50, "a\0b", "0123456789abcdef" * 4])
def test_reason_that_is_none_is_refused(ticking: House, admin: Browser, reason: str) -> None:
    assert admin.post(f"{KIND}/pause", {"reason": reason}).status == 422


def test_unknown_kind_or_a_place_where_it_does_not_run_is_said(ticking: House, admin: Browser) -> None:
    assert admin.post(f"/e/sandbox/schedules/{FAKE}/nothing/runs").status == 404
    assert admin.post(f"/e/sandbox/schedules/nobody/{keep_alive.KIND}/runs").status == 404
    assert admin.post(f"/e/live/schedules/{FAKE}/{keep_alive.KIND}/pause").status == 404
    assert admin.post(f"/e/live/schedules/{FAKE}/{keep_alive.KIND}/runs").status == 409


def test_run_shows_a_bar_its_rate_and_when_it_will_be_done(ticking: House, admin: Browser) -> None:
    page = admin.get(f"{HERE}/{running(ticking, done=300, total=1200)}")
    assert '<progress max="1200" value="300" aria-label="Catch up on orders">' in page.text
    assert "300 of 1,200 (25 %)" in page.words
    assert "At 100 a minute it will be done in 9 min" in page.words
    open_ended = admin.get(f"{HERE}/{running(ticking, done=300, total=None)}")
    assert "nobody knows yet how much is left" in open_ended.words
    assert "<progress" not in open_ended.text


def test_paused_run_rests_and_its_pause_slows_nothing_down(ticking: House, admin: Browser) -> None:
    run = running(ticking, done=300, total=1200)
    paused = admin.post(f"{HERE}/{run}/pause", {"page": "run"})
    assert "It rests until somebody resumes it." in admin.get(paused.location).words
    assert not asyncio.run(runner.run_next(ticking.parts))
    assert admin.post(f"{HERE}/{run}/pause", {}).status == 409
    age(ticking, timedelta(hours=5))
    resumed = admin.post(f"{HERE}/{run}/resume", {"page": "run"})
    assert "At 100 a minute it will be done in 9 min" in admin.get(resumed.location).words


def test_paused_run_can_be_stopped(ticking: House, admin: Browser) -> None:
    run = running(ticking, done=1, total=2)
    admin.post(f"{HERE}/{run}/pause", {})
    assert admin.post(f"{HERE}/{run}/cancel", {"page": "run"}).location.startswith(f"{HERE}/{run}")
    assert asyncio.run(runner.run_next(ticking.parts))
    assert "Cancelled" in admin.get(f"{HERE}/{run}").words


def test_run_of_the_other_environment_is_not_found(ticking: House, admin: Browser) -> None:
    run = running(ticking, done=1, total=2)
    assert admin.get(f"/e/live/runs/{run}").status == 404
    assert admin.post(f"/e/live/runs/{run}/pause", {}).status == 404


def test_history_is_filtered_by_kind_and_state_and_keeps_both_in_its_links(ticking: House, admin: Browser) -> None:
    running(ticking, done=1, total=2)
    page = admin.get(f"{HERE}?kind=catch_up&state=open")
    rows = page.text.partition('id="history"')[2].partition("<tbody>")[2]
    assert "Catch up on orders" in rows
    assert "Keep tokens alive" not in rows
    assert 'href="/e/sandbox/runs?state=failed&amp;kind=catch_up"' in page.text
    assert "Nothing in this state" in admin.get(f"{HERE}?kind=rewrap").words


def test_reader_sees_the_schedule_and_no_button(ticking: House, browser: Browser) -> None:
    browser.sign_in(Role.VIEWER)
    page = browser.get(HERE)
    assert "Keep tokens alive" in page.words
    assert "Run now" not in page.words
    assert "Pause" not in page.text.partition("<main")[2]
    assert browser.post(f"{KIND}/runs").status == 403


def test_what_a_stranger_said_stays_text(ticking: House, admin: Browser) -> None:
    evil = "<script>alert(1)</script>"
    admin.post(f"{KIND}/pause", {"reason": evil})
    ticking.execute(sa.update(Run).values(note=evil))
    with ticking.db.read() as db:
        run = db.execute(sa.select(Run.id).limit(1)).scalar_one()
    for path in (HERE, "/e/all/home", f"{HERE}/{show_id('run', run)}"):
        assert "<script>" not in admin.get(path).text


def test_open_runs_and_the_oldest_are_counted(ticking: House, admin: Browser) -> None:
    assert "Nothing waits." in admin.get(HERE).words
    with ticking.db.write() as db:
        create_run(db, "catch_up", FAKE, SANDBOX, scope={}, total=None, actor=ANNA, now=ticking.now)
    age(ticking, timedelta(minutes=30))
    assert "Open now: 1 run; the first waits since 30 min ago" in admin.get(HERE).words
    assert "Nothing waits." in admin.get("/e/live/runs").words


def test_kinds_of_another_version_are_left_out(ticking: House, admin: Browser) -> None:
    ticking.execute(sa.update(Schedule).where(Schedule.kind == keep_alive.KIND).values(kind="from_the_future"))
    assert admin.get(HERE).status == 200
    assert "from_the_future" not in admin.get(HERE).words
