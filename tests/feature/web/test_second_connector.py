"""A second marketplace needs no route, page or migration: registered beside Shopee, it works from push to page."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest
import sqlalchemy as sa

from kedai.connectors.base import HttpAnswer
from kedai.connectors.registry import CONNECTORS
from kedai.kit.clock import Clock, SystemClock
from kedai.orders.models import OrderSync
from kedai.sync import credentials
from kedai.values.actor import COMMAND_LINE
from kedai.values.credentials import Credentials, ShopProfile, TokenSet
from kedai.values.environment import Environment, Scope
from kedai.values.secret import Secret
from kedai.vault.accounts import save_account, seal_tokens, store_tokens
from tests.connectors.tiny.connector import TINY
from tests.connectors.tiny.suite import SUITE, sign
from tests.feature.web.site import Site, serving
from tests.support.installation import request

SCOPE = Scope(TINY.name, Environment.SANDBOX, SUITE.shop_id)
FORM = {name: value for name, value in SUITE.valid_fields.items() if name != "host"}


class TinyMarket:
    """The outgoing function: whoever asks Tiny for orders gets the example; everybody else fails."""

    def __init__(self) -> None:
        self.asked: list[tuple[str, str]] = []

    @property
    def clock(self) -> Clock:
        return SystemClock()

    async def send(
        self, app: Credentials, method: str, path: str, query: Sequence[tuple[str, str]], **_rest: object
    ) -> HttpAnswer:
        self.asked.append((app.api_url, path))
        assert path == "/orders"
        return SUITE.answer("answer: orders")

    async def close(self) -> None:
        return


@pytest.fixture
def market() -> TinyMarket:
    return TinyMarket()


@pytest.fixture
def site(database_url: str, tmp_path: Path, market: TinyMarket) -> Iterator[Site]:
    """Both marketplaces registered; of the second one, the sandbox is filled in and its shop connected."""
    both = {**CONNECTORS, TINY.name: TINY}
    with serving(database_url, tmp_path, connectors=both, http=market) as served:
        parts, now = served.runtime.parts, served.clock.now()
        with served.runtime.web_db.write() as db:
            credentials.edit(
                parts, db, TINY.name, SCOPE.environment, FORM, expected_version=None, actor=COMMAND_LINE, now=now
            )
        far = now.replace(year=now.year + 1)
        pair = TokenSet(Secret("an access token of the tests"), Secret("a refresh token of the tests"), far, far)
        profile = ShopProfile(SCOPE.shop_id, "A stall", "SG", None, None)
        with served.runtime.web_db.write() as db:
            sealed = seal_tokens(db, parts.ring, SCOPE, pair)
            save_account(db, SCOPE, profile, state="connected", reason="", actor=COMMAND_LINE, now=now)
            store_tokens(db, SCOPE, FORM["partner_id"], sealed, now=now)
        yield served


def test_push_of_the_second_marketplace_becomes_an_order_on_a_page(site: Site, market: TinyMarket) -> None:
    body = SUITE.read("push: order")
    assert push(site, "sandbox", body) == (200, b"")
    site.work()
    stored = site.rows(sa.select(OrderSync.connector, OrderSync.environment, OrderSync.order_sn, OrderSync.status))
    assert [tuple(row) for row in stored] == [("tiny", Environment.SANDBOX, SUITE.order_sns[0], "PAID")]
    assert market.asked == [("https://api.sandbox.tiny.test", "/orders")]
    (event,) = site.events()
    assert (event.state, event.headers["x-tiny-signature"]) == ("applied", "(64 characters)"), "no signature is kept"
    session = site.session()
    assert SUITE.order_sns[0].encode() in site.get("/e/all/orders", **session).body
    page = site.get("/connectors/tiny?tab=sandbox", **session)
    assert page.status == 200
    assert b"/connectors/tiny/webhook/sandbox" in page.body
    assert b"App key" in page.body, "the form has its own labels"


def test_its_environments_are_as_far_apart_as_those_of_the_first(site: Site) -> None:
    body = SUITE.read("push: order")
    assert push(site, "live", body)[0] == 401, "no push key of live is stored"
    target = f"{site.url}/connectors/shopee/webhook/sandbox"
    headers = {name.decode(): value.decode() for name, value in signed(site, "sandbox", body).items()}
    assert request("POST", target, headers=headers, body=body).status == 401, "and it is no push of Shopee's"
    assert site.events() == []
    told = site.send("GET", "/admin/dashboard/connectors/tiny?env=live", None, **site.token("viewer", "live"))
    assert (told.status, told.json()["connector"], told.json()["complete"]) == (200, "tiny", False)


def push(site: Site, environment: str, body: bytes) -> tuple[int, bytes]:
    headers = {name.decode(): value.decode() for name, value in signed(site, environment, body).items()}
    target = f"{site.url}/connectors/tiny/webhook/{environment}"
    answer = request("POST", target, headers=headers, body=body)
    return answer.status, answer.body


def signed(site: Site, environment: str, body: bytes) -> dict[bytes, bytes]:
    url = f"{site.url}/connectors/tiny/webhook/{environment}"
    return dict(sign(Secret(FORM["push_partner_key"]), url, body))
