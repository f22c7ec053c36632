"""Products, escrow and returns as a seller's program reads and changes them."""

from __future__ import annotations

import json
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import pytest

from tests.simulator.market import fetch
from tests.simulator.seller import Seller

if TYPE_CHECKING:
    from tests.simulator.market import Market
    from tests.simulator.receiver import Receiver

DAY = 86_400
# The identity of the contract, §5.3, written down once more: the simulator's own lists must not prove themselves.
ADDED = """
original_cost_of_goods_sold seller_return_refund shopee_discount buyer_paid_shipping_fee shopee_shipping_rebate
shipping_fee_discount_from_3pl rsf_seller_protection_fee_claim_amount buyer_paid_packaging_fee
"""
TAKEN_OFF = """
original_shopee_discount voucher_from_seller seller_coin_cash_back actual_shipping_fee reverse_shipping_fee
final_return_to_seller_shipping_fee seller_transaction_fee service_fee commission_fee campaign_fee
trade_in_bonus_by_seller fbs_fee ads_escrow_top_up_fee_or_technical_support_fee th_import_duty
"""


@pytest.fixture
def seller(market: Market) -> Seller:
    return Seller(market)


def first_item(seller: Seller, *, with_models: bool = True) -> dict[str, Any]:
    items = seller.market.control("GET", f"/shops/{seller.shop_id}/items")["items"]
    return next(item for item in items if (item["models"][0]["model_id"] != 0) is with_models)


# Products


def test_items_are_listed_by_offset_and_state(seller: Seller) -> None:
    found, offset = [], 0
    while True:
        query = {"offset": offset, "page_size": 4, "item_status": ["NORMAL", "UNLIST"]}
        page = seller.get("product/get_item_list", **query).json["response"]
        found += [item["item_id"] for item in page["item"]]
        if not page["has_next_page"]:
            break
        offset = page["next_offset"]
    assert len(found) == len(set(found)) == page["total_count"] > 10
    deep = seller.get("product/get_item_list", offset=10_001, page_size=10, item_status="NORMAL").json
    assert deep["message"] == "get items offset over limit, please use the next field"
    assert seller.get("product/get_item_list", offset=0, page_size=10, item_status="SOLD").error == (
        "error_param_item_status"
    )


def test_price_and_stock_stand_with_the_models_where_there_are_any(seller: Seller) -> None:
    many, plain = first_item(seller), first_item(seller, with_models=False)
    ids = f"{many['item_id']},{plain['item_id']}"
    with_models, without = seller.get("product/get_item_base_info", item_id_list=ids).json["response"]["item_list"]
    assert (with_models["has_model"], "price_info" in with_models, "stock_info_v2" in with_models) == (
        True,
        False,
        False,
    )
    assert (without["has_model"], without["stock_info_v2"]["shopee_stock"][0]["stock"]) == (False, 0)
    response = seller.get("product/get_model_list", item_id=many["item_id"]).json["response"]
    assert [model["tier_index"] for model in response["model"]] == [[0], [1], [2]][: len(many["models"])]
    # Text in one answer, a number in the other.
    assert response["model"][0]["stock_info_v2"]["shopee_stock"][0]["stock"] == "0"


def test_stock_is_set_and_failures_stand_beside_an_error(market: Market, seller: Seller) -> None:
    item = first_item(seller)
    model_id = item["models"][0]["model_id"]
    wish = [{"model_id": model_id, "seller_stock": [{"stock": 77}]}]
    done = seller.post("product/update_stock", item_id=item["item_id"], stock_list=wish).json
    assert (done["error"], done["response"]["success_list"][0]["stock"]) == ("", 77)
    wish.append({"model_id": 5, "seller_stock": [{"stock": 1}]})
    mixed = seller.post("product/update_stock", item_id=item["item_id"], stock_list=wish).json
    assert mixed["error"] == "error_busi_update_stock_failed"
    assert mixed["message"] == "Update stock failed, please check failure_list for detailed reason"
    assert (len(mixed["response"]["success_list"]), len(mixed["response"]["failure_list"])) == (1, 1)
    assert seller.post("product/update_stock", item_id=0, stock_list=wish).json["message"] == (
        "invalid field ItemId: value must  Not Null"
    )
    place = f"/shops/{seller.shop_id}/items/{item['item_id']}"
    market.control("POST", place, {"model_id": model_id, "reserved": 40})
    low = [{"model_id": model_id, "seller_stock": [{"stock": 39}]}]
    refused = seller.post("product/update_stock", item_id=item["item_id"], stock_list=low).json["response"]
    assert refused["failure_list"][0]["failed_reason"] == "Total stock must be more than reserved stock."


def test_promotion_holiday_and_penalty_forbid_stock_changes(market: Market, seller: Seller) -> None:
    item = first_item(seller)
    shelf = f"/shops/{seller.shop_id}/shelf"
    wish = [{"model_id": item["models"][0]["model_id"], "seller_stock": [{"stock": 500}]}]
    for path, name, error in (
        (f"/shops/{seller.shop_id}/items/{item['item_id']}", "in_promotion", "error_cannt_edit_stock_in_promotion"),
        (shelf, "on_holiday", "error_holiday_mode_change_stock"),
        (shelf, "under_penalty", "error_seller_under_penalty"),
    ):
        market.control("POST", path, {name: True})
        assert seller.post("product/update_stock", item_id=item["item_id"], stock_list=wish).error == error
        market.control("POST", path, {name: False})
    assert seller.post("product/update_stock", item_id=item["item_id"], stock_list=wish).error == ""


def test_reserved_stock_pushes_what_changed(market: Market, receiver: Receiver) -> None:
    shop_id = market.shop_ids[0]
    item = market.control("GET", f"/shops/{shop_id}/items")["items"][3]
    model = item["models"][0]
    market.control("POST", f"/shops/{shop_id}/items/{item['item_id']}", {"model_id": model["model_id"], "reserved": 9})
    told = [json.loads(one["body"]) for one in market.deliveries() if one["code"] == 8]
    assert told[-1]["data"]["changed_values"] == [{"name": "reserved_stock", "old": model["reserved"], "new": 9}]
    assert told[-1]["data"]["variation_id"] == model["model_id"]


def test_price_reaches_the_next_order_and_is_rounded_to_the_currency(live: Market) -> None:
    seller = Seller(live, live.shop_ids[1])
    item = first_item(seller)
    model_id = item["models"][0]["model_id"]
    wish = [{"model_id": model_id, "original_price": 12_345.6}]
    answer = seller.post("product/update_price", item_id=item["item_id"], price_list=wish).json["response"]
    assert answer["success_list"] == [{"model_id": model_id, "original_price": 12_346}]
    order = seller.order(lines=[{"item_id": item["item_id"], "model_id": model_id, "quantity": 2}])
    assert order["item_list"][0]["model_original_price"] == 12_346
    free = [{"model_id": model_id, "original_price": 0}]
    assert seller.post("product/update_price", item_id=item["item_id"], price_list=free).error == (
        "error_update_price_fail"
    )


def test_items_are_taken_off_and_found_again(seller: Seller) -> None:
    item_id = first_item(seller)["item_id"]
    off = seller.post("product/unlist_item", item_list=[{"item_id": item_id, "unlist": True}]).json["response"]
    assert off["success_list"] == [{"item_id": item_id, "unlist": True}]
    assert item_id not in seller.get("product/search_item", page_size=100).json["response"]["item_id_list"]
    hidden = seller.get("product/search_item", page_size=100, item_status="UNLIST").json["response"]
    assert hidden["item_id_list"] == [item_id]
    seller.post("product/unlist_item", item_list=[{"item_id": item_id, "unlist": False}])
    none = seller.post("product/unlist_item", item_list=[{"item_id": 4, "unlist": True}]).json
    assert (none["error"], len(none["response"]["failure_list"])) == ("error_unlist_item_all_failed", 1)


# Escrow


def test_escrow_identity_holds_and_items_are_line_totals(market: Market, live: Market) -> None:
    for port in (market, live):
        for shop_id in port.shop_ids[:2]:
            seller = Seller(port, shop_id)
            for _ in range(5):
                order = seller.order()
                raw = seller.get("payment/get_escrow_detail", order_sn=order["order_sn"]).raw
                income = json.loads(raw, parse_float=Decimal)["response"]["order_income"]
                expected = sum(income[name] for name in ADDED.split())
                expected -= sum(income[name] for name in TAKEN_OFF.split())
                assert income["escrow_amount"] == expected
                assert 0 < expected < Decimal(str(order["total_amount"]))
                line, item = order["item_list"][0], income["items"][0]
                total = Decimal(str(line["model_original_price"])) * line["model_quantity_purchased"]
                assert item["original_price"] == total


def test_escrow_of_many_is_a_post_with_its_own_spelling(market: Market, seller: Seller) -> None:
    numbers = [seller.order()["order_sn"] for _ in range(2)]
    many = seller.post("payment/get_escrow_detail_batch", order_sn_list=[*numbers, "NOSUCH"]).json["response"]
    assert [row["escrow_detail"]["order_sn"] for row in many] == numbers
    income = many[0]["escrow_detail"]["order_income"]
    assert "shipping_fee_discount_from_pl" in income
    assert "shipping_fee_discount_from_3pl" not in income
    assert seller.get("payment/get_escrow_detail_batch", order_sn_list=numbers[0]).error == "error_param"
    assert seller.post("payment/get_escrow_detail_batch", order_sn_list=["X"] * 51).error == "exceed_max_limit"
    market.control("POST", "/settings", {"escrow_batch_method": "GET"})
    by_get = seller.get("payment/get_escrow_detail_batch", order_sn_list=",".join(numbers)).json["response"]
    assert len(by_get) == 2


def test_unpaid_and_foreign_orders_earn_nothing(market: Market, seller: Seller) -> None:
    unpaid = seller.order(status="UNPAID")["order_sn"]
    other = market.create_order(market.shop_ids[1], status="READY_TO_SHIP")["order_sn"]
    for order_sn in (unpaid, other, "NOSUCH"):
        answer = seller.get("payment/get_escrow_detail", order_sn=order_sn)
        assert answer.error == "order_not_found"


def test_completed_orders_are_released_listed_and_paid_out(market: Market) -> None:
    shop_id = market.control("POST", "/shops", {"region": "TH", "shop_name": "ร้านกาแฟ"})["shop_id"]
    seller = Seller(market, shop_id)
    life = ("ship", "pickup", "deliver", "complete")
    done = [seller.order(*life)["order_sn"] for _ in range(3)]
    seller.order("ship")
    now = market.now()
    window = {"release_time_from": now - DAY, "release_time_to": now + DAY}
    pages = [seller.get("payment/get_escrow_list", **window, page_size=2, page_no=page).json for page in (1, 2)]
    rows = [row for page in pages for row in page["response"]["escrow_list"]]
    assert ([page["response"]["more"] for page in pages], {row["order_sn"] for row in rows}) == (
        [True, False],
        set(done),
    )
    detail = seller.get("payment/get_escrow_detail", order_sn=rows[0]["order_sn"]).json["response"]
    assert rows[0]["payout_amount"] == detail["order_income"]["escrow_amount"]
    overview = seller.get("payment/get_income_overview").json
    assert overview["total_income"]["released_amount"] == sum(row["payout_amount"] for row in rows)
    wallet = seller.get("payment/get_wallet_transaction_list", page_no=0, page_size=2).json["response"]
    assert (len(wallet["transaction_list"]), wallet["more"]) == (2, True)
    wide = {"create_time_from": now - 16 * DAY, "create_time_to": now}
    assert seller.get("payment/get_wallet_transaction_list", page_no=0, page_size=2, **wide).error == (
        "time_period_too_large"
    )
    payout = {"payout_time_from": now - DAY, "payout_time_to": now + DAY}
    first = seller.get("payment/get_payout_info", **payout, page_size=2, cursor="").json["response"]
    second = seller.get("payment/get_payout_info", **payout, page_size=2, cursor=first["next_cursor"]).json["response"]
    assert (len(first["payout_list"]), len(second["payout_list"]), second["more"]) == (2, 1, False)
    whole = seller.get("payment/get_payout_detail", **payout, page_size=10, page_no=1).json["response"]
    assert len(whole["payout_list"]) == 3
    billing = seller.post("payment/get_billing_transaction_info", billing_transaction_info_type=1, page_size=10)
    assert len(billing.json["response"]["transactions"]) == 3


def test_income_pages_stand_at_top_level_and_take_days(market: Market, seller: Seller) -> None:
    seller.order("ship")
    days = {"date_from": "2020-01-01", "date_to": "2020-01-15"}
    pending = seller.get("payment/get_income_detail", **days, income_status=2, page_size=100).json
    assert "response" not in pending
    assert pending["income_detail_list"]["list"]
    assert (
        seller.get("payment/get_income_detail", **days, income_status=1, page_size=1).json["income_detail_list"]["list"]
        == []
    )
    wide = {"date_from": "2020-01-01", "date_to": "2020-01-16"}
    assert seller.get("payment/get_income_detail", **wide, income_status=1, page_size=1).error == "error_param"


def test_a_report_is_made_and_then_downloadable(market: Market, seller: Seller) -> None:
    window = {"release_time_from": 1, "release_time_to": 2}
    number = seller.get("payment/generate_income_report", **window).json["response"]["id"]
    assert seller.get("payment/get_income_report", income_report_id=number).json["response"]["status"] == 1
    market.control("POST", "/clock", {"advance_seconds": 10})
    done = seller.get("payment/get_income_report", income_report_id=number).json["response"]
    assert (done["status"], bool(done["file_link"])) == (2, True)
    assert seller.get("payment/get_income_statement", income_statement_id=number).error == "error_not_found"


# Returns


def returned(seller: Seller, **wish: Any) -> dict[str, Any]:
    order_sn = seller.order("ship", "pickup", "deliver")["order_sn"]
    found: dict[str, Any] = seller.market.control("POST", f"/orders/{order_sn}/returns", wish)
    return found


def test_return_moves_the_order_and_pushes(market: Market, receiver: Receiver) -> None:
    seller = Seller(market)
    found = returned(seller)
    assert seller.shown(found["order_sn"])["order_status"] == "TO_RETURN"
    assert seller.post("returns/confirm", return_sn=found["return_sn"]).error == ""
    market.control("POST", f"/returns/{found['return_sn']}/close")
    assert seller.shown(found["order_sn"])["order_status"] == "COMPLETED"
    told = [json.loads(one["body"]) for one in market.deliveries(order_sn=found["order_sn"])]
    changes = [body["data"]["updated_values"][0] for body in told if body["code"] == 29]
    assert [(change["old_value"], change["new_value"]) for change in changes] == [
        ("", "REQUESTED"),
        ("REQUESTED", "ACCEPTED"),
        ("ACCEPTED", "CLOSED"),
    ]
    assert all(body["data"]["order_sn"] == found["order_sn"] for body in told if body["code"] == 29)
    statuses = [body["data"]["status"] for body in told if body["code"] == 3]
    assert statuses[-2:] == ["TO_RETURN", "COMPLETED"]


def test_return_after_completion_says_so(seller: Seller) -> None:
    order_sn = seller.order("ship", "pickup", "deliver", "complete")["order_sn"]
    market = seller.market
    found = market.control("POST", f"/orders/{order_sn}/returns", {"needs_logistics": True})
    market.control("POST", f"/returns/{found['return_sn']}/cancel")
    pushed = [json.loads(one["body"])["data"] for one in market.deliveries(order_sn=order_sn) if one["code"] == 3]
    assert (pushed[-1]["status"], pushed[-1]["completed_scenario"]) == ("COMPLETED", "RRAOC")


def test_accepted_refund_reaches_the_escrow(seller: Seller) -> None:
    found = returned(seller)
    before = seller.get("payment/get_escrow_detail", order_sn=found["order_sn"]).json["response"]["order_income"]
    seller.post("returns/confirm", return_sn=found["return_sn"])
    after = seller.get("payment/get_escrow_detail", order_sn=found["order_sn"]).json["response"]
    assert after["return_order_sn_list"] == [found["return_sn"]]
    assert after["order_income"]["seller_return_refund"] == -found["refund_amount"]
    assert round(before["escrow_amount"] - after["order_income"]["escrow_amount"], 2) == found["refund_amount"]


def test_returns_are_listed_from_page_0_and_filtered(market: Market) -> None:
    shop_id = market.control("POST", "/shops", {"region": "PH", "shop_name": "Kape"})["shop_id"]
    seller = Seller(market, shop_id)
    made = [returned(seller)["return_sn"] for _ in range(3)]
    pages = [seller.get("returns/get_return_list", page_no=page, page_size=2).json["response"] for page in (0, 1)]
    assert [row["return_sn"] for page in pages for row in page["return"]] == sorted(made)
    assert [page["more"] for page in pages] == [True, False]
    seller.post("returns/confirm", return_sn=made[0])
    asked = {"page_no": 0, "page_size": 10, "status": "ACCEPTED"}
    assert [row["return_sn"] for row in seller.get("returns/get_return_list", **asked).json["response"]["return"]] == [
        made[0]
    ]
    window = {"create_time_from": 1, "create_time_to": 1 + 16 * DAY}
    assert seller.get("returns/get_return_list", page_no=0, page_size=10, **window).error == "error_param"


def test_dispute_is_raised_judged_and_taken_back(seller: Seller) -> None:
    found = returned(seller)
    sn = {"return_sn": found["return_sn"]}
    reasons = seller.get("returns/get_return_dispute_reason", **sn).json["response"]["dispute_reason_list"]
    wish = {**sn, "email": "seller@example.test", "dispute_reason_id": reasons[0]["dispute_reason_id"]}
    assert seller.post("returns/dispute", **{**wish, "dispute_reason_id": 99}).error == "dispute.request.param.error"
    assert seller.post("returns/dispute", **wish, dispute_text_reason="never came").json["response"]["msg"] == "success"
    assert seller.post("returns/dispute", **wish).error == "dispute.rr.not.allow"
    seller.market.control("POST", f"/returns/{found['return_sn']}/judge")
    detail = seller.get("returns/get_return_detail", **sn).json["response"]
    assert (detail["status"], detail["dispute_text_reason"]) == ("JUDGING", ["never came"])
    assert seller.post("returns/cancel_dispute", **sn, email="seller@example.test").error == ""
    assert seller.post("returns/cancel_dispute", **sn, email="seller@example.test").error == "dispute.cancel.ineligible"


def test_offers_go_back_and_forth(seller: Seller) -> None:
    found = returned(seller)
    sn = {"return_sn": found["return_sn"]}
    solutions = seller.get("returns/get_available_solutions", **sn).json["response"]
    assert solutions["offer_refund"]["max_refund_amount"] == found["refund_amount"]
    wish = {**sn, "proposed_solution": "REFUND"}
    much = found["refund_amount"] + 1
    assert seller.post("returns/offer", **wish, proposed_adjusted_refund_amount=much).error == "error_param"
    assert seller.post("returns/offer", **wish, proposed_adjusted_refund_amount=1.5).error == ""
    detail = seller.get("returns/get_return_detail", **sn).json["response"]["negotiation"]
    assert (detail["negotiation_status"], detail["latest_offer_amount"]) == ("PENDING_BUYER_RESPOND", 1.5)
    assert seller.post("returns/accept_offer", **sn).error == "error_negotiation_status"


def test_proof_and_carrier_are_handed_in(market: Market, seller: Seller) -> None:
    found = returned(seller, needs_logistics=True)
    sn = {"return_sn": found["return_sn"]}
    assert seller.get("returns/query_proof", **sn).error == "no.proof"
    path = "/api/v2/returns/convert_image"
    query = market.query(path, seller.token, seller.shop_id)
    head = b"--b\r\nContent-Disposition: form-data; name="
    body = head + b'"return_sn"\r\n\r\n' + found["return_sn"].encode() + b"\r\n" + head
    body += b'"upload_image"; filename="p.png"\r\nContent-Type: image/png\r\n\r\n\x89PNG1234\r\n--b--\r\n'
    url = f"{market.url}{path}?" + "&".join(f"{name}={value}" for name, value in query.items())
    shown = fetch("POST", url, body, {"Content-Type": "multipart/form-data; boundary=b"}).json["response"]
    assert seller.post("returns/upload_proof", **sn, photo=[shown], description="intact").error == ""
    assert seller.get("returns/query_proof", **sn).json["response"]["image"] == [shown]
    carriers = seller.get("returns/get_shipping_carrier", **sn).json["response"]["reverse_logistics_carrier_list"]
    carrier = {"reverse_logistics_carrier_id": carriers[0]["reverse_logistics_carrier_id"]}
    assert seller.post("returns/upload_shipping_proof", **sn, **carrier).error == "returns.missing_tracking_no"
    assert seller.post("returns/upload_shipping_proof", **sn, **carrier, tracking_number="BACK1").error == ""
    info = seller.get("returns/get_reverse_tracking_info", **sn).json["response"]
    assert (info["tracking_number"], len(info["tracking_info"])) == ("BACK1", 1)
    assert seller.get("returns/get_return_detail", return_sn="NOSUCH").error == "err_data"


# Shop, merchant, resend


def test_shop_pages_have_their_own_wrappers(seller: Seller) -> None:
    assert "response" in seller.get("shop/get_profile").json
    changed = seller.post("shop/update_profile", description="Beans and more").json["response"]
    assert changed["description"] == "Beans and more"
    assert isinstance(seller.get("shop/get_warehouse_detail").json["response"], list)
    notice = seller.get("shop/get_shop_notification").json
    assert "response" not in notice
    assert notice["data"]["title"]


def test_a_merchants_linked_shops_are_listed(market: Market) -> None:
    given = market.connect_main_account()
    path = "/api/v2/merchant/get_shop_list_by_merchant"
    listed = market.merchant_get(path, given["access_token"], market.merchant_id, page_no=1, page_size=500).json
    assert {shop["shop_id"] for shop in listed["shop_list"]} == set(given["shop_id_list"])


def test_a_lost_pair_is_had_again_by_a_resend_code_on_live_only(market: Market, live: Market) -> None:
    path = "/api/v2/public/get_token_by_resend_code"
    live.connect(live.shop_ids[0])
    code = live.control("POST", f"/shops/{live.shop_ids[0]}/resend-code")["resend_code"]
    given = live.public_post(path, {"resend_code": code}).json
    assert given["shop_id_list"] == [live.shop_ids[0]]
    info = live.shop_get("/api/v2/shop/get_shop_info", given["access_token"], live.shop_ids[0])
    assert info.error == ""
    assert live.public_post(path, {"resend_code": code}).error == "invalid_code"
    assert market.public_post(path, {"resend_code": code}).error == "error_param"
