"""Connecting a shop: a one-time state bound to one browser, and a guard over which shop came back."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
import sqlalchemy as sa

from kedai.errors import Conflict, Invalid, NotConfigured, NotFound, RemoteRejected, RemoteUnavailable
from kedai.inbox.models import RawEvent
from kedai.sync import accounts, connect
from kedai.sync.connect import Callback, ConnectStart
from kedai.sync.parts import Parts
from kedai.values.actor import Actor, ActorKind
from kedai.values.environment import Environment, Scope
from kedai.vault import oauth_states
from kedai.vault.accounts import open_tokens
from kedai.vault.models import AuthToken, OAuthState, Shop
from kedai.vault.queries import find_token
from tests.support.factories import (
    ANNA,
    COMPLETE,
    FAKE,
    LIVE,
    PUBLIC_URL,
    SANDBOX,
    SHOP,
    Call,
    House,
    incoming,
    run_threads,
)

SESSION, OTHER_SESSION = "session-1", "session-2"
OTHER_SHOP = "7009"


@pytest.fixture
def shop(house: House) -> House:
    """A house with both environments configured and no shop yet."""
    house.configure(SANDBOX)
    house.configure(LIVE)
    return house


def start(
    house: House, environment: Environment = SANDBOX, *, expected: str | None = None, session: str = SESSION
) -> ConnectStart:
    with house.db.write() as db:
        return connect.start(
            house.parts,
            db,
            FAKE,
            environment,
            staff_id=ANNA.id,
            session_id=session,
            expected_shop_id=expected,
            now=house.now,
        )


def come_back(house: House, begun: ConnectStart, environment: Environment = SANDBOX, **given: Any) -> str:
    return asyncio.run(coming_back(house.parts, begun, environment, **given))


async def coming_back(
    parts: Parts,
    begun: ConnectStart,
    environment: Environment = SANDBOX,
    *,
    shop_id: str = SHOP,
    code: str = "a-code",
    error: str = "",
    **changes: Any,
) -> str:
    given: dict[str, Any] = {
        "nonce": begun.cookie_value,
        "cookie": begun.cookie_value,
        "session": SESSION,
        "actor": ANNA,
        **changes,
    }
    return await connect.finish(
        parts,
        FAKE,
        environment,
        Callback(code, shop_id, given["nonce"], error),
        cookie_value=given["cookie"],
        session_id=given["session"],
        actor=given["actor"],
    )


def access_token(house: House, environment: Environment = SANDBOX, shop_id: str = SHOP) -> str | None:
    with house.db.read() as db:
        row = find_token(db, Scope(FAKE, environment, shop_id))
    return None if row is None else open_tokens(house.parts.ring, row).access_token.reveal()


def tokens(house: House) -> int:
    return int(house.scalar(sa.select(sa.func.count()).select_from(AuthToken)))


def refused(house: House) -> bool:
    """Nothing was asked of the marketplace and nothing stored."""
    return house.market.calls == [] and tokens(house) == 0


def test_start_mints_a_state_of_which_only_a_hash_is_kept(shop: House) -> None:
    begun = start(shop)
    address = urlsplit(parse_qs(urlsplit(begun.authorization_url).query)["redirect"][0])
    assert f"{address.scheme}://{address.netloc}" == PUBLIC_URL
    assert address.path == "/connectors/fake/oauth/callback/sandbox"
    assert parse_qs(address.query) == {"nonce": [begun.cookie_value]}
    assert len(begun.cookie_value) >= 43
    with shop.db.read() as db:
        row = db.execute(sa.select(OAuthState)).scalar_one()
    assert begun.cookie_value.encode() not in row.token_hash
    assert (row.environment, row.intent, row.expected_shop_id) == (SANDBOX, "add", None)
    assert row.expires_at == shop.now + timedelta(minutes=10)
    assert start(shop).cookie_value != begun.cookie_value


def test_start_needs_what_connecting_needs(house: House) -> None:
    house.configure(SANDBOX, partner_id="1001")
    with pytest.raises(NotConfigured) as caught:
        start(house)
    assert caught.value.missing == ["partner_key"]
    house.configure(SANDBOX, partner_key=COMPLETE["partner_key"])
    start(house)


def test_configured_shop_is_connected_with_its_profile_and_sealed_tokens(shop: House) -> None:
    assert come_back(shop, start(shop)) == "connected"
    row = shop.shop()
    assert row is not None
    assert (row.state, row.name, row.region, row.connected_at) == ("connected", "Shop 7001", "SG", shop.now)
    assert row.authorized_until == shop.now + timedelta(days=365)
    assert access_token(shop) == "access-token-number-0001"
    assert shop.shop(LIVE) is None
    stored = shop.scalar(sa.select(AuthToken.access_token_encrypted))
    assert stored.startswith("v2:k1:")


def test_connecting_again_wakes_what_waited_for_it(shop: House) -> None:
    come_back(shop, start(shop))
    shop.execute(sa.update(Shop).values(state="needs_reauth"))
    shop.deliver(incoming("O1", at=shop.now + timedelta(days=1)))
    assert come_back(shop, start(shop, expected=SHOP)) == "connected"
    assert shop.event().due_at == shop.now
    assert shop.scalar(sa.select(RawEvent.attempts)) == 0


VERDICTS = [
    # intent: expected shop, who comes back, how that shop stands, what is said, how it stands then
    (None, SHOP, None, "connected", "connected"),
    (None, SHOP, "needs_reauth", "connected", "connected"),
    (None, SHOP, "disconnected", "connected", "connected"),
    (None, SHOP, "pending", "connected", "connected"),
    (None, SHOP, "connected", "already_connected", "connected"),
    (None, SHOP, "paused", "already_connected", "paused"),
    (None, OTHER_SHOP, None, "pending_confirmation", "pending"),
    (None, OTHER_SHOP, "pending", "pending_confirmation", "pending"),
    (None, OTHER_SHOP, "connected", "already_connected", "connected"),
    (None, OTHER_SHOP, "paused", "already_connected", "paused"),
    (SHOP, SHOP, "needs_reauth", "connected", "connected"),
    (SHOP, SHOP, "connected", "connected", "connected"),
    (OTHER_SHOP, OTHER_SHOP, "needs_reauth", "connected", "connected"),
    (OTHER_SHOP, OTHER_SHOP, "connected", "connected", "connected"),
    (OTHER_SHOP, SHOP, None, "pending_confirmation", "pending"),
    (OTHER_SHOP, SHOP, "connected", "already_connected", "connected"),
    (SHOP, OTHER_SHOP, None, "pending_confirmation", "pending"),
    (SHOP, OTHER_SHOP, "paused", "already_connected", "paused"),
]


def test_verdict_over_the_shop_that_came_back(shop: House) -> None:
    for row in VERDICTS:
        expected, came, stood, said, stands = row
        for table in (AuthToken, Shop):
            shop.execute(sa.delete(table))
        if stood is not None:
            shop.connect(SANDBOX, came, state=stood)
        before = access_token(shop, shop_id=came)
        assert come_back(shop, start(shop, expected=expected), shop_id=came) == said, row
        assert shop.shop_state(SANDBOX, came) == stands, row
        assert (access_token(shop, shop_id=came) == before) is (said == "already_connected"), row


def test_another_shop_than_expected_leaves_the_existing_connection_untouched(shop: House) -> None:
    shop.connect(SANDBOX, SHOP)
    before, row = access_token(shop), shop.shop()
    assert come_back(shop, start(shop, expected=SHOP), shop_id=OTHER_SHOP) == "pending_confirmation"
    after = shop.shop()
    assert row is not None
    assert after is not None
    assert (after.state, after.updated_at, access_token(shop)) == (row.state, row.updated_at, before)
    pending = shop.shop(SANDBOX, OTHER_SHOP)
    assert pending is not None
    assert SHOP in pending.state_reason


def test_pending_shop_is_accepted_by_typing_its_id(shop: House) -> None:
    come_back(shop, start(shop), shop_id=OTHER_SHOP)

    def confirm(shop_id: str, typed: str) -> None:
        with shop.db.write() as db:
            accounts.confirm(shop.parts, db, Scope(FAKE, SANDBOX, shop_id), typed=typed, actor=ANNA, now=shop.now)

    for typed in ("", SHOP, "7009 7009", "０７００９"):
        with pytest.raises(Invalid):
            confirm(OTHER_SHOP, typed)
    assert shop.shop_state(SANDBOX, OTHER_SHOP) == "pending"
    confirm(OTHER_SHOP, f" {OTHER_SHOP}\n")
    assert shop.shop_state(SANDBOX, OTHER_SHOP) == "connected"
    with pytest.raises(Conflict):
        confirm(OTHER_SHOP, OTHER_SHOP)
    with pytest.raises(NotFound):
        confirm("7999", "7999")


NOT_OURS: list[dict[str, Any]] = [
    {"cookie": None},
    {"cookie": ""},
    {"cookie": "another"},
    {"nonce": ""},
    {"nonce": "ünïcode", "cookie": "ünïcode"},
    {"nonce": "guessed", "cookie": "guessed"},
    {"session": OTHER_SESSION},
    {"session": None},
    {"actor": None},
    {"actor": None, "session": None},
]


def test_return_that_is_not_of_this_browser_and_session_is_refused(shop: House) -> None:
    """An attacker starts and lures the operator to the end of it: no exchange, no token."""
    for changes in NOT_OURS:
        assert come_back(shop, start(shop), **changes) == "state_invalid", changes
        assert refused(shop), changes


def test_state_is_good_for_one_return_only(shop: House) -> None:
    begun = start(shop)
    assert come_back(shop, begun) == "connected"
    calls = len(shop.market.calls)
    assert come_back(shop, begun) == "state_invalid"
    assert len(shop.market.calls) == calls


def test_refused_return_uses_the_state_up_too(shop: House) -> None:
    begun = start(shop)
    assert come_back(shop, begun, session=OTHER_SESSION) == "state_invalid"
    assert come_back(shop, begun) == "state_invalid"
    assert refused(shop)


def test_state_of_one_environment_is_nothing_in_the_other(shop: House) -> None:
    begun = start(shop, SANDBOX)
    assert come_back(shop, begun, LIVE) == "state_invalid"
    assert refused(shop)
    assert come_back(shop, begun, SANDBOX) == "connected"


def test_state_expires_after_ten_minutes(shop: House) -> None:
    begun = start(shop)
    shop.clock.advance(timedelta(minutes=10))
    assert come_back(shop, begun) == "state_expired"
    assert refused(shop)
    early = start(shop)
    shop.clock.advance(timedelta(minutes=9, seconds=59))
    assert come_back(shop, early) == "connected"


def test_old_states_are_forgotten(shop: House) -> None:
    start(shop)
    shop.clock.advance(timedelta(days=2))
    start(shop)
    assert shop.scalar(sa.select(sa.func.count()).select_from(OAuthState)) == 1


def test_of_two_returns_at_once_one_exchanges(shop: House) -> None:
    begun = start(shop)
    places = [shop.as_process() for _ in range(6)]
    done = run_threads([lambda place=place: asyncio.run(coming_back(place, begun)) for place in places])
    assert sorted(map(str, done)) == ["connected"] + ["state_invalid"] * 5
    assert shop.market.count("exchange_code") == 1


def test_of_many_that_consume_one_state_at_once_one_gets_it(shop: House) -> None:
    start(shop)
    token_hash = shop.scalar(sa.select(OAuthState.token_hash))
    places = [shop.as_process() for _ in range(6)]

    def consume(place: Parts) -> object:
        return place.database.transact(
            lambda db: oauth_states.consume(db, FAKE, SANDBOX, token_hash=token_hash, now=shop.now)
        )

    done = run_threads([lambda place=place: consume(place) for place in places])
    assert [one for one in done if isinstance(one, Exception)] == []
    assert sum(one is not None for one in done) == 1


UNUSABLE = [
    ({"error": "access_denied"}, "denied"),
    ({"code": ""}, "code_invalid"),
    ({"code": "x" * 10_000}, "code_invalid"),
    ({"shop_id": ""}, "code_invalid"),
    ({"shop_id": "abc"}, "code_invalid"),
    ({"shop_id": "-7"}, "code_invalid"),
    ({"shop_id": "٧٠٠١"}, "code_invalid"),
    ({"shop_id": "7001 "}, "code_invalid"),
    ({"shop_id": "7" * 10_000}, "code_invalid"),
]


def test_return_without_a_usable_answer_exchanges_nothing(shop: House) -> None:
    for changes, said in UNUSABLE:
        assert come_back(shop, start(shop), **changes) == said, changes
        assert refused(shop), changes


REFUSALS = [
    (RemoteRejected(remote_code="invalid_code"), "code_invalid"),
    (RemoteRejected(remote_code="error_permission"), "remote_error"),
    (RemoteUnavailable(), "remote_error"),
]


def test_marketplace_that_refuses_leaves_nothing_stored(shop: House) -> None:
    for error, said in REFUSALS:

        async def refuse(call: Call, error: Exception = error) -> None:
            if call.method == "exchange_code":
                raise error

        shop.market.before = refuse
        assert come_back(shop, start(shop)) == said
        assert tokens(shop) == 0
        assert shop.shop() is None


def test_credentials_that_went_missing_meanwhile_are_said(shop: House) -> None:
    begun = start(shop, LIVE)
    shop.configure(LIVE, partner_id=None)
    assert come_back(shop, begun, LIVE) == "not_configured"
    assert refused(shop)


def test_app_changed_during_the_exchange_leaves_no_pair_of_the_app_before(shop: House) -> None:
    """It must not pass for one of the new app, nor make its shop look connected."""

    async def change_the_app(call: Call) -> None:
        if call.method == "exchange_code":
            await asyncio.to_thread(lambda: shop.configure(SANDBOX, partner_id="1009"))

    shop.market.before = change_the_app
    assert come_back(shop, start(shop)) == "remote_error"
    assert tokens(shop) == 0
    assert shop.shop() is None


def test_attempt_of_a_program_is_bound_by_its_cookie_alone(shop: House) -> None:
    begun = start(shop, session=f"{connect.TOKEN_SESSION}tok_1")
    assert come_back(shop, begun, cookie="another", session=None, actor=None) == "state_invalid"
    begun = start(shop, session=f"{connect.TOKEN_SESSION}tok_1")
    assert come_back(shop, begun, session=None, actor=None) == "connected"


def test_trail_names_who_connected(shop: House) -> None:
    boris = Actor(ActorKind.STAFF, "staff_2", "boris@example.com")
    come_back(shop, start(shop), actor=boris)
    with shop.db.read() as db:
        entry = db.execute(sa.text("SELECT actor_name, action FROM audit ORDER BY sequence DESC LIMIT 1")).one()
    assert tuple(entry) == ("boris@example.com", "shop.connected")
