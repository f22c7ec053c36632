"""Back-fills, coverage and statements in JSON: who may, what is refused, and nothing is begun by a bad request."""

from __future__ import annotations

from typing import Any

import pytest
import sqlalchemy as sa

from kedai.runs.models import Run
from kedai.values.credentials import ShopProfile
from kedai.values.environment import Environment, Scope
from kedai.vault.accounts import save_account
from tests.feature.web.site import SHOPEE, Site
from tests.support.factories import ANNA

SHOP = "7001"
BASE = f"/api/v1/sandbox/connectors/shopee/shops/{SHOP}"
PERIOD = {"since": "2026-07-01", "until": "2026-07-31"}


@pytest.fixture
def shop(site: Site) -> Site:
    """A connected shop of the sandbox."""
    scope = Scope(SHOPEE, Environment.SANDBOX, SHOP)
    with site.runtime.web_db.write() as db:
        profile = ShopProfile(SHOP, "Shop", "SG", None, None)
        save_account(db, scope, profile, state="connected", reason="", actor=ANNA, now=site.clock.now())
    return site


def runs(site: Site) -> int:
    return int(site.rows(sa.select(sa.func.count()).select_from(Run))[0][0])


def test_a_back_fill_is_queued_and_its_run_is_named(shop: Site) -> None:
    answer = shop.send("POST", f"{BASE}/backfills", PERIOD, **shop.token("operator"))
    told = answer.json()
    assert (answer.status, told["kind"], told["state"]) == (202, "backfill", "queued")
    assert answer.headers["location"] == f"/api/v1/sandbox/runs/{told['id']}"
    assert told["scope"]["since"].startswith("2026-07-01T00:00:00")
    assert told["scope"]["until"].startswith("2026-08-01T00:00:00")


def test_coverage_tells_the_gaps_of_a_period(shop: Site) -> None:
    answer = shop.get(f"{BASE}/coverage?since=2026-07-01&until=2026-07-31", **shop.token("viewer"))
    gap = {"since": "2026-07-01T00:00:00Z", "until": "2026-08-01T00:00:00Z"}
    assert (answer.status, answer.json()) == (200, {**gap, "covered": [], "gaps": [gap]})


@pytest.mark.parametrize(
    "changed",
    [
        {"since": "2026-02-30"},
        {"since": "2026-07-01T00:00:00"},
        {"since": "2026-08-01"},
        {"until": "9999-12-31"},
        {"since": None},
        {"since": 20260701},
        {"since": "2" * 41},
        {"since": "2026-07-01\0"},
        {"environment": "live"},
        {"dry_run": "perhaps"},
    ],
)
def test_49_a_bad_period_is_refused_and_nothing_is_begun(shop: Site, changed: dict[str, Any]) -> None:
    caller = shop.token("operator")
    answer = shop.send("POST", f"{BASE}/backfills", {**PERIOD, **changed}, **caller)
    assert (answer.status, runs(shop)) == (422, 0)
    if "dry_run" not in changed:
        assert shop.send("POST", f"{BASE}/statements", {**PERIOD, **changed}, **caller).status == 422


@pytest.mark.parametrize(
    ("path", "status"),
    [
        ("/api/v1/sandbox/connectors/shopee/shops/404/{}", 404),
        ("/api/v1/sandbox/connectors/shopee/shops/%00/{}", 404),
        ("/api/v1/sandbox/connectors/nobody/shops/7001/{}", 404),
        ("/api/v1/live/connectors/shopee/shops/7001/{}", 403),
    ],
)
def test_what_is_not_there_is_not_found(shop: Site, path: str, status: int) -> None:
    caller = shop.token("operator")
    assert shop.send("POST", path.format("backfills"), PERIOD, **caller).status == status
    assert shop.send("POST", path.format("statements"), PERIOD, **caller).status == status
    assert shop.get(f"{path.format('coverage')}?since=2026-07-01&until=2026-07-31", **caller).status == status
    assert runs(shop) == 0


def test_in_the_inactive_environment_nothing_is_filled(site: Site) -> None:
    scope = Scope(SHOPEE, Environment.LIVE, SHOP)
    with site.runtime.web_db.write() as db:
        profile = ShopProfile(SHOP, "Shop", "SG", None, None)
        save_account(db, scope, profile, state="connected", reason="", actor=ANNA, now=site.clock.now())
    path = BASE.replace("sandbox", "live")
    answer = site.send("POST", f"{path}/backfills", PERIOD, **site.token("operator", "live"))
    assert (answer.status, runs(site)) == (409, 0)


def test_a_viewer_begins_nothing(shop: Site) -> None:
    for what in ("backfills", "statements"):
        assert shop.send("POST", f"{BASE}/{what}", PERIOD, **shop.token("viewer")).status == 403
    assert runs(shop) == 0
