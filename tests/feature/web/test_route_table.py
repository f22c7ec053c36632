"""T26, T31, every route: who may call it, and that nobody forgot to say so."""

from __future__ import annotations

import pytest

from kedai.web.deps import read_session, write_session
from tests.feature.web.dangers import DANGEROUS, DEPENDS, FORMS_OF_DANGEROUS_ACTS, HARMLESS
from tests.feature.web.routes import SAFE, Route, list_routes
from tests.feature.web.site import ADMIN, Site

PUBLIC = {
    "GET /livez",
    "GET /readyz",
    "GET /connectors/{connector}/oauth/callback",
    "GET /connectors/{connector}/oauth/callback/{environment}",
    "GET /static/{name}",
    "GET /static/vendor/{name}",
    "GET /login",
    "POST /login",
    "GET /login/code",
    "POST /login/code",
    "POST /login/passkey/options",
    "POST /login/passkey",
    "POST /logout",
    "POST /theme",
}
OPERATOR = {
    *("read", "account", "shops.connect", "environment.switch", "events.replay", "personal.reveal", "catalog.write"),
}
ROLES = {
    "viewer": {"read", "account"},
    "operator": OPERATOR,
    "admin": OPERATOR
    | {"credentials.write", "staff.manage", "tokens.manage", "audit.read", "keys.manage"}
    | {"notifications.manage"},
}
"""Written out here a second time: a change of what a role may do is meant to be seen."""

FOR_PEOPLE_ONLY = {"account", "staff.manage", "tokens.manage", "audit.read", "keys.manage", "notifications.manage"}
"""What lies in no environment: a token, bound to one, never does it."""

BOTH_ENVIRONMENTS = "/admin/dashboard/connectors/{connector}/parity"
"""JSON routes below it show sandbox and live at once, so that a token reaches none of them."""

FOREIGN = "https://evil.example"
BROWSERS = (
    ("our own page", "same-origin", "{ours}", True),
    ("our own page, without origin", "same-origin", None, True),
    ("an older browser on our page", None, "{ours}", True),
    ("a sibling host", "same-site", "{ours}", False),
    ("another site", "cross-site", FOREIGN, False),
    ("another site that forges the origin", "cross-site", "{ours}", False),
    ("typed or bookmarked", "none", None, False),
    ("an empty word", "", "{ours}", False),
    ("an older browser on another site", None, FOREIGN, False),
    ("a sandboxed frame", None, "null", False),
    ("our host on another port", None, "http://127.0.0.1:1", False),
    ("neither header", None, None, False),
)


def headers_of(site: Site, fetch_site: str | None, origin: str | None) -> dict[str, str]:
    given = {} if fetch_site is None else {"Sec-Fetch-Site": fetch_site}
    return given if origin is None else {**given, "Origin": origin.format(ours=site.url)}


def test_every_route_names_one_capability_or_stands_in_the_list_of_public_ones(shared_site: Site) -> None:
    routes = list_routes(shared_site)
    assert {route.name for route in routes if not route.capabilities} == PUBLIC
    assert [route.name for route in routes if len(set(route.capabilities)) > 1] == []
    assert {name for route in routes for name in route.capabilities} == ROLES["admin"]


def test_every_route_that_changes_something_is_placed_as_dangerous_or_not(shared_site: Site) -> None:
    """A new one makes this fail until somebody decides, by the rule in `dangers.py`."""
    changing = [one.name for one in list_routes(shared_site) if one.method not in SAFE]
    placed = [*DANGEROUS, *DEPENDS, *HARMLESS]
    assert sorted(changing) == sorted(placed)


def test_every_dangerous_route_asks_who_is_there_and_no_other_does(shared_site: Site) -> None:
    """Take `fresh` from any route, or give it to another, and this fails."""
    asking = {one.name for one in list_routes(shared_site) if one.fresh}
    assert asking == DANGEROUS | FORMS_OF_DANGEROUS_ACTS


def test_whatever_manages_credentials_keys_people_or_tokens_is_dangerous(shared_site: Site) -> None:
    """The table itself cannot place one of these among the harmless."""
    managing = {"credentials.write", "staff.manage", "tokens.manage", "keys.manage", "notifications.manage"}
    changing = [one for one in list_routes(shared_site) if one.method not in SAFE]
    assert [one.name for one in changing if set(one.capabilities) & managing and one.name in HARMLESS] == []


def test_every_transaction_of_a_route_ends_before_its_answer_begins(shared_site: Site) -> None:
    """With the framework's default, ``scope="request"``, a commit that fails comes after a 200 that was sent."""
    transactions = [
        (route.name, one.scope)
        for route in list_routes(shared_site)
        for one in route.dependencies()
        if one.call in {read_session, write_session}
    ]
    assert len(transactions) >= 5
    assert [name for name, scope in transactions if scope != "function"] == []


def test_reading_routes_never_open_a_writing_transaction_but_for_the_one_that_mints_a_state(shared_site: Site) -> None:
    writing = {
        route.name
        for route in list_routes(shared_site)
        if any(one.call is write_session for one in route.dependencies())
    }
    reading = {
        route.name
        for route in list_routes(shared_site)
        if any(one.call is read_session for one in route.dependencies())
    }
    assert {name for name in writing if name.startswith("GET ")} == {
        "GET /admin/dashboard/connectors/{connector}/oauth/start"
    }
    assert {name.split(" ")[0] for name in reading} <= {"GET"}
    assert writing & reading == set()


def test_t31_anonymous_callers_get_401_or_the_sign_in_page_from_every_route_that_is_not_public(
    shared_site: Site,
) -> None:
    for route in list_routes(shared_site):
        if not route.capabilities:
            continue
        answer = shared_site.send(route.method, route.sample, Sec_Fetch_Site="same-origin", **content_type_of(route))
        if route.is_json or route.path == "/metrics" or route.method not in SAFE:
            assert answer.status == 401, route.name
        else:
            assert (answer.status, answer.headers["location"].split("=")[0]) == (303, "/login?next"), route.name


@pytest.mark.parametrize("role", ROLES)
def test_t31_a_role_reaches_exactly_the_routes_of_its_capabilities(shared_site: Site, role: str) -> None:
    page = shared_site.page(role)
    for route in list_routes(shared_site):
        if not route.capabilities:
            continue
        answer = shared_site.send(route.method, route.sample, **page, **content_type_of(route))
        allowed = route.capabilities[0] in ROLES[role]
        assert (answer.status != 403) is allowed, (route.name, answer.status)
        assert answer.status not in {401, 405}, (route.name, answer.status)
        assert answer.status < 500, (route.name, answer.status)


@pytest.mark.parametrize("role", ROLES)
@pytest.mark.parametrize("environment", ["sandbox", "live"])
def test_t31_a_token_reaches_the_json_routes_of_its_own_environment_and_no_page(
    shared_site: Site, role: str, environment: str
) -> None:
    token = shared_site.token(role, environment)
    for route in list_routes(shared_site):
        if not route.capabilities:
            continue
        answer = shared_site.send(
            route.method, f"{route.sample}?env=sandbox", body_of(route, "sandbox"), **token, **content_type_of(route)
        )
        allowed = route.capabilities[0] in ROLES[role] - FOR_PEOPLE_ONLY
        if route.path == "/metrics":
            assert answer.status == 200
        elif route.is_json and environment == "sandbox" and not route.path.startswith(BOTH_ENVIRONMENTS):
            assert (answer.status != 403) is allowed, (route.name, answer.status)
        else:
            assert answer.status == 403, (route.name, answer.status)


def body_of(route: Route, environment: str) -> object:
    """A body that names an environment, for the one route that wants it there; else one that changes nothing."""
    if route.path.endswith("/active-environment"):
        return {"environment": environment}
    return {} if route.method == "PATCH" else None


def content_type_of(route: Route) -> dict[str, str]:
    """Forms are refused for their encoding before anything else is looked at."""
    is_form = route.method not in SAFE and not route.is_json
    return {"Content-Type": "application/x-www-form-urlencoded"} if is_form else {}


@pytest.mark.parametrize(("who", "fetch_site", "origin", "accepted"), BROWSERS, ids=[one[0] for one in BROWSERS])
def test_t26_only_our_own_pages_may_change_anything_by_a_cookie(
    shared_site: Site, who: str, fetch_site: str | None, origin: str | None, accepted: bool
) -> None:
    cookie = shared_site.session("viewer")  # who may do nothing: what passes the guard ends in another refusal
    mutating = [route for route in list_routes(shared_site) if route.method not in SAFE]
    assert len(mutating) > 8
    for route in mutating:
        if route.path == "/logout" and accepted:
            continue
        answer = shared_site.send(
            route.method,
            route.sample,
            **cookie,
            **headers_of(shared_site, fetch_site, origin),
            **content_type_of(route),
        )
        assert (b"cross_origin" not in answer.body) is accepted, (who, route.name, answer.status)
        assert accepted or answer.status == 403, (who, route.name, answer.status)
    assert shared_site.get("/", **cookie).status == 303  # signed in still: to the active environment's home
    assert "login" not in shared_site.get("/", **cookie).headers["location"]


@pytest.mark.parametrize("method", ["POST", "PATCH", "PUT", "DELETE", "TRACE", "PROPFIND"])
def test_t26_methods_that_no_route_has_are_no_way_around(shared_site: Site, method: str) -> None:
    cookie = shared_site.session("admin")
    answer = shared_site.send(method, ADMIN, **cookie, Sec_Fetch_Site="cross-site")
    assert answer.status == 403


def test_t26_another_site_gets_nowhere_by_adding_an_authorization_header(shared_site: Site) -> None:
    """Requests with that header are let through the guard; then the cookie is not looked at."""
    cookie = shared_site.session("admin")
    for header in ("Bearer x", "Basic YTpi", "Bearer ", "x"):
        answer = shared_site.send(
            "PATCH", f"{ADMIN}?env=sandbox", {}, **cookie, Sec_Fetch_Site="cross-site", Authorization=header
        )
        assert answer.status == 401, header


def test_t26_starting_a_connection_is_refused_to_other_sites_though_it_is_a_get(shared_site: Site) -> None:
    cookie = shared_site.session("admin")
    refused = shared_site.get(f"{ADMIN}/oauth/start?env=sandbox", **cookie, Sec_Fetch_Site="cross-site")
    assert (refused.status, "set-cookie" in refused.headers) == (403, False)
    assert shared_site.get(f"{ADMIN}/oauth/start?env=sandbox", **cookie, Sec_Fetch_Site="same-origin").status == 200


@pytest.mark.parametrize("path", ["/docs", "/redoc", "/openapi.json", "/docs/oauth2-redirect", "/admin", "/api/v1"])
def test_t45_there_are_no_public_documents_of_the_api(shared_site: Site, path: str) -> None:
    for who in ({}, shared_site.session("admin")):
        assert shared_site.get(path, **who).status == 404


def test_t45_metrics_are_for_known_callers(shared_site: Site) -> None:
    refused = shared_site.get("/metrics")
    assert (refused.status, refused.headers["www-authenticate"]) == (401, "Bearer")
    assert b"kedai_" not in refused.body
    for who in (shared_site.token("viewer", "live"), shared_site.session("viewer")):
        shown = shared_site.get("/metrics", **who)
        assert (shown.status, b"kedai_pushes_total" in shown.body) == (200, True)


def test_health_is_public_and_says_nothing_of_the_installation(shared_site: Site) -> None:
    assert shared_site.get("/livez").json() == {"status": "ok"}
    ready = shared_site.get("/readyz")
    assert ready.json() == {
        "status": "ready",
        "checks": {"database": "ok", "schema": "ok", "keys": "ok", "identity": "ok", "storage": "ok"},
    }
