"""What a person was told of a lost connection ends when the account is connected again, or its token renewed."""

from __future__ import annotations

import asyncio
from datetime import timedelta

import pytest
import sqlalchemy as sa

from kedai import errors
from kedai.connector_exceptions.service import Trouble, fingerprint_of, raise_exception
from kedai.sync import accounts
from kedai.sync.connect import Callback, finish, start
from kedai.sync.reconnected import ENDING
from kedai.sync.tokens import get_access_token
from kedai.values.environment import Environment, MerchantScope, Scope
from kedai.vault.accounts import set_state
from kedai.vault.models import AuthToken, MerchantToken
from tests.support.factories import ANNA, FAKE, LIVE, SANDBOX, SHOP, Call, House, incoming, snapshot

SCOPE = Scope(FAKE, SANDBOX, SHOP)


@pytest.fixture
def shop(house: House) -> House:
    for environment in (SANDBOX, LIVE):
        house.configure(environment)
        house.connect(environment)
    return house


def lose(house: House) -> None:
    """The marketplace refuses the shop."""

    async def refuse(_call: Call) -> None:
        raise errors.NeedsReconnect("The authorisation has ended.")

    house.market.put(SANDBOX, snapshot("O1"))
    house.deliver(incoming("O1"))
    house.market.before = refuse
    house.step()
    house.market.before = at_once
    assert house.shop_state() == "needs_reauth"


async def at_once(_call: Call) -> None:
    """Nobody is refused."""


def connect_again(house: House, environment: Environment = SANDBOX) -> str:
    """By the real flow: the browser's return with a code, exchanged at the marketplace."""
    parts, now = house.parts, house.now
    with house.db.write() as db:
        begun = start(parts, db, FAKE, environment, staff_id="s", session_id="session", expected_shop_id=SHOP, now=now)
    back = Callback(code="code", shop_id=SHOP, nonce=begun.cookie_value, error="")
    given = {"cookie_value": begun.cookie_value, "session_id": "session", "actor": ANNA}
    return asyncio.run(finish(parts, FAKE, environment, back, **given))


def states(house: House) -> dict[str, tuple[str, str]]:
    """State and environment of each group, by its code."""
    return {one.code: (one.state, one.environment.value) for one in house.exceptions()}


def tell(house: House, code: str, environment: Environment = SANDBOX, **more: str) -> None:
    trouble = Trouble(code, "A title", "A step", **{"shop_id": SHOP, **more})
    with house.db.write() as db:
        raise_exception(db, FAKE, environment, trouble, now=house.now)


def test_connecting_again_clears_the_state_and_what_was_told_and_the_order_goes_on(shop: House) -> None:
    """Break `end_troubles` in `grants._store`: the list goes on asking for what a person has done."""
    lose(shop)
    assert states(shop) == {"needs_reconnect": ("new", "sandbox")}
    assert connect_again(shop) == "connected"
    row = shop.shop()
    assert row is not None
    assert (row.state, row.state_reason) == ("connected", "")
    (told,) = shop.exceptions()
    assert (told.state, told.note) == ("resolved", "It was connected again.")
    shop.work()
    assert shop.states() == ["applied"]


def test_what_is_about_something_else_or_somewhere_else_stays(shop: House) -> None:
    lose(shop)
    tell(shop, ENDING)
    tell(shop, "shop_disconnected")
    tell(shop, "error_param")
    tell(shop, "needs_reconnect", LIVE)
    tell(shop, "needs_reconnect", shop_id="7999")
    connect_again(shop)
    open_ones = [(one.code, one.environment, one.shop_id) for one in shop.exceptions() if one.state != "resolved"]
    assert sorted(open_ones) == [
        ("error_param", SANDBOX, SHOP),
        ("needs_reconnect", LIVE, SHOP),
        ("needs_reconnect", SANDBOX, "7999"),
    ]


def test_a_renewed_token_ends_it_too_but_not_the_warning_of_the_authorisations_end(shop: House) -> None:
    """Somebody was told, and the marketplace has changed its mind: the pair that stands is good after all."""
    tell(shop, "needs_reconnect")
    tell(shop, ENDING)
    shop.execute(sa.update(AuthToken).values(access_expires_at=shop.now + timedelta(seconds=1)))
    asyncio.run(get_access_token(shop.parts, SCOPE))
    assert states(shop) == {"needs_reconnect": ("resolved", "sandbox"), ENDING: ("new", "sandbox")}


def test_accepting_a_shop_that_waited_for_a_person_ends_it(shop: House) -> None:
    tell(shop, "needs_reconnect")
    with shop.db.write() as db:
        set_state(db, SCOPE, "pending", reason="not the expected shop", actor=ANNA, now=shop.now)
    with shop.db.write() as db:
        accounts.confirm(shop.parts, db, SCOPE, typed=SHOP, actor=ANNA, now=shop.now)
    assert shop.shop_state() == "connected"
    assert states(shop) == {"needs_reconnect": ("resolved", "sandbox")}


def test_a_merchants_exception_ends_with_its_renewal_and_no_others(shop: House) -> None:
    shop.connect_merchant(SANDBOX, "9001")
    tell(shop, "needs_reconnect", shop_id="", group="merchant 9001")
    tell(shop, "needs_reconnect", shop_id="", group="merchant 9002")
    shop.execute(sa.update(MerchantToken).values(access_expires_at=shop.now + timedelta(seconds=1)))
    asyncio.run(get_access_token(shop.parts, MerchantScope(FAKE, SANDBOX, "9001")))
    told = {one.fingerprint: one.state for one in shop.exceptions()}
    mine, other = (fingerprint_of("needs_reconnect", group=f"merchant {one}") for one in ("9001", "9002"))
    assert told == {mine: "resolved", other: "new"}
