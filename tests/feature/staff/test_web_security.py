"""The cookie, the bearer token, the headers of a page, and where a sign-in may lead."""

from __future__ import annotations

from uuid import UUID

import pytest
from starlette.requests import Request
from starlette.responses import Response

from kedai.staff.roles import Capability, Role
from kedai.values.actor import Actor, ActorKind
from kedai.values.environment import Environment
from kedai.values.secret import Secret
from kedai.web import security

TOKEN = "t" * 43


def request_with(*headers: tuple[str, str]) -> Request:
    raw = [(name.encode("latin-1"), value.encode("latin-1")) for name, value in headers]
    return Request({"type": "http", "method": "GET", "path": "/", "query_string": b"", "headers": raw})


def cookie_attributes(response: Response) -> set[str]:
    (cookie,) = response.headers.getlist("set-cookie")
    return {part.strip().lower() for part in cookie.split(";")[1:]}


def test_cookie_over_https_is_bound_to_this_host_and_hidden_from_scripts() -> None:
    response = Response()
    security.set_session_cookie(response, Secret(TOKEN), secure=True)
    assert response.headers["set-cookie"].startswith(f"__Host-kedai-session={TOKEN};")
    assert cookie_attributes(response) == {"httponly", "path=/", "samesite=lax", "secure"}


def test_cookie_on_http_loopback_has_no_host_prefix_that_browsers_would_drop() -> None:
    response = Response()
    security.set_session_cookie(response, Secret(TOKEN), secure=False)
    assert response.headers["set-cookie"].startswith(f"kedai-session={TOKEN};")
    assert cookie_attributes(response) == {"httponly", "path=/", "samesite=lax"}


@pytest.mark.parametrize("secure", [True, False])
def test_clearing_names_the_same_cookie_with_the_same_attributes(*, secure: bool) -> None:
    response = Response()
    security.clear_session_cookie(response, secure=secure)
    assert response.headers["set-cookie"].startswith(f'{security.session_cookie_name(secure=secure)}="";')
    expected = {"httponly", "path=/", "samesite=lax", "max-age=0"} | ({"secure"} if secure else set())
    assert {one for one in cookie_attributes(response) if not one.startswith("expires=")} == expected


@pytest.mark.parametrize(
    ("cookies", "token"),
    [
        ((f"__Host-kedai-session={TOKEN}",), TOKEN),
        ((f"theme=dark; __Host-kedai-session={TOKEN}; a=b",), TOKEN),
        (("theme=dark", f"__Host-kedai-session={TOKEN}"), TOKEN),
        ((), None),
        (("__Host-kedai-session=",), None),
        (("__Host-kedai-session",), None),
        ((f"kedai-session={TOKEN}",), None),
        ((f"__host-kedai-session={TOKEN}",), None),
        ((f"__Host-kedai-session={TOKEN}; __Host-kedai-session=planted",), None),
        ((f"__Host-kedai-session={TOKEN}; __Host-kedai-session={TOKEN}",), None),
        ((f"__Host-kedai-session={TOKEN}; __Host-kedai-session=",), None),
        (("__Host-kedai-session=planted", f"__Host-kedai-session={TOKEN}"), None),
        (("__Host-kedai-session=" + "x" * 8192,), None),
    ],
)
def test_only_a_single_cookie_of_our_name_is_read(cookies: tuple[str, ...], token: str | None) -> None:
    """Bad inputs 68 and 69."""
    request = request_with(*(("cookie", cookie) for cookie in cookies))
    assert security.read_session_token(request, secure=True) == token


@pytest.mark.parametrize(
    ("headers", "token"),
    [
        (("Bearer kedai_live_x",), "kedai_live_x"),
        (("bearer kedai_live_x",), "kedai_live_x"),
        (("Bearer kedai_live_x\n",), "kedai_live_x\n"),
        (("Bearer  kedai_live_x",), " kedai_live_x"),
        ((), None),
        (("",), None),
        (("Bearer",), None),
        (("Bearer ",), None),
        (("Basic YTpi",), None),
        (("kedai_live_x",), None),
        (("Bearer kedai_live_x", "Bearer kedai_live_y"), None),
        (("Bearer " + "x" * 8192,), None),
    ],
)
def test_bearer_is_read_exactly_as_sent(headers: tuple[str, ...], token: str | None) -> None:
    """Bad input 71, among others."""
    request = request_with(*(("authorization", header) for header in headers))
    assert security.read_bearer(request) == token


def test_pages_may_load_nothing_from_elsewhere_and_be_framed_by_nobody() -> None:
    headers = dict(security.SECURITY_HEADERS)
    assert headers.pop("Content-Security-Policy").split("; ") == [
        "default-src 'none'",
        "style-src 'self'",
        "img-src 'self' data:",
        "script-src 'self'",
        "connect-src 'self'",
        "font-src 'self'",
        "form-action 'self'",
        "frame-ancestors 'none'",
        "base-uri 'none'",
    ]
    assert headers == {
        "Referrer-Policy": "same-origin",
        "X-Content-Type-Options": "nosniff",
        "Cross-Origin-Opener-Policy": "same-origin",
        "Permissions-Policy": "camera=(), microphone=(), geolocation=(), payment=(), usb=()",
        "Cache-Control": "no-store",
    }


def test_connector_page_may_send_its_form_to_the_sign_in_origins_only() -> None:
    extra = ("https://signin.example", "http://127.0.0.1:9001")
    policy = security.security_headers(form_action_extra=extra)["Content-Security-Policy"]
    assert "; form-action 'self' https://signin.example http://127.0.0.1:9001; " in policy
    assert "signin" not in security.SECURITY_HEADERS["Content-Security-Policy"]


@pytest.mark.parametrize(
    "origin",
    ["*", "https:", "https://a.example/path", "https://a.example; script-src *", "https://*.example", "'unsafe-inline'",
     "javascript:x", "https://a.example\n", "", "https://a.example https://b.example"],
)  # fmt: skip
def test_form_target_that_is_no_plain_origin_is_refused(origin: str) -> None:
    with pytest.raises(ValueError, match="not an origin"):
        security.security_headers(form_action_extra=(origin,))


def person(role: Role) -> security.Principal:
    actor = Actor(ActorKind.STAFF, "staff_1", "anna@example.com")
    return security.Principal("session", actor, role, UUID(int=1), None, "anna@example.com")


def program(role: Role, environment: Environment) -> security.Principal:
    return security.Principal("token", Actor(ActorKind.TOKEN, "token_1", "till"), role, None, environment, "till")


def test_person_may_do_what_the_role_grants_in_both_environments() -> None:
    assert person(Role.ADMIN).can(Capability.STAFF_MANAGE)
    assert not person(Role.VIEWER).can(Capability.EVENTS_REPLAY)
    assert all(person(Role.VIEWER).reaches(environment) for environment in Environment)


def test_token_reaches_its_own_environment_only() -> None:
    token = program(Role.ADMIN, Environment.SANDBOX)
    assert token.reaches(Environment.SANDBOX)
    assert not token.reaches(Environment.LIVE)


def test_token_never_manages_staff_or_keys_since_it_could_mint_itself_the_other_environment() -> None:
    token = program(Role.ADMIN, Environment.SANDBOX)
    assert token.can(Capability.CREDENTIALS_WRITE)
    assert not token.can(Capability.STAFF_MANAGE)
    assert not token.can(Capability.KEYS_MANAGE)


LEADING_AWAY = [
    "", " ", "//evil.example", "///evil.example", "////evil.example", "/\\evil.example", "\\\\evil.example",
    "\\/evil.example", "/\\/evil.example", "https://evil.example", "HTTPS://evil.example", "http:evil.example",
    "https:/evil.example", "https:evil.example", "javascript:alert(1)", "JaVaScRiPt:alert(1)", "data:text/html,x",
    "vbscript:x", "mailto:a@b.c", "evil.example", "www.evil.example", "events", "./events", "../events", "?a=b", "#a",
    " /events", "/events ", "/ /evil.example", "\t/events", "/\t/evil.example", "/\n/evil.example", "/\r/evil.example",
    "/events\r\nSet-Cookie: a=b", "/events\0", "/\0/evil.example", "/\x7f/evil.example", "/\x85/evil.example",
    "/\u2028/evil.example", "/\uff0f/evil.example", "\uff0f/evil.example", "/\u3002evil.example", "/%2fevil.example",
    "/%2F/evil.example", "/%5cevil.example", "/%5C%5Cevil.example", "/%252fevil.example", "/%09/evil.example",
    "/%0d%0aSet-Cookie:%20a=b", "/%00", "/.//evil.example", "/..//evil.example", "/./evil", "/a/..//evil.example",
    "/%2e%2e//evil.example", "/%2e/evil", "/a//evil.example", "//evil.example/%2e%2e", "//user@evil.example",
    "@evil.example", "/" + "a" * 2001,
]  # fmt: skip


@pytest.mark.parametrize("text", LEADING_AWAY)
def test_whatever_could_lead_to_another_place_leads_home(text: str) -> None:
    assert security.safe_next(text) == "/"


@pytest.mark.parametrize(
    "text",
    [
        "/",
        "/e/live/orders",
        "/e/sandbox/orders/ord_0199",
        "/connectors/shopee?tab=live&env=live&status=connected",
        "/e/all/events?q=a%20b&next=//x",
        "/e/all/events?since=2026-01-01T00:00:00%2B08:00#row",
        "/a.b/c..d",
    ],
)
def test_plain_path_of_ours_is_kept_as_it_is(text: str) -> None:
    assert security.safe_next(text) == text


def test_missing_next_leads_home() -> None:
    assert security.safe_next(None) == "/"
