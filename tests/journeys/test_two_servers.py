"""T30 in the large: what is changed through one web server holds at the next push through the other."""

from __future__ import annotations

import pytest

from tests.journeys.conftest import Place
from tests.support.installation import order_push, pick_port
from tests.support.processes import wait_until

pytestmark = pytest.mark.journey

OLD_KEY = "push-key-of-the-journeys-00001"
NEW_KEY = "push-key-of-the-journeys-00002"
LIVE_KEY = "push-key-of-the-journeys-00003"
SEEDS = {
    "SHOPEE_PARTNER_ID": "1001",
    "SHOPEE_PARTNER_KEY": "partner-key-of-the-journeys-01",
    "SHOPEE_PUSH_PARTNER_KEY": OLD_KEY,
    "SHOPEE_SHOP_ID": "7001",
    "SHOPEE_REGION": "SG",
}
ADMIN = "/admin/dashboard/connectors/shopee"


def test_a_key_and_a_switch_changed_through_one_server_hold_at_once_in_the_other(on_postgresql: Place) -> None:
    home = on_postgresql(with_simulator=False, extra=SEEDS)
    other = pick_port()
    servers = [home.start("web", ready=False), home.start("web", ready=False, port=other)]
    for server, port in zip(servers, (home.port, other), strict=True):
        home.wait_ready(server, port=port)
    sandbox, live = home.token("sandbox"), home.token("live")

    def told_by_other(number: int, key: str) -> int:
        body = order_push(f"260901OTHER{number:02}", 7001)
        return home.push("sandbox", body, key=key, port=other).status

    assert told_by_other(1, OLD_KEY) == 200
    changed = home.call("PATCH", f"{ADMIN}?env=sandbox", token=sandbox, value={"push_partner_key": NEW_KEY})
    assert changed.status == 200
    assert told_by_other(2, OLD_KEY) == 401  # it fits what the other server remembers: the flush looks again
    # it looks for newer keys at most ten times a second: the sender's next try finds them at the latest
    wait_until(lambda: told_by_other(3, NEW_KEY) == 200, timeout=1, message="the new key was not noticed")
    assert told_by_other(2, OLD_KEY) == 401
    assert home.push("sandbox", order_push("260901OTHER04", 7001), key=OLD_KEY).status == 401
    assert [event.state for event in home.events()] == ["received", "received"]

    complete = {
        "partner_id": "2002",
        "partner_key": "partner-key-of-the-journeys-02",
        "push_partner_key": LIVE_KEY,
        "shop_id": "8001",
        "region": "SG",
    }
    assert home.call("PATCH", f"{ADMIN}?env=live", token=live, value=complete).status == 200
    switched = home.call(
        "POST", f"{ADMIN}/active-environment", token=live, value={"environment": "live", "confirm": "live"}
    )
    assert switched.status == 200
    assert told_by_other(5, NEW_KEY) == 200
    assert home.push("live", order_push("260901OTHER06", 8001), key=LIVE_KEY, port=other).status == 200
    assert [event.state for event in home.events()] == ["received", "received", "parked"]
    assert [event.state for event in home.events("live")] == ["received"]
