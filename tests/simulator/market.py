"""Talks to one port of a running simulator, with a signature of its own making."""

from __future__ import annotations

import hashlib
import hmac
import json
import time
import urllib.error
import urllib.request
from dataclasses import dataclass
from email.utils import parsedate_to_datetime
from typing import Any
from urllib.parse import parse_qs, urlencode, urlsplit

REDIRECT = "https://connector.example.test/oauth/shopee?nonce=n%2F1&keep=a+b"


class _NoRedirect(urllib.request.HTTPRedirectHandler):
    def redirect_request(self, *_: Any, **__: Any) -> None:
        """A redirect is an answer to look at, not an order to follow."""


_OPENER = urllib.request.build_opener(urllib.request.ProxyHandler({}), _NoRedirect())


@dataclass(frozen=True)
class Answer:
    """What came back."""

    status: int
    headers: dict[str, str]
    raw: bytes

    @property
    def json(self) -> Any:
        """The body, parsed."""
        return json.loads(self.raw)

    @property
    def error(self) -> str:
        """The envelope's error code."""
        return str(self.json["error"])


def fetch(method: str, url: str, body: bytes | None = None, headers: dict[str, str] | None = None) -> Answer:
    """Send one request and return whatever comes back."""
    every = {"Content-Type": "application/json", **(headers or {})}
    request = urllib.request.Request(url, data=body, method=method, headers=every)
    try:
        with _OPENER.open(request, timeout=10) as answer:
            return Answer(answer.status, dict(answer.headers), answer.read())
    except urllib.error.HTTPError as error:
        with error:
            return Answer(error.code, dict(error.headers), error.read())


class Market:
    """One environment: its control API, and its API as the environment's own app calls it."""

    def __init__(self, url: str) -> None:
        """Look up the app and the shops."""
        self.url = url
        state = self.control("GET", "/state?orders=0&deliveries=0")
        self.environment: str = state["environment"]
        self.app: dict[str, Any] = state["apps"][0]
        self.shop_ids: list[int] = [shop["shop_id"] for shop in state["shops"]]
        self.merchant_id: int = state["merchants"][0]["merchant_id"]
        self.main_account_id: int = state["main_accounts"][0]["main_account_id"]

    def control(self, method: str, path: str, body: object = None, *, status: int | None = None) -> Any:
        """Call the control API and return its JSON; any 2xx unless a status is named."""
        raw = None if body is None else json.dumps(body).encode()
        answer = fetch(method, f"{self.url}/control{path}", raw)
        expected = answer.status == status if status else 200 <= answer.status < 300
        assert expected, f"{method} {path}: {answer.status} {answer.raw[:300]!r}"
        return answer.json

    def now(self) -> int:
        """The simulated time."""
        return int(self.control("GET", "/health")["now"])

    def query(self, path: str, token: str = "", shop_id: int | None = None, **changes: Any) -> dict[str, Any]:
        """Return signed common parameters; `changes` overwrite them afterwards, None removes one."""
        partner_id, timestamp = self.app["partner_id"], self.now()
        base = f"{partner_id}{path}{timestamp}{token}{'' if shop_id is None else shop_id}"
        sign = hmac.new(self.app["partner_key"].encode(), base.encode(), hashlib.sha256).hexdigest()
        query = {"partner_id": partner_id, "timestamp": timestamp, "sign": sign}
        if shop_id is not None:
            query |= {"access_token": token, "shop_id": shop_id}
        return {name: value for name, value in {**query, **changes}.items() if value is not None}

    def get(self, path: str, query: dict[str, Any]) -> Answer:
        """Send a GET with this query."""
        return fetch("GET", f"{self.url}{path}?{urlencode(query, doseq=True)}")

    def post(self, path: str, query: dict[str, Any], body: object) -> Answer:
        """Send a POST with this query and JSON body."""
        return fetch("POST", f"{self.url}{path}?{urlencode(query)}", json.dumps(body).encode())

    def shop_get(self, path: str, token: str, shop_id: int, **business: Any) -> Answer:
        """Send a signed GET on behalf of a shop."""
        return self.get(path, {**self.query(path, token, shop_id), **business})

    def authorize(self, shop_id: int) -> str:
        """Approve without a person and return the code."""
        wish = {"partner_id": self.app["partner_id"], "shop_id": shop_id, "redirect": REDIRECT}
        return str(self.control("POST", "/authorizations", wish)["code"])

    def public_get(self, path: str, **business: Any) -> Answer:
        """Send a GET that only the app signs."""
        return self.get(path, {**self.query(path), **business})

    def public_post(self, path: str, body: object) -> Answer:
        """Send a POST that only the app signs."""
        return self.post(path, self.query(path), body)

    def merchant_get(self, path: str, token: str, merchant_id: int, /, **changes: Any) -> Answer:
        """Send a signed GET on behalf of a merchant."""
        query = self.query(path, token, merchant_id)
        query["merchant_id"] = query.pop("shop_id")
        return self.get(path, {**query, **changes})

    def authorize_main_account(self, **wish: Any) -> str:
        """Approve with the main account, without a person, and return the code."""
        account = {"partner_id": self.app["partner_id"], "main_account_id": self.main_account_id, "redirect": REDIRECT}
        return str(self.control("POST", "/authorizations", {**account, **wish})["code"])

    def connect_main_account(self, **wish: Any) -> dict[str, Any]:
        """Authorize with the main account and exchange; return the token answer."""
        code = self.authorize_main_account(**wish)
        answer: dict[str, Any] = self.exchange(code, 0, shop_id=None, main_account_id=self.main_account_id).json
        assert answer["error"] == "", answer
        return answer

    def exchange(self, code: str, shop_id: int, /, **changes: Any) -> Answer:
        """Exchange a code."""
        path = "/api/v2/auth/token/get"
        body = {"code": code, "partner_id": self.app["partner_id"], "shop_id": shop_id, **changes}
        return self.post(path, self.query(path), {name: value for name, value in body.items() if value is not None})

    def refresh(self, refresh_token: str, shop_id: int, /, **changes: Any) -> Answer:
        """Refresh a pair."""
        path = "/api/v2/auth/access_token/get"
        body = {"refresh_token": refresh_token, "partner_id": self.app["partner_id"], "shop_id": shop_id, **changes}
        return self.post(path, self.query(path), {name: value for name, value in body.items() if value is not None})

    def connect(self, shop_id: int) -> dict[str, Any]:
        """Authorize and exchange; return the token answer."""
        answer: dict[str, Any] = self.exchange(self.authorize(shop_id), shop_id).json
        assert answer["error"] == "", answer
        return answer

    def create_order(self, shop_id: int, **wish: Any) -> dict[str, Any]:
        """Place an order."""
        order: dict[str, Any] = self.control("POST", "/orders", {"shop_id": shop_id, **wish})
        return order

    def deliveries(self, **query: Any) -> list[dict[str, Any]]:
        """Return the remembered deliveries."""
        found: list[dict[str, Any]] = self.control("GET", f"/deliveries?{urlencode(query)}")["deliveries"]
        return found


def location_query(location: str) -> dict[str, list[str]]:
    """Return the parsed query of an address."""
    return parse_qs(urlsplit(location).query)


def date_offset(answer: Answer) -> float:
    """Return how far an answer's ``Date`` is ahead of real time, in seconds."""
    return parsedate_to_datetime(answer.headers["Date"]).timestamp() - time.time()
