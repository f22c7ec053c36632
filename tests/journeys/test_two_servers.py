"""T30 in the large: what is changed through one web server holds at the next push through the other."""

from __future__ import annotations

import pytest

from kedai.staff.roles import TokenScope
from tests.journeys.conftest import Place
from tests.support.installation import Installation, order_push
from tests.support.processes import free_port, wait_until

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
    other = free_port()
    servers = [home.start("web", ready=False), home.start("web", ready=False, port=other)]
    for server, port in zip(servers, (home.port, other), strict=True):
        home.wait_ready(server, port=port)
    sandbox, live = home.token("sandbox"), home.token("live", scopes=[TokenScope.ACTIVATE_LIVE])

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
    home.certify("live")
    switch_and_see(home, other, "live", live)
    switch_and_see(home, other, "sandbox", sandbox)
    home.certify("live")
    switch_and_see(home, other, "live", live)


def switch_and_see(home: Installation, other: int, target: str, token: str) -> None:
    """T30: switched through one server, obeyed by the other at its very next push of either environment.

    Break: let `read_switchboard` (vault/queries.py) remember its first answer.
    """
    wish = {"environment": target, "confirm": target}
    switched = home.call("POST", f"{ADMIN}/active-environment", token=token, value=wish)
    assert (switched.status, switched.json()["changed"]) == (200, True), switched
    for environment, shop_id, key in (("sandbox", 7001, NEW_KEY), ("live", 8001, LIVE_KEY)):
        order_sn = f"NEXT{len(home.events(environment)):04}{environment}"
        assert home.push(environment, order_push(order_sn, shop_id), key=key, port=other).status == 200
        (state,) = [event.state for event in home.events(environment) if event.order_sn == order_sn]
        assert state == ("received" if environment == target else "parked")
