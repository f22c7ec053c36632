"""Lost pushes: stored first and confirmed then, page by page, and nothing is confirmed that was not stored."""

from __future__ import annotations

import json
from datetime import timedelta

import pytest
import sqlalchemy as sa

from kedai.inbox.flush import IncomingPush, insert_pushes
from kedai.inbox.models import RawEvent
from kedai.kit.ids import new_id
from kedai.sync import lost_pushes
from kedai.values.environment import Environment
from tests.support.stall import SHOPEE, Stall

LIST, CONFIRM = "/api/v2/push/get_lost_push_message", "/api/v2/push/confirm_consumed_lost_push_message"


def lose(stall: Stall, count: int = 1, *, environment: Environment = Environment.SANDBOX) -> list[str]:
    """Orders of which every push is lost; their numbers."""
    market = stall.market(environment)
    market.fail(kind="lost_push", path="push:*", times=None)
    numbers = [market.create_order(status="READY_TO_SHIP")["order_sn"] for _ in range(count)]
    market.settings(fail=[])
    return numbers


def waiting(stall: Stall, environment: Environment = Environment.SANDBOX) -> int:
    """How many lost pushes the marketplace still keeps."""
    return len(stall.market(environment).snapshot()["apps"][0]["lost"])


def test_every_page_is_stored_as_pushes_are_then_confirmed_and_their_orders_are_read(stall: Stall) -> None:
    numbers = lose(stall, 130)
    stall.begin(lost_pushes.KIND)
    stall.run_to_end()
    run = stall.run(lost_pushes.KIND)
    assert (run.state, run.done, run.note) == ("succeeded", 130, "130 lost pushes, 130 of them new")
    assert waiting(stall) == 0
    assert {event.matched_key for event in stall.events()} == {"lost_push"}
    stall.work()
    assert sorted(stall.orders()) == sorted(numbers)
    assert {event.state for event in stall.events()} == {"applied"}


def test_where_none_was_lost_nothing_is_confirmed(stall: Stall) -> None:
    stall.begin(lost_pushes.KIND)
    stall.run_to_end()
    assert (stall.run(lost_pushes.KIND).state, stall.run(lost_pushes.KIND).note) == ("succeeded", "no push was lost")
    assert CONFIRM not in stall.market().control("GET", "/calls")


def test_f39_what_was_stored_and_never_confirmed_comes_again_and_is_known(stall: Stall) -> None:
    lose(stall, 3)
    stall.market().fail(error="error_server", status=500, path=CONFIRM)
    stall.begin(lost_pushes.KIND)
    stall.go_on()
    assert (len(stall.events()), waiting(stall)) == (3, 3)
    stall.run_to_end()
    assert (waiting(stall), [event.duplicates for event in stall.events()]) == (0, [1, 1, 1])
    assert stall.run(lost_pushes.KIND).state == "succeeded"


def test_a_confirmation_whose_answer_was_lost_is_no_trouble(stall: Stall) -> None:
    lose(stall, 3)
    stall.market().fail(error="error_server", status=500, path=CONFIRM, after=True)
    stall.begin(lost_pushes.KIND)
    stall.run_to_end()
    assert (waiting(stall), [event.duplicates for event in stall.events()]) == (0, [0, 0, 0])
    assert stall.run(lost_pushes.KIND).state == "succeeded"


def test_a_push_that_had_come_in_time_is_one_row_with_the_lost_one(stall: Stall) -> None:
    lose(stall)
    body = stall.market().deliveries()[-1]["body"].encode()
    pushed = IncomingPush(
        id=new_id(),
        connector=SHOPEE,
        environment=Environment.SANDBOX,
        event=stall.parts.connector("shopee").parse_push(body),
        body=body,
        headers="{}",
        matched_key="current",
        matched_url="",
        received_at=stall.now,
        state="received",
        parked_reason=None,
    )
    with stall.db.connect() as connection:
        insert_pushes(connection, [pushed])
    stall.begin(lost_pushes.KIND)
    stall.run_to_end()
    (event,) = stall.events()
    assert (event.matched_key, event.duplicates) == ("current", 1)
    assert stall.run(lost_pushes.KIND).note == "1 lost push, 0 of them new"


def test_f39_messages_that_come_as_objects_have_the_same_id_each_time(stall: Stall) -> None:
    (number,) = lose(stall)
    stall.market().settings(lost_data_as_text=False)
    stall.market().fail(error="error_server", status=500, path=CONFIRM)
    stall.begin(lost_pushes.KIND)
    stall.run_to_end()
    (event,) = stall.events()
    assert (event.order_sn, event.duplicates, waiting(stall)) == (number, 1, 0)
    assert json.loads(event.body)["data"]["ordersn"] == number


def refuse(stall: Stall, *when: str) -> None:
    """Let the database refuse rows of pushes under a condition; under none again, where there is none."""
    statements = ["DROP TRIGGER IF EXISTS refused ON raw_event"]
    if stall.db.write_engine.dialect.name == "sqlite":
        statements = ["DROP TRIGGER IF EXISTS refused"]
        statements += [
            f"CREATE TRIGGER refused BEFORE INSERT ON raw_event WHEN {one} BEGIN SELECT RAISE(ABORT, 'no'); END"
            for one in when
        ]
    else:
        statements += [
            f"CREATE TRIGGER refused BEFORE INSERT ON raw_event FOR EACH ROW WHEN ({one})"
            " EXECUTE FUNCTION kedai_refuse('no')"
            for one in when
        ]
    with stall.db.write() as db:
        for statement in statements:
            db.execute(sa.text(statement))


def test_f39_nothing_is_confirmed_past_a_push_that_could_not_be_stored(stall: Stall) -> None:
    lose(stall, 3)
    refuse(stall, "NEW.matched_key = 'lost_push'")
    stall.begin(lost_pushes.KIND)
    stall.go_on()
    assert (stall.run(lost_pushes.KIND).attempts, waiting(stall), stall.events()) == (1, 3, [])
    assert CONFIRM not in stall.market().control("GET", "/calls")
    refuse(stall)
    stall.run_to_end()
    assert (len(stall.events()), waiting(stall)) == (3, 0)


def test_one_whose_fields_the_database_refuses_is_kept_as_malformed_beside_its_neighbours(stall: Stall) -> None:
    numbers = lose(stall, 3)
    refuse(stall, f"NEW.order_sn = '{numbers[1]}'")
    stall.begin(lost_pushes.KIND)
    stall.run_to_end()
    assert [(event.order_sn, event.topic) for event in stall.events()] == [
        (numbers[0], "order"),
        (None, "malformed"),
        (numbers[2], "order"),
    ]
    assert waiting(stall) == 0


def test_in_the_inactive_environment_they_are_parked_as_pushes_are(stall: Stall) -> None:
    stall.prepare(Environment.LIVE)
    lose(stall, 2, environment=Environment.LIVE)
    stall.begin(lost_pushes.KIND, Environment.LIVE)
    stall.run_to_end()
    assert waiting(stall, Environment.LIVE) == 0
    states = [(event.environment, event.state, event.parked_reason) for event in stall.events()]
    assert states == [(Environment.LIVE, "parked", "inactive_environment")] * 2


def test_f41_switched_while_it_runs_it_keeps_its_own_environment(stall: Stall) -> None:
    stall.prepare(Environment.LIVE)
    lose(stall, 130)
    lose(stall, 2, environment=Environment.LIVE)
    stall.begin(lost_pushes.KIND)
    stall.market().fail(error="error_server", status=500, path=CONFIRM)
    stall.go_on()
    stall.switch(Environment.LIVE)
    stall.run_to_end()
    assert {event.environment for event in stall.events()} == {Environment.SANDBOX}
    assert (waiting(stall), waiting(stall, Environment.LIVE)) == (0, 2)


def test_what_lies_longer_than_three_days_is_gone_and_nobody_claims_to_have_it(stall: Stall) -> None:
    lose(stall)
    stall.clock.advance(timedelta(days=4))
    stall.begin(lost_pushes.KIND)
    stall.run_to_end()
    (interval,) = stall.covered()
    assert stall.events() == []
    assert interval.source == "lost_push"
    assert timedelta(days=2) < interval.covered_until - interval.covered_from < timedelta(days=3)


@pytest.fixture(autouse=True)
def quiet(stall: Stall) -> None:
    """Pushes about the connection itself are none of these tests' business."""
    with stall.db.write() as db:
        db.execute(sa.delete(RawEvent))
