"""Bad inputs 54 to 64 of the credentials, by form and by PATCH: refused at the field, nothing of it kept or shown."""

from __future__ import annotations

import re
from urllib.parse import urlencode

import pytest
import sqlalchemy as sa

from kedai.vault.models import EnvironmentCredentials
from tests.feature.web.site import ADMIN, APPS, KEYS, Site
from tests.support.installation import Answer, request

GOOD_KEY = "a-partner-key-of-the-tests-0003"
REFUSED = {
    "54 zero": ("partner_id", "0"),
    "54 one too large": ("partner_id", "4294967296"),
    "54 spaces inside": ("partner_id", "10 01"),
    "54 underscore": ("partner_id", "1_000"),
    "54 another script's digits": ("partner_id", "\u0661\u0660\u0660\u0661"),
    "54 4,000 digits": ("partner_id", "1" * 150),
    "56 8 characters": ("partner_key", "shpk1234"),
    "56 8 characters of a push key": ("push_partner_key", "shpk1234"),
    "57 emoji": ("partner_key", f"{GOOD_KEY}\U0001f511"),
    "57 emoji in a push key": ("push_partner_key", f"{GOOD_KEY}\U0001f511"),
    "58 the push key of both": ("push_partner_key", KEYS["live"]),
    "58 the push key of both, with spaces": ("push_partner_key", f" {KEYS['live']}\n"),
    "64 unknown region": ("region", "XX"),
    "64 a region's name": ("region", "Singapore"),
    "64 a region and NUL": ("region", "SG\0"),
}
"""Sandbox is edited; live has keys of its own."""


def stored(site: Site) -> list[tuple[object, ...]]:
    chosen = sa.select(*EnvironmentCredentials.__table__.columns).order_by(EnvironmentCredentials.environment)
    return [tuple(row) for row in site.rows(chosen)]


def save(site: Site, environment: str, values: dict[str, str], page: dict[str, str], version: str = "") -> Answer:
    """The form as the page shows it, some of it typed over."""
    shown = site.get(f"/connectors/shopee?tab={environment}", **page).body.decode()
    app = APPS[environment]
    form = {
        "version": version or field(shown, "version"),
        **{name: app[name] for name in ("partner_id", "shop_id", "region")},
        **values,
    }
    headers = {**page, "Content-Type": "application/x-www-form-urlencoded"}
    path = f"/connectors/shopee/credentials?env={environment}"
    return request("POST", site.url + path, headers=headers, body=urlencode(form).encode())


def field(page: str, name: str) -> str:
    found = re.search(rf'name="{name}"[^>]*\bvalue="([^"]*)"', page)
    assert found is not None, name
    return found[1]


@pytest.mark.parametrize("case", REFUSED)
def test_54_to_58_and_64_a_value_that_cannot_be_right_is_refused_at_its_field(shared_site: Site, case: str) -> None:
    name, value = REFUSED[case]
    before = stored(shared_site)
    answer = shared_site.send("PATCH", f"{ADMIN}?env=sandbox", {name: value}, **shared_site.token())
    assert answer.status == 422
    assert [one["pointer"] for one in answer.json()["errors"]] == [f"/{name}"]
    page = save(shared_site, "sandbox", {name: value}, shared_site.page())
    assert (page.status, page.body.count(b'aria-invalid="true"')) == (422, 1)
    marked = re.search(rb'<(?:input|select)[^>]* id="f-(\w+)"[^>]*aria-invalid="true"', page.body)
    assert marked is not None
    assert marked[1].decode() == name
    if name.endswith("key"):
        assert value.strip().encode() not in answer.body + page.body
    assert stored(shared_site) == before


@pytest.mark.parametrize("name", ["partner_key", "push_partner_key"])
def test_55_spaces_that_were_copied_along_are_removed_and_told(site: Site, name: str) -> None:
    told = site.send("PATCH", f"{ADMIN}?env=sandbox", {name: f" \t{GOOD_KEY}\r\n"}, **site.token()).json()
    assert (told["changed"], told[name]["fingerprint"]) == ([name], "a-pa…0003·len31")
    assert any("spaces" in notice.lower() for notice in told["notices"])
    again = save(site, "sandbox", {name: f"{GOOD_KEY}-more\n"}, site.page())
    assert (again.status, f"trimmed={name}" in again.headers["location"]) == (303, True)
    page = site.get(again.headers["location"], **site.page()).body.decode()
    assert "Spaces around" in page
    assert GOOD_KEY not in page


def test_59_a_sandbox_push_key_in_live_is_refused_and_a_sandbox_host_too(shared_site: Site) -> None:
    """Both apps may have any partner key; what tells them apart at once is the push key, and the host."""
    before = stored(shared_site)
    token, page = shared_site.token("admin", "live"), shared_site.page()
    for name, value in (("push_partner_key", KEYS["sandbox"]), ("host", "sandbox_sg")):
        refused = shared_site.send("PATCH", f"{ADMIN}?env=live", {name: value}, **token)
        assert (refused.status, refused.json()["errors"][0]["pointer"]) == (422, f"/{name}")
        assert value not in refused.json()["detail"]
        assert save(shared_site, "live", {name: value}, page).status == 422
    assert stored(shared_site) == before


def test_61_a_blank_secret_changes_nothing(shared_site: Site) -> None:
    before, body = stored(shared_site), b'{"code":0,"data":{"verify_info":"61"}}'
    for blank in ("", " ", "\n\t"):
        given = dict.fromkeys(("partner_key", "push_partner_key"), blank)
        kept = shared_site.send("PATCH", f"{ADMIN}?env=sandbox", given, **shared_site.token())
        assert (kept.status, kept.json()["changed"]) == (200, [])
        saved = save(shared_site, "sandbox", given, shared_site.page())
        assert (saved.status, "status=unchanged" in saved.headers["location"]) == (303, True)
    assert stored(shared_site) == before
    assert shared_site.push(body).status == 200


def test_63_of_two_who_edit_the_second_is_told_and_loses_nothing(site: Site) -> None:
    """By page and by JSON, in both directions: whoever started from an older state does not overwrite a newer one."""
    token, page = site.token(), site.page()
    opened = field(site.get("/connectors/shopee?tab=sandbox", **page).body.decode(), "version")
    etag = site.get(f"{ADMIN}?env=sandbox", **token).headers["etag"]
    changed = site.send("PATCH", f"{ADMIN}?env=sandbox", {"shop_id": "7002"}, **token, If_Match=etag)
    assert changed.status == 200
    late = save(site, "sandbox", {"shop_id": "7003", "partner_key": GOOD_KEY}, page, version=opened)
    assert (late.status, field(late.body.decode(), "shop_id")) == (409, "7003")
    assert b"Somebody else saved this form" in late.body
    assert b"Stored now: <bdi>7002</bdi>" in late.body
    assert GOOD_KEY.encode() not in late.body
    assert save(site, "sandbox", {"shop_id": "7003"}, page).status == 303
    for stale in (etag, changed.headers["etag"]):
        refused = site.send("PATCH", f"{ADMIN}?env=sandbox", {"shop_id": "7004"}, **token, If_Match=stale)
        assert (refused.status, refused.json()["code"]) == (412, "stale")
    assert site.get(f"{ADMIN}?env=sandbox", **token).json()["shop_id"] == "7003"


def test_63_both_environments_are_edited_each_by_its_own_version(site: Site) -> None:
    """Both tabs open at once: saving one makes the other neither stale nor different."""
    page = site.page()
    versions = {
        environment: field(site.get(f"/connectors/shopee?tab={environment}", **page).body.decode(), "version")
        for environment in APPS
    }
    for environment, version in versions.items():
        assert save(site, environment, {"default_location_id": environment}, page, version=version).status == 303
    for environment in APPS:
        shown = site.get(f"{ADMIN}?env={environment}", **site.page()).json()
        assert shown["default_location_id"] == environment
