"""The console for people: its pages show the state, its forms change it, and nothing foreign gets in or out."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qs, quote, urlencode, urlsplit

import pytest

from kedai.simulator.pages.faults import PRESETS
from tests.simulator.market import Answer, fetch
from tests.simulator.seller import Seller
from tests.simulator.test_pushes import settled

if TYPE_CHECKING:
    from tests.simulator.market import Market
    from tests.simulator.receiver import Receiver

HOSTILE = "<script>alert(1)</script>\"'&"
PAGES = ("/", "/console/orders", "/console/deliveries", "/console/calls", "/console/faults")


def send(market: Market, path: str, headers: dict[str, str] | None = None, /, **form: Any) -> Answer:
    every = {"Content-Type": "application/x-www-form-urlencoded", **(headers or {})}
    return fetch("POST", f"{market.url}{path}", urlencode({"back": "/console/orders", **form}).encode(), every)


def shown(market: Market, path: str) -> str:
    answer = fetch("GET", f"{market.url}{path}")
    assert answer.status == 200
    return answer.raw.decode()


@pytest.mark.parametrize("path", PAGES)
def test_pages_need_no_script_and_allow_none(market: Market, path: str) -> None:
    answer = fetch("GET", f"{market.url}{path}")
    assert "<script" not in answer.raw.decode()
    assert "default-src 'none'" in answer.headers["Content-Security-Policy"]
    assert "frame-ancestors 'none'" in answer.headers["Content-Security-Policy"]


def test_an_order_walks_over_the_board_by_its_buttons(market: Market) -> None:
    shop_id = market.shop_ids[0]
    placed = send(market, "/console/orders", shop_id=shop_id, count=1, status="UNPAID")
    assert (placed.status, placed.headers["Location"]) == (303, "/console/orders")
    order_sn = market.control("GET", "/state?deliveries=0")["orders"][-1]["order_sn"]
    assert order_sn in shown(market, "/console/orders")
    for verb, status in (("pay", "READY_TO_SHIP"), ("ship", "PROCESSED"), ("pickup", "SHIPPED")):
        send(market, f"/console/orders/{order_sn}/{verb}")
        assert f'<span class="state">{status}</span>' in shown(market, f"/console/orders/{order_sn}")
    refused = send(market, f"/console/orders/{order_sn}/pay")
    problem = parse_qs(urlsplit(refused.headers["Location"]).query)["problem"][0]
    assert "is SHIPPED" in problem
    assert "is SHIPPED" in shown(market, refused.headers["Location"])


def test_a_return_is_raised_and_decided(market: Market) -> None:
    order_sn = Seller(market).order("ship", "pickup", "deliver")["order_sn"]
    send(market, f"/console/orders/{order_sn}/return")
    found = market.control("GET", "/returns")["returns"][-1]
    assert (found["order_sn"], found["status"]) == (order_sn, "REQUESTED")
    send(market, f"/console/returns/{found['return_sn']}/accept")
    assert market.control("GET", "/returns")["returns"][-1]["status"] == "ACCEPTED"
    assert send(market, "/console/returns/NOSUCH/accept").status == 404


def test_faults_switches_and_clock_are_set_by_forms(market: Market) -> None:
    send(market, "/console/faults", preset="HTML error page, 5 calls")
    send(market, "/console/faults", kind="error", error="error_server", path="/api/v2/shop/*", times=3, probability=0.5)
    html, own = market.control("GET", "/settings")["fail"]
    assert (html["kind"], own["probability"], own["times"]) == ("html", 0.5, 3)
    bad = send(market, "/console/faults", kind="error", error="", path="*")
    assert "problem=" in bad.headers["Location"]
    send(market, "/console/faults/end", number=0)
    assert [rule["kind"] for rule in market.control("GET", "/settings")["fail"]] == ["error"]
    send(market, "/console/faults/end", number="all")
    send(market, "/console/switches", event_pushes="on", legacy_host_mode="on", latency_ms=0, http_status_mode="mixed")
    settings = market.control("GET", "/settings")
    assert (settings["fail"], settings["legacy_host_mode"], settings["intranet_callbacks"]) == ([], True, False)
    before = market.now()
    send(market, "/console/clock", seconds=3600)
    assert market.now() >= before + 3600
    assert "problem=" in send(market, "/console/clock", seconds="nan").headers["Location"]


def test_every_preset_is_a_rule(market: Market) -> None:
    for name in PRESETS:
        assert "problem=" not in send(market, "/console/faults", preset=name).headers["Location"], name
    assert len(market.control("GET", "/settings")["fail"]) == len(PRESETS)


def test_pushes_are_shown_with_request_and_answer(market: Market, receiver: Receiver) -> None:
    receiver.manner.body = b"<b>OK</b>"
    order_sn = market.create_order(market.shop_ids[0], status="READY_TO_SHIP")["order_sn"]
    (delivery,) = settled(market, order_sn, 1)
    page = shown(market, f"/console/deliveries/{delivery['id']}")
    assert delivery["authorization"] in page
    assert "&lt;b&gt;OK&lt;/b&gt;" in page
    assert "<b>OK</b>" not in page
    assert f"/console/deliveries/{delivery['id']}" in shown(market, "/console/deliveries?state=waiting_retry")


def test_calls_are_shown_without_tokens(market: Market) -> None:
    seller = Seller(market)
    seller.get("order/get_order_detail", order_sn_list="NOSUCHORDER")
    page = shown(market, "/console/calls?failed=on&path=%2Fapi%2Fv2%2Forder%2Fget_order_detail")
    assert "NOSUCHORDER" in page
    assert "error_not_found" in page
    assert seller.token not in page


def test_hostile_text_stays_text_everywhere(market: Market) -> None:
    shop_id = market.control("POST", "/shops", {"region": "SG", "shop_name": HOSTILE})["shop_id"]
    number = f"X{HOSTILE}/?#"
    market.control("POST", "/orders", {"shop_id": shop_id, "order_sn": number, "status": "READY_TO_SHIP"})
    market.control("POST", "/pushes", {"body": HOSTILE})
    market.control("POST", "/settings", {"fail": [{"error": HOSTILE, "path": HOSTILE}]})
    Seller(market).post("order/set_note", order_sn=HOSTILE, note=HOSTILE)
    pages = [*PAGES, f"/console/orders/{quote(number, safe='')}", f"/console/orders?problem={quote(HOSTILE)}"]
    delivery = market.control("GET", "/deliveries")["deliveries"][-1]["id"]
    for path in [*pages, f"/console/deliveries/{delivery}"]:
        assert "<script" not in shown(market, path), path


@pytest.mark.parametrize(
    "headers",
    [
        {"Origin": "https://evil.example.test"},
        {"Sec-Fetch-Site": "cross-site"},
        {"Sec-Fetch-Site": "same-site"},
        {"Origin": "null"},
    ],
)
def test_forms_of_other_sites_are_refused(market: Market, headers: dict[str, str]) -> None:
    before = market.now()
    assert send(market, "/console/clock", headers, seconds=10_000).status == 403
    assert market.now() < before + 1_000


@pytest.mark.parametrize("back", ["https://evil.example.test/", "//evil.example.test", "/\\evil.example.test", "/a\nb"])
def test_a_form_leads_back_to_this_server_only(market: Market, back: str) -> None:
    answer = send(market, "/console/clock", seconds=0, back=back)
    assert (answer.status, answer.headers["Location"]) == (303, "/")


@pytest.mark.parametrize("path", ["/console/orders/NOSUCH", "/console/deliveries/99999999", "/console/deliveries/x"])
def test_what_is_not_there_is_404(market: Market, path: str) -> None:
    assert fetch("GET", f"{market.url}{path}").status == 404


def test_every_link_and_form_of_the_pages_leads_somewhere(market: Market) -> None:
    Seller(market).order("ship")
    for path in PAGES:
        for target in set(re.findall(r'href="(/[^"]*)"', shown(market, path))):
            assert fetch("GET", f"{market.url}{target}").status == 200, target
