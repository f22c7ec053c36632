"""The simulator inside another program: in a thread with an event loop of its own, on free ports, with a client."""

from __future__ import annotations

import asyncio
import json
import socket
import threading
import urllib.error
import urllib.request
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from kedai.simulator.server import PUSH_RETRY_SECONDS, loop_factory, running
from kedai.simulator.state.apps import ENVIRONMENTS

if TYPE_CHECKING:
    from collections.abc import Iterator

HOST = "127.0.0.1"
_TIMEOUT_SECONDS = 30.0
_STARTED_SECONDS = 30.0
# Never through a proxy: the simulator is on this machine.
_OPENER = urllib.request.build_opener(urllib.request.ProxyHandler({}))


class ControlRefused(Exception):
    """The control API refused; the text is its sentence."""


class Market:
    """One environment: its address, its app and shops, and its control API as methods."""

    def __init__(self, url: str) -> None:
        """Look up who is there."""
        self.url = url
        state = self.control("GET", "/state?orders=0&deliveries=0")
        self.environment: str = state["environment"]
        self.app: dict[str, Any] = state["apps"][0]
        self.shop_ids: list[int] = [shop["shop_id"] for shop in state["shops"]]

    def control(self, method: str, path: str, body: object = None) -> Any:
        """Call ``/control`` + path and return its JSON.

        Raises:
            ControlRefused: with the API's own words.
        """
        return self.send(method, f"/control{path}", body)

    def send(self, method: str, path: str, body: object = None) -> Any:
        """Send JSON to a path and return the JSON that comes back.

        Raises:
            ControlRefused: not a 2xx; with the answer's own words.
        """
        raw = None if body is None else json.dumps(body).encode()
        request = urllib.request.Request(f"{self.url}{path}", data=raw, method=method)  # noqa: S310 - ours
        try:
            with _OPENER.open(request, timeout=_TIMEOUT_SECONDS) as answer:
                return json.load(answer)
        except urllib.error.HTTPError as refusal:
            with refusal:
                raise ControlRefused(refusal.read().decode(errors="replace")) from None

    def now(self) -> int:
        """Return the simulated Unix time."""
        return int(self.control("GET", "/health")["now"])

    def advance(self, seconds: float) -> None:
        """Move the clock; what falls due happens."""
        self.control("POST", "/clock", {"advance_seconds": seconds})

    def push_to(self, callback_url: str | None) -> None:
        """Set where pushes go."""
        self.control("POST", f"/apps/{self.app['partner_id']}", {"callback_url": callback_url})

    def authorize(self, shop_id: int, redirect: str) -> dict[str, str]:
        """Approve as the seller would; return ``code``, and ``location``: where the browser would be sent."""
        wish = {"partner_id": self.app["partner_id"], "shop_id": shop_id, "redirect": redirect}
        approved: dict[str, str] = self.control("POST", "/authorizations", wish)
        return approved

    def create_order(self, shop_id: int | None = None, **wish: object) -> dict[str, Any]:
        """Place an order of the first shop, or of the one that is named, and return it in full."""
        body = {"shop_id": self.shop_ids[0] if shop_id is None else shop_id, **wish}
        order: dict[str, Any] = self.control("POST", "/orders", body)
        return order

    def step(self, order_sn: str, verb: str, **options: object) -> dict[str, Any]:
        """Carry out a step of an order (``pay``, ``ship``, ``pickup``, …) and return it."""
        order: dict[str, Any] = self.control("POST", f"/orders/{order_sn}/{verb}", options)
        return order

    def deliveries(self) -> list[dict[str, Any]]:
        """Return the remembered pushes, oldest first."""
        found: list[dict[str, Any]] = self.control("GET", "/deliveries")["deliveries"]
        return found

    def settings(self, **changes: object) -> dict[str, Any]:
        """Change the manners that are named, and return all of them."""
        changed: dict[str, Any] = self.control("POST", "/settings", changes)
        return changed

    def fail(self, **rule: object) -> None:
        """Add a fault, for example ``error="error_server", path="/api/v2/order/*", times=3``."""
        self.settings(fail=[*self.control("GET", "/settings")["fail"], rule])

    def snapshot(self) -> Any:
        """Return the whole state, to be given to `restore`."""
        return self.control("GET", "/snapshot")

    def restore(self, kept: object) -> None:
        """Put a state back."""
        self.control("PUT", "/snapshot", kept)

    def reset(self) -> None:
        """Begin anew."""
        self.control("POST", "/reset")


class Simulator:
    """Both environments."""

    def __init__(self, sandbox: Market, live: Market) -> None:
        """Hold them."""
        self.sandbox = sandbox
        self.live = live

    def reset(self) -> None:
        """Begin both anew."""
        self.sandbox.reset()
        self.live.reset()


@contextmanager
def simulator_in_thread(
    *, seed: int = 1, push_retry_seconds: tuple[float, ...] = PUSH_RETRY_SECONDS
) -> Iterator[Simulator]:
    """Run the simulator in a thread while the block runs, on two ports that were free."""
    listening, stop = threading.Event(), threading.Event()
    problems: list[BaseException] = []
    ports = _free_ports(len(ENVIRONMENTS))

    async def serve() -> None:
        async with running(HOST, ports, seed, push_retry_seconds=push_retry_seconds):
            listening.set()
            await asyncio.to_thread(stop.wait)

    def run() -> None:
        try:
            with asyncio.Runner(loop_factory=loop_factory()) as runner:
                runner.run(serve())
        except BaseException as problem:  # noqa: BLE001 - handed to whoever waits for the start
            problems.append(problem)
        finally:
            listening.set()

    thread = threading.Thread(target=run, name="kedai-simulator", daemon=True)
    thread.start()
    listening.wait(_STARTED_SECONDS)
    try:
        if problems:
            raise problems[0]
        yield Simulator(*(Market(f"http://{HOST}:{port}") for port in ports))
    finally:
        stop.set()
        thread.join(_STARTED_SECONDS)


def _free_ports(count: int) -> tuple[int, ...]:
    """Return ports that are free just now; all are held until all are known, so that they differ."""
    probes = [socket.socket() for _ in range(count)]
    try:
        for probe in probes:
            probe.bind((HOST, 0))
        return tuple(probe.getsockname()[1] for probe in probes)
    finally:
        for probe in probes:
            probe.close()
