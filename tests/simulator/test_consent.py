"""The consent page: only signed links reach it, the nonce survives, and nothing in it is taken for markup."""

from __future__ import annotations

import html
import re
from typing import TYPE_CHECKING
from urllib.parse import urlencode

import pytest

from tests.simulator.market import REDIRECT, fetch, location_query

if TYPE_CHECKING:
    from tests.simulator.market import Answer, Market

PATH = "/api/v2/shop/auth_partner"
FORM = {"Content-Type": "application/x-www-form-urlencoded"}


def hidden_fields(page: str) -> dict[str, str]:
    found = re.findall(r'<input type="hidden" name="([^"]+)" value="([^"]*)">', page)
    return {name: html.unescape(value) for name, value in found}


def open_page(market: Market, redirect: str = REDIRECT) -> str:
    answer = market.get(PATH, market.query(PATH, redirect=redirect))
    assert answer.status == 200
    return answer.raw.decode()


def submit(market: Market, fields: dict[str, str], **choice: object) -> Answer:
    return fetch("POST", f"{market.url}{PATH}", urlencode({**fields, **choice}).encode(), FORM)


def test_page_names_app_environment_and_shops_without_script(market: Market) -> None:
    answer = market.get(PATH, market.query(PATH, redirect=REDIRECT))
    page = answer.raw.decode()
    assert market.app["name"] in html.unescape(page)
    assert ">sandbox<" in page
    assert all(f'value="{shop_id}"' in page for shop_id in market.shop_ids)
    assert "<script" not in page
    assert "default-src 'none'" in answer.headers["Content-Security-Policy"]


def test_approving_leads_back_with_code_shop_and_the_redirects_own_query(market: Market) -> None:
    shop_id = market.shop_ids[1]
    answer = submit(market, hidden_fields(open_page(market)), shop_id=shop_id, decision="approve")
    assert answer.status == 302
    location = answer.headers["Location"]
    assert location.startswith(REDIRECT + "&")
    query = location_query(location)
    assert (query["nonce"], query["keep"], query["shop_id"]) == (["n/1"], ["a b"], [str(shop_id)])
    assert market.exchange(query["code"][0], shop_id).error == ""


def test_cancelling_leads_back_without_a_code(market: Market) -> None:
    fields = hidden_fields(open_page(market, "https://connector.example.test/back#top"))
    answer = submit(market, fields, shop_id=market.shop_ids[0], decision="cancel")
    assert answer.headers["Location"] == "https://connector.example.test/back?error=access_denied#top"


def test_signed_link_is_checked_and_dies_after_five_minutes(market: Market) -> None:
    good = market.query(PATH, redirect=REDIRECT)
    for broken, code in (
        ({**good, "sign": "0" * 64}, "error_sign"),
        ({**good, "partner_id": 7}, "invalid_partner_id"),
        ({**good, "timestamp": good["timestamp"] - 301}, "error_param"),
    ):
        answer = market.get(PATH, broken)
        assert f"<code>{code}</code>" in answer.raw.decode()
        assert "form" not in re.findall(r"<(\w+)", answer.raw.decode())


def test_form_cannot_be_sent_with_another_redirect_or_without_its_page(market: Market) -> None:
    fields = hidden_fields(open_page(market))
    stolen = {**fields, "redirect": "https://elsewhere.example.test/"}
    assert "error_sign" in submit(market, stolen, shop_id=market.shop_ids[0], decision="approve").raw.decode()
    bare = {name: str(value) for name, value in market.query(PATH, redirect=REDIRECT).items()}
    assert "error_sign" in submit(market, bare, shop_id=market.shop_ids[0], decision="approve").raw.decode()


def test_page_may_be_read_for_a_while_but_not_for_ever(market: Market) -> None:
    fields = hidden_fields(open_page(market))
    market.control("POST", "/clock", {"advance_seconds": 1200})
    assert submit(market, fields, shop_id=market.shop_ids[0], decision="approve").status == 302
    market.control("POST", "/clock", {"advance_seconds": 1200})
    assert submit(market, fields, shop_id=market.shop_ids[0], decision="approve").status == 200


@pytest.mark.parametrize(
    "redirect", ["", "javascript:alert(1)", "/local", "ftp://a.test/", "https://", "http://[", "data:,x"]
)
def test_redirect_must_be_an_absolute_web_address(market: Market, redirect: str) -> None:
    answer = market.get(PATH, market.query(PATH, redirect=redirect))
    assert "cannot be used" in answer.raw.decode()


def test_redirect_must_be_on_the_declared_domain(market: Market) -> None:
    app = f"/apps/{market.app['partner_id']}"
    market.control("POST", app, {"redirect_domain": "other.example.test"})
    answer = market.get(PATH, market.query(PATH, redirect=REDIRECT))
    market.control("POST", app, {"redirect_domain": None})
    assert "not consistent with the Redirect URL Domain" in answer.raw.decode()


def test_markup_in_the_redirect_stays_text_and_line_breaks_stay_out_of_the_header(market: Market) -> None:
    nasty = 'https://connector.example.test/"><script>x</script>?a=1\r\nX-Evil: 1&b=é'
    page = open_page(market, nasty)
    assert "<script" not in page
    answer = submit(market, hidden_fields(page), shop_id=market.shop_ids[0], decision="approve")
    assert answer.status == 302
    assert "X-Evil" not in answer.headers


def test_a_form_of_rubbish_is_refused(market: Market) -> None:
    for body in (b"", b"\xff\xfe=%ff", b"--x\r\n", b"a&" * 100):
        answer = fetch("POST", f"{market.url}{PATH}", body, FORM)
        assert answer.status in (200, 400)
        assert "Location" not in answer.headers


def test_approving_needs_a_shop_of_this_environment(market: Market, live: Market) -> None:
    fields = hidden_fields(open_page(market))
    for choice in ("", "abc", str(live.shop_ids[0]), "0"):
        answer = submit(market, fields, shop_id=choice, decision="approve")
        assert "shop_id is a required field" in answer.raw.decode()


@pytest.mark.parametrize("path", ["/api/v2/shop/cancel_auth_partner", "/cancel_auth"])
def test_a_seller_takes_consent_back_on_the_page_of_the_link(market: Market, path: str) -> None:
    kept, cut = market.shop_ids[:2]
    token = market.connect(cut)["access_token"]
    market.connect(kept)
    signed = path.startswith("/api/")
    query = market.query(path, redirect=REDIRECT) if signed else {"redirect_uri": REDIRECT, "state": "s 1"}
    answer = market.get(path, {"partner_id": market.app["partner_id"], **query})
    assert answer.status == 200
    fields = hidden_fields(answer.raw.decode())
    chosen = {**fields, "shop_id": str(cut), "decision": "revoke"}
    forged = fetch("POST", f"{market.url}{path}", urlencode({**chosen, "ticket": "0" * 64}).encode(), FORM)
    assert forged.status == 403
    sent_on = fetch("POST", f"{market.url}{path}", urlencode(chosen).encode(), FORM)
    query = location_query(sent_on.headers["Location"])
    assert (query["shop_id"], query["nonce"], query.get("state")) == ([str(cut)], ["n/1"], None if signed else ["s 1"])
    assert market.shop_get("/api/v2/shop/get_shop_info", token, cut).error == "shop_no_linked"
    links = {shop["shop_id"]: shop["linked_partner_ids"] for shop in market.control("GET", "/state")["shops"]}
    assert (links[kept], links[cut]) == ([market.app["partner_id"]], [])
