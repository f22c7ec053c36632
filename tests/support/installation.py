"""A whole installation made of real processes: the simulator, Kedai on a database of its own, and ways to poke both."""

from __future__ import annotations

import asyncio
import base64
import contextlib
import hashlib
import hmac
import http.client
import json
import os
import shutil
import subprocess
import sys
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from decimal import Decimal
from html.parser import HTMLParser
from pathlib import Path
from types import TracebackType
from typing import Any, Self
from urllib.parse import parse_qs, urlencode, urljoin, urlsplit

import sqlalchemy as sa

from kedai import migrations
from kedai.db.database import Database
from kedai.inbox.models import RawEvent
from kedai.orders.models import OrderSync
from kedai.runtime import Runtime, open_runtime
from kedai.settings import Settings
from kedai.staff.passwords import hash_password
from kedai.staff.roles import Role, TokenScope
from kedai.staff.service import create_api_token, create_staff
from kedai.sync.connect import TOKEN_SESSION, Callback, finish, start
from kedai.sync.credentials import edit
from kedai.values.actor import COMMAND_LINE
from kedai.values.environment import ConnectorName, Environment
from tests.support.certificates import store_certificate
from tests.support.commands import commands, run_fresh
from tests.support.processes import Process, free_port, wait_http, wait_until

MASTER_KEYS = "k1:" + base64.b64encode(hashlib.sha256(b"a test key, of no use anywhere").digest()).decode()
KEDAI = [sys.executable, "-m", "kedai"]
SHOPEE = ConnectorName("shopee")
ENVIRONMENTS = ("sandbox", "live")
READY_SECONDS = 60.0
_NO_AUTHORITIES = {"SSL_CERT_FILE": os.devnull, "SSL_CERT_DIR": os.devnull}
"""Nothing here leaves loopback, and reading the world's certificates is a sixth of what it takes to start a process."""


@dataclass(frozen=True)
class Answer:
    """Status, headers with lower-case names, body."""

    status: int
    headers: dict[str, str]
    body: bytes

    def json(self) -> Any:
        return json.loads(self.body)


def request(
    method: str, url: str, *, headers: Mapping[str, str] | None = None, body: bytes | None = None, timeout: float = 30
) -> Answer:
    """One plain HTTP request; redirects are not followed."""
    parts = urlsplit(url)
    connection = http.client.HTTPConnection(parts.hostname or "", parts.port, timeout=timeout)
    try:
        target = parts.path + (f"?{parts.query}" if parts.query else "")
        with suppress(BrokenPipeError):  # a body that is too large is answered before all of it was sent
            connection.request(method, target, body=body, headers=dict(headers or {}))
        response = connection.getresponse()
        found = {name.lower(): value for name, value in response.getheaders()}
        return Answer(response.status, found, response.read())
    finally:
        connection.close()


class Browser:
    """What a person's browser does: cookies by host, forms of a page, redirects one by one; `visited` tells where."""

    def __init__(self) -> None:
        self.cookies: dict[str, dict[str, str]] = {}
        self.visited: list[str] = []
        self.page = Answer(0, {}, b"")

    def open(self, url: str, *, follow: bool = True, **headers: str) -> Answer:
        """Go to an address."""
        return self._go("GET", url, None, headers, follow=follow)

    def post(self, url: str, fields: Mapping[str, str], *, follow: bool = True, **headers: str) -> Answer:
        """Send a form from a page of the same site."""
        sent = {"Content-Type": "application/x-www-form-urlencoded", "Sec-Fetch-Site": "same-origin", **headers}
        return self._go("POST", url, urlencode(fields).encode(), sent, follow=follow)

    def send_json(self, method: str, url: str, value: Any = None, **headers: str) -> Answer:
        """What a script of the same site would send."""
        body = None if value is None else json.dumps(value).encode()
        sent = {**({"Content-Type": "application/json"} if body else {}), "Sec-Fetch-Site": "same-origin", **headers}
        return self._go(method, url, body, sent, follow=False)

    def submit(self, choices: Mapping[str, str], *, follow: bool = True) -> Answer:
        """Fill in and send the first form of the page that is open; ``choices`` add to its hidden fields."""
        form = _FirstForm()
        form.feed(self.page.body.decode())
        return self.post(urljoin(self.visited[-1], form.action), {**form.hidden, **choices}, follow=follow)

    def cookie(self, url: str) -> dict[str, str]:
        """The header with which a request to this address would go out."""
        held = self.cookies.get(urlsplit(url).hostname or "", {})
        return {"Cookie": "; ".join(f"{name}={value}" for name, value in held.items())} if held else {}

    def _go(self, method: str, url: str, body: bytes | None, headers: Mapping[str, str], *, follow: bool) -> Answer:
        for _hop in range(10):
            answer = request(method, url, headers={**self.cookie(url), **headers}, body=body)
            self.visited.append(url)
            self._keep(url, answer)
            location = answer.headers.get("location")
            if not follow or location is None or answer.status // 100 != 3:
                self.page = answer
                return answer
            method, body, headers, url = "GET", None, {}, urljoin(url, location)
        raise AssertionError(f"too many redirects: {self.visited}")

    def _keep(self, url: str, answer: Answer) -> None:
        if "set-cookie" not in answer.headers:
            return
        name, _, value = answer.headers["set-cookie"].split(";")[0].partition("=")
        held = self.cookies.setdefault(urlsplit(url).hostname or "", {})
        if "max-age=0" in answer.headers["set-cookie"].lower():
            held.pop(name, None)
        else:
            held[name] = value


class _FirstForm(HTMLParser):
    """The action and the hidden fields of a page's first form."""

    def __init__(self) -> None:
        super().__init__()
        self.action = ""
        self.hidden: dict[str, str] = {}
        self._forms = 0
        self._inside = False

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = dict(attrs)
        if tag == "form":
            self._forms += 1
            self._inside = self._forms == 1
            self.action = given.get("action") or "" if self._inside else self.action
        elif tag == "input" and self._inside and given.get("type") == "hidden":
            self.hidden[given.get("name") or ""] = given.get("value") or ""

    def handle_endtag(self, tag: str) -> None:
        self._inside = self._inside and tag != "form"


@dataclass
class Installation:
    """Kedai (and, if asked for, a simulator) as processes; everything ends with the block."""

    directory: Path
    database_url: str | None = None
    with_simulator: bool = True
    simulator: Sequence[str] = (*KEDAI, "simulator", "--port")
    """The command that starts one; the port follows, and live is on the next."""

    extra: dict[str, str] = field(default_factory=dict)
    sqlite_template: Path | None = None
    """A migrated file to start from, where no process shall spend its first second on that."""

    _stack: ExitStack = field(default_factory=ExitStack)
    _processes: list[Process] = field(default_factory=list)
    _database: Database | None = None

    def __enter__(self) -> Self:
        self.port = free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        self.simulators: dict[str, str] = {}
        if self.sqlite_template is not None:
            self.data_dir.mkdir(mode=0o700, parents=True, exist_ok=True)
            shutil.copy(self.sqlite_template, self.data_dir / "kedai.sqlite3")
        if self.with_simulator:
            self._start_simulator()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._database is not None:
            self._database.close()
        for process in self._processes:  # all are asked first, so that nobody waits for the one before
            process.terminate()
        self._stack.close()

    @property
    def data_dir(self) -> Path:
        """Where an embedded installation keeps everything."""
        return self.directory / "data"

    @property
    def own_settings(self) -> dict[str, str]:
        """The settings in which this installation differs from the defaults; a blank one is left out."""
        own = {
            "KEDAI_DATA_DIR": str(self.data_dir),
            "KEDAI_PUBLIC_URL": self.url,
            "KEDAI_MASTER_KEYS": MASTER_KEYS,
            "KEDAI_EXTRA_HOSTS": ";".join(
                f"test_{name}={base}|{base}|{name}" for name, base in self.simulators.items()
            ),
        }
        if self.database_url is not None:
            own["KEDAI_DATABASE_URL"] = self.database_url
        return {name: text for name, text in {**own, **self.extra}.items() if text}

    @property
    def environ(self) -> dict[str, str]:
        """The process environment of every Kedai process here."""
        kept = {name: value for name, value in os.environ.items() if not name.startswith(("KEDAI_", "SHOPEE_"))}
        return {**kept, **_NO_AUTHORITIES, **self.own_settings}

    def settings(self, **changes: str) -> Settings:
        """The same settings for code that runs inside the test."""
        given = {**self.own_settings, **changes}
        return Settings(
            **{name.removeprefix("KEDAI_").lower(): text for name, text in given.items() if name.startswith("KEDAI_")}
        )

    @contextmanager
    def runtime(self) -> Iterator[Runtime]:
        """The installation opened inside the test, beside or instead of a server."""
        self.upgrade()
        runtime = open_runtime(self.settings(), seeds={})
        try:
            yield runtime
        finally:
            runtime.close()

    def upgrade(self) -> None:
        """Bring the database to head, as `kedai db upgrade` does."""
        url = self.settings().resolved_database_url
        self.data_dir.mkdir(mode=0o700, parents=True, exist_ok=True)
        if migrations.current_revision(url) != migrations.head_revision():
            migrations.upgrade(url)

    @property
    def database(self) -> Database:
        """The stored truth, read past all servers."""
        if self._database is None:
            self._database = Database(self.settings().resolved_database_url, pool_size=2)
        return self._database

    def rows(self, statement: sa.Select[Any]) -> Sequence[sa.Row[Any]]:
        """What is stored."""
        with self.database.read() as db:
            return db.execute(statement).all()

    def events(self, environment: str = "sandbox") -> list[RawEvent]:
        """Every stored push of an environment, in order of arrival."""
        chosen = sa.select(RawEvent).where(RawEvent.environment == Environment(environment)).order_by(RawEvent.id)
        with self.database.read() as db:
            return list(db.execute(chosen).scalars())

    def count_events(self, *states: str, environment: str = "sandbox") -> int:
        """How many pushes are stored (in one of these states)."""
        counted = sa.select(sa.func.count()).select_from(RawEvent)
        counted = counted.where(RawEvent.environment == Environment(environment))
        if states:
            counted = counted.where(RawEvent.state.in_(states))
        return int(self.rows(counted)[0][0])

    def start(
        self, command: str = "serve", *options: str, ready: bool = True, port: int | None = None, **extra: str
    ) -> Process:
        """Start `serve`, `web` or `worker`; `extra` are settings of this process alone."""
        arguments = [*KEDAI, command, *options]
        if command != "worker":
            arguments += ["--port", str(port or self.port)]
        process = self._run(arguments, **extra)
        if ready:
            self.wait_ready(process, command, port=port)
        return process

    def wait_ready(self, process: Process, command: str = "serve", *, port: int | None = None) -> None:
        """Wait until a started process says that it is ready; with its output if it ended instead."""
        try:
            process.wait_output(
                "worker is ready" if command == "worker" else "Kedai is ready at", timeout=READY_SECONDS
            )
        except TimeoutError as error:
            raise TimeoutError(f"{error}; it wrote:\n{process.output()[-2000:]}") from None
        if command != "worker":
            wait_http(f"http://127.0.0.1:{port or self.port}/readyz", timeout=READY_SECONDS)

    def run(self, *arguments: str, given: str = "", **extra: str) -> subprocess.CompletedProcess[str]:
        """Run a command to its end."""
        return commands().run(arguments, environ={**self.environ, **extra}, given=given)

    def run_fresh(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        """Run a command that imports for itself what it needs."""
        return run_fresh(arguments, environ=self.environ)

    def token(self, environment: str, *, role: str = "admin", scopes: Sequence[TokenScope] = ()) -> str:
        """A new API token, made as `kedai token create` makes it."""
        self.upgrade()
        with self.database.write() as db:
            _, secret = create_api_token(
                db,
                "test",
                role=Role(role),
                environment=Environment(environment),
                scopes=scopes,
                actor=COMMAND_LINE,
                now=datetime.now(UTC),
            )
        return secret.reveal()

    def add_person(self, email: str, password: str, *, role: str = "admin") -> None:
        """Somebody with a password, made as `kedai staff create` makes them."""
        self.upgrade()
        hashed = hash_password(password)
        with self.database.write() as db:
            create_staff(db, email, role=Role(role), password_hash=hashed, actor=COMMAND_LINE, now=datetime.now(UTC))

    def sign_in(self, *, role: str = "admin", email: str = "anna@example.com") -> Browser:
        """A new person's browser after the sign-in page."""
        password = "correct horse battery staple"
        self.add_person(email, password, role=role)
        browser = Browser()
        answer = browser.post(f"{self.url}/login", {"email": email, "password": password, "next": "/"}, follow=False)
        assert answer.status == 303, answer
        return browser

    def call(self, method: str, path: str, *, token: str, value: Any = None, **headers: str) -> Answer:
        """A JSON call with a token."""
        body = None if value is None else json.dumps(value).encode()
        given = {
            "Authorization": f"Bearer {token}",
            **({"Content-Type": "application/json"} if body else {}),
            **headers,
        }
        return request(method, self.url + path, headers=given, body=body)

    def control(self, environment: str, method: str, path: str, value: Any = None) -> Any:
        """Ask or tell an environment's simulator."""
        body = None if value is None else json.dumps(value).encode()
        headers = {"Content-Type": "application/json"} if body else {}
        answer = request(method, self.simulators[environment] + path, headers=headers, body=body)
        assert answer.status < 400, (path, answer)
        return answer.json()

    def calls(self, environment: str, path: str) -> int:
        """How often an environment's simulator was called on this path since its count was cleared."""
        return int(self.control(environment, "GET", "/control/calls").get(path, 0))

    def app(self, environment: str) -> dict[str, Any]:
        """The simulator's app of an environment."""
        found: dict[str, Any] = self.control(environment, "GET", "/control/state?deliveries=0&orders=0")["apps"][0]
        return found

    def shop_id(self, environment: str) -> str:
        """The simulator's first shop of an environment."""
        state = self.control(environment, "GET", "/control/state?deliveries=0&orders=0")
        return str(state["shops"][0]["shop_id"])

    def credentials(self, environment: str) -> dict[str, str]:
        """The simulator's app as the credentials form wants it."""
        app = self.app(environment)
        return {
            "partner_id": str(app["partner_id"]),
            "partner_key": app["partner_key"],
            "push_partner_key": app["push_partner_key"],
            "shop_id": self.shop_id(environment),
            "region": "SG",
            "host": f"test_{environment}",
        }

    def configure(self, environment: str, *, token: str, pushes: bool = True) -> dict[str, Any]:
        """Store the simulator's credentials and, if asked for, register our push address there."""
        path = f"/admin/dashboard/connectors/shopee?env={environment}"
        answer = self.call("PATCH", path, token=token, value=self.credentials(environment))
        assert answer.status == 200, answer
        shown: dict[str, Any] = answer.json()
        if pushes:
            self.register_pushes(environment, shown["callback_urls"]["webhook"][0])
        return shown

    def register_pushes(self, environment: str, url: str | None = None) -> None:
        """Tell the simulator where to send its pushes."""
        chosen = {"callback_url": url or f"{self.url}/connectors/shopee/webhook/{environment}"}
        self.control(environment, "POST", f"/control/apps/{self.app(environment)['partner_id']}", chosen)

    def connect(self, environment: str, *, token: str, shop_id: str | None = None) -> str:
        """Connect the configured shop, or this very one, by the real flow without a person; the return's status."""
        path = f"/admin/dashboard/connectors/shopee/oauth/start?env={environment}"
        path += f"&shop_id={shop_id}" if shop_id else ""
        begun = self.call("GET", path, token=token)
        assert begun.status == 200, begun
        cookie = begun.headers["set-cookie"].split(";")[0]
        location = self.approve(environment, begun.json()["authorization_url"], shop_id=shop_id)
        back = request("GET", location, headers={"Cookie": cookie})
        assert back.status == 303, back
        return parse_qs(urlsplit(back.headers["location"]).query)["status"][0]

    def certify(self, environment: str = "live") -> None:
        """Store a certificate that counts, where a test is about something else than the checks."""
        with self.database.write() as db:
            store_certificate(db, SHOPEE, Environment(environment), now=datetime.now(UTC))

    def prepare(self, *environments: str) -> None:
        """Configure and connect without a server, where a test is about something else; pushes are not registered."""
        with self.runtime() as runtime:
            for environment in environments:
                status = asyncio.run(self._prepare(runtime, Environment(environment)))
                assert status == "connected", status

    async def _prepare(self, runtime: Runtime, environment: Environment) -> str:
        parts, now = runtime.parts, runtime.clock.now()
        fields = self.credentials(environment.value)
        with runtime.web_db.write() as db:
            edit(parts, db, SHOPEE, environment, fields, expected_version=None, actor=COMMAND_LINE, now=now)
        with runtime.web_db.write() as db:
            session = f"{TOKEN_SESSION}test"
            begun = start(
                parts, db, SHOPEE, environment, staff_id="test", session_id=session, expected_shop_id=None, now=now
            )
        back = parse_qs(urlsplit(self.approve(environment.value, begun.authorization_url)).query)
        callback = Callback(code=back["code"][0], shop_id=back["shop_id"][0], nonce=back["nonce"][0], error="")
        try:
            return await finish(
                parts, SHOPEE, environment, callback, cookie_value=begun.cookie_value, session_id=None, actor=None
            )
        finally:
            await parts.http.close()

    def approve(self, environment: str, authorization_url: str, *, shop_id: str | None = None) -> str:
        """Consent in the seller's place; where the browser would be sent."""
        redirect = parse_qs(urlsplit(authorization_url).query)["redirect"][0]
        wanted = {
            "partner_id": self.app(environment)["partner_id"],
            "shop_id": int(shop_id or self.shop_id(environment)),
            "redirect": redirect,
        }
        return str(self.control(environment, "POST", "/control/authorizations", wanted)["location"])

    def push(
        self,
        environment: str,
        body: bytes,
        *,
        key: str,
        path: str | None = None,
        url: str | None = None,
        port: int | None = None,
    ) -> Answer:
        """Send a signed push."""
        path = path or f"/connectors/shopee/webhook/{environment}"
        signature = sign_push(key, url or self.url + path, body)
        base = f"http://127.0.0.1:{port or self.port}"
        return request("POST", base + path, headers={"Authorization": signature}, body=body)

    def stated(self, environment: str) -> dict[str, OrderFacts]:
        """What the simulator says of its first shop's orders (nothing is pushed for one that is not paid)."""
        shop_id = self.shop_id(environment)
        orders = self.control(environment, "GET", "/control/state?deliveries=0")["orders"]
        return {
            order["order_sn"]: OrderFacts(
                order["order_status"],
                order["currency"],
                Decimal(str(order["total_amount"])),
                len(order["item_list"]),
                order["update_time"],
            )
            for order in orders
            if str(order["shop_id"]) == shop_id and order["order_status"] != "UNPAID"
        }

    def believed(self, environment: str) -> dict[str, OrderFacts]:
        """What Kedai believes about the same orders."""
        chosen = sa.select(
            OrderSync.order_sn,
            OrderSync.status,
            OrderSync.currency,
            OrderSync.total_amount,
            OrderSync.line_count,
            OrderSync.remote_updated_at,
        ).where(OrderSync.environment == Environment(environment), OrderSync.status != "UNPAID")
        return {
            row[0]: OrderFacts(row[1], row[2], row[3], row[4], int(row[5].timestamp())) for row in self.rows(chosen)
        }

    def wait_equal(self, environment: str, *, timeout: float = 30.0) -> None:
        """Wait until Kedai believes exactly what the simulator says; else say what differs."""
        with contextlib.suppress(TimeoutError):
            wait_until(
                lambda: self.believed(environment) == self.stated(environment), timeout=timeout, message="not equal"
            )
        assert self.believed(environment) == self.stated(environment)

    def _run(self, command: Sequence[str], **extra: str) -> Process:
        process = self._stack.enter_context(Process(command, env={**self.environ, **extra}))
        self._processes.append(process)
        return process

    def _start_simulator(self) -> None:
        port = free_port(with_next=True)
        self._run([*self.simulator, str(port)])
        self.simulators = {"sandbox": f"http://127.0.0.1:{port}", "live": f"http://127.0.0.1:{port + 1}"}
        for base in self.simulators.values():
            wait_http(f"{base}/control/health", timeout=READY_SECONDS)


@dataclass(frozen=True)
class OrderFacts:
    """What can be compared of an order as the marketplace states it and as Kedai believes it."""

    status: str
    currency: str
    total: Decimal | None
    lines: int
    updated_at: int


def sign_push(key: str, url: str, body: bytes) -> str:
    """The signature of a push (contract §4.1), computed here on its own."""
    return hmac.new(key.encode(), url.encode() + b"|" + body, hashlib.sha256).hexdigest()


def order_push(order_sn: str, shop_id: str | int, *, status: str = "READY_TO_SHIP", at: int = 1_788_000_001) -> bytes:
    """A code 3 body with the marketplace's own spacing."""
    data = {"items": [], "ordersn": order_sn, "status": status, "completed_scenario": "", "update_time": at}
    return json.dumps({"data": data, "shop_id": int(shop_id), "code": 3, "timestamp": at + 1}).encode()


def raw_request(method: str, path: str, headers: Iterable[tuple[str, str]], body: bytes = b"") -> bytes:
    """A request as bytes, with exactly these headers: nothing is added, nothing is checked."""
    lines = [f"{method} {path} HTTP/1.1", *(f"{name}: {value}" for name, value in headers)]
    return "\r\n".join(lines).encode("latin-1") + b"\r\n\r\n" + body
