"""A main account from its consent to our rows, and what becomes of it: real processes on both sides."""

from __future__ import annotations

from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
import sqlalchemy as sa

from kedai.vault.models import AuthToken, Merchant, MerchantToken, Shop
from tests.journeys.conftest import Place
from tests.support.installation import Installation, request
from tests.support.processes import Process, wait_until

pytestmark = pytest.mark.journey


def start_everything(home: Installation) -> list[Process]:
    if home.database_url is None:
        return [home.start("serve")]
    return [home.start("web"), home.start("worker")]


def main_account(home: Installation, environment: str = "sandbox") -> dict[str, Any]:
    found: dict[str, Any] = home.control(environment, "GET", "/control/state?orders=0&deliveries=0")["main_accounts"][0]
    return found


def ready(home: Installation) -> bool:
    """Whether everybody has a name and a pair of its own."""
    rows = home.rows(sa.select(Shop.name)) + home.rows(sa.select(Merchant.name))
    tables = (AuthToken, MerchantToken)
    pairs = [row for one in tables for row in home.rows(sa.select(one.generation, one.shared_generation))]
    return all(row[0] for row in rows) and all(row[0] != row[1] for row in pairs)


def merchant_state(home: Installation) -> str:
    return str(home.rows(sa.select(Merchant.state))[0][0])


def test_main_account_is_connected_on_the_consent_page_and_its_merchant_leaves_by_a_push(place: Place) -> None:
    home = place()
    start_everything(home)
    home.configure("sandbox", token=home.token("sandbox"))
    account = main_account(home)
    operator = home.sign_in()
    operator.post(f"{home.url}/connectors/shopee/connect?env=sandbox", {})
    operator.submit({"decision": "approve_main_account", "merchants": "1", "days": "365"} | of(account))
    assert operator.visited[-1] == f"{home.url}/connectors/shopee?tab=sandbox&env=sandbox&status=connected"
    wait_until(lambda: ready(home), timeout=30, message="not everybody got a pair of its own")
    configured = home.shop_id("sandbox")
    states = {str(row[0]): row[1] for row in home.rows(sa.select(Shop.shop_id, Shop.state))}
    assert states == {str(one): "connected" if str(one) == configured else "pending" for one in account["shop_ids"]}
    assert merchant_state(home) == "pending"

    merchant_id = account["merchant_ids"][0]
    path = f"{home.url}/connectors/shopee/merchants/{merchant_id}/confirm?env=sandbox"
    assert operator.post(path, {"typed": str(merchant_id)}).status == 200
    assert merchant_state(home) == "connected"
    home.control("sandbox", "POST", f"/control/merchants/{merchant_id}/revoke")
    wait_until(lambda: merchant_state(home) == "disconnected", message="the merchant was not disconnected")
    assert home.rows(sa.select(MerchantToken.id)) == []
    assert states == {str(row[0]): row[1] for row in home.rows(sa.select(Shop.shop_id, Shop.state))}


def of(account: dict[str, Any]) -> dict[str, str]:
    return {"main_account_id": str(account["main_account_id"])}


def test_t18_the_code_is_in_no_log_line_of_any_process(place: Place) -> None:
    """T18: breaks where the access line carries the query, or an error of the exchange its body."""
    home = place(extra={"KEDAI_LOG_LEVEL": "debug"})
    processes = start_everything(home)
    token = home.token("sandbox")
    home.configure("sandbox", token=token)
    codes = []
    failing = {"path": "/api/v2/auth/token/get", "error": "error_server", "status": 500, "times": 1}
    for fails, main in ((False, False), (False, True), (True, False), (True, True)):
        home.control("sandbox", "POST", "/control/settings", {"fail": [failing] if fails else []})
        begun = home.call("GET", "/admin/dashboard/connectors/shopee/oauth/start?env=sandbox", token=token)
        cookie = begun.headers["set-cookie"].split(";")[0]
        back = approve(home, begun.json()["authorization_url"], main=main)
        codes.append(parse_qs(urlsplit(back).query)["code"][0])
        codes.append(parse_qs(urlsplit(back).query)["nonce"][0])
        for held in ({}, {"Cookie": cookie}, {"Cookie": cookie}):
            answer = request("GET", back, headers=held)
            assert (answer.status, codes[-2] in str(answer.headers)) == (303, False)
    wait_until(lambda: ready(home), timeout=30, message="not everybody got a pair of its own")
    written = "".join(process.output() for process in processes)
    assert "/connectors/shopee/oauth/callback/sandbox" in written
    assert [code for code in codes if code in written] == []


def approve(home: Installation, authorization_url: str, *, main: bool) -> str:
    """Consent in the seller's place; where the browser would be sent."""
    wanted = {
        "partner_id": home.app("sandbox")["partner_id"],
        "redirect": parse_qs(urlsplit(authorization_url).query)["redirect"][0],
    }
    wanted |= {"main_account_id": main_account(home)["main_account_id"]} if main else {}
    wanted |= {} if main else {"shop_id": int(home.shop_id("sandbox"))}
    return str(home.control("sandbox", "POST", "/control/authorizations", wanted)["location"])
