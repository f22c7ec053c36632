"""`--server granian`: the same installation under the other HTTP server; its orderly end is in test_orderly_end.py."""

from __future__ import annotations

import pytest

from tests.journeys.conftest import Place
from tests.support.processes import wait_http

pytestmark = pytest.mark.journey


def test_pushes_become_orders_and_pages_carry_the_same_headers(place: Place) -> None:
    home = place()
    home.prepare("sandbox")
    home.start("serve", "--server", "granian")
    home.register_pushes("sandbox")
    wish = {"shop_id": int(home.shop_id("sandbox")), "count": 30, "pushes": True}
    home.control("sandbox", "POST", "/control/orders/batch", wish)

    home.wait_equal("sandbox")

    page = home.sign_in().open(f"{home.url}/e/sandbox/orders")
    assert page.status == 200
    assert page.headers["content-security-policy"].startswith("default-src 'none'")
    assert len(home.believed("sandbox")) == 30


def test_a_second_one_on_the_same_port_ends_instead_of_taking_half_of_the_pushes(on_postgresql: Place) -> None:
    home = on_postgresql(with_simulator=False)
    home.start("web")

    second = home.start("web", "--server", "granian", ready=False)

    assert second.wait_exit() == 69
    assert f"cannot listen on 127.0.0.1 port {home.port}" in second.output()
    wait_http(f"{home.url}/livez", timeout=5)
