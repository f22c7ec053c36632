"""What a sealed copy does not do: no call, no refresh, no switch, no work; and that pushes are kept all the same.

Break `Quarantine.refuse` in `sync.parts.open_credentials`, the ``sealed`` of a claim, or `_judge` in `sync.intake`.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest
import sqlalchemy as sa

from kedai.errors import Sealed
from kedai.runs import service as runs
from kedai.sync import replay
from kedai.sync.connect import start
from kedai.sync.intake import Intake, Stored, VerifiedPush
from kedai.sync.outcome import Action, rule_for
from kedai.sync.parts import open_client
from kedai.sync.runner import run_next
from kedai.sync.tokens import get_access_token
from kedai.values.environment import Environment, Scope
from kedai.values.event import EventState, ParkedReason, Topic
from kedai.vault.identity import unseal
from kedai.vault.models import Installation
from kedai.vault.queries import get_credentials
from tests.support.factories import ANNA, FAKE, LIVE, SANDBOX, SHOP, House, incoming, open_house, snapshot

WAITING = ParkedReason.INACTIVE_ENVIRONMENT


@pytest.fixture
def sealed(database_url: str, tmp_path: Path) -> Iterator[House]:
    """An installation with both environments connected and work waiting, that wakes up somewhere else."""
    with open_house(database_url, tmp_path) as original:
        for environment in Environment:
            original.configure(environment)
            original.connect(environment, expires_in=timedelta(minutes=1))
            original.deliver(incoming("WAITING1", environment=environment))
            original.deliver(incoming("WAITING2", environment=environment, topic=Topic.CONNECTION))
        original.execute(sa.update(Installation).values(identity="where it was"))
        market = original.market
    with open_house(database_url, tmp_path) as copy:
        copy.market.__dict__.update(market.__dict__)
        for environment in Environment:
            copy.market.put(environment, snapshot("WAITING1"))
        yield copy


def confirm(house: House, environment: Environment) -> None:
    with house.db.write() as db:
        unseal(db, environment, identity=None, actor=ANNA, now=house.now)


def store(house: House, topic: Topic, environment: Environment) -> EventState:
    """Store a verified push through the intake; the state it got."""
    push = incoming("NEW1", environment=environment, topic=topic)
    with house.db.read() as db:
        version = get_credentials(db, FAKE, environment).version

    async def stored() -> Stored:
        intake = Intake(house.parts)
        await intake.start()
        try:
            return await intake.store(VerifiedPush(push, version, "/", {}))
        finally:
            await intake.stop()

    assert asyncio.run(stored()) is Stored.STORED
    return EventState(next(event.state for event in house.events() if event.id == push.id))


def test_no_event_is_worked_on_and_nothing_is_asked(sealed: House) -> None:
    before = sealed.states()
    assert sealed.work() == 0
    assert sealed.states() == before
    assert sealed.market.calls == []


def test_no_token_is_renewed_and_no_client_is_made(sealed: House) -> None:
    for environment in Environment:
        with pytest.raises(Sealed):
            asyncio.run(get_access_token(sealed.parts, Scope(FAKE, environment, SHOP)))
        with sealed.db.read() as db, pytest.raises(Sealed):
            open_client(sealed.parts, db, FAKE, environment)
    assert sealed.market.calls == []


def test_no_shop_can_be_connected(sealed: House) -> None:
    with pytest.raises(Sealed), sealed.db.write() as db:
        start(sealed.parts, db, FAKE, LIVE, staff_id="a", session_id="b", expected_shop_id=None, now=sealed.now)


def test_nobody_switches_to_a_sealed_environment(sealed: House) -> None:
    with pytest.raises(Sealed):
        sealed.switch(LIVE)
    confirm(sealed, LIVE)
    assert sealed.switch(LIVE).changed


@pytest.mark.parametrize("environment", Environment)
def test_pushes_are_stored_and_those_about_orders_parked(sealed: House, environment: Environment) -> None:
    assert store(sealed, Topic.ORDER, environment) is EventState.PARKED
    assert store(sealed, Topic.CONNECTION, environment) is EventState.RECEIVED


def test_sealed_pushes_are_parked_even_where_inactive_ones_are_dropped(
    sealed: House, database_url: str, tmp_path: Path
) -> None:
    with open_house(database_url, tmp_path, inactive_events="drop") as dropping:
        assert store(dropping, Topic.ORDER, LIVE) is EventState.PARKED


def test_no_run_goes_on(sealed: House) -> None:
    with sealed.db.write() as db:
        replay.replay_parked(sealed.parts, db, FAKE, SANDBOX, actor=ANNA, now=sealed.now)
    with sealed.db.read() as db:
        assert runs.is_due(db)
        assert not runs.is_due(db, sealed=sealed.parts.quarantine.sealed(db))
    assert not asyncio.run(run_next(sealed.parts))
    confirm(sealed, SANDBOX)
    assert asyncio.run(run_next(sealed.parts))


def test_confirmed_environment_works_again_and_the_other_stays_sealed(sealed: House) -> None:
    confirm(sealed, SANDBOX)
    assert sealed.work() > 0
    states = {(event.environment, event.order_sn): event.state for event in sealed.events()}
    assert states[SANDBOX, "WAITING1"] == EventState.APPLIED
    assert states[LIVE, "WAITING1"] == EventState.RECEIVED
    assert {call.environment for call in sealed.market.calls} == {SANDBOX}
    assert sealed.market.count("refresh") == 1
    assert store(sealed, Topic.ORDER, SANDBOX) is EventState.RECEIVED
    assert store(sealed, Topic.ORDER, LIVE) is EventState.PARKED


def test_work_that_meets_a_seal_waits() -> None:
    assert rule_for(Sealed("live")).action is Action.WAIT
