"""L15: the verdict over a storm is none of the kind that cannot fail: each check, once, on data that is broken."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal
from typing import Any

import pytest

from tests.support.verdict import Call, Event, Held, Limit, Line, Market, Named, Order, judge

LIMIT = Limit(rate=10, burst=10, in_flight=4)
LINE = Line("1", "2", "SKU-1", 3, Decimal("4.50"))
ORDER = Order("7001", "2611230001", "SHIPPED", "SGD", Decimal("13.50"), 100, 200, (LINE,))
MARKET = Market(
    partner_id="1001",
    shop_ids=("7001", "7002"),
    orders=(ORDER,),
    sent=(b"one", b"two", b"three", b"never taken"),
    acknowledged=(b"one", b"two"),
    calls=tuple(Call("1001", shop, "/order", at) for at in range(60) for shop in ("7001", "7002") for _ in range(9)),
)
HELD = Held(
    events=tuple(
        Event("7001", ORDER.order_sn, state, reason, body)
        for state, reason, body in (
            ("applied", None, b"one"),
            ("parked", "inactive_environment", b"two"),
            ("skipped", None, b"three"),
        )
    ),
    orders=(ORDER,),
    named=(Named("order_item", "7001", ORDER.order_sn), Named("shop", "7002", None)),
)


def complaints(market: Market = MARKET, held: Held = HELD) -> list[str]:
    return judge(market, held, LIMIT)


def test_nothing_is_said_where_all_is_well() -> None:
    assert complaints() == []


def test_push_that_was_acknowledged_and_is_not_stored_is_noticed() -> None:
    (said,) = complaints(market=replace(MARKET, acknowledged=(b"never taken",)))
    assert said.startswith("lost: ")


@pytest.mark.parametrize(
    ("state", "reason"),
    [
        ("received", None),
        ("dead", None),
        ("discarded", None),
        ("parked", "unknown_shop"),
        ("parked", "order_not_found"),
    ],
)
def test_push_that_did_not_come_to_its_end_is_noticed(state: str, reason: str | None) -> None:
    events = (*HELD.events, Event("7001", ORDER.order_sn, state, reason, b"never taken"))
    (said,) = complaints(held=replace(HELD, events=events))
    assert said.startswith("unfinished: ")
    assert state in said


@pytest.mark.parametrize(
    "difference",
    [
        {"status": "COMPLETED"},
        {"updated_at": 199},
        {"created_at": 101},
        {"total": Decimal("13.51")},
        {"total": None},
        {"currency": "MYR"},
        {"lines": ()},
        {"lines": (LINE, LINE)},
        *({"lines": (LINE._replace(**change),)} for change in ({"quantity": 2}, {"price": Decimal(4)}, {"sku": "X"})),
    ],
)
def test_order_that_is_not_the_marketplaces_is_noticed(difference: dict[str, Any]) -> None:
    (said,) = complaints(held=replace(HELD, orders=(ORDER._replace(**difference),)))
    assert said.startswith("unequal: ")


def test_order_that_is_missing_or_invented_is_noticed() -> None:
    (missing,) = complaints(held=replace(HELD, orders=()))
    (invented,) = complaints(held=replace(HELD, orders=(ORDER, ORDER._replace(order_sn="2611230002"))))
    assert (missing[:9], invented[:9]) == ("unequal: ", "unequal: ")


def test_second_row_of_an_order_or_a_push_is_noticed() -> None:
    (order,) = complaints(held=replace(HELD, orders=(ORDER, ORDER)))
    (push,) = complaints(held=replace(HELD, events=(*HELD.events, HELD.events[0])))
    assert (order[:11], push[:11]) == ("doubled: 2 ", "doubled: 2 ")


@pytest.mark.parametrize(
    "held",
    [
        replace(HELD, events=(*HELD.events, Event("8001", "2611239999", "applied", None, b"the other's"))),
        replace(HELD, named=(Named("order_item", "8001", ORDER.order_sn),)),
        replace(HELD, named=(Named("order_item", "7001", "2611239999"),)),
    ],
    ids=["push", "shop", "order"],
)
def test_row_of_the_other_environment_is_noticed(held: Held) -> None:
    (said,) = complaints(held=held)
    assert said.startswith("crossed: ")


@pytest.mark.parametrize("call", [Call("2002", "7001", "/order", 59), Call("1001", "8001", "/order", 59)])
def test_call_of_the_other_environment_is_noticed(call: Call) -> None:
    (said,) = complaints(market=replace(MARKET, calls=(*MARKET.calls, call)))
    assert said.startswith("crossed: ")


def test_calls_that_come_too_fast_are_noticed_at_once_and_in_the_long_run() -> None:
    """The bucket holds 10 of the burst, 4 on their way and 10 for the second that a whole instant may hide."""

    def said_of(*instants: int) -> list[str]:
        return complaints(market=replace(MARKET, calls=[Call("1001", "7001", "/order", at) for at in instants]))

    assert said_of(*[5] * 24) == []
    assert said_of(*[5] * 25) != []
    assert said_of(*(at for at in range(60) for _ in range(10))) == []
    assert said_of(*(at for at in range(60) for _ in range(11))) != []


def test_each_shop_has_a_pace_of_its_own() -> None:
    calls = [Call("1001", shop, "/order", 5) for shop in ("7001", "7002") for _ in range(20)]
    assert complaints(market=replace(MARKET, calls=calls)) == []


def test_clock_that_is_put_back_or_forward_hides_no_crowd() -> None:
    back = [Call("1001", "7001", "/order", at) for at in (*[900] * 20, *[5] * 5)]
    forward = [Call("1001", "7001", "/order", at) for at in (*[5] * 20, *[900] * 25)]
    assert [complaints(market=replace(MARKET, calls=calls)) != [] for calls in (back, forward)] == [True, True]
