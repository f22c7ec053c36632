"""Pushes: what is sent when, signed over the exact bytes, and tried again until 2xx with an empty body."""

from __future__ import annotations

import hashlib
import hmac
import json
import threading
from functools import partial
from typing import TYPE_CHECKING, Any

import pytest

from tests.simulator.receiver import Manner
from tests.support.processes import wait_until

if TYPE_CHECKING:
    from tests.simulator.market import Market
    from tests.simulator.receiver import Receiver


def settled(market: Market, order_sn: str, count: int) -> list[dict[str, Any]]:
    """Wait until the order's pushes are no longer under way, and return them."""
    found: list[dict[str, Any]] = []

    def done() -> bool:
        nonlocal found
        found = market.deliveries(order_sn=order_sn)
        return len(found) == count and all(delivery["state"] != "pending" for delivery in found)

    wait_until(done, message=f"{count} settled pushes of {order_sn}")
    return found


def has_received(receiver: Receiver, count: int) -> bool:
    return len(receiver.received) == count


def expected_signature(key: str, url: str, body: bytes) -> str:
    return hmac.new(key.encode(), url.encode() + b"|" + body, hashlib.sha256).hexdigest()


def test_push_is_signed_with_the_push_key_over_url_and_exact_bytes(market: Market, receiver: Receiver) -> None:
    order_sn = market.create_order(market.shop_ids[0], status="READY_TO_SHIP")["order_sn"]
    (delivery,) = settled(market, order_sn, 1)
    (push,) = receiver.received
    assert push.authorization == expected_signature(market.app["push_partner_key"], receiver.url, push.body)
    assert push.authorization != expected_signature(market.app["partner_key"], receiver.url, push.body)
    assert push.content_type == "application/json"
    assert delivery["body"].encode() == push.body
    compact = json.dumps(json.loads(push.body), separators=(",", ":")).encode()
    assert push.authorization != expected_signature(market.app["push_partner_key"], receiver.url, compact)
    assert json.loads(push.body)["data"] == {
        "items": [],
        "ordersn": order_sn,
        "status": "READY_TO_SHIP",
        "completed_scenario": "",
        "update_time": market.control("GET", f"/orders/{order_sn}")["update_time"],
    }


def test_each_step_pushes_what_the_contracts_table_says(market: Market, receiver: Receiver) -> None:
    order_sn = market.create_order(market.shop_ids[0])["order_sn"]
    for verb in ("pay", "ship", "pickup", "deliver", "complete"):
        market.control("POST", f"/orders/{order_sn}/{verb}")
    told = [json.loads(delivery["body"]) for delivery in settled(market, order_sn, 9)]
    assert [(body["code"], body["data"].get("status") or body["data"].get("fulfillment_status")) for body in told] == [
        (3, "READY_TO_SHIP"),
        (3, "PROCESSED"),
        (30, "LOGISTICS_REQUEST_CREATED"),
        (4, None),
        (3, "SHIPPED"),
        (30, "LOGISTICS_PICKUP_DONE"),
        (3, "TO_CONFIRM_RECEIVE"),
        (30, "LOGISTICS_DELIVERY_DONE"),
        (3, "COMPLETED"),
    ]
    assert told[3]["data"]["tracking_no"].startswith("SIMSG")
    assert told[-1]["data"]["completed_scenario"] == "NORMAL"
    assert all(body["shop_id"] == market.shop_ids[0] for body in told)
    assert len(receiver.received) == 9


def test_cancel_pushes_the_order_state_only(market: Market, receiver: Receiver) -> None:
    order_sn = market.create_order(market.shop_ids[0])["order_sn"]
    market.control("POST", f"/orders/{order_sn}/cancel")
    (delivery,) = settled(market, order_sn, 1)
    assert json.loads(delivery["body"])["data"]["status"] == "CANCELLED"
    assert len(receiver.received) == 1


def test_tracking_number_can_come_later(market: Market, receiver: Receiver) -> None:
    market.control("POST", "/settings", {"tracking_delay_seconds": 600})
    order_sn = market.create_order(market.shop_ids[0], status="READY_TO_SHIP", pushes=False)["order_sn"]
    market.control("POST", f"/orders/{order_sn}/ship")
    assert [delivery["code"] for delivery in settled(market, order_sn, 2)] == [3, 30]
    market.control("POST", "/clock", {"advance_seconds": 601})
    assert [delivery["code"] for delivery in settled(market, order_sn, 3)] == [3, 30, 4]
    assert len(receiver.received) == 3


@pytest.mark.parametrize(("status", "body"), [(200, b"OK"), (200, b"{}"), (500, b""), (302, b""), (404, b"")])
def test_anything_but_an_empty_2xx_is_tried_again_by_the_ladder(
    market: Market, receiver: Receiver, status: int, body: bytes
) -> None:
    receiver.manner = Manner(status, body)
    order_sn = market.create_order(market.shop_ids[0], status="READY_TO_SHIP")["order_sn"]
    for failures, wait in ((1, 300), (2, 1800), (3, 10_800)):
        (delivery,) = settled(market, order_sn, 1)
        assert (delivery["state"], len(delivery["attempts"])) == ("waiting_retry", failures)
        attempt = delivery["attempts"][-1]
        assert (attempt["status"], attempt["body_sample"]) == (status, body.decode())
        assert wait - 1 < delivery["next_attempt_at"] - attempt["at"] < wait + 3
        market.control("POST", "/clock", {"advance_seconds": wait})
        wait_until(partial(has_received, receiver, failures + 1), message="the next attempt")
    (delivery,) = settled(market, order_sn, 1)
    assert (delivery["state"], len(delivery["attempts"])) == ("failed", 4)
    assert len({(push.body, push.authorization) for push in receiver.received}) == 1


def test_a_retry_that_is_accepted_ends_the_ladder(market: Market, receiver: Receiver) -> None:
    receiver.manner = Manner(503)
    order_sn = market.create_order(market.shop_ids[0], status="READY_TO_SHIP")["order_sn"]
    settled(market, order_sn, 1)
    receiver.manner = Manner(204)
    market.control("POST", "/clock", {"advance_seconds": 301})
    wait_until(lambda: len(receiver.received) == 2, message="the retry")
    (delivery,) = settled(market, order_sn, 1)
    assert (delivery["state"], delivery["next_attempt_at"]) == ("delivered", None)


def test_no_answer_within_three_seconds_is_a_failure_and_holds_nobody_up(market: Market, receiver: Receiver) -> None:
    release = threading.Event()
    receiver.manner = Manner(hold=release)
    slow = market.create_order(market.shop_ids[0], status="READY_TO_SHIP")["order_sn"]
    wait_until(lambda: len(receiver.received) == 1, message="the slow push")
    receiver.manner = Manner()
    quick = market.create_order(market.shop_ids[0], status="READY_TO_SHIP")["order_sn"]
    assert settled(market, quick, 1)[0]["state"] == "delivered"
    (delivery,) = settled(market, slow, 1)
    release.set()
    assert delivery["state"] == "waiting_retry"
    assert "within 3 s" in delivery["attempts"][0]["error"]


def test_unreachable_receiver_and_missing_callback(market: Market, receiver: Receiver) -> None:
    app = f"/apps/{market.app['partner_id']}"
    market.control("POST", app, {"callback_url": "http://127.0.0.1:9/"})
    refused = market.create_order(market.shop_ids[0], status="READY_TO_SHIP")["order_sn"]
    (delivery,) = settled(market, refused, 1)
    assert delivery["state"] == "waiting_retry"
    assert delivery["attempts"][0]["error"]
    market.control("POST", app, {"callback_url": None})
    unset = market.create_order(market.shop_ids[0], status="READY_TO_SHIP")["order_sn"]
    (delivery,) = settled(market, unset, 1)
    assert (delivery["state"], delivery["url"], delivery["attempts"]) == ("not_sent", None, [])
    assert receiver.received == []


def test_authorizing_and_revoking_push_codes_1_and_2(market: Market, receiver: Receiver) -> None:
    shop_id = market.shop_ids[0]
    market.connect(shop_id)
    market.control("POST", f"/shops/{shop_id}/revoke")
    wait_until(lambda: len(receiver.received) == 2, message="pushes 1 and 2")
    bodies = sorted((json.loads(push.body) for push in receiver.received), key=lambda body: int(body["code"]))
    assert [(body["code"], body["partner_id"], body["data"]["shop_id"]) for body in bodies] == [
        (1, market.app["partner_id"], shop_id),
        (2, market.app["partner_id"], shop_id),
    ]
    assert all("shop_id" not in body for body in bodies)
    market.create_order(shop_id, status="READY_TO_SHIP")
    assert market.deliveries(limit=1)[0]["code"] == 2
    market.connect(shop_id)


def test_test_push_sends_any_code_body_and_key(market: Market, receiver: Receiver) -> None:
    probe = {"code": 0, "data": {"verify_info": "hello"}}
    market.control("POST", "/pushes", probe)
    raw = '{"code":3,  "data": null}'
    key = "shpk" + "f" * 60
    sent = market.control("POST", "/pushes", {"shop_id": 1, "code": 3, "body": raw, "key": key})
    wait_until(lambda: len(receiver.received) == 2, message="both test pushes")
    first, second = sorted(receiver.received, key=lambda push: push.body == raw.encode())
    assert json.loads(first.body)["data"] == {"verify_info": "hello"}
    assert "shop_id" not in json.loads(first.body)
    assert second.body == raw.encode()
    assert second.authorization == expected_signature(key, receiver.url, second.body)
    wait_until(
        lambda: market.control("GET", f"/deliveries/{sent['id']}")["state"] == "delivered", message="the delivery"
    )


def test_switches_repeat_shuffle_and_silence_pushes(market: Market, receiver: Receiver) -> None:
    market.control("POST", "/settings", {"duplicate_pushes": 1, "shuffle_pushes": True})
    order_sn = market.create_order(market.shop_ids[0], status="READY_TO_SHIP", pushes=False)["order_sn"]
    market.control("POST", f"/orders/{order_sn}/ship")
    found = settled(market, order_sn, 6)
    assert sorted(delivery["code"] for delivery in found) == [3, 3, 4, 4, 30, 30]
    assert sum(delivery["duplicate_of"] is not None for delivery in found) == 3
    assert len({push.body for push in receiver.received}) == 3
    market.control("POST", "/settings", {"event_pushes": False})
    market.control("POST", f"/orders/{order_sn}/pickup")
    assert len(market.deliveries(order_sn=order_sn)) == 6


def test_many_pushes_all_arrive(market: Market, receiver: Receiver) -> None:
    wish = {"shop_id": market.shop_ids[0], "count": 300, "pushes": True}
    made = market.control("POST", "/orders/batch", wish)["order_sns"]
    wait_until(lambda: len(receiver.received) == 300, message="300 pushes")
    assert {json.loads(push.body)["data"]["ordersn"] for push in receiver.received} == set(made)
    state = market.control("GET", "/state?orders=0&limit=5")
    assert len(state["deliveries"]) == 5
    assert market.control("GET", "/state?orders=0&deliveries=0")["deliveries"] == []
