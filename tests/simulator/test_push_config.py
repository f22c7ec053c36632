"""The push configuration: a URL needs a good test push first; what is off, blocked or suspended is never sent."""

from __future__ import annotations

import hashlib
import hmac
import json
import threading
from typing import TYPE_CHECKING, Any

import pytest

from kedai.simulator.state.push_settings import RATED_FROM_PUSHES, RATED_SECONDS, PushSettings
from tests.simulator.receiver import Manner, Receiver

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.simulator.market import Answer, Market

GET, SET = "/api/v2/push/get_app_push_config", "/api/v2/push/set_app_push_config"


@pytest.fixture
def endpoint(market: Market) -> Iterator[Receiver]:
    """A receiver whose address is not registered yet; afterwards all codes are on and nobody is blocked."""
    with Receiver() as receiver:
        yield receiver
        change(market, callback_url=receiver.url, set_push_config_on=[3, 10], blocked_shop_id_list=[])


def config(market: Market) -> dict[str, Any]:
    told: dict[str, Any] = market.public_get(GET).json
    assert told["error"] == "", told
    return dict(told["response"])


def change(market: Market, **body: Any) -> Answer:
    return market.public_post(SET, body)


def test_a_new_address_gets_a_signed_test_push_and_is_kept(market: Market, endpoint: Receiver) -> None:
    answer = change(market, callback_url=endpoint.url).json
    assert (answer["error"], answer["response"]) == ("", {"result": "success"})
    (push,) = endpoint.received
    body = json.loads(push.body)
    assert (body["code"], set(body), set(body["data"])) == (0, {"code", "data"}, {"verify_info"})
    signed = endpoint.url.encode() + b"|" + push.body
    assert push.authorization == hmac.new(market.app["push_partner_key"].encode(), signed, hashlib.sha256).hexdigest()
    assert config(market)["callback_url"] == endpoint.url


@pytest.mark.parametrize(
    ("manner", "words"),
    [
        (Manner(401), "2xx"),
        (Manner(500), "2xx"),
        (Manner(302), "2xx"),
        (Manner(200, b"OK"), "empty body"),
        (Manner(200, b"{}"), "empty body"),
    ],
)
def test_an_address_that_does_not_answer_with_an_empty_2xx_is_refused_and_nothing_changes(
    market: Market, endpoint: Receiver, manner: Manner, words: str
) -> None:
    before = config(market)
    endpoint.manner = manner
    answer = change(market, callback_url=endpoint.url, set_push_config_off=[3]).json
    assert answer["error"] == "error_param"
    assert words in answer["message"]
    assert config(market) == before
    assert len(endpoint.received) == 1
    endpoint.manner = Manner(204)


def test_an_address_that_is_silent_is_refused(market: Market, endpoint: Receiver) -> None:
    endpoint.manner = Manner(hold=threading.Event())
    answer = change(market, callback_url=endpoint.url).json
    assert (answer["error"], "3 seconds" in answer["message"]) == ("error_param", True)
    assert endpoint.manner.hold is not None
    endpoint.manner.hold.set()
    endpoint.manner = Manner()


@pytest.mark.parametrize("url", ["nowhere", "ftp://a.test/", "http://", "http://[", "https://a.test/ö"])
def test_what_is_no_web_address_is_refused_without_a_try(market: Market, url: str) -> None:
    assert change(market, callback_url=url).json["message"] == "Invalid callback_url."


@pytest.mark.parametrize("host", ["127.0.0.1", "10.0.0.1", "[::1]", "localhost", "shop.internal"])
def test_intranet_addresses_are_refused_where_it_is_as_strict_as_the_real_one(market: Market, host: str) -> None:
    market.control("POST", "/settings", {"intranet_callbacks": False})
    assert "intranet" in change(market, callback_url=f"http://{host}/hook").json["message"]


def test_pushes_cannot_be_turned_on_without_an_address(market: Market) -> None:
    assert "callback_url is empty" in change(market, set_push_config_on=[3]).json["message"]


@pytest.mark.parametrize(
    "body",
    [
        {"set_push_config_on": "3"},
        {"set_push_config_off": [True]},
        {"set_push_config_off": [999]},
        {"blocked_shop_id_list": ["1"]},
        {"blocked_shop_id_list": [1] * 501},
        {"callback_url": 5},
    ],
)
def test_wrong_values_are_refused(market: Market, body: dict[str, Any]) -> None:
    assert change(market, **body).error == "error_param"


def test_what_is_turned_off_or_blocked_is_never_sent(market: Market, endpoint: Receiver) -> None:
    first, second = market.shop_ids
    change(market, callback_url=endpoint.url, set_push_config_off=[3, 10], blocked_shop_id_list=[second])
    told = config(market)
    assert (told["push_config_off_list"], told["blocked_shop_id"]) == ([3, 10], [second])
    assert 3 not in told["push_config_on_list"]
    off = market.create_order(first, status="READY_TO_SHIP")["order_sn"]
    change(market, set_push_config_on=[3])
    on = market.create_order(first, status="READY_TO_SHIP")["order_sn"]
    blocked = market.create_order(second, status="READY_TO_SHIP")["order_sn"]
    assert [len(market.deliveries(order_sn=one)) for one in (off, on, blocked)] == [0, 1, 0]


def test_codes_are_switched_off_by_hand(market: Market, endpoint: Receiver) -> None:
    app = f"/apps/{market.app['partner_id']}"
    assert market.control("POST", app, {"push_codes_off": [30, 3]})["push_codes_off"] == [3, 30]
    assert not {3, 30} & set(config(market)["push_config_on_list"])
    market.control("POST", app, {"push_codes_off": [3, 14]}, status=400)
    assert config(market)["push_config_off_list"] == [3, 30]
    assert market.control("POST", app, {"push_codes_off": []})["push_codes_off"] == []


def test_suspended_pushes_are_lost_until_they_are_turned_on_again(market: Market, endpoint: Receiver) -> None:
    change(market, callback_url=endpoint.url)
    app = f"/apps/{market.app['partner_id']}"
    assert market.control("POST", app, {"push_status": "Suspended"})["push_status"] == "Suspended"
    told = config(market)
    assert told["live_push_status"] == "Suspended"
    assert abs(told["suspended_time"] - market.now()) < 60
    lost = market.create_order(market.shop_ids[0], status="READY_TO_SHIP")["order_sn"]
    change(market, set_push_config_on=[3])
    told = config(market)
    assert (told["live_push_status"], told["suspended_time"]) == ("Normal", 0)
    assert market.deliveries(order_sn=lost) == []
    market.control("POST", app, {"push_status": "Warning"})
    assert config(market)["live_push_status"] == "Warning"
    market.control("POST", app, {"push_status": "Bored"}, status=400)


def rated(accepted: int, refused: int) -> PushSettings:
    settings = PushSettings()
    for number in range(accepted + refused):
        settings.note(1_000.0 + number / 1_000, accepted=number < accepted)
    return settings


@pytest.mark.parametrize(
    ("accepted", "refused", "status"),
    [
        (0, RATED_FROM_PUSHES, "Normal"),
        (700, 300, "Normal"),
        (699, 301, "Warning"),
        (300, 700, "Warning"),
        (299, 701, "Suspended"),
    ],
)
def test_status_follows_the_rate_of_six_hours(accepted: int, refused: int, status: str) -> None:
    assert rated(accepted, refused).status == status


def test_a_warning_passes_with_its_hours_and_a_suspension_does_not() -> None:
    warned, suspended = rated(699, 301), rated(200, 800)
    for settings in (warned, suspended):
        settings.note(1_001.0 + RATED_SECONDS, accepted=True)
    assert (warned.status, suspended.status) == ("Normal", "Suspended")
    suspended.switch([3], [])
    assert suspended.status == "Normal"
