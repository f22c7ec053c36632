"""Shopee's calls on prepared answers: what they send, and what they make of what comes back."""

from __future__ import annotations

import json
from collections.abc import Callable, Coroutine
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from kedai.connectors.base import HttpAnswer
from kedai.connectors.shopee.client import ShopeeClient
from tests.connectors.fakes import FakeHttp
from tests.connectors.shopee.suite import CREDENTIALS, SHOP, TOKEN, answer

MERCHANT = "3001234"
REQUEST_ID = "3f0a2b4c5d6e7f8091a2b3c4d5e6f7aa"
BEGINS = datetime(2026, 8, 1, tzinfo=UTC)
ENDS = BEGINS + timedelta(days=15)
FROM, TO = str(int(BEGINS.timestamp())), str(int(ENDS.timestamp()))


def ok(response: object = None, **beside: Any) -> HttpAnswer:
    """A success with that ``response``; without one, what stands beside it is the answer."""
    body = {"error": "", "message": "", "request_id": REQUEST_ID, **beside}
    return HttpAnswer(200, {}, json.dumps(body if response is None else {**body, "response": response}).encode())


def said(code: str, message: str = "", response: object = None, *, status: int = 200, **headers: str) -> HttpAnswer:
    """A refusal; some come with results all the same."""
    body = {"error": code, "message": message, "request_id": REQUEST_ID}
    body |= {} if response is None else {"response": response}
    return HttpAnswer(status, headers, json.dumps(body).encode())


def clients(*answers: HttpAnswer | Exception | str) -> tuple[ShopeeClient, FakeHttp]:
    """A client that gets these answers in turn; a text names a fixture."""
    http = FakeHttp([answer(one) if isinstance(one, str) else one for one in answers])
    return ShopeeClient(http, CREDENTIALS), http


def shops(*answers: HttpAnswer | Exception | str) -> Any:
    """A shop's calls on these answers."""
    return clients(*answers)[0].for_shop(SHOP, TOKEN)


@dataclass(frozen=True, slots=True)
class Wire:
    """How one call looks on the wire: the answer it gets here, and all it sends besides what every call carries."""

    path: str
    make: Callable[[ShopeeClient], Coroutine[Any, Any, Any]]
    query: tuple[tuple[str, str], ...] = ()
    body: Any = None
    answer: object = None
    method: str = ""

    @property
    def verb(self) -> str:
        return self.method or ("GET" if self.body is None else "POST")
