"""A client that others wrote, PyPI's pyshopee, sells through the simulator: only its host is changed.

It has its own signing, parameters and habits (all common parameters on every call, lists as Python writes them, the
retired sandbox host), so what it takes for granted of the marketplace must hold here as well.
"""

from __future__ import annotations

import html
import re
import sys
from types import ModuleType
from typing import TYPE_CHECKING, Any
from urllib.parse import urlencode, urlsplit

import pytest

from tests.simulator.market import fetch, location_query

if TYPE_CHECKING:
    from tests.simulator.market import Market

REDIRECT = "https://connector.example.test/done"


@pytest.fixture
def client(market: Market, monkeypatch: pytest.MonkeyPatch) -> Any:
    # It drives a browser in one method that nobody could run here, and declares no dependency on what it imports.
    browser = ModuleType("selenium")
    browser.webdriver = ModuleType("selenium.webdriver")  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "selenium", browser)
    monkeypatch.setenv("NO_PROXY", "*")
    from pyshopee2.client import Client

    app = market.app
    found = Client(market.shop_ids[0], app["partner_id"], app["partner_key"], REDIRECT)
    found.host = market.url
    return found


def authorize(market: Market, client: Any) -> None:
    """Approve on the page its link leads to, and let it exchange the code."""
    link = client.shop_authorization(REDIRECT)
    page = fetch("GET", link)
    assert page.status == 200
    hidden = dict(_hidden(page.raw.decode()))
    form = {**hidden, "shop_id": str(client.shop_id), "decision": "approve", "days": "365"}
    headers = {"Content-Type": "application/x-www-form-urlencoded"}
    address = f"{market.url}{urlsplit(link).path}"
    sent_on = fetch("POST", address, urlencode(form).encode(), headers).headers["Location"]
    client.code = location_query(sent_on)["code"][0]
    client.get_token()


def _hidden(page: str) -> list[tuple[str, str]]:
    found = re.findall(r'<input type="hidden" name="([^"]+)" value="([^"]*)"', page)
    return [(name, html.unescape(value)) for name, value in found]


def test_it_authorizes_lists_reads_ships_tracks_and_sets_stock(market: Market, client: Any) -> None:
    market.control("POST", "/clock", {"advance_seconds": 0})
    authorize(market, client)
    assert client.shop.get_shop_info()["shop_name"]
    made = [market.create_order(client.shop_id, status="READY_TO_SHIP", channel_id=18025)["order_sn"] for _ in range(2)]
    now = market.now()
    listed = client.order.get_order_list(
        time_range_field="create_time", time_from=now - 600, time_to=now + 600, page_size=100
    )
    assert set(made) <= {order["order_sn"] for order in listed["response"]["order_list"]}
    detail = client.order.get_order_detail(order_sn_list=",".join(made), response_optional_fields="item_list")
    assert [order["order_sn"] for order in detail["response"]["order_list"]] == made
    as_list = client.order.get_order_detail(order_sn_list=made)
    assert len(as_list["response"]["order_list"]) == 2
    parameter = client.logistics.get_shipping_parameter(order_sn=made[0])["response"]
    address = parameter["pickup"]["address_list"][0]
    pickup = {
        "address_id": address["address_id"],
        "pickup_time_id": address["time_slot_list"][0]["pickup_time_id"],
    }
    assert client.logistics.ship_order(order_sn=made[0], pickup=pickup)["error"] == ""
    tracking = client.logistics.get_tracking_number(order_sn=made[0])["response"]["tracking_number"]
    assert tracking.startswith("SIMSG")
    item = client.product.get_item_list(offset=0, page_size=10, item_status="NORMAL")["response"]["item"][0]
    model = client.product.get_model_list(item_id=item["item_id"])["response"]["model"][0]
    stock = [{"model_id": model["model_id"], "seller_stock": [{"stock": 12}]}]
    done = client.product.update_stock(item_id=item["item_id"], stock_list=stock)["response"]
    assert done["success_list"][0]["stock"] == 12


def test_it_refreshes_and_its_old_pair_is_used_up(market: Market, client: Any) -> None:
    authorize(market, client)
    old = client.refresh_token
    client.get_access_token(client.shop_id, client.partner_id, client.partner_key, old)
    assert client.refresh_token != old
    assert client.shop.get_shop_info()["shop_name"]
    with pytest.raises(KeyError, match="access_token"):
        client.get_access_token(client.shop_id, client.partner_id, client.partner_key, old)


def test_it_signs_public_calls_with_the_short_base(market: Market, client: Any) -> None:
    authorize(market, client)
    listed = client.execute("public/get_shops_by_partner", "GET", {"page_size": 10, "page_no": 1})
    assert [shop["shop_id"] for shop in listed["authed_shop_list"]] == [client.shop_id]
    # Its own method asks for a path that is no more.
    assert client.public.get_shop_by_partner(page_size=10, page_no=1)["error"] == 404
