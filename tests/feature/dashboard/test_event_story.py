"""D10: every try that did not end well is told with its time and its reason, and none makes a row grow without end."""

from __future__ import annotations

import re
from datetime import timedelta

import pytest

from kedai.inbox import claims, tries
from kedai.inbox.claims import Outcome
from kedai.inbox.service import replay_event
from kedai.inbox.tries import PUT_BACK, Try, read_tries
from kedai.kit.ids import show_id
from kedai.values.event import EventState
from kedai.web.api.shown import shown_event
from tests.feature.dashboard.browser import Browser
from tests.support.factories import ANNA, SANDBOX, START, House, incoming

FAILED = Outcome(EventState.RECEIVED, "the marketplace stumbled", due_in=timedelta(), counts=True)
WAITS = Outcome(EventState.RECEIVED, "the day's calls are used up", due_in=timedelta())
GIVEN_UP = Outcome(EventState.DEAD, "<b>it stays down</b>", counts=True)
APPLIED = Outcome(EventState.APPLIED)


def work(house: House, outcome: Outcome) -> None:
    """One try, a minute after what was before, that ends like this."""
    house.clock.advance(timedelta(minutes=1))
    with house.db.write() as db:
        batch = claims.claim(db, orders=10, lease_seconds=60)
        assert batch is not None
        held = claims.lock_held(db, batch.holder, [event.id for event in batch.events])
        claims.finish(db, held, {event.id: outcome for event in batch.events}, now=house.now)


def replay(house: House) -> None:
    house.clock.advance(timedelta(minutes=1))
    (event,) = house.events(SANDBOX)
    with house.db.write() as db:
        replay_event(db, event.id, environment=SANDBOX, actor=ANNA, now=house.now)


def kept(house: House) -> tuple[Try, ...]:
    return read_tries(house.events(SANDBOX)[0].tries)


def after(minutes: int, state: str, note: str = "") -> Try:
    return Try(START + timedelta(minutes=minutes), state, note)


def test_what_failed_and_was_put_back_is_kept_in_order(house: House) -> None:
    house.deliver(incoming())
    for outcome in (FAILED, WAITS, GIVEN_UP):
        work(house, outcome)
    replay(house)
    work(house, APPLIED)
    assert kept(house) == (
        after(1, "received", "the marketplace stumbled"),
        after(3, "dead", "<b>it stays down</b>"),
        after(4, PUT_BACK),
    )
    shown = shown_event(house.events(SANDBOX)[0])["tries"]
    assert [(one["state"], one["note"]) for one in shown] == [(one.state, one.note) for one in kept(house)]


def test_what_is_applied_at_once_keeps_nothing(house: House) -> None:
    house.deliver(incoming())
    work(house, APPLIED)
    assert house.events(SANDBOX)[0].tries == ""


def test_what_is_replayed_without_end_does_not_grow_without_end(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tries, "MOST_CHARACTERS", 200)
    house.deliver(incoming())
    for _ in range(6):
        work(house, GIVEN_UP)
        replay(house)
    assert len(house.events(SANDBOX)[0].tries) < 300
    assert kept(house)[0].state == "dead"


def test_the_page_tells_the_whole_story_newest_first(house: House, admin: Browser) -> None:
    house.deliver(incoming())
    for outcome in (FAILED, GIVEN_UP):
        work(house, outcome)
    replay(house)
    work(house, APPLIED)
    page = admin.get(f"/e/sandbox/events/{show_id('evt', house.events(SANDBOX)[0].id)}")
    found = re.search(r'<ol class="timeline">(.*?)</ol>', page.text, re.DOTALL)
    assert found is not None
    titles = re.findall(r'<span class="badge \w+">([^<]+)</span>', found[1])
    assert titles[:5] == [
        "Applied",
        "Put back in the queue",
        "A try failed, and it was given up",
        "A try failed",
        "Received, and its signature verified",
    ]
    assert ("the marketplace stumbled" in found[1], "&lt;b&gt;it stays down" in found[1]) == (True, True)
