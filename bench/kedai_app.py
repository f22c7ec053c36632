"""Kedai under test: the installed `kedai` command as a real process, set up over its own command line and HTTP."""

from __future__ import annotations

import base64
import contextlib
import json
import os
import subprocess
import sys
import time
import urllib.request
from pathlib import Path
from typing import TYPE_CHECKING

from tests.support.processes import Process, wait_http

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from email.message import Message

COMMAND = Path(sys.executable).with_name("kedai")
CONNECTOR_PATH = "/admin/dashboard/connectors/shopee"
ENVIRONMENTS = ("sandbox", "live")
_OPENER = urllib.request.build_opener(urllib.request.ProxyHandler({}))


class KedaiApp:
    """One installation in a directory of its own; on SQLite unless it is given a database."""

    def __init__(
        self, directory: Path, *, port: int, database_url: str = "", settings: Mapping[str, str] | None = None
    ) -> None:
        """Choose everything; nothing runs yet."""
        self.directory = directory
        self.port = port
        self.tokens: dict[str, str] = {}
        self.base_url = f"http://127.0.0.1:{port}"
        key = base64.b64encode(os.urandom(32)).decode()
        self.environment = {
            "KEDAI_DATA_DIR": str(directory),
            "KEDAI_PUBLIC_URL": self.base_url,
            "KEDAI_MASTER_KEYS": f"k1:{key}",
            **({"KEDAI_DATABASE_URL": database_url} if database_url else {}),
            **(settings or {}),
        }
        directory.mkdir(parents=True, exist_ok=True)

    def prepare(self, push_keys: Mapping[str, str]) -> None:
        """Migrate, then give each environment named in `push_keys` made-up credentials with that push key."""
        self.migrate()
        with self.serve():
            for number, (environment, push_key) in enumerate(push_keys.items()):
                credentials = {
                    "partner_id": str(2009876 + number),
                    "partner_key": os.urandom(32).hex(),
                    "push_partner_key": push_key,
                    "shop_id": str(226001122 + number),
                    "region": "SG",
                }
                self.set_credentials(environment, credentials)

    def migrate(self) -> None:
        """Create the tables, and a token for each environment while no server holds the database."""
        self.run("db", "upgrade")
        self.tokens = {environment: self._token(environment) for environment in ENVIRONMENTS}

    def set_credentials(self, environment: str, credentials: Mapping[str, str]) -> None:
        """Save an environment's credentials through the running server."""
        self.call("PATCH", f"{CONNECTOR_PATH}?env={environment}", self.tokens[environment], credentials)

    def _token(self, environment: str) -> str:
        printed = self.run("token", "create", f"bench-{environment}", "--role", "admin", "--env", environment)
        return printed.split()[-1]

    @contextlib.contextmanager
    def serve(self, *options: str) -> Iterator[Process]:
        """Run `kedai serve` from its first readiness until the context is left."""
        command = [COMMAND, "serve", "--host", "127.0.0.1", "--port", str(self.port), *options]
        with Process(command, env=self.environment) as process:
            try:
                wait_http(f"{self.base_url}/readyz", timeout=30.0)
            except TimeoutError as error:
                message = f"{error}; kedai serve wrote:\n{process.output()[-3000:]}"
                raise RuntimeError(message) from None
            yield process

    def run(self, *arguments: str) -> str:
        """Run one `kedai` command to its end and return what it printed."""
        done = subprocess.run(
            [COMMAND, *arguments], env={**os.environ, **self.environment}, capture_output=True, text=True, check=False
        )
        if done.returncode:
            message = f"kedai {' '.join(arguments)} failed ({done.returncode}): {done.stderr[-2000:]}"
            raise RuntimeError(message)
        return done.stdout

    def call(self, method: str, path: str, token: str, body: object = None) -> tuple[bytes, Message]:
        """Make one authenticated JSON request of the running server; return the answer's body and headers."""
        request = urllib.request.Request(
            self.base_url + path,
            data=None if body is None else json.dumps(body).encode(),
            method=method,
            headers={"Authorization": f"Bearer {token}", "Content-Type": "application/json"},
        )
        with _OPENER.open(request, timeout=10.0) as answer:
            return answer.read(), answer.headers

    def seconds_to_ready(self) -> float:
        """Return the seconds from spawning `kedai serve` to its first 200 on /readyz."""
        started = time.perf_counter()
        with self.serve():
            return time.perf_counter() - started
