"""F42: credentials are changed while a call is on its way. The call ends with the old ones, the next uses the new."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
import sqlalchemy as sa

from kedai.connectors.base import Http, Pacing
from kedai.errors import NeedsReconnect
from kedai.sync import credentials
from kedai.sync.connection import get_connection
from kedai.sync.tokens import get_access_token
from kedai.values.credentials import Credentials
from kedai.values.environment import Environment, Scope
from kedai.vault.models import AuthToken
from tests.support.factories import ANNA, FAKE, LIVE, SANDBOX, SHOP, Call, FakeClient, House, incoming, snapshot

OLD, NEW = "partner-key-of-the-tests-0001", "partner-key-of-the-tests-new1"
SCOPE = Scope(FAKE, SANDBOX, SHOP)


class Calls:
    """The keys with which calls began and ended; once, in the middle of a call of the named kind, something happens."""

    def __init__(self, house: House, monkeypatch: pytest.MonkeyPatch) -> None:
        self.keys: list[tuple[str, str]] = []
        self.method = ""
        self.deed: Any = None
        self._house = house
        house.market.before = self._begin
        monkeypatch.setattr(house.connector, "client", self._client)

    def in_the_middle_of(self, method: str, deed: Any) -> None:
        self.method, self.deed = method, deed

    def _client(self, _http: Http, given: Credentials, _pacing: Pacing) -> FakeClient:
        calls, market, now = self, self._house.market, self._house.clock.now

        class Watched(FakeClient):
            async def _note(self, call: Call) -> None:
                began = self._credentials.partner_key.reveal()
                await super()._note(call)
                calls.keys.append((began, self._credentials.partner_key.reveal()))

        return Watched(market, given, now)

    async def _begin(self, call: Call) -> None:
        if call.method == self.method:
            self.method = ""
            await asyncio.to_thread(self.deed)  # as another process would: no transaction of ours is in its way


@pytest.fixture
def calls(house: House, monkeypatch: pytest.MonkeyPatch) -> Calls:
    """A connected shop of each environment, and a look at the keys of all calls."""
    for environment in Environment:
        house.configure(environment)
        house.connect(environment)
    return Calls(house, monkeypatch)


def edit(house: House, environment: Environment = SANDBOX, **changes: str) -> None:
    other = house.as_process()
    with other.database.write() as db:
        credentials.edit(other, db, FAKE, environment, changes, expected_version=None, actor=ANNA, now=house.now)


def announce(house: House, order_sn: str) -> None:
    house.market.put(SANDBOX, snapshot(order_sn))
    house.deliver(incoming(order_sn))


def token(house: House) -> tuple[int, str, str | None]:
    """Generation and app of the sandbox shop's token, and who holds its lease."""
    chosen = sa.select(AuthToken.generation, AuthToken.partner_id, AuthToken.lease_by)
    with house.db.read() as db:
        row = db.execute(chosen.where(AuthToken.environment == SANDBOX)).one()
    return row[0], row[1], row[2]


def test_f42_a_call_ends_with_the_key_it_began_with_and_the_next_has_the_new_one(house: House, calls: Calls) -> None:
    """Fails where a client is kept beyond its call, or looks at the credentials again in its middle."""
    announce(house, "O1")
    calls.in_the_middle_of("get_orders", lambda: edit(house, partner_key=NEW))
    house.step()
    announce(house, "O2")
    house.step()
    assert calls.keys == [(OLD, OLD), (NEW, NEW)]
    assert house.states() == ["applied", "applied"]
    assert [order.order_sn for order in house.orders()] == ["O1", "O2"]


def test_f42_what_is_changed_in_the_other_environment_reaches_no_call_of_this_one(house: House, calls: Calls) -> None:
    announce(house, "O1")
    calls.in_the_middle_of("get_orders", lambda: edit(house, LIVE, partner_key=NEW))
    house.step()
    announce(house, "O2")
    house.step()
    assert calls.keys == [(OLD, OLD), (OLD, OLD)]


def test_f42_a_refresh_whose_key_was_changed_meanwhile_is_kept_and_the_next_uses_the_new_one(
    house: House, calls: Calls
) -> None:
    house.market.expires_in *= 0
    house.connect(SANDBOX)
    calls.in_the_middle_of("refresh", lambda: edit(house, partner_key=NEW))
    asyncio.run(get_access_token(house.parts, SCOPE))
    assert token(house) == (3, "1001", None)
    asyncio.run(get_access_token(house.parts, SCOPE))
    assert token(house) == (4, "1001", None)
    assert calls.keys == [(OLD, OLD), (NEW, NEW)]


def test_f42_a_refresh_that_ends_after_the_app_was_changed_connects_nothing(house: House, calls: Calls) -> None:
    """Fails where a refresh clears the mark of a shop whose token belongs to another app by now."""
    house.market.expires_in *= 0
    house.connect(SANDBOX)
    calls.in_the_middle_of("refresh", lambda: edit(house, partner_id="1009"))
    asyncio.run(get_access_token(house.parts, SCOPE))
    assert house.shop_state() == "needs_reauth"
    with house.db.read() as db:
        (shop,) = get_connection(house.parts, db, FAKE, SANDBOX).shops
    assert shop.token is not None
    assert shop.token.state == "foreign"
    with pytest.raises(NeedsReconnect, match="another app"):
        asyncio.run(get_access_token(house.parts, SCOPE))
    assert house.market.count("refresh") == 1
