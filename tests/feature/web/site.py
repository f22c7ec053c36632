"""The web application behind a real HTTP server in a thread, an open installation under it, short words for both."""

from __future__ import annotations

import asyncio
import itertools
import json
import socket
import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import sqlalchemy as sa

from kedai.connectors.base import Connector, Http, HttpAnswer
from kedai.errors import RemoteUnavailable
from kedai.inbox.models import RawEvent
from kedai.kit.clock import Clock, ManualClock, SystemClock
from kedai.runtime import Runtime, open_runtime
from kedai.staff.roles import Role, TokenScope
from kedai.staff.service import create_api_token, create_staff, start_session
from kedai.sync import credentials
from kedai.sync.process import process_next
from kedai.sync.switch import switch
from kedai.values.actor import COMMAND_LINE
from kedai.values.environment import ConnectorName, Environment
from kedai.web.app import create_app
from kedai.web.edge import WebhookEdge
from kedai.web.security import session_cookie_name
from kedai.web.server import make_server
from tests.support.certificates import store_certificate
from tests.support.factories import make_settings
from tests.support.installation import MASTER_KEYS, Answer, request, sign_push
from tests.support.processes import wait_until

SHOPEE = ConnectorName("shopee")
ADMIN = "/admin/dashboard/connectors/shopee"
WEBHOOK = "/connectors/shopee/webhook"
OLD_URL = "https://old.kedai.example"
SHOP = 7001
MAX_BATCHES = 100

APPS: Mapping[str, Mapping[str, str]] = {
    "sandbox": {
        "partner_id": "1001",
        "partner_key": "partner-key-of-the-tests-0001",
        "push_partner_key": "push-key-of-the-tests-000001",
        "shop_id": str(SHOP),
        "region": "SG",
    },
    "live": {
        "partner_id": "2002",
        "partner_key": "partner-key-of-the-tests-0002",
        "push_partner_key": "push-key-of-the-tests-000002",
        "shop_id": "8001",
        "region": "SG",
    },
}
KEYS = {environment: app["push_partner_key"] for environment, app in APPS.items()}


class Offline:
    """The outgoing function of an installation that reaches nobody."""

    @property
    def clock(self) -> Clock:
        return SystemClock()

    async def send(self, *_args: object, **_kwargs: object) -> HttpAnswer:
        raise RemoteUnavailable

    async def close(self) -> None:
        return


@dataclass
class Site:
    """One open installation, served."""

    runtime: Runtime
    edge: WebhookEdge
    port: int
    clock: ManualClock
    _people: Iterator[int] = field(default_factory=itertools.count)

    @property
    def url(self) -> str:
        """Where it listens; its public URL too."""
        return f"http://127.0.0.1:{self.port}"

    def get(self, path: str, **headers: str) -> Answer:
        return request("GET", self.url + path, headers=_named(headers))

    def send(self, method: str, path: str, value: Any = None, **headers: str) -> Answer:
        """A JSON request; without headers of the caller's it is anonymous and from nowhere."""
        body = None if value is None else json.dumps(value).encode()
        given = {**({"Content-Type": "application/json"} if body else {}), **_named(headers)}
        return request(method, self.url + path, headers=given, body=body)

    def exchange(self, written: bytes, *, timeout: float = 10.0) -> Answer:
        """Bytes exactly as given, and what is answered, even where the server stops listening before all are sent."""
        with socket.create_connection(("127.0.0.1", self.port), timeout=timeout) as connection:
            sender = threading.Thread(target=_send_quietly, args=(connection, written), daemon=True)
            sender.start()
            answer = read_answer(connection)
            connection.close()
            sender.join(timeout)
        return answer

    def connect(self) -> socket.socket:
        """A connection to speak HTTP on by hand; whoever asked closes it."""
        return socket.create_connection(("127.0.0.1", self.port), timeout=10)

    def sign(self, body: bytes, environment: str = "sandbox", *, url: str | None = None, key: str | None = None) -> str:
        """What the marketplace would send in the Authorization header."""
        return sign_push(key or KEYS[environment], url or f"{self.url}{WEBHOOK}/{environment}", body)

    def push(
        self,
        body: bytes,
        environment: str = "sandbox",
        *,
        path: str | None = None,
        url: str | None = None,
        key: str | None = None,
        **headers: str,
    ) -> Answer:
        """A signed push; ``path`` is where it is sent, ``url`` what was signed."""
        target = self.url + (path or f"{WEBHOOK}/{environment}")
        signature = self.sign(body, environment, url=url, key=key)
        return request("POST", target, headers={"Authorization": signature, **_named(headers)}, body=body)

    def events(self, body: bytes | None = None) -> list[RawEvent]:
        """The stored pushes (of exactly this body), in order of arrival."""
        statement = sa.select(RawEvent).order_by(RawEvent.id)
        if body is not None:
            statement = statement.where(RawEvent.body == body)
        with self.runtime.web_db.read() as db:
            return list(db.execute(statement).scalars())

    def rows(self, statement: sa.Select[Any]) -> Sequence[sa.Row[Any]]:
        with self.runtime.web_db.read() as db:
            return db.execute(statement).all()

    def work(self) -> None:
        """Let a worker do all that is due."""

        async def all_of_it() -> None:
            for _batch in range(MAX_BATCHES):
                if not await process_next(self.runtime.worker_parts):
                    return
            raise AssertionError("the worker goes round and round")

        asyncio.run(all_of_it())

    def configure(self, environment: str, **changes: str | None) -> None:
        """Fill in an environment's form; without changes, completely."""
        with self.runtime.web_db.write() as db:
            credentials.edit(
                self.runtime.parts,
                db,
                SHOPEE,
                Environment(environment),
                changes or APPS[environment],
                expected_version=None,
                actor=COMMAND_LINE,
                now=self.clock.now(),
            )

    def certify(self, environment: str = "live", **changes: Any) -> None:
        """Store a certificate that counts (unless ``changes`` say otherwise), as passed checks leave it."""
        with self.runtime.web_db.write() as db:
            store_certificate(db, SHOPEE, Environment(environment), now=self.clock.now(), **changes)

    def switch(self, environment: str) -> None:
        """Sign in to an environment; to live with checks that passed."""
        if environment == "live":
            self.certify()
        target, now = Environment(environment), self.clock.now()
        with self.runtime.web_db.write() as db:
            switch(self.runtime.parts, db, SHOPEE, target, override_reason=None, actor=COMMAND_LINE, now=now)

    def token(
        self, role: str = "admin", environment: str = "sandbox", *, scopes: Sequence[TokenScope] = ()
    ) -> dict[str, str]:
        """The header of a program."""
        with self.runtime.web_db.write() as db:
            _, secret = create_api_token(
                db,
                "test",
                role=Role(role),
                environment=Environment(environment),
                scopes=scopes,
                actor=COMMAND_LINE,
                now=self.clock.now(),
            )
        return {"Authorization": f"Bearer {secret.reveal()}"}

    def session(self, role: str = "admin") -> dict[str, str]:
        """The cookie of a person who has signed in; nobody waits for a password hash here."""
        email = f"{role}{next(self._people)}@example.com"
        now = self.clock.now()
        with self.runtime.web_db.write() as db:
            staff = create_staff(
                db, email, role=Role(role), password_hash="$argon2id$none", actor=COMMAND_LINE, now=now
            )
            _, secret = start_session(db, staff, now=now, address="127.0.0.1", user_agent="test")
        return {"Cookie": f"{session_cookie_name(secure=False)}={secret.reveal()}"}

    def page(self, role: str = "admin") -> dict[str, str]:
        """The headers of a request from one of our own pages."""
        return {**self.session(role), "Sec-Fetch-Site": "same-origin"}


@contextmanager
def serving(
    database_url: str,
    data_dir: Path,
    *,
    configured: bool = True,
    simulators: Mapping[str, str] | None = None,
    connectors: Mapping[ConnectorName, Connector] | None = None,
    http: Http | None = None,
    **settings: Any,
) -> Iterator[Site]:
    """Open an installation on a migrated database and serve it; both environments configured, if wanted."""
    listening = socket.create_server(("127.0.0.1", 0), backlog=256)
    port = listening.getsockname()[1]
    clock = ManualClock(datetime.now(UTC))
    hosts = ";".join(f"test_{name}={base}|{base}|{name}" for name, base in (simulators or {}).items())
    given = {
        "public_url": f"http://127.0.0.1:{port}",
        "previous_public_urls": OLD_URL,
        "master_keys": MASTER_KEYS,
        "extra_hosts": hosts,
        **settings,
    }
    chosen = make_settings(database_url, data_dir, **given)
    runtime = open_runtime(chosen, clock=clock, http=http, connectors=connectors, seeds={})
    try:
        edge = create_app(runtime)
        assert isinstance(edge, WebhookEdge)
        site = Site(runtime, edge, port, clock)
        if configured:
            site.configure("sandbox")
            site.configure("live")
        with listening_on(edge, listening):
            yield site
    finally:
        listening.close()
        runtime.close()


@contextmanager
def listening_on(edge: WebhookEdge, listening: socket.socket) -> Iterator[None]:
    server = make_server(edge, host="127.0.0.1", port=listening.getsockname()[1])

    def run() -> None:
        with asyncio.Runner(loop_factory=server.config.get_loop_factory()) as runner:
            runner.run(server.serve(sockets=[listening]))

    thread = threading.Thread(target=run, name="site", daemon=True)
    thread.start()
    wait_until(lambda: server.started or not thread.is_alive(), message="the server did not start")
    try:
        yield
    finally:
        server.should_exit = True
        thread.join(15)
        assert not thread.is_alive()


def read_answer(connection: socket.socket) -> Answer:
    """The next answer on a connection that is spoken on by hand; status 0 where there is none."""
    read = b""
    try:
        while b"\r\n\r\n" not in read:
            piece = connection.recv(65536)
            if not piece:
                return Answer(0, {}, read)
            read += piece
        head, _, body = read.partition(b"\r\n\r\n")
        lines = head.decode("latin-1").split("\r\n")
        headers = {name.lower(): value for name, _, value in (line.partition(": ") for line in lines[1:])}
        while len(body) < int(headers.get("content-length", "0")):
            piece = connection.recv(65536)
            if not piece:
                break
            body += piece
    except (ConnectionError, TimeoutError):
        return Answer(0, {}, read)
    return Answer(int(lines[0].split(" ")[1]), headers, body)


def _send_quietly(connection: socket.socket, written: bytes) -> None:
    """The server may well stop listening in the middle."""
    try:
        connection.sendall(written)
    except OSError:
        return


def _named(headers: Mapping[str, str]) -> dict[str, str]:
    return {name.replace("_", "-"): value for name, value in headers.items()}
