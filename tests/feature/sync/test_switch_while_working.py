"""F41: who began a piece of work in one environment ends it there, whatever is switched meanwhile."""

from __future__ import annotations

import asyncio
from decimal import Decimal

from kedai.values.environment import Environment
from tests.support.factories import LIVE, SANDBOX, Call, House, incoming, snapshot


def test_f41_work_under_way_keeps_its_environment_and_nothing_crosses(house: House) -> None:
    """The same order number stands in both environments, so that whatever crossed would be seen.

    Break: in sync/process.py (or judge.py) ask for the active environment instead of the claimed events' own.
    """
    for environment in Environment:
        house.configure(environment)
        house.connect(environment)
        amount = Decimal(1) if environment is SANDBOX else Decimal(999)
        house.market.put(environment, snapshot("SAME1", total_amount=amount))
    switched: list[Environment] = []

    async def switch_in_the_middle(call: Call) -> None:
        if call.method == "get_orders" and not switched:
            switched.append(call.environment)
            await asyncio.to_thread(house.switch, LIVE)

    house.market.before = switch_in_the_middle
    house.deliver(incoming("SAME1"))
    house.work()

    assert switched == [SANDBOX]
    assert [(one.environment, one.total_amount) for one in house.orders()] == [(SANDBOX, Decimal(1))]
    assert {call.environment for call in house.market.calls if call.method == "get_orders"} == {SANDBOX}
    assert [event.state for event in house.events(SANDBOX)] == ["applied"]

    house.deliver(incoming("SAME1", environment=LIVE))
    house.work()
    found = {one.environment: one.total_amount for one in house.orders()}
    assert found == {SANDBOX: Decimal(1), LIVE: Decimal(999)}


def test_f41_what_was_received_before_the_switch_is_still_applied_where_it_belongs(house: House) -> None:
    for environment in Environment:
        house.configure(environment)
        house.connect(environment)
        house.market.put(environment, snapshot("WAITED1"))
    house.deliver(incoming("WAITED1"))
    house.switch(LIVE)
    house.work()
    assert [event.state for event in house.events(SANDBOX)] == ["applied"]
    assert [one.environment for one in house.orders()] == [SANDBOX]
