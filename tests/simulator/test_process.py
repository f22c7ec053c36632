"""The process: starts, keeps its environments apart, follows its seed, ends cleanly, and owes Kedai nothing."""

from __future__ import annotations

import signal
import subprocess
import sys
from typing import TYPE_CHECKING

from kedai.simulator.state.world import World
from tests.simulator.conftest import running_simulator
from tests.simulator.market import Market, fetch
from tests.support.processes import Process

if TYPE_CHECKING:
    from tests.simulator.conftest import Running


def test_each_environment_is_announced_with_its_address(simulator: Running) -> None:
    lines = simulator.process.output().splitlines()
    assert lines == [f"Simulator, sandbox: {simulator.urls[0]}", f"Simulator, live: {simulator.urls[1]}"]


def test_each_port_knows_only_its_own_app_and_shops(market: Market, live: Market) -> None:
    assert (market.environment, live.environment) == ("sandbox", "live")
    assert market.app["partner_id"] != live.app["partner_id"]
    assert not set(market.shop_ids) & set(live.shop_ids)
    path = "/api/v2/shop/get_shop_info"
    stranger = live.query(path, "0" * 32, live.shop_ids[0])
    assert market.get(path, stranger).error == "invalid_partner_id"
    market.create_order(market.shop_ids[0], order_sn="ONLYSANDBOX")
    assert "ONLYSANDBOX" not in [order["order_sn"] for order in live.control("GET", "/state")["orders"]]
    live.control("POST", "/orders", {"shop_id": market.shop_ids[0]}, status=404)


def test_each_environment_has_two_shops_of_different_currencies(market: Market, live: Market) -> None:
    for port, currencies in ((market, {"SGD", "MYR"}), (live, {"SGD", "IDR"})):
        assert {shop["currency"] for shop in port.control("GET", "/state")["shops"]} == currencies


def test_keys_are_fake_distinct_and_of_the_known_shape(market: Market, live: Market) -> None:
    keys = [app[name] for app in (market.app, live.app) for name in ("partner_key", "push_partner_key")]
    assert len(set(keys)) == 4
    assert all(len(key) == 64 and key.startswith("shpk") for key in keys)


def test_ids_and_keys_follow_from_the_seed(market: Market) -> None:
    same, other = World(1, "sandbox"), World(2, "sandbox")
    assert market.app["partner_key"] == next(iter(same.apps.values())).partner_key
    assert market.shop_ids == list(same.shops)
    assert list(other.shops) != list(same.shops)
    assert next(iter(other.apps.values())).partner_key != market.app["partner_key"]


def test_another_seed_gives_another_market_and_sigterm_ends_it_cleanly(market: Market) -> None:
    with running_simulator("--seed", "7") as other:
        assert Market(other.urls[0]).shop_ids != market.shop_ids
        other.process.terminate()
        assert other.process.wait_exit() == 0


def test_sigint_ends_it_cleanly_too() -> None:
    with running_simulator() as running:
        running.process.send_signal(signal.SIGINT)
        assert running.process.wait_exit() == 0
        assert "Traceback" not in running.process.output()


def test_a_taken_port_is_said_in_a_sentence(simulator: Running) -> None:
    with Process([sys.executable, "-m", "kedai.simulator", "--port", str(simulator.port)]) as second:
        assert second.wait_exit() == 69
        assert "cannot listen" in second.output()
        assert "Traceback" not in second.output()


def test_it_imports_nothing_of_the_rest_of_kedai() -> None:
    program = "import sys, kedai.simulator.server; print(*(m for m in sys.modules if m.startswith('kedai')))"
    run = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    foreign = [name for name in run.stdout.split() if name != "kedai" and not name.startswith("kedai.simulator")]
    assert foreign == []


def test_front_page_names_environment_app_and_control_routes(live: Market) -> None:
    page = fetch("GET", f"{live.url}/").raw.decode()
    assert "live environment" in page
    assert str(live.app["partner_id"]) in page
    assert "/control/orders/{order_sn}/{verb}" in page
    assert "<script" not in page
