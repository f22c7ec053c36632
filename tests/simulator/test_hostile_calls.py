"""Every endpoint with parameters of every wrong kind: refused in an envelope, never broken."""

from __future__ import annotations

import random
from typing import TYPE_CHECKING, Any

import pytest

from kedai.simulator.api.call import MerchantEndpoint, PublicEndpoint
from kedai.simulator.api.endpoints import ENDPOINTS
from tests.simulator.market import fetch
from tests.simulator.seller import Seller

if TYPE_CHECKING:
    from tests.simulator.market import Answer, Market

ROUNDS = 6
_NAMES = """
order_sn order_sn_list package_number package_number_list package_list order_list item_list item_id
item_id_list item_status model model_id model_quantity model_sku stock_list seller_stock stock location_id
price_list original_price unlist offset page_size page_no cursor pagination filter sort sort_type
package_status logistics_channel_ids product_location_ids logistics_channel_id pickup dropoff non_integrated
address_id pickup_time_id tracking_number branch_id sender_real_name shipping_document_type cancel_reason
operation note partial_cancel_item_list return_sn email dispute_reason_id image_list proposed_solution photo
url thumbnail proposed_adjusted_refund_amount reverse_logistics_carrier_id upload_image time_range_field
time_from time_to release_time_from release_time_to income_status date_from date_to income_report_id
income_statement_id statement_type payout_time_from payout_time_to billing_transaction_info_type
create_time_from create_time_to last_message_id callback_url set_push_config_on blocked_shop_id_list code
refresh_token resend_code main_account_id shop_name description warehouse_type response_optional_fields
"""
NAMES = _NAMES.split()
TEXTS = (
    "",
    "0",
    "-1",
    "1",
    "9" * 25,
    "1e9",
    "x",
    "\x00",
    "é漢",
    "[1,2]",
    "a,b",
    ",,,",
    "2020-01-01",
    "NORMAL",
    "true",
    "Ω" * 30,
)
VALUES: tuple[Any, ...] = (
    *TEXTS,
    None,
    True,
    0,
    -1,
    2**63,
    10**30,
    1.5,
    1e308,
    [],
    {},
    [[]],
    [None],
    [{}],
    {"": {}},
    [1, "a"],
)


def business(dice: random.Random, sn: str, depth: int = 0) -> dict[str, Any]:
    """Return wrong values under right names, some of them nested as the right ones are."""
    chosen = {name: dice.choice(VALUES) for name in dice.sample(NAMES, 30)}
    if dice.random() < 0.6:
        chosen["order_sn"] = chosen["order_sn_list"] = sn
    if depth < 2:
        for name in ("pagination", "filter", "sort", "pickup", "dropoff", "non_integrated"):
            if dice.random() < 0.5:
                chosen[name] = business(dice, sn, depth + 1)
        for name in ("order_list", "package_list", "item_list", "stock_list", "price_list", "seller_stock", "photo"):
            if dice.random() < 0.5:
                chosen[name] = [business(dice, sn, depth + 1)]
    return chosen


def refused_well(answer: Answer, path: str) -> None:
    assert answer.status < 500, (path, answer.raw[:500])
    if answer.headers["Content-Type"] != "application/pdf":
        assert {"request_id", "error", "message"} <= set(answer.json), path


@pytest.mark.parametrize("path", sorted(ENDPOINTS))
def test_wrong_parameters_are_refused_in_an_envelope(market: Market, path: str) -> None:
    endpoint = ENDPOINTS[path]
    dice = random.Random(path)
    seller = Seller(market)
    sn = seller.order("ship", items=2)["order_sn"]
    item = market.control("GET", f"/shops/{seller.shop_id}/items")["items"][0]
    given = market.connect_main_account() if isinstance(endpoint, MerchantEndpoint) else {}
    for number in range(ROUNDS):
        wish = business(dice, sn)
        if number % 2:
            wish |= {"item_id": item["item_id"], "model_id": item["models"][0]["model_id"], "page_size": 5}
        if isinstance(endpoint, PublicEndpoint):
            common = market.query(path)
        elif isinstance(endpoint, MerchantEndpoint):
            common = market.query(path, given["access_token"], market.merchant_id)
            common["merchant_id"] = common.pop("shop_id")
        else:
            common = market.query(path, seller.token, seller.shop_id)
        if endpoint.method == "POST":
            answer = market.post(path, common, wish)
        else:
            texts = {name: value for name, value in wish.items() if isinstance(value, str | int)}
            answer = market.get(path, {**texts, **common})
        refused_well(answer, path)


@pytest.mark.parametrize("raw", [b"", b"[]", b"null", b"{", b"\xff\xfe", b'{"a":' * 5_000, b'"x"'])
def test_bodies_that_are_no_object_are_refused(market: Market, raw: bytes) -> None:
    seller = Seller(market)
    path = "/api/v2/logistics/ship_order"
    query = "&".join(f"{name}={value}" for name, value in market.query(path, seller.token, seller.shop_id).items())
    answer = fetch("POST", f"{market.url}{path}?{query}", raw)
    assert (answer.status, answer.error) == (200, "error_param")


def test_a_broken_upload_is_refused(market: Market) -> None:
    seller = Seller(market)
    path = "/api/v2/returns/convert_image"
    query = "&".join(f"{name}={value}" for name, value in market.query(path, seller.token, seller.shop_id).items())
    for kind, body in (
        ("multipart/form-data; boundary=b", b"nothing of the kind"),
        ("multipart/form-data", b"--b--"),
        ("multipart/form-data; boundary=b", b'--b\r\nContent-Disposition: form-data; name="x"\r\n\r\n'),
    ):
        answer = fetch("POST", f"{market.url}{path}?{query}", body, {"Content-Type": kind})
        assert answer.status < 500, answer.raw[:300]
