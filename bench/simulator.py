"""The simulator alone: signed `get_order_detail` calls a second on one core, and how long it takes to start.

A call per second of the simulator's own processor time is what one core can do, whoever else uses the machine.
"""

from __future__ import annotations

import hashlib
import hmac
import os
import statistics
import struct
import sys
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING, Self
from urllib.parse import urlencode

from bench.load import Slice, generate
from bench.table import Row
from kedai.simulator.embedded import Market
from tests.support.processes import Process, free_port, wait_http

if TYPE_CHECKING:
    from collections.abc import Iterator

PATH = "/api/v2/order/get_order_detail"
EXCHANGE_PATH = "/api/v2/auth/token/get"
FIELDS = "item_list,package_list,recipient_address,total_amount,buyer_username,pay_time"
START_ROUNDS = 5
ROUNDS = 5
WARM_UP, CALLS = 500, 3_000
CONNECTIONS = 16
_LENGTH = struct.Struct("!I")
_TICKS = os.sysconf("SC_CLK_TCK")


def measure() -> list[Row]:
    """Take the median of five rounds of each."""
    starts = [_start() for _ in range(START_ROUNDS)]
    with tempfile.TemporaryDirectory(prefix="kedai-bench-") as directory, _Simulator() as simulator:
        rounds = [simulator.round(Path(directory) / f"{number}.bin") for number in range(ROUNDS)]
    wall = statistics.median(per_second for per_second, _ in rounds)
    core = statistics.median(per_core for _, per_core in rounds)
    return [
        Row(
            "simulator until both ports answer",
            statistics.median(passed for passed, _ in starts),
            "s",
            target=1.5,
            bound="at most",
        ),
        Row("its processor time until then", statistics.median(used for _, used in starts), "s"),
        Row("signed get_order_detail per second of its processor time", core, "calls/s", target=1_500),
        Row("signed get_order_detail per second passed, generator beside it", wall, "calls/s"),
    ]


class _Simulator:
    """A running simulator with orders and a connected shop."""

    def __enter__(self) -> Self:
        self.port = free_port(with_next=True)
        self.process = Process([sys.executable, "-m", "kedai.simulator", "--port", str(self.port)])
        wait_http(f"http://127.0.0.1:{self.port}/control/health")
        self.market = Market(f"http://127.0.0.1:{self.port}")
        self.shop_id = self.market.shop_ids[0]
        wish = {"shop_id": self.shop_id, "count": 1_000}
        self.order_sns: list[str] = self.market.control("POST", "/orders/batch", wish)["order_sns"]
        self.token = self._connect()
        return self

    def __exit__(self, *_: object) -> None:
        self.process.close()

    def round(self, file: Path) -> tuple[float, float]:
        """Send a round of calls; return calls per second that passed, and per second of the simulator's processor."""
        file.write_bytes(b"".join(_LENGTH.pack(len(call)) + call for call in self._calls()))
        before = _processor_seconds(self.process.pid)
        report = generate(Slice(file, 0, WARM_UP, CALLS), port=self.port, connections=CONNECTIONS)
        used = _processor_seconds(self.process.pid) - before
        return report.per_second, (WARM_UP + CALLS) / used

    def _calls(self) -> Iterator[bytes]:
        for number in range(WARM_UP + CALLS):
            query = self._signed(PATH, self.token, str(self.shop_id))
            query |= {"access_token": self.token, "shop_id": str(self.shop_id)}
            order_sn = self.order_sns[number % len(self.order_sns)]
            query |= {"order_sn_list": order_sn, "response_optional_fields": FIELDS}
            yield f"GET {PATH}?{urlencode(query)} HTTP/1.1\r\nHost: 127.0.0.1:{self.port}\r\n\r\n".encode()

    def _signed(self, path: str, *parts: str) -> dict[str, str]:
        partner_id, now = str(self.market.app["partner_id"]), str(int(time.time()))
        base = "".join((partner_id, path, now, *parts))
        sign = hmac.new(self.market.app["partner_key"].encode(), base.encode(), hashlib.sha256).hexdigest()
        return {"partner_id": partner_id, "timestamp": now, "sign": sign}

    def _connect(self) -> str:
        code = self.market.authorize(self.shop_id, "https://connector.example.test/")["code"]
        body = {"code": code, "partner_id": self.market.app["partner_id"], "shop_id": self.shop_id}
        given = self.market.send("POST", f"{EXCHANGE_PATH}?{urlencode(self._signed(EXCHANGE_PATH))}", body)
        return str(given["access_token"])


def _start() -> tuple[float, float]:
    """Return how long it took until it answered, and how much of that was its own processor time."""
    port = free_port(with_next=True)
    started = time.perf_counter()
    with Process([sys.executable, "-m", "kedai.simulator", "--port", str(port)]) as process:
        for offset in (0, 1):
            wait_http(f"http://127.0.0.1:{port + offset}/control/health")
        return time.perf_counter() - started, _processor_seconds(process.pid)


def _processor_seconds(pid: int) -> float:
    fields = Path(f"/proc/{pid}/stat").read_text(encoding="ascii").rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / _TICKS
