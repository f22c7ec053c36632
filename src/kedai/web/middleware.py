"""What holds for every request but pushes: request id, bounded body, same-origin writes, headers, a log line."""

from __future__ import annotations

import json
import re
from urllib.parse import quote, urlsplit

import structlog
from starlette.datastructures import Headers, MutableHeaders
from starlette.exceptions import HTTPException
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from kedai.kit.clock import monotonic
from kedai.kit.ids import new_id
from kedai.values.wording import N_
from kedai.web.csrf import is_same_origin, origin_of
from kedai.web.metrics import Metrics
from kedai.web.security import SECURITY_HEADERS

MAX_BODY = 64 * 1024
MAX_FILE = 1536 * 1024
"""A file of a mebibyte, and what a form puts around it."""

_TAKES_A_FILE = re.compile(r"/e/[a-z]+/sku-map/(previews|imports)|/api/v1/[a-z]+/connectors/[a-z]+/sku-map/imports")
_REQUEST_ID = re.compile(r"[A-Za-z0-9._-]{1,64}")
_METHODS = {"GET", "HEAD", "POST", "PATCH", "PUT", "DELETE", "OPTIONS"}
_MACHINE_PATHS = ("/livez", "/readyz", "/metrics", "/admin/", "/api/")

log = structlog.get_logger("web")


class RequestGuard:
    """Wraps the framework's app."""

    def __init__(self, app: ASGIApp, *, public_url: str, metrics: Metrics) -> None:
        self._app = app
        self._public_url = public_url
        self._public_origin = origin_of(public_url)
        self._public_host = urlsplit(public_url).netloc
        self._metrics = metrics

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        began = monotonic()
        headers = Headers(scope=scope)
        given = headers.get("x-request-id", "")
        request_id = given if _REQUEST_ID.fullmatch(given) else new_id().hex
        scope.setdefault("state", {})["request_id"] = request_id
        status = 500

        async def send_guarded(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                answer = MutableHeaders(scope=message)
                answer["X-Request-Id"] = request_id
                for name, value in SECURITY_HEADERS.items():
                    answer.setdefault(name, value)
            await send(message)

        refusal = self._refusal(scope, headers)
        try:
            if refusal is None:
                await self._app(scope, _bounded(receive, _most(scope["path"])), send_guarded)
            else:
                await _refuse(send_guarded, scope, *refusal, request_id)
        finally:  # an unexpected error is answered first and then raised again
            self._note(scope, status, request_id, monotonic() - began)

    def _refusal(self, scope: Scope, headers: Headers) -> tuple[int, str, str, str | None] | None:
        """Status, code, sentence and place to go for a request that goes no further."""
        method, path = scope["method"], scope["path"]
        length = headers.get("content-length", "0")
        if length.isdigit() and int(length) > _most(path):
            return 413, "too_large", _too_large(_most(path)), None
        if "authorization" not in headers and not is_same_origin(
            method, headers.get("sec-fetch-site"), headers.get("origin"), self._public_origin
        ):
            return 403, "cross_origin", "This request did not come from Kedai's own pages.", None
        if method == "GET" and not path.startswith(_MACHINE_PATHS) and headers.get("host", "") != self._public_host:
            return 307, "other_host", "Kedai lives at another address.", self._public_url + quote(path, safe="/:@")
        return None

    def _note(self, scope: Scope, status: int, request_id: str, seconds: float) -> None:
        method = scope["method"] if scope["method"] in _METHODS else "other"
        self._metrics.count_request(method, status)
        if scope["path"] not in {"/livez", "/readyz"}:
            log.info(
                "request",
                method=method,
                path=scope["path"][:300],
                status=status,
                ms=round(seconds * 1000, 1),
                request_id=request_id,
            )


def _most(path: str) -> int:
    """How many bytes a request to this address may bring."""
    return MAX_FILE if _TAKES_A_FILE.fullmatch(path) else MAX_BODY


def _too_large(most: int) -> str:
    return N_("The body is larger than %(most)s KiB.", most=most // 1024)


def _bounded(receive: Receive, most: int) -> Receive:
    size = 0

    async def receive_bounded() -> Message:
        nonlocal size
        message = await receive()
        size += len(message.get("body", b""))
        if size > most:
            raise HTTPException(413, _too_large(most))
        return message

    return receive_bounded


async def _refuse(
    send: Send, scope: Scope, status: int, code: str, detail: str, location: str | None, request_id: str
) -> None:
    body = json.dumps(
        {
            "type": f"urn:kedai:error:{code}",
            "title": detail,
            "status": status,
            "detail": detail,
            "code": code,
            "instance": scope["path"],
            "request_id": request_id,
        }
    ).encode()
    headers = [(b"content-type", b"application/problem+json"), (b"content-length", str(len(body)).encode())]
    if location is not None:
        headers.append((b"location", location.encode("ascii")))
    if status == 413:
        headers.append((b"connection", b"close"))
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": b"" if scope["method"] == "HEAD" else body})
