"""A browser of the tests' own: no network, no script, cookies kept."""

from __future__ import annotations

import asyncio
import html
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache
from typing import Any
from urllib.parse import unquote, urlencode, urlsplit

from kedai.orders.service import prepare, upsert
from kedai.staff.models import Staff
from kedai.staff.passwords import hash_password
from kedai.staff.roles import Role
from kedai.staff.service import create_staff, start_session
from kedai.values.actor import COMMAND_LINE
from kedai.values.environment import Environment, Scope
from kedai.values.order import OrderSnapshot
from kedai.web.app import create_app
from kedai.web.security import session_cookie_name
from tests.support.factories import FAKE, PUBLIC_URL, SANDBOX, SHOP, House

PASSWORD = "an honest long passphrase"


@dataclass(frozen=True)
class Page:
    """What came back."""

    status: int
    headers: dict[str, str]
    text: str

    @property
    def location(self) -> str:
        return self.headers["location"]

    @property
    def markup(self) -> str:
        """The page as it came, without the scripts of our own: no other is ever in a page."""
        ours = r'<script (type="module" )?src="/static/(vendor/)?\w+(\.min)?\.js\?v=[0-9a-f]{16}"( defer)?></script>'
        return re.sub(ours, "", self.text)

    @property
    def words(self) -> str:
        """What a person reads: no tags, single spaces."""
        body = re.sub(r"<title[^>]*>.*?</title>|<wbr>", "", self.text, flags=re.DOTALL)
        return " ".join(html.unescape(re.sub(r"<[^>]+>", " ", body)).split())

    @property
    def title(self) -> str:
        return html.unescape(re.search(r"<title[^>]*>(.*?)</title>", self.text, re.DOTALL).group(1))  # type: ignore[union-attr]

    def value(self, name: str) -> str:
        """The value of the input of that name."""
        tag = re.search(rf'<input[^>]*\bname="{name}"[^>]*>', self.text)
        assert tag is not None, f"no input {name}"
        found = re.search(r'\bvalue="([^"]*)"', tag.group(0))
        return html.unescape(found.group(1)) if found else ""

    def rows(self) -> list[str]:
        """The body rows of the page's tables, as HTML."""
        bodies = re.findall(r"<tbody>(.*?)</tbody>", self.text, re.DOTALL)
        return re.findall(r"<tr>(.*?)</tr>", "".join(bodies), re.DOTALL)

    def links(self) -> list[str]:
        return [html.unescape(one) for one in re.findall(r'href="([^"]+)"', self.text)]


@dataclass
class Browser:
    """Walks the pages as a browser without script would."""

    house: House
    cookies: dict[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.app = create_app(self.house.runtime)

    def get(self, path: str, **headers: str) -> Page:
        return self._send("GET", path, headers, None)

    def post(self, path: str, values: Mapping[str, str] | Sequence[tuple[str, str]] = (), **headers: str) -> Page:
        given = {"content-type": "application/x-www-form-urlencoded", "sec-fetch-site": "same-origin", **headers}
        return self._send("POST", path, given, urlencode(values).encode())

    def follow(self, page: Page) -> Page:
        """Go where a redirect leads."""
        assert page.status == 303, (page.status, page.words)
        return self.get(page.location)

    def sign_in(self, role: Role = Role.ADMIN) -> None:
        """As a new person with this role."""
        staff = make_staff(self.house, f"{role.value}@example.com", role)
        with self.house.db.write() as db:
            _session, token = start_session(db, staff, now=self.house.now, address="", user_agent="")
        self.cookies[session_cookie_name(secure=True)] = token.reveal()

    def _send(self, method: str, path: str, headers: Mapping[str, str], body: bytes | None) -> Page:
        return asyncio.run(self._call(method, path, headers, body or b""))

    async def _call(self, method: str, path: str, headers: Mapping[str, str], body: bytes) -> Page:
        parts = urlsplit(path)
        given = {"host": urlsplit(PUBLIC_URL).netloc, **{name.replace("_", "-"): one for name, one in headers.items()}}
        if self.cookies:
            given["cookie"] = "; ".join(f"{name}={value}" for name, value in self.cookies.items())
        scope = {
            "type": "http",
            "method": method,
            "path": unquote(parts.path),
            "raw_path": parts.path.encode(),
            "query_string": parts.query.encode(),
            "headers": [(name.encode(), value.encode()) for name, value in given.items()],
            "client": ("127.0.0.1", 50_000),
            "scheme": "https",
            "http_version": "1.1",
        }
        sent: list[Any] = []
        unread = [{"type": "http.request", "body": body, "more_body": False}]

        async def receive() -> dict[str, Any]:
            if not unread:  # who streams an answer listens meanwhile whether the browser goes away: it stays
                await asyncio.Event().wait()
            return unread.pop()

        async def send(message: Any) -> None:
            sent.append(message)

        await self.app(scope, receive, send)
        return self._page(sent)

    def _page(self, sent: list[Any]) -> Page:
        pairs = [(name.decode().lower(), value.decode()) for name, value in sent[0]["headers"]]
        for name, value in pairs:
            if name == "set-cookie":
                self._keep(value)
        text = b"".join(message.get("body", b"") for message in sent[1:]).decode(errors="replace")
        return Page(sent[0]["status"], dict(pairs), text)

    def _keep(self, cookie: str) -> None:
        name, _, value = cookie.split(";", maxsplit=1)[0].partition("=")
        if "max-age=0" in cookie.lower() or not value.strip('"'):
            self.cookies.pop(name, None)
        else:
            self.cookies[name] = value


def make_staff(house: House, email: str, role: Role) -> Staff:
    """A person with the tests' password."""
    password_hash = _password_hash()
    with house.db.write() as db:
        return create_staff(db, email, role=role, password_hash=password_hash, actor=COMMAND_LINE, now=house.now)


@cache
def _password_hash() -> str:
    """Made once: hashing is slow by design."""
    return hash_password(PASSWORD)


def store_orders(
    house: House, *snapshots: OrderSnapshot, environment: Environment = SANDBOX, shop_id: str = SHOP
) -> None:
    """Orders as a finished reading leaves them; the shop must be known."""
    with house.db.write() as db:
        upsert(db, Scope(FAKE, environment, shop_id), prepare(snapshots), now=house.now)
