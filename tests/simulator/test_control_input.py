"""Bad input on the control API is refused with a sentence, never a 500."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.simulator.market import fetch

if TYPE_CHECKING:
    from tests.simulator.market import Market

BAD_BODIES = [
    b"{",
    b"[]",
    b"null",
    b'"x"',
    b"\xff\xfe",
    b"[" * 200_000,
    b'{"a": 1e400}',
    b'{"shop_id": "1"}',
    b"\xef\xbb\xbf{}",
    b'{"data": "\\ud800"}',
]
POSTS = (
    "/authorizations",
    "/orders",
    "/orders/batch",
    "/clock",
    "/settings",
    "/pushes",
    "/busy-day",
)


@pytest.mark.parametrize("path", POSTS)
def test_bad_bodies_get_400_and_a_sentence(market: Market, path: str) -> None:
    for body in BAD_BODIES:
        answer = fetch("POST", f"{market.url}/control{path}", body)
        assert answer.status == 400, (body[:20], answer.raw)
        assert answer.json["message"]


def test_a_body_that_is_not_the_gzip_it_says_gets_400(market: Market) -> None:
    for path in ("/control/orders", "/api/v2/auth/token/get", "/api/v2/shop/auth_partner"):
        assert fetch("POST", market.url + path, b"abcde", headers={"Content-Encoding": "gzip"}).status == 400


@pytest.mark.parametrize(
    ("path", "body"),
    [
        ("/orders", {"shop_id": -1}),
        ("/pushes", {"shop_id": 2**70}),
        ("/pushes", {"code": 2**63}),
        ("/busy-day", {"seed": 2**70}),
        ("/orders", {"shop_id": 1, "items": 0}),
        ("/orders", {"shop_id": 1, "status": "SHIPPED"}),
        ("/orders", {"shop_id": 1, "order_sn": "A,B"}),
        ("/orders", {"shop_id": 1, "surprise": 1}),
        ("/orders/batch", {"shop_id": 1, "count": 0}),
        ("/clock", {"advance_seconds": 1e18}),
        ("/clock", {}),
        ("/settings", {"http_status_mode": "sometimes"}),
        ("/settings", {"duplicate_pushes": 1.5}),
        ("/settings", {"unknown": 1}),
        ("/settings", {"fail": [{"path": "*"}]}),
        ("/busy-day", {"orders": 0}),
        ("/busy-day", {"shops": []}),
    ],
)
def test_values_out_of_range_get_400(market: Market, path: str, body: object) -> None:
    assert market.control("POST", path, body, status=400)["error"] == "bad_request"


def test_refused_settings_change_nothing(market: Market) -> None:
    before = market.control("GET", "/settings")
    market.control("POST", "/settings", {"latency_ms": 5, "shuffle_pushes": "yes"}, status=400)
    assert market.control("GET", "/settings") == before


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("POST", "/orders/NOSUCH/pay", 404),
        ("POST", "/shops/999/revoke", 404),
        ("POST", "/shops/abc/revoke", 400),
        ("POST", "/apps/999", 404),
        ("POST", f"/apps/{'9' * 400}", 400),
        ("GET", "/orders/NOSUCH", 404),
        ("GET", "/deliveries/0", 404),
        ("GET", "/deliveries/x", 400),
        ("GET", "/state?limit=-1", 400),
        ("GET", "/state?limit=%F0", 400),
        ("GET", "/nothing", 404),
        ("DELETE", "/orders", 405),
    ],
)
def test_unknown_things_are_named_in_json(market: Market, method: str, path: str, status: int) -> None:
    assert market.control(method, path, status=status)["message"]


def test_unknown_step_names_the_known_ones(market: Market) -> None:
    order_sn = market.create_order(market.shop_ids[0])["order_sn"]
    assert "pickup" in market.control("POST", f"/orders/{order_sn}/explode", status=404)["message"]


@pytest.mark.parametrize(
    "url", ["ftp://a.test/", "x", "http://", "http://a b/", "http://a.test/\r\nX: 1", "http://[", 5]
)
def test_callback_url_must_be_a_plain_web_address(market: Market, url: object) -> None:
    market.control("POST", f"/apps/{market.app['partner_id']}", {"callback_url": url}, status=400)
    assert market.control("GET", "/state?orders=0&deliveries=0")["apps"][0]["callback_url"] is None


def test_authorization_needs_known_app_shop_and_address(market: Market, live: Market) -> None:
    good = {"partner_id": market.app["partner_id"], "shop_id": market.shop_ids[0], "redirect": "https://a.test/"}
    for change, status in (
        ({"partner_id": live.app["partner_id"]}, 404),
        ({"shop_id": live.shop_ids[0]}, 404),
        ({"redirect": "nowhere"}, 400),
    ):
        market.control("POST", "/authorizations", {**good, **change}, status=status)
