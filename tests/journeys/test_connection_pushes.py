"""What the marketplace says of the connection itself, from its own act to our row: real processes on both sides."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime
from typing import Any

import pytest
import sqlalchemy as sa

from kedai.audit.models import AuditEntry
from kedai.connectors.base import MainAccounts, Probes
from kedai.errors import NeedsReconnect, RemoteRejected
from kedai.runtime import Runtime
from kedai.sync.parts import open_client
from kedai.values.app import PushConfigChange, PushStatus
from kedai.values.environment import Environment
from kedai.vault.models import AuthToken, Shop
from tests.journeys.conftest import Place
from tests.support.installation import SHOPEE, Installation
from tests.support.processes import wait_until

pytestmark = pytest.mark.journey


def state(home: Installation, environment: str) -> str:
    chosen = sa.select(Shop.state).where(Shop.environment == Environment(environment))
    return str(home.rows(chosen)[0][0])


def authorized_until(home: Installation, environment: str) -> datetime | None:
    found: datetime | None = home.rows(
        sa.select(Shop.authorized_until).where(Shop.environment == Environment(environment))
    )[0][0]
    return found


def start_everything(home: Installation) -> None:
    home.start("serve" if home.database_url is None else "web")
    if home.database_url is not None:
        home.start("worker")


def connect_both(home: Installation) -> None:
    for environment in ("sandbox", "live"):
        token = home.token(environment)
        home.configure(environment, token=token)
        assert home.connect(environment, token=token) == "connected"


def test_seller_who_takes_the_consent_back_disconnects_the_shop_of_that_environment_alone(place: Place) -> None:
    """The push names the shop in its text alone, as the Seller Centre's does."""
    home = place()
    start_everything(home)
    connect_both(home)

    home.control("live", "POST", f"/control/shops/{home.shop_id('live')}/revoke", {"named_in": "text"})

    wait_until(lambda: state(home, "live") == "disconnected", message="the shop was not disconnected")
    assert state(home, "sandbox") == "connected"
    assert [row[0] for row in home.rows(sa.select(AuthToken.environment))] == [Environment.SANDBOX]
    noted = home.rows(sa.select(AuditEntry.environment).where(AuditEntry.action == "shop.disconnected"))
    assert [row[0] for row in noted] == [Environment.LIVE]
    assert home.connect("live", token=home.token("live")) == "connected"
    assert state(home, "live") == "connected"


def test_coming_end_of_a_consent_is_dated_and_its_end_disconnects(place: Place) -> None:
    home = place()
    start_everything(home)
    connect_both(home)
    granted = {environment: authorized_until(home, environment) for environment in ("sandbox", "live")}

    path = f"/control/shops/{home.shop_id('sandbox')}/end-authorization"
    home.control("sandbox", "POST", path, {"in_seconds": 86_400})
    wait_until(lambda: authorized_until(home, "sandbox") != granted["sandbox"], message="no date was stored")
    until = authorized_until(home, "sandbox")
    assert until is not None
    assert 0 < (until - datetime.now(UTC)).days <= 7
    assert (state(home, "sandbox"), state(home, "live")) == ("connected", "connected")

    home.control("sandbox", "POST", path, {"in_seconds": 0})
    wait_until(lambda: state(home, "sandbox") == "disconnected", message="the shop was not disconnected")
    assert (state(home, "live"), authorized_until(home, "live")) == ("connected", granted["live"])


def test_push_address_is_registered_only_while_the_push_key_is_right(on_sqlite: Place) -> None:
    """The simulator's signed test push has to pass our own edge, from one process to the other."""
    home = on_sqlite()
    home.start("serve")
    url = f"{home.url}/connectors/shopee/webhook/sandbox"
    home.configure("sandbox", token=home.token("sandbox"), pushes=False)
    with home.runtime() as runtime:
        asyncio.run(register(runtime, url))
        assert home.app("sandbox")["callback_url"] == url
        home.control(
            "sandbox", "POST", f"/control/apps/{home.app('sandbox')['partner_id']}", {"push_partner_key": "x" * 32}
        )
        with pytest.raises(RemoteRejected, match="2xx"):
            asyncio.run(register(runtime, f"{home.url}/connectors/shopee/webhook"))
    assert home.app("sandbox")["callback_url"] == url


async def register(runtime: Runtime, url: str) -> None:
    probes = client_of(runtime)
    try:
        await probes.set_push_config(PushConfigChange(callback_url=url, codes_on=(1, 2, 3, 12)))
        config = await probes.get_push_config()
        assert (config.callback_url, config.status) == (url, PushStatus.NORMAL)
        assert {1, 2, 3, 12} <= set(config.codes_on)
    finally:
        await runtime.parts.http.close()


def client_of(runtime: Runtime) -> Any:
    with runtime.web_db.read() as db:
        client = open_client(runtime.parts, db, SHOPEE, Environment.SANDBOX)
    assert isinstance(client, Probes)
    assert isinstance(client, MainAccounts)
    return client


def test_every_call_about_the_app_and_its_main_account_is_understood_on_both_sides(on_sqlite: Place) -> None:
    home = on_sqlite()
    home.prepare("sandbox")
    with home.runtime() as runtime:
        asyncio.run(ask_everything(home, runtime))


async def ask_everything(home: Installation, runtime: Runtime) -> None:
    client = client_of(runtime)
    try:
        assert "127.0.0.0/8" in await client.get_ip_ranges()
        (listed,) = (await client.list_authorized_shops(cursor=None)).rows
        assert listed.shop_id == home.shop_id("sandbox")
        assert listed.authorized_until == authorized_until(home, "sandbox")
        assert (await client.list_authorized_merchants(cursor=None)).rows == ()
        await walk_through_a_main_account(home, client)
    finally:
        await runtime.parts.http.close()


async def walk_through_a_main_account(home: Installation, client: Any) -> None:
    """One code, one pair for all; each gets its own by a refresh, and nobody may use another's."""
    account = home.control("sandbox", "GET", "/control/state?orders=0&deliveries=0")["main_accounts"][0]
    wish = {
        "partner_id": home.app("sandbox")["partner_id"],
        "main_account_id": account["main_account_id"],
        "redirect": "https://a.test/",
    }
    code = home.control("sandbox", "POST", "/control/authorizations", wish)["code"]
    grant = await client.exchange_main_account_code(code, str(account["main_account_id"]))
    assert grant.shop_ids == tuple(map(str, account["shop_ids"]))
    (merchant_id,) = grant.merchant_ids

    shared = grant.tokens.refresh_token
    pairs = [await client.refresh(shop_id, shared) for shop_id in grant.shop_ids]
    merchants = await client.refresh_merchant(merchant_id, shared)
    assert len({pair.access_token.reveal() for pair in (*pairs, merchants)}) == len(grant.shop_ids) + 1
    with pytest.raises(NeedsReconnect):
        await client.refresh(grant.shop_ids[0], shared)
    for shop_id, pair in zip(grant.shop_ids, pairs, strict=True):
        assert (await client.get_shop(shop_id, pair.access_token)).shop_id == shop_id
    profile = await client.get_merchant(merchant_id, merchants.access_token)
    assert (profile.merchant_id, profile.currency) == (merchant_id, "SGD")
    assert [one.merchant_id for one in (await client.list_authorized_merchants(cursor=None)).rows] == [merchant_id]
    assert len((await client.list_authorized_shops(cursor=None)).rows) == len(grant.shop_ids)


def test_shop_connects_by_the_sign_in_link_too(on_sqlite: Place) -> None:
    home = on_sqlite(extra={"KEDAI_CONSENT_LINK": "sign_in"})
    home.start("serve")
    home.configure("sandbox", token=home.token("sandbox"))
    operator = home.sign_in()
    operator.post(f"{home.url}/connectors/shopee/connect?env=sandbox", {})
    assert operator.visited[-1].startswith(f"{home.simulators['sandbox']}/auth?")
    operator.submit({"shop_id": home.shop_id("sandbox"), "decision": "approve"})
    assert operator.visited[-1].endswith("&env=sandbox&status=connected")
    assert "state=" in operator.visited[-2]
