"""The route table as the framework has it: what a request can reach, and what each route asks of its caller."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from fastapi import FastAPI
from fastapi.routing import iter_route_contexts

from kedai.web.edge import WebhookEdge
from tests.feature.web.site import Site

SAMPLES = {
    "connector": "shopee",
    "name": "shopee",
    "environment": "sandbox",
    "scope": "sandbox",
    "secret": "partner_key",
    "event_id": "evt_01a205a5c85b75199a2c28833cd81810",
    "exception_id": "exc_01a205a5c85b75199a2c28833cd81810",
    "rejected_id": "rej_01a205a5c85b75199a2c28833cd81810",
    "order_id": "ord_01a205a5c85b75199a2c28833cd81810",
    "notice_id": "ntc_01a205a5c85b75199a2c28833cd81810",
    "run_id": "run_01a205a5c85b75199a2c28833cd81810",
    "shop_id": "7001",
    "merchant_id": "9001",
    "listing_id": "lst_01a205a5c85b75199a2c28833cd81810",
    "staff_id": "staff_01a205a5c85b75199a2c28833cd81810",
    "session_id": "session_01a205a5c85b75199a2c28833cd81810",
    "passkey_id": "passkey_01a205a5c85b75199a2c28833cd81810",
    "token_id": "token_01a205a5c85b75199a2c28833cd81810",
    "channel_id": "chn_01a205a5c85b75199a2c28833cd81810",
    "certificate_id": "cert_01a205a5c85b75199a2c28833cd81810",
    "page": "orders",
    "guide": "go-live",
    "view_id": "view_01a205a5c85b75199a2c28833cd81810",
    "kid": "k9",
    "kind": "keep_tokens",
    "number": "1",
}
"""Something plausible for each `{parameter}` of a path; what it names need not exist."""

SAFE = {"GET", "HEAD", "OPTIONS"}


@dataclass(frozen=True)
class Route:
    """One method of one path, what its dependencies ask for, and whether the caller must have proved who they are."""

    method: str
    path: str
    capabilities: tuple[str, ...]
    dependant: Any
    fresh: bool = False

    @property
    def name(self) -> str:
        return f"{self.method} {self.path}"

    @property
    def sample(self) -> str:
        """An address that leads to it."""
        return re.sub(r"{(\w+)}", lambda found: SAMPLES[found[1]], self.path)

    @property
    def is_json(self) -> bool:
        return self.path.startswith(("/admin/", "/api/"))

    def dependencies(self) -> Iterator[Any]:
        """Everything it depends on, near and far."""
        yield from _walk(self.dependant)


def list_routes(site: Site) -> list[Route]:
    """Every route behind the webhook's own paths."""
    return routes_of(framework_of(site.edge))


def framework_of(edge: WebhookEdge) -> FastAPI:
    """The application behind the edge and the guard."""
    app = edge._app._app  # type: ignore[attr-defined]  # the guard stands between
    assert isinstance(app, FastAPI)
    return app


def routes_of(app: FastAPI) -> list[Route]:
    """Every route of an application."""
    found = []
    for context in iter_route_contexts(app.routes):
        dependant: Any = context.dependant  # type: ignore[attr-defined]
        asked = tuple(one.call.capability.value for one in _walk(dependant) if hasattr(one.call, "capability"))
        fresh = any(getattr(one.call, "fresh", False) for one in _walk(dependant))
        methods = sorted(context.methods or ())
        found += [Route(method, str(context.path), asked, dependant, fresh) for method in methods]
    assert len(found) > 20
    return found


def _walk(dependant: Any) -> Iterator[Any]:
    for one in dependant.dependencies:
        yield one
        yield from _walk(one)
