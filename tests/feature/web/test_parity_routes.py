"""Sandbox and live compared, and settings copied, in JSON: by the rules of the page and the command line."""

from __future__ import annotations

from typing import Any

import pytest

from kedai.values.environment import Environment
from kedai.vault.queries import get_credentials
from kedai.web.security import CONFIRMED_SPAN
from tests.feature.web.site import APPS, KEYS, SHOPEE, Site

HERE = "/admin/dashboard/connectors/shopee/parity"


@pytest.fixture
def pair(site: Site) -> Site:
    """Two environments that differ."""
    site.configure("sandbox", default_location_id="WAREHOUSE-1", region="SG")
    site.configure("live", region="MY")
    return site


def field(body: dict[str, Any], name: str) -> dict[str, Any]:
    found: dict[str, Any] = next(one for one in body["fields"] if one["name"] == name)
    return found


def preview(site: Site, page: dict[str, str], to: str = "live") -> dict[str, Any]:
    answer = site.get(f"{HERE}/copy?to={to}", **page)
    assert answer.status == 200, answer.body
    found: dict[str, Any] = answer.json()
    return found


def copy(site: Site, page: dict[str, str], body: object, to: str = "live") -> Any:
    return site.send("POST", f"{HERE}/copy?to={to}", body, **page)


def region(site: Site) -> str:
    with site.runtime.web_db.read() as db:
        return get_credentials(db, SHOPEE, Environment.LIVE).region


def test_fields_stand_side_by_side(pair: Site) -> None:
    body = pair.get(HERE, **pair.page("viewer")).json()
    assert (body["connector"], body["active_environment"]) == ("shopee", "sandbox")
    assert field(body, "region") == {
        "name": "region",
        "label": "Region",
        "secret": False,
        "copyable": True,
        "sandbox": {"set": True, "value": "SG"},
        "live": {"set": True, "value": "MY"},
        "verdict": "different",
    }
    assert field(body, "default_location_id")["verdict"] == "only_in_sandbox"
    assert set(body["live"]) == {"version", "updated_at", "updated_by", "missing", "shops"}
    assert body["live"]["updated_at"].endswith("Z")


def test_of_a_secret_it_says_whether_it_is_set_and_the_verdict_and_nothing_else(pair: Site) -> None:
    """Not even the fingerprint's digits: with `value` in `_shown_field` for secrets this fails."""
    answer = pair.get(HERE, **pair.page("admin"))
    shown = field(answer.json(), "push_partner_key")
    assert shown["sandbox"] == shown["live"] == {"set": True}
    assert shown["verdict"] == "differs_as_it_should"
    given = [*KEYS.values(), *(APPS[one]["partner_key"] for one in ("sandbox", "live"))]
    assert [
        secret for secret in given if secret[:16].encode() in answer.body or secret[-8:].encode() in answer.body
    ] == []


def test_preview_then_copy_of_what_was_named(pair: Site) -> None:
    admin = pair.page("admin")
    plan = preview(pair, admin)
    assert (plan["from"], plan["to"]) == ("sandbox", "live")
    assert {one["name"]: (one["before"], one["after"]) for one in plan["changes"]} == {
        "region": ("MY", "SG"),
        "default_location_id": (None, "WAREHOUSE-1"),
    }
    assert region(pair) == "MY", "a preview changes nothing"
    done = copy(pair, admin, {"fields": ["region"], "tag": plan["tag"]})
    assert (done.status, done.json()["changed"]) == (200, ["region"])
    assert region(pair) == "SG"


def test_an_edit_after_the_preview_makes_it_stale(pair: Site) -> None:
    admin = pair.page("admin")
    tag = preview(pair, admin)["tag"]
    pair.configure("live", region="TH")
    assert copy(pair, admin, {"fields": ["region"], "tag": tag}).status == 412
    assert region(pair) == "TH"


@pytest.mark.parametrize(
    "body",
    [
        {},
        [],
        "x",
        None,
        {"fields": [], "tag": "v1-v1"},
        {"fields": "region", "tag": "v1-v1"},
        {"fields": ["region"]},
        {"fields": ["region"], "tag": "x" * 65},
        {"fields": ["region"] * 33, "tag": "v1-v1"},
        {"fields": ["region"], "tag": "v1-v1", "environment": "live"},
    ],
    ids=str,
)
def test_bad_bodies_are_refused(pair: Site, body: object) -> None:
    assert copy(pair, pair.page("admin"), body).status == 422
    assert region(pair) == "MY"


@pytest.mark.parametrize("name", ["partner_key", "partner_id", "shop_id", "host", "version", "no such"])
def test_what_the_preview_does_not_show_is_never_copied(pair: Site, name: str) -> None:
    admin = pair.page("admin")
    tag = preview(pair, admin)["tag"]
    assert copy(pair, admin, {"fields": ["region", name], "tag": tag}).status == 422
    assert region(pair) == "MY"


@pytest.mark.parametrize("query", ["", "?to=", "?to=LIVE", "?to=both", "?to=live&to=sandbox"])
def test_the_target_is_named_once(pair: Site, query: str) -> None:
    admin = pair.page("admin")
    assert pair.get(f"{HERE}/copy{query}", **admin).status == 422
    assert pair.send("POST", f"{HERE}/copy{query}", {"fields": ["region"], "tag": "v1-v1"}, **admin).status == 422


def test_a_copy_asks_a_person_for_a_fresh_proof(pair: Site) -> None:
    admin = pair.page("admin")
    tag = preview(pair, admin)["tag"]
    pair.clock.advance(CONFIRMED_SPAN)
    refused = copy(pair, admin, {"fields": ["region"], "tag": tag})
    assert (refused.status, refused.json()["code"]) == (403, "step_up_required")
    assert pair.get(HERE, **admin).status == 200
    assert region(pair) == "MY"


@pytest.mark.parametrize(
    ("role", "reads", "previews"), [("viewer", 200, 403), ("operator", 200, 403), ("admin", 200, 200)]
)
def test_each_role_reaches_what_it_may(pair: Site, role: str, reads: int, previews: int) -> None:
    page = pair.page(role)
    assert pair.get(HERE, **page).status == reads
    assert pair.get(f"{HERE}/copy?to=live", **page).status == previews
    if previews == 403:
        assert copy(pair, page, {"fields": ["region"], "tag": "v1-v1"}).status == 403


@pytest.mark.parametrize("environment", ["sandbox", "live"])
def test_a_token_is_refused_since_it_would_see_the_other_environment(pair: Site, environment: str) -> None:
    token = pair.token("admin", environment)
    for path in (HERE, f"{HERE}/copy?to={environment}"):
        assert pair.get(path, **token).status == 403, path
    assert copy(pair, token, {"fields": ["region"], "tag": "v1-v1"}, to=environment).status == 403
    assert pair.get(HERE).status == 401
    assert pair.get("/admin/dashboard/connectors/nowhere/parity", **pair.page("admin")).status == 404
