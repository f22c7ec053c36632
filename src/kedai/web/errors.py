"""Errors on the way out: one exhaustive table from family to status, as problem+json (RFC 9457) or as a page."""

from __future__ import annotations

from http import HTTPStatus
from typing import Any
from urllib.parse import quote

import structlog
from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse, RedirectResponse, Response
from sqlalchemy.exc import DBAPIError
from starlette.concurrency import run_in_threadpool
from starlette.exceptions import HTTPException

from kedai import errors
from kedai.runtime import Runtime
from kedai.values.wording import N_
from kedai.web.dashboard.errors import render_error
from kedai.web.security import safe_next

STATUS: dict[type[errors.KedaiError], int] = {
    errors.NotFound: 404,
    errors.Conflict: 409,
    errors.Forbidden: 403,
    errors.StepUpRequired: 403,
    errors.PasswordChangeRequired: 403,
    errors.Unauthenticated: 401,
    errors.Invalid: 422,
    errors.Stale: 412,
    errors.PreconditionRequired: 428,
    errors.TooLarge: 413,
    errors.NotConfigured: 409,
    errors.CertificateRequired: 409,
    errors.Sealed: 409,
    errors.BadSignature: 401,
    errors.StorageUnavailable: 503,
    errors.RemoteUnavailable: 502,
    errors.RateLimited: 429,
    errors.QuotaExhausted: 429,
    errors.AuthExpired: 502,
    errors.NeedsReconnect: 409,
    errors.RemoteRejected: 502,
    errors.RemoteMisconfigured: 502,
    errors.RemoteNotFound: 502,
    errors.RemoteUnreadable: 502,
    errors.OutcomeUnknown: 502,
    errors.SecretUnreadable: 409,
    errors.SettingsInvalid: 500,
    errors.Unavailable: 503,
    errors.KedaiError: 500,
}
_JSON_PREFIXES = ("/admin/", "/api/", "/livez", "/readyz", "/metrics")

log = structlog.get_logger("web")


def status_of(error: errors.KedaiError) -> int:
    """The HTTP status of an error's nearest family."""
    return next(STATUS[family] for family in type(error).__mro__ if family in STATUS)


def install(app: FastAPI) -> None:
    """Every way a request can fail ends in one of these."""
    app.add_exception_handler(errors.KedaiError, _kedai_error)
    app.add_exception_handler(RequestValidationError, _invalid_request)
    app.add_exception_handler(HTTPException, _http_error)
    app.add_exception_handler(DBAPIError, _database_error)
    app.add_exception_handler(Exception, _unexpected)


def wants_json(request: Request) -> bool:
    """Programs ask below fixed prefixes; everything else is a page."""
    return request.url.path.startswith(_JSON_PREFIXES)


async def problem(
    request: Request, status: int, *, code: str, detail: str, headers: dict[str, str] | None = None, **more: Any
) -> Response:
    """The answer to a failed request, in the form its place speaks."""
    request_id = request.state.request_id if hasattr(request.state, "request_id") else ""
    title = HTTPStatus(status).phrase
    if not wants_json(request):
        # the error page reads the banner from the database: never on the event loop
        response = await run_in_threadpool(render_error, request, status, title, detail, request_id)
        response.headers.update(headers or {})
        return response
    body = {"type": f"urn:kedai:error:{code}", "title": title, "status": status, "detail": detail, "code": code}
    body |= {"instance": request.url.path, "request_id": request_id, **more}
    return JSONResponse(body, status, headers=headers, media_type="application/problem+json")


async def _kedai_error(request: Request, error: Exception) -> Response:
    assert isinstance(error, errors.KedaiError)
    status = status_of(error)
    if status == 401 and not wants_json(request) and request.method in {"GET", "HEAD"}:
        here = request.url.path + (f"?{request.url.query}" if request.url.query else "")
        return RedirectResponse(f"/login?next={quote(safe_next(here), safe='')}", 303)
    if isinstance(error, errors.StepUpRequired) and not wants_json(request):
        return RedirectResponse(f"/confirm?next={quote(_page_of(request), safe='')}", 303)
    if isinstance(error, errors.PasswordChangeRequired) and not wants_json(request):
        return RedirectResponse("/account/password", 303)
    if status >= 500:
        log.warning("request failed", path=request.url.path, error=error.code, detail=error.message)
    more: dict[str, Any] = {}
    if isinstance(error, errors.NotConfigured):
        more["missing"] = error.missing
    elif "missing" in error.facts:
        more["missing"] = error.facts["missing"]
    if isinstance(error, errors.Invalid) and error.field:
        more["errors"] = [{"pointer": f"/{error.field}", "detail": error.message}]
    return await problem(request, status, code=error.code, detail=error.message, headers=_headers(error), **more)


async def _invalid_request(request: Request, error: Exception) -> Response:
    assert isinstance(error, RequestValidationError)
    found = [
        {"pointer": "/" + "/".join(str(part) for part in one["loc"][1:]), "detail": one["msg"]}
        for one in error.errors()
    ]
    detail = "; ".join(f"{one['pointer']}: {one['detail']}" for one in found[:5]) or N_("The request is not valid.")
    return await problem(request, 422, code="invalid", detail=detail, errors=found)


async def _http_error(request: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)
    codes = {404: "not_found", 405: "method_not_allowed", 413: "too_large"}
    code = codes.get(error.status_code, f"http_{error.status_code}")
    details = {404: N_("There is nothing here."), 405: N_("This method is not supported here.")}
    detail = details.get(error.status_code, error.detail)
    headers = dict(error.headers) if error.headers else None
    return await problem(request, error.status_code, code=code, detail=detail, headers=headers)


async def _database_error(request: Request, error: Exception) -> Response:
    log.error("the database refused a statement", path=request.url.path, error=type(error).__name__, exc_info=error)
    unavailable = errors.StorageUnavailable(retry_after=1)
    return await problem(request, 503, code=unavailable.code, detail=unavailable.message, headers={"Retry-After": "1"})


async def _unexpected(request: Request, error: Exception) -> Response:
    log.error("a request failed unexpectedly", path=request.url.path, exc_info=error)
    return await problem(
        request, 500, code="internal", detail=N_("Something went wrong on our side. Nothing was changed.")
    )


def _page_of(request: Request) -> str:
    """The page to come back to: the one asked for, or the one whose form was sent."""
    if request.method in {"GET", "HEAD"}:
        return safe_next(request.url.path + (f"?{request.url.query}" if request.url.query else ""))
    runtime: Runtime = request.app.state.runtime
    base = runtime.settings.public_url
    referer = request.headers.get("referer", "")
    return safe_next(referer.removeprefix(base)) if referer.startswith(f"{base}/") else "/"


def _headers(error: errors.KedaiError) -> dict[str, str] | None:
    if isinstance(error, errors.StorageUnavailable | errors.RateLimited):
        return {"Retry-After": str(int(error.retry_after))}
    if isinstance(error, errors.Unauthenticated):
        return {"WWW-Authenticate": "Bearer"}
    return None
