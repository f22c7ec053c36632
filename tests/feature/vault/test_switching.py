"""Signing in to the other environment: complete or refused by name, once, and at once for every process."""

from __future__ import annotations

import pytest
import sqlalchemy as sa

from kedai.audit.models import AuditEntry
from kedai.errors import Conflict, NotConfigured, NotFound
from kedai.sync.switch import switch
from kedai.values.environment import ConnectorName, Environment
from kedai.values.event import ParkedReason
from kedai.vault.certificates import find_latest_certificate, show_certificate
from kedai.vault.models import ActiveEnvironment
from kedai.vault.queries import get_active_environment, read_switchboard
from tests.support.factories import ANNA, COMPLETE_LIVE, FAKE, LIVE, SANDBOX, House, incoming, run_threads


def active(house: House) -> tuple[Environment, int]:
    with house.db.read() as db:
        return get_active_environment(db, FAKE), db.get_one(ActiveEnvironment, FAKE).version


def switches(house: House) -> list[dict[str, str]]:
    statement = sa.select(AuditEntry.details).where(AuditEntry.action == "environment.switch")
    with house.db.read() as db:
        return list(db.execute(statement.order_by(AuditEntry.sequence)).scalars())


def test_without_a_row_sandbox_is_active(house: House) -> None:
    house.execute(sa.delete(ActiveEnvironment))
    with house.db.read() as db:
        assert get_active_environment(db, FAKE) is SANDBOX
        assert get_active_environment(db, ConnectorName("nobody")) is SANDBOX
    with house.db.connect() as connection:
        assert read_switchboard(connection, FAKE).active is SANDBOX


@pytest.mark.parametrize(
    ("filled", "missing"),
    [
        ({}, ["partner_id", "partner_key", "push_partner_key", "shop_id"]),
        ({"partner_id": "1", "shop_id": "7"}, ["partner_key", "push_partner_key"]),
        ({**COMPLETE_LIVE, "push_partner_key": None}, ["push_partner_key"]),
        ({**COMPLETE_LIVE, "shop_id": None}, ["shop_id"]),
    ],
    ids=["nothing", "no keys", "no push key", "no shop"],
)
def test_incomplete_target_is_refused_with_the_names_of_what_it_lacks(
    house: House, filled: dict[str, str | None], missing: list[str]
) -> None:
    """T29."""
    if filled:
        house.configure(LIVE, **filled)
    with pytest.raises(NotConfigured) as caught:
        house.switch(LIVE)
    assert (caught.value.environment, caught.value.missing) == (LIVE, missing)
    assert active(house) == (SANDBOX, 1)
    assert switches(house) == []


def test_switch_is_one_act_with_a_version_and_an_entry_in_the_trail(house: House) -> None:
    house.configure(LIVE)
    assert house.switch(LIVE).changed
    assert active(house) == (LIVE, 2)
    (entry,) = switches(house)
    with house.db.read() as db:
        latest = find_latest_certificate(db, FAKE, LIVE)
    assert latest is not None
    assert entry == {"from": "sandbox", "to": "live", "certificate": show_certificate(latest)}


def test_switch_to_where_one_is_changes_nothing_even_if_it_is_incomplete(house: House) -> None:
    assert not house.switch(SANDBOX).changed
    house.configure(LIVE)
    house.switch(LIVE)
    assert not house.switch(LIVE).changed
    assert active(house) == (LIVE, 2)
    assert len(switches(house)) == 1


def test_connected_shop_stands_in_for_a_configured_one_and_others_do_not(house: House) -> None:
    house.configure(LIVE, **{**COMPLETE_LIVE, "shop_id": None})
    house.connect(SANDBOX)
    for state in ("pending", "needs_reauth", "paused", "disconnected"):
        house.connect(LIVE, state=state)
        assert house.try_switch(LIVE) is None
    house.connect(LIVE)
    assert house.try_switch(LIVE) is True


def test_way_back_to_an_incomplete_sandbox_is_refused_too(house: House) -> None:
    house.configure(LIVE)
    house.switch(LIVE)
    with pytest.raises(NotConfigured) as caught:
        house.switch(SANDBOX)
    assert caught.value.environment == SANDBOX
    assert active(house) == (LIVE, 2)


def test_switch_is_in_force_on_the_next_look_of_every_process(house: House) -> None:
    """T30."""
    other = house.as_process()
    with other.database.read() as db:
        assert get_active_environment(db, FAKE) is SANDBOX
    house.configure(LIVE)
    house.switch(LIVE)
    with other.database.read() as db:
        assert get_active_environment(db, FAKE) is LIVE
    with other.database.connect() as connection:
        assert read_switchboard(connection, FAKE).active is LIVE


def test_of_eight_switches_at_once_one_changes_something(house: House) -> None:
    house.configure(LIVE)
    house.certify()
    parts = [house.as_process() for _ in range(8)]

    def sign_in(number: int) -> bool:
        with parts[number].database.write() as db:
            return switch(parts[number], db, FAKE, LIVE, override_reason=None, actor=ANNA, now=house.now).changed

    done = run_threads([lambda number=number: sign_in(number) for number in range(8)])
    assert sorted(done, key=bool) == [False] * 7 + [True]
    assert active(house) == (LIVE, 2)
    assert len(switches(house)) == 1


def test_switch_tells_how_many_parked_pushes_of_the_target_wait(house: House) -> None:
    house.configure(LIVE)
    waiting = ParkedReason.INACTIVE_ENVIRONMENT
    house.deliver(*(incoming(f"O{number}", environment=LIVE, parked=waiting) for number in range(3)))
    house.deliver(incoming("P1", parked=waiting), incoming("P2", environment=LIVE, parked=ParkedReason.UNKNOWN_SHOP))
    assert house.switch(LIVE).parked == 3


def test_switch_wipes_nothing(house: House) -> None:
    house.configure(SANDBOX)
    house.configure(LIVE)
    house.connect(SANDBOX)
    house.deliver(incoming("O1"))
    house.switch(LIVE)
    assert house.shop_state(SANDBOX) == "connected"
    assert house.states() == ["received"]
    assert house.switch(SANDBOX).changed


def test_unknown_marketplace_is_not_found(house: House) -> None:
    with pytest.raises(NotFound), house.db.write() as db:
        switch(house.parts, db, ConnectorName("nobody"), LIVE, override_reason=None, actor=ANNA, now=house.now)


def test_key_of_the_new_active_environment_cannot_be_cleared_any_more(house: House) -> None:
    house.configure(SANDBOX)
    house.configure(LIVE)
    house.switch(LIVE)
    with pytest.raises(Conflict):
        house.configure(LIVE, partner_id=None)
    house.configure(SANDBOX, partner_id=None)
