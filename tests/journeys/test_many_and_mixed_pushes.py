"""F35, T13, F36: pushes that come many times, at once, or in the wrong order change nothing about where it ends."""

from __future__ import annotations

import random
from typing import Any

import pytest

from tests.journeys.conftest import Place
from tests.journeys.senders import Senders
from tests.support.installation import Installation, order_push
from tests.support.processes import wait_until

pytestmark = pytest.mark.journey

CONNECTIONS = 32
REPEATS = 10_000
DETAIL_PATH = "/api/v2/order/get_order_detail"
LIVES = (
    ("pay",),
    ("pay", "cancel"),
    ("pay", "ship"),
    ("pay", "ship", "pickup"),
    ("pay", "ship", "pickup", "deliver"),
    ("pay", "ship", "pickup", "deliver", "complete"),
)


def test_f35_t13_one_push_ten_thousand_times_over_32_connections_is_one_row_and_one_fetch(place: Place) -> None:
    home = place()
    home.prepare("sandbox")
    shop_id = int(home.shop_id("sandbox"))
    wish = {"shop_id": shop_id, "status": "READY_TO_SHIP", "pushes": False}
    body = order_push(home.control("sandbox", "POST", "/control/orders", wish)["order_sn"], shop_id)
    home.control("sandbox", "DELETE", "/control/calls")
    home.start()
    senders = Senders(home.port, home.url, home.app("sandbox")["push_partner_key"])

    at_once = senders.send_all([body] * CONNECTIONS, connections=CONNECTIONS, together=True)
    assert [sent.status for sent in at_once] == [200] * CONNECTIONS
    (event,) = home.events()
    assert event.duplicates == CONNECTIONS - 1

    again = senders.send_all([body] * (REPEATS - CONNECTIONS), connections=CONNECTIONS)
    assert {sent.status for sent in again} == {200}
    assert len(senders.done) == REPEATS
    wait_until(lambda: home.events()[0].state == "applied", message="the event was not finished")
    (event,) = home.events()
    assert event.duplicates == REPEATS - 1
    home.wait_equal("sandbox")
    assert home.calls("sandbox", DETAIL_PATH) == 1


@pytest.mark.parametrize("arrival", ["reversed", "shuffled"])
def test_f36_whatever_the_order_of_arrival_the_orders_end_as_the_marketplace_has_them(
    place: Place, arrival: str
) -> None:
    home = place()
    home.prepare("sandbox")
    bodies = live_lives(home)
    if arrival == "reversed":
        bodies.reverse()
    else:
        random.Random(7).shuffle(bodies)
    home.start()
    senders = Senders(home.port, home.url, home.app("sandbox")["push_partner_key"])
    half = len(bodies) // 2

    for part in (bodies[:half], bodies[half:]):
        assert {sent.status for sent in senders.send_all(part, connections=4)} == {200}
        wait_until(lambda: home.count_events("received") == 0, timeout=20, message="not all events were finished")

    assert home.count_events("applied") == len(bodies)
    assert home.believed("sandbox") == home.stated("sandbox")
    assert len(home.believed("sandbox")) == 2 * len(LIVES)


def live_lives(home: Installation) -> list[bytes]:
    """Orders that have gone their way before anybody hears of it; the bodies of all their pushes, in order."""
    shop_id = int(home.shop_id("sandbox"))
    for life in LIVES * 2:
        order = home.control("sandbox", "POST", "/control/orders", {"shop_id": shop_id})
        for verb in life:
            home.control("sandbox", "POST", f"/control/orders/{order['order_sn']}/{verb}")
            home.control("sandbox", "POST", "/control/clock", {"advance_seconds": 1})
    deliveries: list[dict[str, Any]] = home.control("sandbox", "GET", "/control/deliveries")["deliveries"]
    bodies = [one["body"].encode() for one in deliveries if one["order_sn"] is not None]
    assert len(bodies) > 4 * len(LIVES)
    return bodies
