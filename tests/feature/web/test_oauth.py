"""T16 to T18 over real HTTP: who starts an authorisation finishes it, once, in time, and for the shop meant.

With a shop's own account and with a main account, on the consent page of the simulator.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlencode, urlsplit

import pytest
import sqlalchemy as sa

from kedai.staff.models import Staff
from kedai.staff.service import start_session
from kedai.sync.runner import run_next
from kedai.vault.models import (
    AuthToken,
    EnvironmentCredentials,
    HeldToken,
    Merchant,
    MerchantToken,
    OAuthState,
    Shop,
)
from kedai.web.security import session_cookie_name
from tests.feature.web.site import ADMIN, Site, serving
from tests.support.installation import Answer, Installation, request

EXCHANGE_PATH = "/api/v2/auth/token/get"
REFRESH_PATH = "/api/v2/auth/access_token/get"
CALLBACK = "/connectors/shopee/oauth/callback"


@pytest.fixture(scope="module")
def marketplace(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Installation]:
    """The simulator, for all tests of the module."""
    with Installation(tmp_path_factory.mktemp("marketplace")) as simulators:
        yield simulators


@dataclass
class Flow:
    """A site whose both environments are apps of the simulator, and an attempt at connecting a shop."""

    site: Site
    marketplace: Installation

    def start(self, who: dict[str, str], environment: str = "sandbox", **query: str) -> tuple[str, dict[str, str]]:
        """Where the browser is sent, and the cookie that it got for the way back."""
        answer = self.site.get(f"{ADMIN}/oauth/start?{urlencode({'env': environment, **query})}", **who)
        assert answer.status == 200, answer
        name, _, value = answer.headers["set-cookie"].split(";")[0].partition("=")
        return answer.json()["authorization_url"], {name: value}

    def consent(self, authorization_url: str, environment: str = "sandbox", shop_id: str | None = None) -> str:
        """The seller agrees; where the browser is sent then."""
        return self.marketplace.approve(environment, authorization_url, shop_id=shop_id)

    def finish(self, address: str, who: dict[str, str], cookie: dict[str, str]) -> Answer:
        """The browser comes back with its session and what else it holds."""
        held = [who["Cookie"]] if "Cookie" in who else []
        held += [f"{name}={value}" for name, value in cookie.items()]
        return request("GET", address, headers={"Cookie": "; ".join(held)} if held else {})

    def status(self, answer: Answer, environment: str = "sandbox") -> str:
        """What the return came to; always told in one clean address."""
        assert (answer.status, answer.body) == (303, b"")
        location = answer.headers["location"]
        told = parse_qs(urlsplit(location).query)
        assert location == f"/connectors/shopee?tab={environment}&env={environment}&status={told['status'][0]}"
        assert "max-age=0" in answer.headers["set-cookie"].lower()
        return told["status"][0]

    def exchanges(self, environment: str = "sandbox") -> int:
        return self.marketplace.calls(environment, EXCHANGE_PATH)

    def shops(self) -> list[tuple[str, str, str]]:
        rows = self.site.rows(
            sa.select(Shop.environment, Shop.shop_id, Shop.state).order_by(Shop.environment, Shop.shop_id)
        )
        return [(row[0].value, row[1], row[2]) for row in rows]

    def tokens(self) -> list[tuple[Any, ...]]:
        return [
            tuple(row) for row in self.site.rows(sa.select(AuthToken.environment, AuthToken.access_token_encrypted))
        ]

    def main_account(self, environment: str = "sandbox") -> tuple[str, list[str], list[str]]:
        """A main account, and the shops and merchants that belong to it."""
        state = self.marketplace.control(environment, "GET", "/control/state?deliveries=0&orders=0")
        account = state["main_accounts"][0]
        return (
            str(account["main_account_id"]),
            [str(one) for one in account["shop_ids"]],
            [str(one) for one in account["merchant_ids"]],
        )

    def consent_as_main_account(self, authorization_url: str, environment: str = "sandbox") -> str:
        """A main account agrees for all that it has; where the browser is sent then."""
        wanted = {
            "partner_id": self.marketplace.app(environment)["partner_id"],
            "main_account_id": int(self.main_account(environment)[0]),
            "redirect": parse_qs(urlsplit(authorization_url).query)["redirect"][0],
        }
        return str(self.marketplace.control(environment, "POST", "/control/authorizations", wanted)["location"])

    def set_up(self) -> None:
        """Let the worker take every run that is due."""

        async def all_of_it() -> None:
            parts = self.site.runtime.worker_parts
            try:
                while await run_next(parts):
                    pass
            finally:
                await parts.http.close()

        asyncio.run(all_of_it())

    def bytes_of(self, *tables: type[Any]) -> list[tuple[Any, ...]]:
        """Everything that is stored in these tables."""
        statements = [sa.select(*table.__table__.c).order_by(*table.__table__.c) for table in tables]
        return [tuple(row) for statement in statements for row in self.site.rows(statement)]

    def other_shop(self, environment: str = "sandbox") -> str:
        """A shop that was not configured."""
        state = self.marketplace.control(environment, "GET", "/control/state?deliveries=0&orders=0")
        return str(state["shops"][1]["shop_id"])


@pytest.fixture
def flow(database_url: str, tmp_path: Path, marketplace: Installation) -> Iterator[Flow]:
    with serving(database_url, tmp_path, configured=False, simulators=marketplace.simulators) as site:
        for environment in ("sandbox", "live"):
            site.configure(environment, **marketplace.credentials(environment))
            marketplace.control(environment, "DELETE", "/control/calls")
            marketplace.control(environment, "POST", "/control/settings", {"fail": []})
        yield Flow(site, marketplace)


def refused(flow: Flow, answer: Answer, status: str, environment: str = "sandbox", *, name: str = "") -> None:
    """Refused means: told so, no exchange, no shop, no token."""
    assert flow.status(answer, environment) == status, name
    assert flow.exchanges(environment) == 0, name
    assert (flow.shops(), flow.tokens(), flow.bytes_of(Merchant, MerchantToken, HeldToken)) == ([], [], []), name


@pytest.mark.parametrize("environment", ["sandbox", "live"])
def test_who_starts_and_finishes_in_one_browser_has_connected_the_shop(flow: Flow, environment: str) -> None:
    operator = flow.site.session("operator")
    address, cookie = flow.start(operator, environment)
    answer = flow.finish(flow.consent(address, environment), operator, cookie)
    assert flow.status(answer, environment) == "connected"
    assert flow.shops() == [(environment, flow.marketplace.shop_id(environment), "connected")]
    assert len(flow.tokens()) == 1
    assert flow.exchanges(environment) == 1


def test_t16_a_victim_who_finishes_what_an_attacker_started_connects_nothing(flow: Flow) -> None:
    """T16: breaks without the comparison of nonce and cookie, or that of `state.session_id`, in `connect.finish`."""
    attacker, victim = flow.site.session("operator"), flow.site.session("admin")
    address, planted = flow.start(attacker)
    back = flow.consent(address)
    _, own = flow.start(victim)
    for cookie in ({}, own, planted, {**own, "other": "1"}):
        refused(flow, flow.finish(back, victim, cookie), "state_invalid")
    refused(flow, flow.finish(back, {}, planted), "state_invalid")


def test_t16_another_session_of_the_same_person_does_not_finish_it(flow: Flow) -> None:
    """T16: breaks where `connect.finish` compares the person in place of the session."""
    operator = flow.site.session("operator")
    address, cookie = flow.start(operator)
    with flow.site.runtime.web_db.write() as db:
        staff = db.execute(sa.select(Staff).order_by(Staff.id.desc()).limit(1)).scalar_one()
        _, secret = start_session(db, staff, now=flow.site.clock.now(), address="127.0.0.1", user_agent="another")
    elsewhere = {"Cookie": f"{session_cookie_name(secure=False)}={secret.reveal()}"}
    refused(flow, flow.finish(flow.consent(address), elsewhere, cookie), "state_invalid")


def test_t16_what_does_not_fit_together_is_refused(flow: Flow) -> None:
    """T16: breaks without the comparison in `oauth._nonce` (two values), or that of the cookie in `connect.finish`."""
    operator = flow.site.session("operator")
    address, cookie = flow.start(operator)
    back = flow.consent(address)
    nonce = parse_qs(urlsplit(back).query)["nonce"][0]
    for name, value, who, held in (
        ("no cookie", back, operator, {}),
        ("another cookie", back, operator, dict.fromkeys(cookie, nonce[::-1])),
        ("no nonce", back.replace(f"nonce={nonce}", ""), operator, cookie),
        ("another nonce", back.replace(nonce, nonce[::-1]), operator, cookie),
        ("two values", f"{back}&state={nonce[::-1]}", operator, cookie),
        ("another's session", back, flow.site.session("operator"), {}),
    ):
        refused(flow, flow.finish(value, who, held), "state_invalid", name=name)
    assert flow.status(flow.finish(f"{back}&state={nonce}", operator, cookie)) == "connected"
    address, cookie = flow.start(operator)
    assert flow.status(flow.finish(flow.consent(address), {}, cookie)) == "state_invalid"
    assert flow.exchanges() == 1


def test_t16_an_authorisation_counts_once_however_often_its_address_is_opened(flow: Flow) -> None:
    """T16: breaks without `consumed_at IS NULL` in `oauth_states.consume`."""
    operator = flow.site.session("operator")
    address, cookie = flow.start(operator)
    back = flow.consent(address)
    assert flow.status(flow.finish(back, operator, cookie)) == "connected"
    before = flow.tokens()
    for _ in range(3):
        assert flow.status(flow.finish(back, operator, cookie)) == "state_invalid"
    assert (flow.exchanges(), flow.tokens()) == (1, before)


@pytest.mark.parametrize("account", ["shop", "main"])
def test_t16_of_two_returns_at_once_one_exchanges_the_code(flow: Flow, account: str) -> None:
    """T16: breaks where `oauth_states.consume` looks first and writes afterwards."""
    operator = flow.site.session("operator")
    address, cookie = flow.start(operator)
    back = flow.consent(address) if account == "shop" else flow.consent_as_main_account(address)
    with ThreadPoolExecutor(4) as pool:
        answers = list(pool.map(lambda _: flow.finish(back, operator, cookie), range(4)))
    assert sorted(flow.status(answer) for answer in answers) == ["connected", *["state_invalid"] * 3]
    assert (flow.exchanges(), len(flow.tokens())) == (1, 1 if account == "shop" else 2)


def test_t16_after_ten_minutes_it_is_too_late(flow: Flow) -> None:
    """T16: breaks without the look at `state.expires_at` in `connect.finish`."""
    operator = flow.site.session("operator")
    address, cookie = flow.start(operator)
    back = flow.consent(address)
    flow.site.clock.advance(timedelta(minutes=10))
    refused(flow, flow.finish(back, operator, cookie), "state_expired")
    refused(flow, flow.finish(back, operator, cookie), "state_invalid")


def test_t16_what_was_started_for_one_environment_is_worth_nothing_in_the_other(flow: Flow) -> None:
    """T16: breaks without the environment in `oauth_states.consume`."""
    operator = flow.site.session("operator")
    address, cookie = flow.start(operator)
    back = flow.consent(address)
    elsewhere = back.replace(f"{CALLBACK}/sandbox", f"{CALLBACK}/live")
    assert elsewhere != back
    refused(flow, flow.finish(elsewhere, operator, cookie), "state_invalid", "live")
    assert flow.exchanges("sandbox") == 0
    assert flow.status(flow.finish(back, operator, cookie)) == "connected"


@pytest.mark.parametrize("account", ["shop", "main"])
def test_the_older_callback_address_is_the_sandboxs(flow: Flow, account: str) -> None:
    operator = flow.site.session("operator")
    address, cookie = flow.start(operator)
    back = flow.consent(address) if account == "shop" else flow.consent_as_main_account(address)
    older = back.replace(f"{CALLBACK}/sandbox", CALLBACK)
    assert older != back
    assert flow.status(flow.finish(older, operator, cookie)) == "connected"
    assert {shop[0] for shop in flow.shops()} == {"sandbox"}


@pytest.mark.parametrize("environment", ["sandbox", "live"])
def test_a_main_account_grants_its_shops_and_merchants_a_pair_each(flow: Flow, environment: str) -> None:
    """Contract §3.4, against the real rules of the simulator: the shared pair is good for each of them once."""
    operator = flow.site.session("operator")
    _, shop_ids, merchant_ids = flow.main_account(environment)
    address, cookie = flow.start(operator, environment)
    answer = flow.finish(flow.consent_as_main_account(address, environment), operator, cookie)
    assert flow.status(answer, environment) == "connected"
    assert flow.exchanges(environment) == 1
    configured = flow.marketplace.shop_id(environment)
    assert flow.shops() == sorted(
        (environment, shop_id, "connected" if shop_id == configured else "pending") for shop_id in shop_ids
    )
    flow.set_up()
    shown = flow.site.get(f"{ADMIN}?env={environment}", **operator).json()
    (merchant,) = shown["merchants"]
    assert (merchant["merchant_id"], merchant["state"], merchant["shop_ids"]) == (merchant_ids[0], "pending", shop_ids)
    for one in (*shown["shops"], merchant):
        assert (one["token"]["state"], one["token"]["shared"]) == ("valid", False)
        assert one["name"], one
        assert one["authorized_until"], one
    assert flow.marketplace.calls(environment, REFRESH_PATH) == len(shop_ids) + 1
    other = flow.site.get(f"{ADMIN}?env={'live' if environment == 'sandbox' else 'sandbox'}", **operator).json()
    assert (other["shops"], other["merchants"]) == ([], [])


def test_a_merchant_is_confirmed_and_disconnected_in_json(flow: Flow) -> None:
    operator = flow.site.page("operator")
    address, cookie = flow.start(operator)
    flow.finish(flow.consent_as_main_account(address), operator, cookie)
    merchant_id = flow.main_account()[2][0]
    place = f"/api/v1/sandbox/connectors/shopee/merchants/{merchant_id}"
    wrong = flow.site.send("POST", f"{place}/confirmation", {"merchant_id": "1"}, **operator)
    assert (wrong.status, wrong.json()["code"]) == (422, "invalid")
    right = flow.site.send("POST", f"{place}/confirmation", {"merchant_id": merchant_id}, **operator)
    assert (right.status, right.json()["state"]) == (200, "connected")
    assert flow.site.send("POST", f"{place}/confirmation", {"merchant_id": merchant_id}, **operator).status == 409
    gone = flow.site.send("DELETE", f"{place}/connection", **operator)
    assert (gone.status, gone.json()["state"], gone.json()["token"]) == (200, "disconnected", None)
    listed = flow.site.get("/api/v1/sandbox/connectors/shopee/merchants", **operator).json()
    assert [one["state"] for one in listed["merchants"]] == ["disconnected"]
    assert flow.site.get("/api/v1/live/connectors/shopee/merchants", **operator).json()["merchants"] == []
    for odd in ("999", "%00", "%E2%80%AE"):
        path = f"/api/v1/sandbox/connectors/shopee/merchants/{odd}/connection"
        assert flow.site.send("DELETE", path, **operator).status == 404


def test_a_merchant_is_reconnected_by_naming_it(flow: Flow) -> None:
    operator = flow.site.session("operator")
    merchant_id = flow.main_account()[2][0]
    address, cookie = flow.start(operator, merchant_id=merchant_id)
    assert flow.status(flow.finish(flow.consent_as_main_account(address), operator, cookie)) == "connected"
    assert {state for _, _, state in flow.shops()} == {"pending"}
    assert [row[0] for row in flow.site.rows(sa.select(Merchant.state))] == ["connected"]


UNUSABLE = (
    ({"error": "access_denied"}, "denied"),
    ({"error": "<script>", "code": "abc", "shop_id": "1"}, "denied"),
    ({"shop_id": "1"}, "code_invalid"),
    ({"code": "abc"}, "code_invalid"),
    ({"code": "x" * 10_000, "shop_id": "1"}, "code_invalid"),
    ({"code": "abc", "shop_id": "abc"}, "code_invalid"),
    ({"code": "abc", "shop_id": "-1"}, "code_invalid"),
    ({"code": "abc", "shop_id": "\u0661"}, "code_invalid"),
    ({"code": "abc", "main_account_id": "abc"}, "code_invalid"),
    ({"code": "abc", "main_account_id": "0"}, "code_invalid"),
    ({"code": "abc", "main_account_id": "4294967296"}, "code_invalid"),
    ({"code": "abc", "main_account_id": "1" * 5000}, "code_invalid"),
    ({"main_account_id": "1"}, "code_invalid"),
    ({"code": "abc", "shop_id": "1", "main_account_id": "1"}, "code_invalid"),
    ({"code": "abc", "shop_id": "abc", "main_account_id": "1"}, "code_invalid"),
    ({"error": "access_denied", "main_account_id": "1"}, "denied"),
    ({"code": "a b\0", "shop_id": "1"}, "code_invalid"),
    ({"code": "abc", "shop_id": "0"}, "code_invalid"),
    ({"code": "abc", "shop_id": "4294967296"}, "code_invalid"),
    ({"code": "abc", "shop_id": "9" * 5000}, "code_invalid"),
)


def test_53_a_return_without_a_usable_answer_exchanges_nothing(flow: Flow) -> None:
    """53: breaks without `connect._names_one_account`."""
    operator = flow.site.session("operator")
    for query, status in UNUSABLE:
        address, cookie = flow.start(operator)
        redirect = parse_qs(urlsplit(address).query)["redirect"][0]
        refused(flow, flow.finish(f"{redirect}&{urlencode(query)}", operator, cookie), status, name=str(query)[:80])


def test_a_code_that_the_marketplace_does_not_know_connects_nothing(flow: Flow) -> None:
    operator = flow.site.session("operator")
    address, cookie = flow.start(operator)
    redirect = parse_qs(urlsplit(address).query)["redirect"][0]
    shop_id, account = flow.marketplace.shop_id("sandbox"), flow.main_account()[0]
    query = urlencode({"code": "nobody-gave-this", "shop_id": shop_id})
    assert flow.status(flow.finish(f"{redirect}&{query}", operator, cookie)) == "code_invalid"
    address, cookie = flow.start(operator)
    code = parse_qs(urlsplit(flow.consent(address)).query)["code"][0]
    redirect = parse_qs(urlsplit(address).query)["redirect"][0]
    query = urlencode({"code": code, "main_account_id": account})  # a shop's code, as if a main account had given it
    assert flow.status(flow.finish(f"{redirect}&{query}", operator, cookie)) == "code_invalid"
    assert (flow.shops(), flow.tokens()) == ([], [])


def test_a_marketplace_that_fails_leaves_nothing_half_done(flow: Flow) -> None:
    failing = {"path": EXCHANGE_PATH, "error": "error_server", "status": 500, "times": None}
    flow.marketplace.control("sandbox", "POST", "/control/settings", {"fail": [failing]})
    operator = flow.site.session("operator")
    address, cookie = flow.start(operator)
    assert flow.status(flow.finish(flow.consent(address), operator, cookie)) == "remote_error"
    assert (flow.shops(), flow.tokens()) == ([], [])


def test_t17_a_shop_that_was_not_expected_is_held_until_its_id_is_typed_and_touches_no_other(flow: Flow) -> None:
    """T17: breaks where `guard.judge_shop` connects what is neither expected nor configured."""
    operator = flow.site.session("operator")
    configured, other = flow.marketplace.shop_id("sandbox"), flow.other_shop()
    address, cookie = flow.start(operator)
    assert flow.status(flow.finish(flow.consent(address), operator, cookie)) == "connected"
    (before,) = flow.tokens()

    address, cookie = flow.start(operator)
    answer = flow.finish(flow.consent(address, shop_id=other), operator, cookie)
    assert flow.status(answer) == "pending_confirmation"
    assert sorted(flow.shops()) == sorted([("sandbox", configured, "connected"), ("sandbox", other, "pending")])
    assert before in flow.tokens()

    form = {"Content-Type": "application/x-www-form-urlencoded", "Sec-Fetch-Site": "same-origin", **operator}
    place = f"{flow.site.url}/connectors/shopee/shops/{other}/confirm?env=sandbox"
    wrong = request("POST", place, headers=form, body=urlencode({"typed": configured}).encode())
    assert wrong.status == 422
    assert ("sandbox", other, "pending") in flow.shops()
    right = request("POST", place, headers=form, body=urlencode({"typed": other}).encode())
    assert right.status == 303
    assert ("sandbox", other, "connected") in flow.shops()
    assert before in flow.tokens()


@pytest.mark.parametrize("account", ["shop", "main"])
def test_t17_what_comes_back_leaves_the_live_connection_byte_for_byte_untouched(flow: Flow, account: str) -> None:
    """T17: breaks where `connect._keep` or `grants.keep` writes to a shop that stands and was not expected."""
    operator = flow.site.session("operator")
    address, cookie = flow.start(operator, "live")
    flow.finish(flow.consent(address, "live"), operator, cookie)
    configured = flow.marketplace.shop_id("live")
    mine = sa.select(*Shop.__table__.c, *AuthToken.__table__.c).join(AuthToken, AuthToken.shop_id == Shop.shop_id)
    mine = mine.where(Shop.shop_id == configured)
    before, credentials = flow.site.rows(mine), flow.bytes_of(EnvironmentCredentials)
    assert len(before) == 1
    flow.site.clock.advance(timedelta(minutes=1))

    address, cookie = flow.start(operator, "live", shop_id="1")
    if account == "shop":
        back, said = flow.consent(address, "live"), "already_connected"
    else:
        back, said = flow.consent_as_main_account(address, "live"), "pending_confirmation"
    assert flow.status(flow.finish(back, operator, cookie), "live") == said
    assert (flow.site.rows(mine), flow.bytes_of(EnvironmentCredentials)) == (before, credentials)
    assert [row[0] for row in flow.site.rows(sa.select(HeldToken.account))] == [f"shop:{configured}"]

    flow.set_up()
    form = {"Content-Type": "application/x-www-form-urlencoded", "Sec-Fetch-Site": "same-origin", **operator}
    place = f"{flow.site.url}/connectors/shopee/shops/{configured}/confirm?env=live"
    assert request("POST", place, headers=form, body=urlencode({"typed": configured}).encode()).status == 303
    after = flow.site.rows(mine)
    assert (after != before, flow.bytes_of(HeldToken)) == (True, [])


def test_t17_reconnecting_one_shop_never_replaces_it_by_another(flow: Flow) -> None:
    """T17: breaks where `guard.judge_shop` takes another shop for the one that `state.expected_shop_id` names."""
    operator = flow.site.session("operator")
    configured, other = flow.marketplace.shop_id("sandbox"), flow.other_shop()
    address, cookie = flow.start(operator, shop_id=configured)
    answer = flow.finish(flow.consent(address, shop_id=other), operator, cookie)
    assert flow.status(answer) == "pending_confirmation"
    assert flow.shops() == [("sandbox", other, "pending")]


def test_t18_the_code_goes_no_further_than_the_exchange(flow: Flow) -> None:
    """T18: breaks where `oauth._finish` redirects with the query it came with; the log is searched in a journey."""
    operator = flow.site.session("operator")
    address, cookie = flow.start(operator)
    back = flow.consent(address)
    code = parse_qs(urlsplit(back).query)["code"][0]

    elsewhere = request("GET", back, headers={"Host": "localhost"})
    assert (elsewhere.status, elsewhere.headers["location"]) == (307, f"{flow.site.url}{CALLBACK}/sandbox")

    answer = flow.finish(back, operator, cookie)
    assert flow.status(answer) == "connected"
    assert [value for value in answer.headers.values() if code in value or "nonce" in value] == []
    assert answer.headers["referrer-policy"] == "same-origin"
    assert answer.headers["cache-control"] == "no-store"


def test_the_binding_cookie_is_hidden_from_scripts_and_sent_on_the_way_back(flow: Flow) -> None:
    answer = flow.site.get(f"{ADMIN}/oauth/start?env=sandbox", **flow.site.session("operator"))
    attributes = {part.strip().lower() for part in answer.headers["set-cookie"].split(";")[1:]}
    assert attributes == {"httponly", "path=/", "samesite=lax", "max-age=600"}
    value = answer.headers["set-cookie"].split(";")[0].partition("=")[2]
    assert len(value) >= 43
    assert value in answer.json()["authorization_url"]
    (stored,) = flow.site.rows(sa.select(OAuthState.token_hash))
    assert bytes(stored[0]) != value.encode()


def test_a_program_finishes_what_it_started_with_the_cookie_alone(flow: Flow) -> None:
    address, cookie = flow.start(flow.site.token("operator", "sandbox"))
    back = flow.consent(address)
    assert flow.status(flow.finish(back, {}, {})) == "state_invalid"
    assert flow.status(flow.finish(back, {}, cookie)) == "connected"


def test_connecting_cannot_even_start_where_something_is_missing(database_url: str, tmp_path: Path) -> None:
    with serving(database_url, tmp_path, configured=False) as site:
        refusal = site.get(f"{ADMIN}/oauth/start?env=live", **site.session("operator"))
        assert (refusal.status, "set-cookie" in refusal.headers) == (409, False)
        assert set(refusal.json()["missing"]) == {"partner_id", "partner_key"}


def test_a_callback_of_no_environment_is_no_place(flow: Flow) -> None:
    for environment in ("LIVE", "prod", "sandbox%00", "..%2flive"):
        answer = request("GET", f"{flow.site.url}{CALLBACK}/{environment}?code=abc&shop_id=1&nonce=x")
        assert answer.status == 404
