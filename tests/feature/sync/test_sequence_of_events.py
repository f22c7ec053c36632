"""Events in any order, events before their order, and one number in several places: each order ends right."""

from __future__ import annotations

from datetime import timedelta
from itertools import permutations

import pytest

from kedai.sync.judge import _NOT_FOUND_ATTEMPTS
from kedai.values.event import ParkedReason
from tests.feature.sync.test_push_effects import ABOUT_AN_ORDER, ORDER, PACKAGE
from tests.support.factories import LIVE, SANDBOX, SHOP, START, Call, House, incoming, snapshot
from tests.support.speaking import SECONDS, arrived, push_body, speaking

STATUSES = ("UNPAID", "READY_TO_SHIP", "PROCESSED", "SHIPPED")


@pytest.fixture
def shop(house: House) -> House:
    for environment in (SANDBOX, LIVE):
        house.configure(environment)
        house.connect(environment)
    return house


def told(step: int) -> bytes:
    """The push of one step of an order's life."""
    return push_body(
        3, {**ABOUT_AN_ORDER[3], "status": STATUSES[step], "update_time": SECONDS + step}, at=SECONDS + step
    )


def test_f36_events_in_reverse_order_end_in_the_final_state(shop: House) -> None:
    """Break the comparison of readings in `orders.service._write_orders`: what is answered last would stand."""
    parts = speaking(shop)
    final = snapshot(ORDER, status="SHIPPED", remote_updated_at=START + timedelta(seconds=3))
    answers = [final, *(snapshot(ORDER, status=one, remote_updated_at=START) for one in STATUSES[:3])]

    async def answer_late(_call: Call) -> None:
        """A marketplace whose copies disagree: the newest state is told first, and older ones after it."""
        shop.market.put(SANDBOX, answers.pop(0))

    shop.market.before = answer_late
    for step in reversed(range(4)):
        shop.deliver(arrived(told(step)))
        shop.work(parts)
    (order,) = shop.orders()
    assert (order.status, order.remote_updated_at) == ("SHIPPED", START + timedelta(seconds=3))
    assert shop.states() == ["applied"] * 4


def test_f36_a_heap_of_events_in_any_order_is_one_call_and_the_marketplaces_word(shop: House) -> None:
    parts = speaking(shop)
    shop.market.put(SANDBOX, snapshot(ORDER, status="SHIPPED"))
    for sequence in list(permutations(range(4)))[:6]:
        shop.market.calls.clear()
        shop.deliver(*(arrived(told(step) + b" " * sequence[0] + b"\n" * (step + 1)) for step in sequence))
        shop.work(parts)
        assert len(shop.market.asked()) <= 1
    (order,) = shop.orders()
    assert order.status == "SHIPPED"
    assert set(shop.states()) == {"applied"}


def test_f37_an_event_before_its_order_is_tried_again_and_applied_when_the_order_is_there(shop: House) -> None:
    shop.deliver(incoming(ORDER))
    shop.step()
    event = shop.event()
    assert (event.state, event.note, event.attempts) == ("received", "not found yet", 1)
    assert event.due_at > shop.now
    shop.market.put(SANDBOX, snapshot(ORDER))
    shop.work()
    assert shop.states() == ["applied"]
    assert [row.order_sn for row in shop.orders()] == [ORDER]


def test_f37_an_order_that_never_appears_parks_its_event_and_tells_a_person_once(shop: House) -> None:
    """Break the count in `judge._wait_or_park_missing`: it would be asked for ever, or parked at once."""
    shop.deliver(incoming(ORDER), incoming("O2"))
    shop.market.put(SANDBOX, snapshot("O2"))
    shop.work()
    events = {event.order_sn: event for event in shop.events()}
    assert (events[ORDER].state, events[ORDER].parked_reason) == ("parked", ParkedReason.ORDER_NOT_FOUND)
    assert events[ORDER].attempts == _NOT_FOUND_ATTEMPTS == len([one for one in shop.market.asked() if ORDER in one])
    assert events["O2"].state == "applied"
    (trouble,) = shop.exceptions()
    assert (trouble.code, trouble.count) == ("order_not_found", 1)


def test_f37_news_of_a_package_that_came_too_early_is_not_lost(shop: House) -> None:
    from tests.feature.sync.test_push_effects import READY, package

    parts = speaking(shop)
    shop.deliver(arrived(push_body(4, ABOUT_AN_ORDER[4])))
    shop.work(parts, batches=1)
    assert shop.states() == ["received"]
    shop.market.put(SANDBOX, snapshot(ORDER, packages=(READY,)))
    shop.work(parts)
    assert (package(shop).package_number, package(shop).tracking_number) == (PACKAGE, "SPXSG01")


def test_one_number_in_both_environments_and_two_shops_is_three_orders(shop: House) -> None:
    """Break any part of the order's key (`_ORDER_KEY`): two of them would be one."""
    shop.connect(SANDBOX, "7002")
    places = ((SANDBOX, SHOP, "UNPAID"), (LIVE, SHOP, "SHIPPED"), (SANDBOX, "7002", "CANCELLED"))
    for environment, shop_id, status in places:
        shop.market.put(environment, snapshot("SAME", status=status), shop_id=shop_id)
        shop.deliver(incoming("SAME", environment=environment, shop_id=shop_id))
    shop.work()
    found = {(row.environment, row.shop_id, row.status) for row in shop.orders()}
    assert found == set(places)
    assert len({row.id for row in shop.orders()}) == 3
    shop.market.put(LIVE, snapshot("SAME", status="COMPLETED", remote_updated_at=START))
    shop.deliver(incoming("SAME", environment=LIVE))
    shop.work()
    assert {row.status for row in shop.orders(SANDBOX)} == {"UNPAID", "CANCELLED"}
    assert [row.status for row in shop.orders(LIVE)] == ["COMPLETED"]


def test_32_an_unknown_status_is_stored_as_it_is_and_the_order_goes_on(shop: House) -> None:
    """Break `mapping._to_snapshot` or the page: what nobody knows would be refused or hidden."""
    shop.market.put(SANDBOX, snapshot("O1", status="ON_THE_MOON"))
    shop.deliver(incoming("O1"))
    shop.work()
    assert [(row.status, row.order_sn) for row in shop.orders()] == [("ON_THE_MOON", "O1")]
    shop.market.put(SANDBOX, snapshot("O1", status="SHIPPED", remote_updated_at=START))
    shop.deliver(incoming("O1"))
    shop.work()
    assert [row.status for row in shop.orders()] == ["SHIPPED"]
    assert shop.states() == ["applied"] * 2
    assert shop.exceptions() == []
