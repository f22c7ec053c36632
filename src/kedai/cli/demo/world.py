"""The demo's world: a directory of its own, the simulator and Kedai as real processes, both environments connected."""

from __future__ import annotations

import secrets
import shutil
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.error import URLError

from kedai.cli.demo.browser import Browser
from kedai.errors import Unavailable
from kedai.kit.clock import monotonic
from kedai.settings import child_environment
from kedai.values.environment import Environment

EMAIL = "operator@demo.example"
_START_SECONDS = 20.0
_STOP_SECONDS = 20.0


@dataclass(frozen=True, slots=True)
class World:
    """Where everything is, and a signed-in browser."""

    url: str
    simulators: dict[Environment, str]
    shops: dict[Environment, str]
    password: str
    directory: Path
    browser: Browser

    def simulator(self, environment: Environment, path: str) -> Any:
        """Ask an environment's simulator control."""
        return self.browser.get(self.simulators[environment] + path).json()

    def tell_simulator(self, environment: Environment, path: str, value: Any) -> Any:
        """Tell an environment's simulator control something."""
        return self.browser.send_json("POST", self.simulators[environment] + path, value).json()


@contextmanager
def open_world(port: int) -> Iterator[World]:
    """Start everything, connect a shop in each environment, and end all of it at the end.

    Raises:
        Unavailable: something did not start or connect; it says what.
    """
    with ExitStack() as stack:
        directory = Path(tempfile.mkdtemp(prefix="kedai-demo-"))
        stack.callback(shutil.rmtree, directory, ignore_errors=True)
        simulator_port = _free_pair()
        simulators = {
            Environment.SANDBOX: f"http://127.0.0.1:{simulator_port}",
            Environment.LIVE: f"http://127.0.0.1:{simulator_port + 1}",
        }
        port = port if _is_free(port) else _free_pair()
        url = f"http://127.0.0.1:{port}"
        password = secrets.token_urlsafe(12)
        environ = _environment(directory, url, simulators)
        stack.enter_context(
            _running(["simulator", "--port", str(simulator_port)], environ, directory / "simulator.log")
        )
        _command(["staff", "create", EMAIL, "--role", "admin", "--password-stdin"], environ, password + "\n")
        stack.enter_context(_running(["serve", "--port", str(port)], environ, directory / "kedai.log"))
        browser = Browser()
        for address in (*(f"{one}/control/health" for one in simulators.values()), f"{url}/readyz"):
            _wait(lambda address=address: browser.get(address).status == 200, f"{address} did not answer")  # type: ignore[misc]
        world = World(url, simulators, {}, password, directory, browser)
        _sign_in(world)
        for environment in Environment:
            _set_up(world, environment)
        yield world


def _sign_in(world: World) -> None:
    fields = {"email": EMAIL, "password": world.password, "next": "/"}
    if world.browser.post_form(f"{world.url}/login", fields).status != 200:
        raise Unavailable("the demo could not sign in")


def _set_up(world: World, environment: Environment) -> None:
    """Credentials, push address, and a shop connected through the consent page, as an operator would."""
    state = world.simulator(environment, "/control/state?deliveries=0")
    app, shop = state["apps"][0], state["shops"][0]
    admin = f"{world.url}/admin/dashboard/connectors/shopee"
    fields = {
        "partner_id": str(app["partner_id"]),
        "partner_key": app["partner_key"],
        "push_partner_key": app["push_partner_key"],
        "shop_id": str(shop["shop_id"]),
        "region": shop["region"],
        "host": f"demo_{environment.value}",
    }
    saved = world.browser.send_json("PATCH", f"{admin}?env={environment.value}", fields)
    if saved.status != 200:
        raise Unavailable(f"the {environment.value} credentials were refused: {saved.body.decode()}")
    push_url = saved.json()["callback_urls"]["webhook"][0]
    world.tell_simulator(environment, f"/control/apps/{app['partner_id']}", {"callback_url": push_url})
    begun = world.browser.get(f"{admin}/oauth/start?env={environment.value}").json()
    consent = world.browser.get(begun["authorization_url"])
    back = world.browser.submit(consent, {"shop_id": str(shop["shop_id"]), "decision": "approve"})
    if "status=connected" not in back.url:
        raise Unavailable(f"the {environment.value} shop was not connected: ended at {back.url}")
    world.shops[environment] = str(shop["shop_id"])


def _environment(directory: Path, url: str, simulators: dict[Environment, str]) -> dict[str, str]:
    hosts = ";".join(f"demo_{one.value}={base}|{base}|{one.value}" for one, base in simulators.items())
    data = str(directory / "data")
    return child_environment({"KEDAI_DATA_DIR": data, "KEDAI_PUBLIC_URL": url, "KEDAI_EXTRA_HOSTS": hosts})


def _command(arguments: list[str], environ: dict[str, str], given: str) -> None:
    command = [sys.executable, "-m", "kedai", *arguments]
    done = subprocess.run(command, env=environ, input=given, capture_output=True, text=True, check=False)  # noqa: S603  our own program
    if done.returncode != 0:
        raise Unavailable(f"kedai {' '.join(arguments[:2])} failed: {done.stderr.strip()}")


@contextmanager
def _running(arguments: list[str], environ: dict[str, str], log: Path) -> Iterator[None]:
    command = [sys.executable, "-m", "kedai", *arguments]
    with log.open("wb") as output:
        process = subprocess.Popen(command, env=environ, stdout=output, stderr=output, start_new_session=True)  # noqa: S603  our own program
    try:
        yield
    finally:
        process.terminate()
        try:
            process.wait(_STOP_SECONDS)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def wait_until(condition: Callable[[], bool], seconds: float, *, every: float = 0.1) -> bool:
    """Whether the condition came true in time."""
    deadline = monotonic() + seconds
    while monotonic() < deadline:
        if condition():
            return True
        time.sleep(every)
    return False


def _wait(condition: Callable[[], bool], complaint: str) -> None:
    def holds() -> bool:
        try:
            return condition()
        except (URLError, OSError):
            return False

    if not wait_until(holds, _START_SECONDS, every=0.05):
        raise Unavailable(complaint)


def _is_free(port: int) -> bool:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
    return True


def _free_pair() -> int:
    """A free port whose successor is free too."""
    while True:
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            port: int = probe.getsockname()[1]
        if port < 65535 and _is_free(port) and _is_free(port + 1):
            return port
