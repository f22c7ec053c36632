"""T32 and the API's bad inputs: each refusal is a problem document with the right status, and changes nothing."""

from __future__ import annotations

import json
from dataclasses import dataclass, field, replace
from typing import Any

import pytest
import sqlalchemy as sa

from kedai.staff.roles import TokenScope
from kedai.vault.models import EnvironmentCredentials
from tests.feature.web.site import ADMIN, KEYS, Site
from tests.support.factories import on_sqlite
from tests.support.installation import Answer, raw_request, request

SANDBOX = f"{ADMIN}?env=sandbox"
JSON = {"Content-Type": "application/json"}
MEMBERS = {"type", "title", "status", "detail", "code", "instance", "request_id"}


@dataclass(frozen=True)
class Case:
    """A request of an admin's token for the sandbox (or of nobody), and how it is refused."""

    name: str
    status: int
    code: str
    method: str = "PATCH"
    path: str = SANDBOX
    body: Any = None
    headers: dict[str, str] = field(default_factory=lambda: dict(JSON))
    anonymous: bool = False


def patch(name: str, value: Any, *, status: int = 422, code: str = "invalid") -> Case:
    return Case(name, status, code, body=value)


DEEP = b'{"region":' + b"[" * 20_000 + b"]" * 20_000 + b"}"

CASES = (
    Case("401", 401, "unauthenticated", "GET", anonymous=True),
    Case("401 writing", 401, "unauthenticated", body={}, anonymous=True, headers={**JSON, "Authorization": "Bearer x"}),
    Case("403 the other environment", 403, "forbidden", "GET", f"{ADMIN}?env=live"),
    Case("403 no page", 403, "cross_origin", body={}, anonymous=True),
    Case("404 connector", 404, "not_found", "GET", "/admin/dashboard/connectors/lazada?env=sandbox"),
    Case("404 route", 404, "not_found", "GET", "/admin/dashboard/nothing"),
    Case("404 api", 404, "not_found", "GET", "/api/v1/orders"),
    Case("405 PUT", 405, "method_not_allowed", "PUT", body={}),
    Case("405 GET of a write", 405, "method_not_allowed", "GET", f"{ADMIN}/active-environment"),
    Case("409 needed by the active environment", 409, "conflict", "DELETE", f"{ADMIN}/secrets/partner_key?env=sandbox"),
    Case("412 stale", 412, "stale", body={}, headers={**JSON, "If-Match": '"v999"'}),
    Case("412 weak", 412, "stale", body={"shop_id": "7002"}, headers={**JSON, "If-Match": 'W/"v2"'}),
    Case("412 no etag of ours", 412, "stale", body={}, headers={**JSON, "If-Match": '"abc"'}),
    Case("412 empty", 412, "stale", body={}, headers={**JSON, "If-Match": '""'}),
    Case("412 other digits", 412, "stale", body={}, headers={**JSON, "If-Match": '"v\u00b2"'}),
    Case("412 5000 digits", 412, "stale", body={}, headers={**JSON, "If-Match": f'"v{"1" * 5000}"'}),
    Case("413 announced", 413, "too_large", body=b'{"region":"' + b"x" * 70_000 + b'"}'),
    Case("422 env twice", 422, "invalid", "GET", f"{ADMIN}?env=sandbox&env=live"),
    Case("422 env twice the same", 422, "invalid", path=f"{SANDBOX}&env=sandbox", body={}),
    Case("422 env unknown", 422, "invalid", "GET", f"{ADMIN}?env=LIVE"),
    Case("422 env empty", 422, "invalid", "GET", f"{ADMIN}?env="),
    Case("422 env not UTF-8", 422, "invalid", "GET", f"{ADMIN}?env=%ff%00"),
    Case("422 no such secret", 422, "invalid", "DELETE", f"{ADMIN}/secrets/shop_id?env=sandbox"),
    Case("422 shop to connect", 422, "invalid", "GET", f"{ADMIN}/oauth/start?env=sandbox&shop_id=abc"),
    *(patch(f"422 extra {name}", {name: 1}) for name in ("environment", "id", "is_admin", "version", "updated_by")),
    patch("422 extra encrypted", {"partner_key_encrypted": "v2:k1:AAAA"}),
    patch("422 extra half a character", b'{"\\ud800":1}'),
    patch("422 extra __proto__", {"__proto__": {"is_admin": True}}),
    patch("422 array", []),
    patch("422 null", b"null"),
    patch("422 partner id is a list", {"partner_id": ["1001"]}),
    patch("422 partner id 0", {"partner_id": 0}),
    patch("422 partner id 2^32", {"partner_id": 4294967296}),
    patch("422 partner id is a fraction", {"partner_id": 1001.5}),
    patch("422 partner id is true", {"partner_id": True}),
    patch("422 partner id with underscore", {"partner_id": "1_000"}),
    patch("422 partner id of other digits", {"partner_id": "\u0661\u0660\u0660\u0661"}),
    patch("422 region unknown", {"region": "XX"}),
    patch("422 region NUL", {"region": "S\0G"}),
    patch("422 region half a character", b'{"region":"\\ud800"}'),
    patch("422 key of 8 characters", {"partner_key": "12345678"}),
    patch("422 key with an emoji", {"partner_key": "partner-key-of-the-tests-\U0001f511"}),
    patch("422 key of half a character", b'{"partner_key":"partner-key-of-the-tests-\\ud800"}'),
    patch("422 key is null", {"partner_key": None}),
    patch("422 key of the other environment", {"push_partner_key": KEYS["live"]}),
    patch("422 host of the other environment", {"host": "live_sg"}),
    patch("422 host is an address", {"host": "http://169.254.169.254"}),
    patch("422 default location of 4000 characters", {"default_location_id": "x" * 4000}),
    Case("422 switch without environment", 422, "invalid", "POST", f"{ADMIN}/active-environment", {}),
    Case("422 switch to nowhere", 422, "invalid", "POST", f"{ADMIN}/active-environment", {"environment": "prod"}),
    Case(
        "422 switch with extras",
        422,
        "invalid",
        "POST",
        f"{ADMIN}/active-environment",
        {"environment": "sandbox", "is_live": True},
    ),
    Case("7 truncated", 422, "invalid", body=b'{"region":"S'),
    Case("17 deep", 400, "http_400", body=DEEP),
    Case("16 integer of 5000 digits", 400, "http_400", body=b'{"partner_id":' + b"9" * 5000 + b"}"),
    Case("14 NaN", 422, "invalid", body=b'{"partner_id":NaN}'),
    Case("11 not UTF-8", 400, "http_400", body=b'{"region":"\xff\xfe"}'),
    Case("74 form", 422, "invalid", body=b"region=SG", headers={"Content-Type": "application/x-www-form-urlencoded"}),
    Case("75 JSON as text", 422, "invalid", body=b'{"region":"SG"}', headers={"Content-Type": "text/plain"}),
    Case("74 no content type", 422, "invalid", body=b'{"region":"SG"}', headers={}),
)


def send(site: Site, case: Case) -> Answer:
    body = case.body if isinstance(case.body, bytes | None) else json.dumps(case.body).encode()
    who = {} if case.anonymous else site.token("admin", "sandbox")
    return request(case.method, site.url + case.path, headers={**who, **case.headers}, body=body)


def stored(site: Site) -> list[Any]:
    chosen = sa.select(EnvironmentCredentials.environment, EnvironmentCredentials.version)
    return sorted(tuple(row) for row in site.rows(chosen))


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_a_refusal_is_a_problem_document_with_its_status_and_changes_nothing(shared_site: Site, case: Case) -> None:
    before = stored(shared_site)

    answer = send(shared_site, case)

    assert answer.status == case.status, answer
    assert answer.headers["content-type"] == "application/problem+json"
    told = answer.json()
    assert set(told) >= MEMBERS
    assert (told["status"], told["code"]) == (case.status, case.code)
    assert told["type"] == f"urn:kedai:error:{case.code}"
    assert told["instance"] == case.path.partition("?")[0]
    assert told["request_id"] == answer.headers["x-request-id"]
    assert told["detail"]
    assert answer.headers["cache-control"] == "no-store"
    if case.status == 401:
        assert answer.headers["www-authenticate"] == "Bearer"
    if case.status == 405:
        assert answer.headers["allow"]
    assert stored(shared_site) == before


@on_sqlite
def test_what_nobody_foresaw_is_a_500_that_tells_nothing_and_is_counted(site: Site) -> None:
    class Surprise(dict[str, Any]):
        def get(self, *_arguments: Any) -> Any:
            raise ZeroDivisionError("the secret is hunter2-hunter2")

    who = site.token("admin", "sandbox")
    site.runtime.parts = replace(site.runtime.parts, connectors=Surprise())
    answer = site.get(SANDBOX, **who)
    assert (answer.status, answer.headers["content-type"]) == (500, "application/problem+json")
    assert answer.json()["code"] == "internal"
    assert b"hunter2" not in answer.body
    assert answer.headers["x-request-id"] == answer.json()["request_id"]
    assert b'kedai_requests_total{method="GET",status="500"} 1.0' in site.get("/metrics", **who).body


def test_409_names_what_an_environment_lacks(site: Site) -> None:
    site.configure("live", shop_id=None, push_partner_key=None)
    with site.runtime.web_db.write() as db:
        db.execute(
            sa.update(EnvironmentCredentials)
            .where(EnvironmentCredentials.environment == "live")
            .values(push_partner_key_encrypted=None)
        )
    token = site.token("admin", "live", scopes=[TokenScope.ACTIVATE_LIVE])
    wish = {"environment": "live", "confirm": "live"}
    refused = site.send("POST", f"{ADMIN}/active-environment", wish, **token)
    assert (refused.status, refused.json()["code"]) == (409, "not_configured")
    assert set(refused.json()["missing"]) == {"push_partner_key", "shop_id"}


def test_422_points_at_the_field_and_never_repeats_what_was_typed(shared_site: Site) -> None:
    secret = "s3cret-that-is-too-short"[:12]
    token = shared_site.token("admin", "sandbox")
    for value in (
        {"partner_key": secret},
        {"partner_key": [secret]},
        {"region": secret},
        {"partner_key": secret * 400},
    ):
        answer = shared_site.send("PATCH", SANDBOX, value, **token)
        assert answer.status == 422
        assert [one["pointer"].split("/")[1] for one in answer.json()["errors"]] == [next(iter(value))] * len(
            answer.json()["errors"]
        )
        assert secret.encode() not in answer.body


def test_413_holds_for_chunks_without_a_length_too(shared_site: Site) -> None:
    token = shared_site.token("admin", "sandbox")
    headers = {**token, **JSON, "Host": f"127.0.0.1:{shared_site.port}", "Transfer-Encoding": "chunked"}
    body = b'{"region":"' + b"x" * 70_000 + b'"}'
    written = raw_request("PATCH", SANDBOX, headers.items()) + b"%x\r\n%s\r\n0\r\n\r\n" % (len(body), body)
    answer = shared_site.exchange(written)
    assert (answer.status, answer.json()["code"]) == (413, "too_large")


def test_an_etag_is_given_with_what_is_read_and_taken_with_what_is_changed(site: Site) -> None:
    token = site.token("admin", "sandbox")
    first = site.get(SANDBOX, **token)
    etag = first.headers["etag"]
    assert etag == f'"v{first.json()["version"]}"'

    changed = site.send("PATCH", SANDBOX, {"shop_id": "7002"}, **token, If_Match=etag)
    assert (changed.status, changed.json()["shop_id"]) == (200, "7002")
    assert changed.headers["etag"] != etag

    late = site.send("PATCH", SANDBOX, {"shop_id": "7003"}, **token, If_Match=etag)
    assert (late.status, late.json()["code"]) == (412, "stale")
    assert site.get(SANDBOX, **token).json()["shop_id"] == "7002"

    anyway = site.send("PATCH", SANDBOX, {"shop_id": "7003"}, **token, If_Match="*")
    assert (anyway.status, anyway.json()["shop_id"]) == (200, "7003")
    late = site.send("DELETE", f"{ADMIN}/secrets/push_partner_key?env=sandbox", **token, If_Match=etag)
    assert late.status == 412


def test_a_patch_that_changes_nothing_keeps_the_version(site: Site) -> None:
    token = site.token("admin", "sandbox")
    before = site.get(SANDBOX, **token).headers["etag"]
    for value in ({}, {"shop_id": "7001"}, {"partner_key": ""}, {"partner_key": "  ", "push_partner_key": ""}):
        answer = site.send("PATCH", SANDBOX, value, **token)
        assert (answer.status, answer.headers["etag"]) == (200, before)


def test_a_get_names_the_active_environment_when_it_is_not_told_one(site: Site) -> None:
    cookie = site.session("viewer")
    assert site.get(ADMIN, **cookie).json()["environment"] == "sandbox"
    site.switch("live")
    shown = site.get(ADMIN, **cookie).json()
    assert (shown["environment"], shown["active_environment"]) == ("live", "live")


def test_no_answer_holds_a_secret(shared_site: Site) -> None:
    """What was stored is told by its fingerprint alone, in JSON, pages, problems and metrics."""
    page = shared_site.page("admin")
    secrets = [*KEYS.values(), "partner-key-of-the-tests-0001", "partner-key-of-the-tests-0002"]
    shown = shared_site.get(SANDBOX, **page).json()
    assert shown["partner_key"]["set"] is True
    assert shown["partner_key"]["fingerprint"] == "part…0001·len29"
    for path in (
        SANDBOX,
        f"{ADMIN}?env=live",
        "/connectors/shopee?tab=sandbox",
        "/connectors/shopee?tab=live",
        "/metrics",
    ):
        answer = shared_site.get(path, **page)
        assert answer.status == 200
        assert [secret for secret in secrets if secret.encode() in answer.body] == []
