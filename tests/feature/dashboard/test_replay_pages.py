"""D10, D11: replaying what waits, and stopping a run: by forms alone."""

from __future__ import annotations

import asyncio

import pytest
import sqlalchemy as sa

from kedai.inbox.models import RawEvent
from kedai.kit.ids import new_id, show_id
from kedai.runs.models import Run
from kedai.runs.queries import find_latest_run
from kedai.staff.roles import Role
from kedai.sync.runner import run_next
from kedai.values.environment import Environment
from kedai.values.event import ParkedReason
from tests.feature.dashboard.browser import Browser
from tests.support.factories import FAKE, LIVE, SANDBOX, House, incoming


@pytest.fixture
def parked(house: House) -> House:
    """Sandbox is active and has three parked pushes, live has one."""
    for environment in Environment:
        house.configure(environment)
    house.deliver(*(incoming(f"S{number}", parked=ParkedReason.INACTIVE_ENVIRONMENT) for number in range(2)))
    house.deliver(incoming("S3", parked=ParkedReason.ORDER_NOT_FOUND))
    house.deliver(incoming("L", environment=LIVE, parked=ParkedReason.INACTIVE_ENVIRONMENT))
    return house


def latest_run(house: House, environment: Environment) -> Run | None:
    with house.db.read() as db:
        return find_latest_run(db, "replay_parked", FAKE, environment=environment)


def test_all_parked_are_replayed_by_a_run_that_the_page_shows(parked: House, admin: Browser) -> None:
    page = admin.get("/e/sandbox/events?state=parked")
    assert "3 parked events wait in Sandbox." in page.words
    assert "Replay 2 parked events Reason: this environment was not the active one." in page.words
    assert "Replay 1 parked event Reason: an order that the marketplace did not know." in page.words
    answer = admin.post("/e/sandbox/events/replay-parked", {"connector": FAKE, "reason": "inactive_environment"})
    after = admin.follow(answer)
    assert "The replay has been queued." in after.words
    assert "0 of 2 (0 %)" in after.words
    run = latest_run(parked, SANDBOX)
    assert run is not None
    assert (run.total, run.created_by, run.scope["reason"]) == (2, "admin@example.com", "inactive_environment")


def test_a_replay_started_on_the_connection_page_leads_back_there(parked: House, admin: Browser) -> None:
    answer = admin.post("/e/sandbox/events/replay-parked", {"connector": FAKE, "back": "connection"})
    assert answer.location == f"/connectors/{FAKE}?tab=sandbox&status=replay_queued"
    assert "0 of 2 (0 %)" in admin.follow(answer).words


def test_the_inactive_environments_parked_ones_stay(parked: House, admin: Browser) -> None:
    assert "They stay parked until Live is the active environment." in admin.get("/e/live/events?state=parked").words
    assert admin.post("/e/live/events/replay-parked", {"connector": FAKE}).status == 409
    assert latest_run(parked, LIVE) is None
    assert admin.post("/e/all/events/replay-parked", {"connector": FAKE}).status == 404


def test_one_event_is_replayed_from_its_page(parked: House, admin: Browser) -> None:
    event = next(one for one in parked.events(SANDBOX) if one.order_sn == "S3")
    here = f"/e/sandbox/events/{show_id('evt', event.id)}"
    page = admin.get(here)
    assert "Replay this event" in page.words
    assert "The marketplace does not know the order that it names." in page.words
    after = admin.follow(admin.post(f"{here}/replays", {"from": "all"}))
    assert "The event is back in the queue." in after.words
    assert "Replay this event" not in after.words
    assert admin.post(f"{here}/replays").status == 409
    assert admin.post(here.replace("sandbox", "live") + "/replays").status == 404


def test_all_parked_are_discarded_after_a_look_at_how_many(parked: House, admin: Browser) -> None:
    page = admin.get("/e/sandbox/events?state=parked")
    ask = next(link for link in page.links() if "/parked/discard" in link and "reason=inactive_environment" in link)
    question = admin.get(ask)
    assert "Discard 2 parked events of Sandbox?" in question.words
    assert "Nothing is deleted." in question.words
    wanted = {name: question.value(name) for name in ("connector", "reason", "back")}
    after = admin.follow(admin.post("/e/sandbox/parked/discard", wanted))
    assert "The discarding has been queued." in after.words
    assert "Discarding is going on." in after.words
    assert "0 of 2 (0 %)" in after.words
    assert [event.state for event in parked.events(SANDBOX)] == ["parked"] * 3
    assert asyncio.run(run_next(parked.parts))
    assert [event.state for event in parked.events(SANDBOX)] == ["discarded", "discarded", "parked"]
    assert {event.discarded_by for event in parked.events(SANDBOX)} == {"admin@example.com", None}
    assert "No parked events to discard" in admin.get(ask).words


def test_the_inactive_environments_parked_ones_may_be_discarded(parked: House, admin: Browser) -> None:
    page = admin.get("/e/live/events?state=parked")
    assert "Replay 1 parked event" not in page.words
    ask = next(link for link in page.links() if "/parked/discard" in link)
    assert "Discard 1 parked event of Live?" in admin.get(ask).words
    answer = admin.post("/e/live/parked/discard", {"reason": "inactive_environment", "back": "connection"})
    assert answer.location == f"/connectors/{FAKE}?tab=live&status=discard_queued"
    assert "Discard parked events: queued." in admin.follow(answer).words


def test_what_to_discard_must_be_said(parked: House, admin: Browser) -> None:
    assert admin.post("/e/sandbox/parked/discard").status == 422
    assert admin.post("/e/sandbox/parked/discard", {"reason": "nonsense"}).status == 422
    assert admin.get("/e/sandbox/parked/discard?reason=nonsense").status == 422
    assert admin.get("/e/sandbox/parked/discard?connector=nobody").status == 404
    assert admin.get("/e/all/parked/discard").status == 404
    assert admin.post("/e/all/parked/discard", {"reason": "inactive_environment"}).status == 404


def test_while_a_decision_is_carried_out_no_second_one_is_taken(parked: House, admin: Browser) -> None:
    admin.post("/e/sandbox/events/replay-parked", {"connector": FAKE})
    assert admin.post("/e/sandbox/parked/discard", {"reason": "inactive_environment"}).status == 409
    assert admin.post("/e/sandbox/events/replay-parked", {"connector": FAKE}).status == 409


def test_one_event_is_discarded_from_its_page_and_says_by_whom(parked: House, admin: Browser) -> None:
    here = f"/e/sandbox/events/{show_id('evt', parked.events(SANDBOX)[0].id)}"
    after = admin.follow(admin.post(f"{here}/discards", {"from": "all"}))
    assert "The event was discarded." in after.words
    assert "Discarded by admin@example.com" in after.words
    assert "Discard it" not in after.words
    assert admin.post(f"{here}/discards").status == 409
    assert admin.post(here.replace("sandbox", "live") + "/discards").status == 404
    assert "The event is back in the queue." in admin.follow(admin.post(f"{here}/replays")).words


def test_a_dead_event_may_be_replayed(parked: House, admin: Browser) -> None:
    event = parked.events(SANDBOX)[0]
    dead = sa.update(RawEvent).where(RawEvent.id == event.id).values(state="dead", parked_reason=None, note="gave up")
    parked.execute(dead)
    assert "1 event could not be applied" in admin.get("/e/sandbox/home").words
    here = f"/e/sandbox/events/{show_id('evt', event.id)}"
    assert "gave up" in admin.get(here).words
    assert admin.post(f"{here}/replays").status == 303


def test_a_run_is_stopped_from_the_list(parked: House, admin: Browser) -> None:
    admin.post("/e/sandbox/events/replay-parked", {"connector": FAKE})
    run = latest_run(parked, SANDBOX)
    assert run is not None
    stop = f"/e/sandbox/runs/{show_id('run', run.id)}/cancel"
    assert f'action="{stop}"' in admin.get("/e/all/runs").text
    assert admin.post(stop.replace("sandbox", "live")).status == 404
    page = admin.follow(admin.post(stop, {"from": "all"}))
    assert "The run was asked to stop." in page.words
    assert f'action="{stop}"' not in page.text
    stopped = latest_run(parked, SANDBOX)
    assert stopped is not None
    assert stopped.cancel_requested


def test_events_are_replayed_by_filter_after_a_look_at_how_many(parked: House, admin: Browser) -> None:
    assert "Replay…" in admin.get("/e/sandbox/events?state=parked").words
    page = admin.get("/e/sandbox/replays?state=parked&order=S1")
    assert "1 event is meant" in page.words
    answer = admin.post("/e/sandbox/replays", {"connector": FAKE, "state": "parked", "order": "S1"})
    assert "The replay has been queued." in admin.follow(answer).words
    while asyncio.run(run_next(parked.parts)):
        pass
    assert {event.order_sn for event in parked.events() if event.state == "received"} == {"S1"}
    assert "Live is not the active environment" in admin.get("/e/live/replays").words
    assert admin.post("/e/live/replays", {"connector": FAKE}).status == 409


@pytest.mark.parametrize(
    "query", ["state=received", "state=nonsense", "since=2026-02-30T10:00", "since=x", "until=9999-01-01"]
)
def test_a_choice_that_cannot_be_meant_is_explained(parked: House, admin: Browser, query: str) -> None:
    assert admin.get(f"/e/sandbox/replays?{query}").status == 422


def chosen(house: House, *order_sns: str, environment: Environment = SANDBOX) -> list[str]:
    return [show_id("evt", one.id) for one in house.events(environment) if one.order_sn in order_sns]


def test_chosen_events_are_counted_first_and_then_replayed_and_no_others(parked: House, admin: Browser) -> None:
    """Break: leave ``ids`` out of `_chosen`, and all three are put back."""
    listed = admin.get("/e/sandbox/events").text
    assert all(f'name="event" form="chosen" value="{one}"' in listed for one in chosen(parked, "S0", "S1", "S3"))
    first, last = chosen(parked, "S0", "S3")
    page = admin.get(f"/e/sandbox/replays?event={first}&event={last}")
    assert "2 events were chosen in the list." in page.words
    assert "Replay 2 events" in page.words
    answer = admin.post("/e/sandbox/replays", {"connector": FAKE, "events": f"{first} {last}"})
    assert "The replay has been queued." in admin.follow(answer).words
    while asyncio.run(run_next(parked.parts)):
        pass
    states = {one.order_sn: one.state for one in parked.events(SANDBOX)}
    assert states == {"S0": "received", "S1": "parked", "S3": "received"}


def test_an_event_of_the_other_environment_cannot_be_chosen(parked: House, admin: Browser) -> None:
    (other,) = chosen(parked, "L", environment=LIVE)
    assert "0 events are meant" in admin.get(f"/e/sandbox/replays?event={other}").words
    assert admin.get("/e/sandbox/replays?event=evt_nonsense").status == 404
    many = "&".join(f"event={show_id('evt', new_id())}" for _ in range(201))
    assert admin.get(f"/e/sandbox/replays?{many}").status == 422


def test_what_waits_and_what_nobody_may_replay_has_no_box(parked: House, admin: Browser) -> None:
    parked.deliver(incoming("W"))
    (waiting,) = chosen(parked, "W")
    assert waiting not in admin.get("/e/sandbox/events").text.replace(f"/events/{waiting}", "")
    assert 'name="event"' not in admin.get("/e/all/events").text
    viewer = Browser(parked)
    viewer.sign_in(Role.VIEWER)
    assert 'name="event"' not in viewer.get("/e/sandbox/events").text
