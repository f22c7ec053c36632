"""Several shops of one environment: paused, resumed, disconnected one by one, and how each is doing."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import pytest
import sqlalchemy as sa

from kedai import errors
from kedai.audit.models import AuditEntry
from kedai.inbox.models import RawEvent
from kedai.sync import accounts, shops
from kedai.sync.shops import Authorization, ShopHealth
from kedai.values.environment import Environment, Scope
from kedai.vault.accounts import disconnect_account
from kedai.vault.models import AuthToken, Shop
from tests.support.factories import ANNA, COMPLETE, FAKE, LIVE, SANDBOX, SHOP, START, Call, House, incoming, snapshot

NEVER = datetime(2999, 1, 1, tzinfo=UTC)
OTHER = "7002"
SCOPE = Scope(FAKE, SANDBOX, SHOP)


@pytest.fixture
def shop(house: House) -> House:
    """Two connected sandbox shops and one of live, which has the same id as the first."""
    for environment in Environment:
        house.configure(environment)
        house.connect(environment)
    house.connect(SANDBOX, OTHER)
    return house


def pause(house: House, scope: Scope = SCOPE) -> None:
    with house.db.write() as db:
        accounts.pause(house.parts, db, scope, actor=ANNA, now=house.now)


def resume(house: House, scope: Scope = SCOPE) -> None:
    with house.db.write() as db:
        accounts.resume(house.parts, db, scope, actor=ANNA, now=house.now)


def disconnect(house: House, scope: Scope = SCOPE, *, typed: str | None = None) -> None:
    with house.db.write() as db:
        accounts.disconnect(house.parts, db, scope, typed=typed or scope.shop_id, actor=ANNA, now=house.now)


def health(house: House, shop_id: str = SHOP, environment: Environment = SANDBOX) -> ShopHealth:
    with house.db.read() as db:
        return shops.read_health(db, FAKE, environment, now=house.now)[shop_id]


def deliver(house: House, order_sn: str, shop_id: str = SHOP, *, at: datetime = START) -> None:
    house.market.put(SANDBOX, snapshot(order_sn), shop_id=shop_id)
    house.deliver(incoming(order_sn, shop_id=shop_id, at=at))


def tokens(house: House) -> list[tuple[Environment, str]]:
    statement = sa.select(AuthToken.environment, AuthToken.shop_id).order_by(AuthToken.environment, AuthToken.shop_id)
    with house.db.read() as db:
        return [(row[0], row[1]) for row in db.execute(statement)]


def test_events_of_a_paused_shop_wait_visibly_and_go_on_when_it_is_resumed(shop: House) -> None:
    pause(shop)
    deliver(shop, "O1")
    deliver(shop, "O2", OTHER)
    shop.work(batches=10)
    assert shop.states() == ["received", "applied"]
    waiting = shop.events()[0]
    assert (waiting.note, waiting.attempts) == ("the shop is paused", 0)
    assert (health(shop).waiting, health(shop).oldest_waiting_at) == (1, START)
    assert (health(shop, OTHER).waiting, health(shop, OTHER).oldest_waiting_at) == (0, None)
    shop.execute(sa.update(RawEvent).where(RawEvent.state == "received").values(due_at=NEVER))
    resume(shop)
    shop.work()
    assert shop.states() == ["applied"] * 2
    assert health(shop).waiting == 0


def test_what_a_person_does_with_a_shop_stands_in_the_trail_and_touches_no_other(shop: House) -> None:
    pause(shop)
    resume(shop)
    disconnect(shop)
    statement = sa.select(AuditEntry.action, AuditEntry.actor_name, AuditEntry.environment, AuditEntry.subject)
    with shop.db.read() as db:
        rows = db.execute(statement.where(AuditEntry.action.like("shop.%")).order_by(AuditEntry.sequence)).all()
    assert [tuple(row) for row in rows[3:]] == [
        (f"shop.{state}", ANNA.name, SANDBOX, f"{FAKE} shop {SHOP}")
        for state in ("paused", "connected", "disconnected")
    ]
    assert [shop.shop_state(SANDBOX, OTHER), shop.shop_state(LIVE)] == ["connected"] * 2


def test_a_disconnected_shops_tokens_are_gone_and_all_else_stays(shop: House) -> None:
    deliver(shop, "O1")
    shop.work()
    disconnect(shop)
    assert tokens(shop) == [(LIVE, SHOP), (SANDBOX, OTHER)]
    assert (shop.shop_state(), [row.order_sn for row in shop.orders()]) == ("disconnected", ["O1"])
    calls = len(shop.market.calls)
    deliver(shop, "O2")
    shop.work(batches=5)
    assert (shop.states(), len(shop.market.calls)) == (["applied", "received"], calls)
    assert shop.events()[1].note == "the shop is disconnected"


def test_disconnecting_asks_for_the_id(shop: House) -> None:
    with pytest.raises(errors.Invalid):
        disconnect(shop, typed=OTHER)
    assert (shop.shop_state(), len(tokens(shop))) == ("connected", 3)


@pytest.mark.parametrize(
    ("state", "verb"),
    [
        *((state, pause) for state in ("paused", "needs_reauth", "disconnected", "pending")),
        *((state, resume) for state in ("connected", "needs_reauth", "disconnected", "pending")),
        ("disconnected", disconnect),
    ],
)
def test_what_does_not_fit_how_a_shop_stands_is_refused(shop: House, state: str, verb: Callable[[House], None]) -> None:
    shop.execute(sa.update(Shop).where(Shop.environment == SANDBOX, Shop.shop_id == SHOP).values(state=state))
    with pytest.raises(errors.Conflict, match=state.replace("_", " ")):
        verb(shop)
    assert shop.shop_state() == state


def test_a_shop_that_nobody_knows_is_not_found(shop: House) -> None:
    for verb in (pause, resume, disconnect):
        for scope in (Scope(FAKE, SANDBOX, "999"), Scope(FAKE, LIVE, OTHER)):
            with pytest.raises(errors.NotFound):
                verb(shop, scope)


@pytest.mark.parametrize("verb", [pause, disconnect])
def test_the_active_environment_never_loses_its_last_shop_unless_an_id_is_entered(
    shop: House, verb: Callable[..., None]
) -> None:
    shop.execute(sa.text("UPDATE environment_credentials SET shop_id = NULL"))
    verb(shop, Scope(FAKE, SANDBOX, OTHER))
    with pytest.raises(errors.Conflict) as caught:
        verb(shop)
    assert caught.value.facts["missing"] == ["shop_id"]
    assert (shop.shop_state(), len(tokens(shop))) == ("connected", 3 if verb is pause else 2)
    verb(shop, Scope(FAKE, LIVE, SHOP))
    shop.configure(SANDBOX, shop_id=SHOP)
    verb(shop)


def test_the_marketplace_may_end_a_connection_whatever_is_active(shop: House) -> None:
    """What push code 2 says is a fact: nothing refuses it."""
    shop.execute(sa.text("UPDATE environment_credentials SET shop_id = NULL"))
    for shop_id in (SHOP, OTHER):
        with shop.db.write() as db:
            scope = Scope(FAKE, SANDBOX, shop_id)
            assert disconnect_account(db, scope, reason="the seller took the permission back", actor=ANNA, now=shop.now)
            assert not disconnect_account(
                db, scope, reason="the seller took the permission back", actor=ANNA, now=shop.now
            )
    assert tokens(shop) == [(LIVE, SHOP)]


def test_a_shop_that_is_paused_or_disconnected_during_a_call_stays_so(shop: House) -> None:
    async def disconnect_then_refuse(call: Call) -> None:
        if call.method == "get_orders":
            shop.execute(sa.update(Shop).where(Shop.environment == SANDBOX).values(state="paused"))
            raise errors.NeedsReconnect("The permission ended.")

    shop.market.before = disconnect_then_refuse
    deliver(shop, "O1")
    shop.step()
    assert shop.shop_state() == "paused"


def test_the_last_call_is_noted_with_what_went_wrong(shop: House) -> None:
    assert (health(shop).last_call_at, health(shop).last_call_problem) == (None, "")
    deliver(shop, "O1")
    shop.work()
    assert (health(shop).last_call_at, health(shop).last_call_problem) == (shop.now, "")
    assert health(shop, OTHER).last_call_at is None
    first = shop.now

    async def refuse(call: Call) -> None:
        raise errors.RemoteRejected("It is not allowed.", remote_code="error_permission")

    shop.clock.advance(timedelta(seconds=1))
    deliver(shop, "O2")
    shop.work()
    assert health(shop).last_call_at == first, "the same good news is not written every time"
    shop.market.before = refuse
    shop.clock.advance(timedelta(seconds=1))
    deliver(shop, "O3")
    shop.step()
    assert health(shop).last_call_at == shop.now
    assert health(shop).last_call_problem == "It is not allowed."


def test_the_last_push_of_each_shop_is_told(shop: House) -> None:
    deliver(shop, "O1", at=START)
    deliver(shop, "O2", at=START + timedelta(minutes=5))
    deliver(shop, "O3", OTHER, at=START + timedelta(minutes=1))
    assert health(shop).last_push_at == START + timedelta(minutes=5)
    assert health(shop, OTHER).last_push_at == START + timedelta(minutes=1)
    assert health(shop, SHOP, LIVE).last_push_at is None


def test_the_shop_of_the_credentials_is_the_expected_one(shop: House) -> None:
    assert COMPLETE["shop_id"] == SHOP
    assert [health(shop).is_expected, health(shop, OTHER).is_expected] == [True, False]
    shop.execute(sa.text("UPDATE environment_credentials SET shop_id = NULL"))
    assert health(shop, OTHER).is_expected


@pytest.mark.parametrize(
    ("left", "how"),
    [
        (None, Authorization.UNKNOWN),
        (timedelta(days=31), Authorization.VALID),
        (timedelta(days=30), Authorization.ENDS_SOON),
        (timedelta(days=8), Authorization.ENDS_SOON),
        (timedelta(days=7), Authorization.URGENT),
        (timedelta(seconds=1), Authorization.URGENT),
        (timedelta(), Authorization.ENDED),
        (timedelta(days=-3), Authorization.ENDED),
    ],
)
def test_the_end_of_the_authorisation_is_warned_of_from_thirty_days_on(
    left: timedelta | None, how: Authorization
) -> None:
    assert shops.judge_authorization(None if left is None else START + left, START) is how
