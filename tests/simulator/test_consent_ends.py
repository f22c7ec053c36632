"""The end of a consent: by the clock, by the seller, announced before, and listed no longer."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from tests.support.processes import wait_until

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.simulator.market import Market
    from tests.simulator.receiver import Receiver

SHOPS = "/api/v2/public/get_shops_by_partner"
MERCHANTS = "/api/v2/public/get_merchants_by_partner"
INFO = "/api/v2/shop/get_shop_info"
WEEK = 7 * 86_400


@pytest.fixture(autouse=True)
def _nobody_authorised(market: Market) -> Iterator[None]:
    forget(market)
    yield
    forget(market)


def forget(market: Market) -> None:
    for shop_id in market.shop_ids:
        market.control("POST", f"/shops/{shop_id}/revoke")
    market.control("POST", f"/merchants/{market.merchant_id}/revoke")


def pushes(receiver: Receiver, *codes: int) -> list[dict[str, Any]]:
    bodies = [json.loads(push.body) for push in receiver.received]
    return [body for body in bodies if body["code"] in codes]


def wait_for(receiver: Receiver, count: int, *codes: int) -> list[dict[str, Any]]:
    wait_until(lambda: len(pushes(receiver, *codes)) >= count, message=f"{count} pushes of {codes}")
    return pushes(receiver, *codes)


def listed(market: Market, path: str = SHOPS, **query: Any) -> dict[str, Any]:
    told: dict[str, Any] = market.public_get(path, **query).json
    assert told["error"] == "", told
    return told


def test_authorised_shops_are_listed_in_pages_with_the_span_of_their_consent(market: Market) -> None:
    assert listed(market)["authed_shop_list"] == []
    market.connect_main_account()
    first = listed(market, page_size=1, page_no=1)
    second = listed(market, page_size=1, page_no=2)
    assert (first["more"], second["more"]) == (True, False)
    (row,) = first["authed_shop_list"]
    assert row["expire_time"] - row["auth_time"] == 365 * 86_400
    assert [row["shop_id"], second["authed_shop_list"][0]["shop_id"]] == sorted(market.shop_ids)
    assert listed(market, page_size=1, page_no=3)["authed_shop_list"] == []
    (merchant,) = listed(market, MERCHANTS)["authed_merchant_list"]
    assert merchant["merchant_id"] == market.merchant_id


@pytest.mark.parametrize("query", [{"page_size": 101}, {"page_size": 0}, {"page_no": 0}, {"page_no": "x"}])
def test_impossible_pages_are_refused(market: Market, query: dict[str, Any]) -> None:
    assert market.public_get(SHOPS, **query).error == "error_param"


def test_ip_ranges_are_networks(market: Market) -> None:
    told = market.public_get("/api/v2/public/get_shopee_ip_ranges").json
    assert told["error"] == ""
    assert all("/" in network for network in told["ip_list"])


def test_clock_announces_the_end_a_week_before_and_ends_it_with_a_push(market: Market, receiver: Receiver) -> None:
    shop_id = market.shop_ids[0]
    made = {"partner_id": market.app["partner_id"], "shop_id": shop_id, "redirect": "https://a.test/", "days": 30}
    code = market.control("POST", "/authorizations", made)["code"]
    tokens = market.exchange(code, shop_id).json
    until = market.shop_get(INFO, tokens["access_token"], shop_id).json["expire_time"]
    assert abs(until - market.now() - 30 * 86_400) < 60

    market.control("POST", "/clock", {"advance_seconds": 22 * 86_400})
    assert pushes(receiver, 12, 2) == []
    market.control("POST", "/clock", {"advance_seconds": 86_400 + 60})
    (soon,) = wait_for(receiver, 1, 12)
    assert set(soon) == {"code", "timestamp", "data"}
    assert soon["data"] == {
        "merchant_expire_soon": [],
        "shop_expire_soon": [shop_id],
        "user_expire_soon": [],
        "expire_before": soon["timestamp"] + WEEK,
        "page_no": 1,
        "total_page": 1,
    }
    assert soon["data"]["expire_before"] >= until

    market.control("POST", "/clock", {"advance_seconds": WEEK})
    (ended,) = wait_for(receiver, 1, 2)
    assert (ended["data"]["authorize_type"], ended["data"]["shopid"]) == ("expiry", shop_id)
    assert "shop_id" not in ended
    assert len(pushes(receiver, 12)) == 1
    assert listed(market)["authed_shop_list"] == []
    assert market.refresh(tokens["refresh_token"], shop_id).error == "shop_access_expired"
    order_sn = market.create_order(shop_id, status="READY_TO_SHIP")["order_sn"]
    assert market.deliveries(order_sn=order_sn) == []


def test_all_who_end_soon_are_listed_in_one_push_or_over_pages(market: Market, receiver: Receiver) -> None:
    market.control("POST", "/settings", {"expiry_push_page_size": 2})
    market.authorize_main_account(days=7)
    first, second = sorted(wait_for(receiver, 2, 12), key=lambda push: push["data"]["page_no"])  # in any order
    assert sorted(first["data"]["shop_expire_soon"]) == sorted(market.shop_ids)
    assert (first["data"]["page_no"], first["data"]["total_page"]) == (1, 2)
    assert (second["data"]["merchant_expire_soon"], second["data"]["page_no"]) == ([market.merchant_id], 2)


def test_a_new_consent_outlives_the_old_ones_end(market: Market, receiver: Receiver) -> None:
    shop_id = market.shop_ids[0]
    market.connect(shop_id)
    market.control("POST", f"/shops/{shop_id}/end-authorization", {"in_seconds": 600})
    wait_for(receiver, 1, 12)
    market.connect(shop_id)
    market.control("POST", "/clock", {"advance_seconds": 700})
    assert market.control("POST", f"/shops/{shop_id}/end-authorization", {"in_seconds": 0}) == {"changed": 1}
    (ended,) = wait_for(receiver, 1, 2)
    assert ended["timestamp"] - market.now() <= 1
    assert len(pushes(receiver, 2)) == 1


@pytest.mark.parametrize(
    ("named_in", "key", "value"), [("field", "shop_id", 0), ("list", "shop_id_list", [0]), ("text", None, None)]
)
def test_seller_takes_it_back_and_is_named_in_each_documented_way(
    market: Market, receiver: Receiver, named_in: str, key: str | None, value: object
) -> None:
    shop_id = market.shop_ids[0]
    market.connect(shop_id)
    market.control("POST", f"/shops/{shop_id}/revoke", {"named_in": named_in})
    (ended,) = wait_for(receiver, 1, 2)
    data = ended["data"]
    assert str(shop_id) in data["extra"]
    assert {name for name in data if name.startswith("shop")} == ({key} if key else set())
    if key:
        assert data[key] == ([shop_id] if isinstance(value, list) else shop_id)
    assert ended["partner_id"] == market.app["partner_id"]


def test_main_account_is_announced_with_everybody_it_is_for(market: Market, receiver: Receiver) -> None:
    market.authorize_main_account()
    (given,) = wait_for(receiver, 1, 1)
    assert given["data"]["shop_id_list"] == market.shop_ids
    assert given["data"]["merchant_id_list"] == [market.merchant_id]
    assert given["data"]["main_account_id"] == market.main_account_id
    assert "shop_id" not in given


def test_controls_of_the_end_refuse_what_is_no_end(market: Market) -> None:
    shop = f"/shops/{market.shop_ids[0]}"
    for path, body, status in (
        (f"{shop}/end-authorization", {"in_seconds": -1}, 400),
        (f"{shop}/end-authorization", {"in_seconds": 366 * 86_400}, 400),
        (f"{shop}/end-authorization", {}, 400),
        (f"{shop}/revoke", {"named_in": "song"}, 400),
        ("/merchants/1/revoke", {}, 404),
        ("/merchants/x/end-authorization", {"in_seconds": 1}, 400),
    ):
        assert market.control("POST", path, body, status=status)["message"]
