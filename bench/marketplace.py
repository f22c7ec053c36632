"""The simulated Shopee as a process of its own, and a shop of it connected to a Kedai under test."""

from __future__ import annotations

import json
import sys
import urllib.error
import urllib.parse
import urllib.request
from typing import TYPE_CHECKING, Any, Self

from tests.support.processes import Process, wait_http

if TYPE_CHECKING:
    from types import TracebackType

    from bench.kedai_app import KedaiApp

HOST_NAME = "simulator"
_OPENER = urllib.request.build_opener(urllib.request.ProxyHandler({}))


class _Stay(urllib.request.HTTPRedirectHandler):
    def redirect_request(self, *_: object) -> None:
        """Follow no redirect: where the callback sends the browser is its answer."""


_BROWSER = urllib.request.build_opener(urllib.request.ProxyHandler({}), _Stay())


class Marketplace:
    """A running simulator; its sandbox listens on `port`, its live environment on the next."""

    def __init__(self, port: int) -> None:
        """Start it and read who its sandbox's app and first shop are."""
        self.base_url = f"http://127.0.0.1:{port}"
        self.process = Process([sys.executable, "-m", "kedai.simulator", "--port", str(port)])
        try:
            state = json.loads(wait_http(f"{self.base_url}/control/state", timeout=20.0))
        except BaseException:
            self.process.close()
            raise
        self.app: dict[str, Any] = state["apps"][0]
        self.shop: dict[str, Any] = state["shops"][0]

    @property
    def extra_hosts(self) -> str:
        """`KEDAI_EXTRA_HOSTS` for an installation that is to reach it."""
        return f"{HOST_NAME}={self.base_url}|{self.base_url}|sandbox"

    def credentials(self) -> dict[str, str]:
        """Return what Kedai must be told of this sandbox."""
        return {
            "partner_id": str(self.app["partner_id"]),
            "partner_key": self.app["partner_key"],
            "push_partner_key": self.app["push_partner_key"],
            "shop_id": str(self.shop["shop_id"]),
            "region": self.shop["region"],
            "host": HOST_NAME,
        }

    def connect(self, kedai: KedaiApp, token: str) -> None:
        """Connect the shop as a seller would: start, approve, come back with the cookie that binds the attempt."""
        answer, headers = kedai.call("GET", "/admin/dashboard/connectors/shopee/oauth/start?env=sandbox", token)
        link = urllib.parse.urlsplit(json.loads(answer)["authorization_url"])
        redirect = urllib.parse.parse_qs(link.query)["redirect"][0]
        wish = {"partner_id": self.app["partner_id"], "shop_id": self.shop["shop_id"], "redirect": redirect}
        location = self._control("authorizations", wish)["location"]
        cookie = "; ".join(value.partition(";")[0] for value in headers.get_all("Set-Cookie", []))
        came_back = urllib.request.Request(location, headers={"Cookie": cookie})
        try:
            _BROWSER.open(came_back, timeout=20.0).close()
        except urllib.error.HTTPError as sent_on:
            with sent_on:
                if "status=connected" in sent_on.headers.get("Location", ""):
                    return
                message = f"the shop was not connected: {sent_on.code} {sent_on.headers.get('Location')}"
                raise RuntimeError(message) from None

    def create_orders(self, count: int) -> list[str]:
        """Place orders of which Kedai hears nothing yet; return their numbers."""
        wish = {"shop_id": self.shop["shop_id"], "count": count, "pushes": False}
        return list(self._control("orders/batch", wish)["order_sns"])

    def _control(self, path: str, body: object) -> dict[str, Any]:
        url = f"{self.base_url}/control/{path}"
        request = urllib.request.Request(url, json.dumps(body).encode(), {"Content-Type": "application/json"})
        with _OPENER.open(request, timeout=60.0) as answer:
            return dict(json.load(answer))

    def __enter__(self) -> Self:
        """Return the running simulator."""
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """End it."""
        self.process.close()
