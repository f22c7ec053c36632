"""The whole state kept and put back: what goes on, what is waited for again, and what is refused."""

from __future__ import annotations

import asyncio
import json
import signal
import subprocess
import sys
from typing import TYPE_CHECKING, Any

from kedai.simulator.server import running
from kedai.simulator.state_file import StateFile
from tests.simulator.conftest import running_simulator
from tests.simulator.market import Market, fetch
from tests.simulator.seller import Seller
from tests.simulator.test_pushes import settled
from tests.support.processes import free_port, wait_until

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from tests.simulator.receiver import Receiver


def kept(market: Market) -> bytes:
    return fetch("GET", f"{market.url}/control/snapshot").raw


def put_back(market: Market, raw: bytes) -> Any:
    answer = fetch("PUT", f"{market.url}/control/snapshot", raw)
    assert answer.status == 200, answer.raw[:300]
    return answer.json


def test_everything_is_there_again_and_tokens_still_work(market: Market) -> None:
    seller = Seller(market)
    order = seller.order("ship")
    returned = seller.order("ship", "pickup", "deliver")["order_sn"]
    market.control("POST", f"/orders/{returned}/returns", {"needs_logistics": True})
    market.control("POST", "/settings", {"tracking_delay_seconds": 60, "fail": [{"error": "x", "path": "/nowhere"}]})
    before = market.control("GET", "/state")
    raw = kept(market)
    market.control("POST", "/reset")
    assert market.control("GET", "/state")["orders"] == []
    assert seller.get("shop/get_shop_info").error == "invalid_acceess_token"
    put_back(market, raw)
    after = market.control("GET", "/state")
    assert {name: value for name, value in after.items() if name != "now"} == {
        name: value for name, value in before.items() if name != "now"
    }
    assert seller.get("shop/get_shop_info").error == ""
    assert seller.shown(order["order_sn"])["order_status"] == "PROCESSED"
    assert market.control("GET", "/settings")["tracking_delay_seconds"] == 60
    assert kept(market)[:200] == raw[:200]


def test_what_was_to_come_still_comes(market: Market, receiver: Receiver) -> None:
    receiver.manner.status = 500
    market.control("POST", "/settings", {"tracking_delay_seconds": 600, "document_delay_seconds": 500})
    seller = Seller(market)
    order_sn = seller.order("ship")["order_sn"]
    assert [delivery["state"] for delivery in settled(market, order_sn, 2)] == ["waiting_retry"] * 2
    raw = kept(market)
    market.control("POST", "/reset")
    receiver.received.clear()
    receiver.manner.status = 200
    put_back(market, raw)
    market.control("POST", "/clock", {"advance_seconds": 601})
    codes = [delivery["code"] for delivery in settled(market, order_sn, 3)]
    assert codes == [3, 30, 4]

    def arrived() -> set[int]:
        return {json.loads(push.body)["code"] for push in receiver.received if order_sn.encode() in push.body}

    wait_until(lambda: arrived() == {3, 30, 4}, message="the retries and the tracking number")


def test_a_rotated_pair_is_replayed_after_a_restart(market: Market) -> None:
    market.control("POST", "/settings", {"refresh_replay_mode": "same_pair_4h"})
    shop_id = market.shop_ids[0]
    old = market.connect(shop_id)["refresh_token"]
    new = market.refresh(old, shop_id).json["refresh_token"]
    put_back(market, kept(market))
    assert market.refresh(old, shop_id).json["refresh_token"] == new


def test_damaged_and_foreign_snapshots_are_refused_and_change_nothing(market: Market, live: Market) -> None:
    Seller(market).order()
    raw = kept(market)
    whole = json.loads(raw)
    unpacked = {**whole["orders"][0], "packages": []}
    cases = {
        b"{}": "This is no snapshot",
        raw[:-10]: "This is no snapshot",
        json.dumps({**whole, "version": 99}).encode(): "version 99",
        json.dumps({**whole, "apps": []}).encode(): "no app",
        json.dumps({**whole, "shelves": {}}).encode(): "do not fit together",
        json.dumps({**whole, "returns": [], "orders": [unpacked]}).encode(): "without a package",
    }
    for body, text in cases.items():
        answer = fetch("PUT", f"{market.url}/control/snapshot", body)
        assert (answer.status, answer.json["error"]) == (400, "bad_snapshot")
        assert text in answer.json["message"]
    assert fetch("PUT", f"{live.url}/control/snapshot", raw).status == 400
    assert json.loads(kept(market))["orders"] == whole["orders"]


def test_equal_seeds_and_equal_deeds_make_equal_states() -> None:
    def played(url: str) -> dict[str, Any]:
        market = Market(url)
        market.control("POST", "/settings", {"duplicate_pushes": 0.5, "shuffle_pushes": True})
        seller = Seller(market)
        for number in range(4):
            order = seller.order(create_time=1_790_000_000 + number, pushes=True)
            seller.step(order["order_sn"], "ship")
        state = json.loads(kept(market))
        return {
            "orders": [order["order_sn"] for order in state["orders"]],
            "tracking": [order["packages"][0]["tracking_number"] for order in state["orders"]],
            "tokens": [pair["access_token"] for pair in state["ledger"]["pairs"]],
            "pushes": [(push["code"], push["order_sn"], push["duplicate_of"]) for push in state["deliveries"]],
            "draws": state["draws"],
        }

    with running_simulator("--seed", "5") as one, running_simulator("--seed", "5") as other:
        assert played(one.urls[0]) == played(other.urls[0])


def test_a_state_file_is_gone_on_from(tmp_path: Path) -> None:
    path = tmp_path / "state.json"
    with running_simulator("--state", str(path)) as first:
        market = Market(first.urls[0])
        seller = Seller(market)
        order_sn = seller.order()["order_sn"]
        first.process.terminate()
        assert first.process.wait_exit() == 0
    assert path.stat().st_mode & 0o777 == 0o600
    with running_simulator("--state", str(path), "--seed", "9") as second:
        again = Market(second.urls[0])
        assert again.shop_ids == market.shop_ids
        assert again.control("GET", f"/orders/{order_sn}")["order_status"] == "READY_TO_SHIP"
        token = again.shop_get("/api/v2/shop/get_shop_info", seller.token, seller.shop_id)
        assert token.error == ""


def test_a_killed_simulator_loses_little(tmp_path: Path) -> None:
    """The file is kept up to date while it runs, whole at every moment."""
    path = tmp_path / "state.json"
    with running_simulator("--state", str(path)) as first:
        market = Market(first.urls[0])
        order_sn = Seller(market).order()["order_sn"]
        wait_until(lambda: path.exists() and order_sn.encode() in path.read_bytes(), message="the order was not kept")
        market.control("POST", f"/orders/{order_sn}/ship", {})
        wait_until(lambda: b"PROCESSED" in path.read_bytes(), message="the step was not kept")
        first.process.send_signal(signal.SIGKILL)
        first.process.wait_exit()
    assert path.stat().st_mode & 0o777 == 0o600
    with running_simulator("--state", str(path)) as second:
        again = Market(second.urls[0])
        assert again.control("GET", f"/orders/{order_sn}")["order_status"] == "PROCESSED"


def test_a_state_that_cannot_be_written_is_said_and_what_was_kept_stays(tmp_path: Path) -> None:
    """The simulator goes on meanwhile."""
    path = tmp_path / "state.json"
    beside = tmp_path / "state.json.new"
    beside.mkdir()  # so that nothing can be written there
    with running_simulator("--state", str(path)) as blocked:
        market = Market(blocked.urls[0])
        market.create_order(market.shop_ids[0])
        wait_until(lambda: "cannot be kept" in blocked.process.output(), message="nobody said so")
        assert market.control("GET", "/health")
        blocked.process.terminate()
        assert blocked.process.wait_exit() == 74
        assert "Traceback" not in blocked.process.output()
    assert not path.exists()


def test_only_what_changes_something_is_written(tmp_path: Path) -> None:
    """Looking does not; calls of the API do, and orders, steps, and whatever time brings."""
    path = tmp_path / "state.json"

    def stamp() -> tuple[int, int] | None:
        return (path.stat().st_ino, path.stat().st_mtime_ns) if path.exists() else None

    async def was_written(act: Callable[[], object]) -> bool:
        before = stamp()
        await asyncio.to_thread(act)
        for _ in range(20):
            await asyncio.sleep(0.01)
            if stamp() != before:
                return True
        return False

    async def watch() -> list[bool]:
        port = free_port(with_next=True)
        async with running("127.0.0.1", (port, port + 1), 1) as simulations:
            simulation, url = simulations[0], f"http://127.0.0.1:{port}"
            keeping = asyncio.create_task(StateFile(path, simulations).keep(every_seconds=0.01))
            order = simulation.script_order(next(iter(simulation.world.shops)), "one")
            acts: list[Callable[[], object]] = [
                lambda: None,
                lambda: fetch("GET", f"{url}/"),
                lambda: fetch("GET", f"{url}/control/state"),
                lambda: fetch("GET", f"{url}/api/v2/shop/get_shop_info"),
                lambda: simulation.try_step(order, "pay"),
                lambda: fetch("POST", f"{url}/control/clock", b'{"advance_seconds": 60}'),
            ]
            seen = [await was_written(act) for act in acts]
            simulation.timers.at(simulation.world.clock.time() - 1, lambda: None)
            seen.append(await was_written(lambda: None))
            keeping.cancel()
        return seen

    assert asyncio.run(watch()) == [True, False, False, True, True, True, True]


def test_an_unreadable_state_file_is_said_in_a_sentence_and_kept(tmp_path: Path) -> None:
    path = tmp_path / "state.json"
    path.write_text('{"sandbox": {"version": 1}}')
    command = [sys.executable, "-m", "kedai.simulator", "--port", "1", "--state", str(path)]
    run = subprocess.run(command, capture_output=True, text=True, check=False, timeout=30)
    assert run.returncode == 65
    assert str(path) in run.stderr
    assert "Traceback" not in run.stderr
    assert path.read_text() == '{"sandbox": {"version": 1}}'
