"""The JSON routes below `/api/v1/{environment}`: parked events, runs and shops, for programs and scripts."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
import sqlalchemy as sa

from kedai.calls.service import store
from kedai.kit.ids import show_id
from kedai.sync.runner import run_next
from kedai.values.call import CallRecord
from kedai.values.credentials import ShopProfile, TokenSet
from kedai.values.environment import Environment, MerchantScope, Scope
from kedai.values.secret import Secret
from kedai.vault.accounts import save_account, seal_tokens, store_tokens
from kedai.vault.models import AuthToken
from tests.feature.web.site import APPS, SHOP, SHOPEE, Site
from tests.support.factories import ANNA
from tests.support.installation import order_push

PARKED = "/api/v1/live/connectors/shopee/parked-events"
REBUILDS = "/api/v1/sandbox/connectors/shopee/rebuilds"
SHOPS = "/api/v1/sandbox/connectors/shopee/shops"


@pytest.fixture
def parked(site: Site) -> Site:
    """Three parked pushes of live, which is not active."""
    for number in range(3):
        assert site.push(order_push(f"26090147{number:06d}", 8001), "live").status == 200
    return site


def add_shop(site: Site, shop_id: str = str(SHOP), *, state: str = "connected") -> None:
    """A shop of the sandbox with a token pair, as a finished authorisation leaves it."""
    scope, now = Scope(SHOPEE, Environment.SANDBOX, shop_id), site.clock.now()
    tokens = token_set(site)
    with site.runtime.web_db.write() as db:
        sealed = seal_tokens(db, site.runtime.ring, scope, tokens)
        profile = ShopProfile(shop_id, f"Shop {shop_id}", "SG", None, None)
        save_account(db, scope, profile, state=state, reason="", actor=ANNA, now=now)
        store_tokens(db, scope, APPS["sandbox"]["partner_id"], sealed, now=now)


def token_set(site: Site) -> TokenSet:
    now = site.clock.now()
    access, refresh = Secret("access-of-the-tests"), Secret("refresh-of-the-tests")
    return TokenSet(access, refresh, now + timedelta(hours=4), now + timedelta(days=30))


def run_all(site: Site) -> None:
    async def all_of_it() -> None:
        while await run_next(site.runtime.worker_parts):
            pass

    asyncio.run(all_of_it())


def states(site: Site) -> list[str]:
    return [event.state for event in site.events()]


def test_parked_events_are_counted_by_reason_and_a_dry_run_says_how_many_are_meant(parked: Site) -> None:
    caller = parked.token("viewer", "live")
    answer = parked.get(PARKED, **caller).json()
    assert answer["parked"] == {"inactive_environment": 3, "unknown_shop": 0, "order_not_found": 0}
    assert (answer["environment"], answer["is_active"]) == ("live", False)
    operator = parked.token("operator", "live")
    for verb in ("replays", "discards"):
        counted = parked.send("POST", f"{PARKED}/{verb}", {"dry_run": True}, **operator)
        assert (counted.status, counted.json()) == (200, {"dry_run": True, "events": 3})
    assert states(parked) == ["parked"] * 3


def test_discarding_is_a_run_that_can_be_watched(parked: Site) -> None:
    caller = parked.token("operator", "live")
    begun = parked.send("POST", f"{PARKED}/discards", {"reason": "inactive_environment"}, **caller)
    assert begun.status == 202
    place = begun.headers["location"]
    run = parked.get(place, **caller).json()
    assert (run["kind"], run["state"], run["done"], run["total"], run["percent"]) == (
        "discard_parked",
        "queued",
        0,
        3,
        0,
    )
    assert parked.send("POST", f"{PARKED}/discards", {}, **caller).status == 409
    run_all(parked)
    run = parked.get(place, **caller).json()
    assert (run["state"], run["done"], run["percent"]) == ("succeeded", 3, 100)
    assert states(parked) == ["discarded"] * 3
    assert {event.discarded_by for event in parked.events()} == {"test"}
    listed = parked.get("/api/v1/live/runs?state=succeeded", **caller).json()
    assert ([one["id"] for one in listed["runs"]], listed["has_more"]) == ([run["id"]], False)
    assert parked.get("/api/v1/live/runs?state=nonsense", **caller).status == 422


def test_replaying_waits_for_the_switch(parked: Site) -> None:
    caller = parked.token("operator", "live")
    refused = parked.send("POST", f"{PARKED}/replays", {}, **caller)
    assert (refused.status, refused.json()["code"]) == (409, "conflict")
    parked.switch("live")
    begun = parked.send("POST", f"{PARKED}/replays", **caller)
    assert begun.status == 202
    run_all(parked)
    assert states(parked) == ["received"] * 3


def test_a_run_is_stopped_by_delete(parked: Site) -> None:
    caller = parked.token("operator", "live")
    place = parked.send("POST", f"{PARKED}/discards", {}, **caller).headers["location"]
    assert parked.send("DELETE", place, **parked.token("viewer", "live")).status == 403
    stopped = parked.send("DELETE", place, **caller)
    assert (stopped.status, stopped.json()["cancel_requested"]) == (200, True)
    run_all(parked)
    assert parked.get(place, **caller).json()["state"] == "cancelled"
    assert states(parked) == ["parked"] * 3
    assert parked.send("DELETE", place, **caller).status == 409
    sandbox = parked.token("operator", "sandbox")
    assert parked.get(place, **sandbox).status == 403
    assert parked.get(place.replace("live", "sandbox"), **sandbox).status == 404


def test_outgoing_calls_are_listed_by_what_is_known_of_them(site: Site) -> None:
    now = site.clock.now()
    one = CallRecord(SHOPEE, Environment.SANDBOX, str(SHOP), "GET", "/api/v2/x", 200, "", "r1", 12.4, now)
    other = replace(one, status=None, code="timeout", request_id="r2", shop_id=None, path="/api/v2/y")
    with site.runtime.web_db.write() as db:
        store(db, [one, other, replace(one, environment=Environment.LIVE, request_id="r3")])
    caller, place = site.token("viewer"), "/api/v1/sandbox/calls"
    answer = site.get(f"{place}?limit=1", **caller).json()
    assert ([call["request_id"] for call in answer["calls"]], answer["has_more"]) == (["r2"], True)
    older = site.get(f"{place}?limit=1&cursor={answer['next_cursor']}", **caller).json()["calls"]
    assert older[0].pop("id").startswith("call_")
    assert older[0] == {
        "connector": "shopee",
        "environment": "sandbox",
        "shop_id": str(SHOP),
        "method": "GET",
        "path": "/api/v2/x",
        "status": 200,
        "outcome": "ok",
        "code": "",
        "milliseconds": 12,
        "request_id": "r1",
        "started_at": now.isoformat().replace("+00:00", "Z"),
    }
    for query, found in (("outcome=failed", ["r2"]), (f"shop={SHOP}", ["r1"]), ("path=y&code=time", ["r2"])):
        assert [call["request_id"] for call in site.get(f"{place}?{query}", **caller).json()["calls"]] == found, query
    for query in ("outcome=good", "since=yesterday", "limit=101", "shop=%00", f"path={'x' * 201}"):
        assert site.get(f"{place}?{query}", **caller).status == 422, query
    assert site.get("/api/v1/live/calls", **caller).status == 403


def test_one_event_is_discarded_and_replayed(parked: Site) -> None:
    caller = parked.token("operator", "live")
    event = f"/api/v1/live/events/{show_id('evt', parked.events()[0].id)}"
    discarded = parked.send("POST", f"{event}/discards", **caller)
    assert (discarded.status, discarded.json()["state"], discarded.json()["discarded_by"]) == (200, "discarded", "test")
    assert parked.send("POST", f"{event}/discards", **caller).status == 409
    replayed = parked.send("POST", f"{event}/replays", **caller)
    assert (replayed.status, replayed.json()["state"]) == (200, "received")
    assert parked.send("POST", f"{event}/replays", **caller).status == 409
    other = parked.token("operator", "sandbox")
    assert parked.send("POST", event.replace("live", "sandbox") + "/replays", **other).status == 404
    assert parked.send("POST", "/api/v1/live/events/evt_x/replays", **caller).status == 404


@pytest.mark.parametrize(
    "body",
    [{"reason": "nonsense"}, {"shop_id": ""}, {"shop_id": "a b"}, {"shop_id": "\u0000"}, {"extra": 1}, [], "x", 7],
)
def test_bodies_that_mean_nothing_are_422(parked: Site, body: Any) -> None:
    caller = parked.token("operator", "live")
    for verb in ("replays", "discards"):
        answer = parked.send("POST", f"{PARKED}/{verb}", body, **caller)
        assert (answer.status, answer.headers["content-type"]) == (422, "application/problem+json")
    assert states(parked) == ["parked"] * 3


@pytest.mark.parametrize("environment", ["LIVE", "prod", "all", "%00", "live%20"])
def test_there_are_two_environments_letter_by_letter(site: Site, environment: str) -> None:
    answer = site.get(f"/api/v1/{environment}/runs", **site.session())
    assert (answer.status, answer.json()["code"]) == (404, "not_found")


def test_shops_are_listed_with_how_they_are_doing(site: Site) -> None:
    add_shop(site)
    add_shop(site, "7002", state="pending")
    listed = site.get(SHOPS, **site.token("viewer")).json()["shops"]
    assert [one["shop_id"] for one in listed] == [str(SHOP), "7002"]
    assert listed[0]["token"]["state"] == "valid"
    assert listed[0]["health"] == {
        "authorization": "unknown",
        "last_push_at": None,
        "last_call_at": None,
        "last_call_problem": "",
        "waiting": 0,
        "oldest_waiting_at": None,
        "is_expected": True,
        "calls_paused_until": None,
    }
    assert b"of-the-tests" not in site.get(SHOPS, **site.token("viewer")).body
    assert site.get(f"{SHOPS}/7002", **site.token("viewer")).json()["state"] == "pending"
    assert site.get(f"{SHOPS}/1", **site.token("viewer")).status == 404
    assert site.get("/api/v1/live/connectors/shopee/shops", **site.token("viewer", "live")).json()["shops"] == []


def test_a_shop_is_paused_resumed_and_disconnected(site: Site) -> None:
    add_shop(site)
    caller, here = site.token("operator"), f"{SHOPS}/{SHOP}"
    assert site.send("POST", f"{here}/pause", **site.token("viewer")).status == 403
    assert site.send("POST", f"{here}/pause", **caller).json()["state"] == "paused"
    assert site.send("POST", f"{here}/pause", **caller).status == 409
    assert site.send("DELETE", f"{here}/pause", **caller).json()["state"] == "connected"
    assert site.send("DELETE", f"{here}/pause", **caller).status == 409
    gone = site.send("DELETE", f"{here}/connection", **caller).json()
    assert (gone["state"], gone["token"]) == ("disconnected", None)
    assert site.send("DELETE", f"{here}/connection", **caller).status == 409
    assert site.rows(sa.select(AuthToken.id)) == []


def test_a_pending_shop_is_confirmed_by_its_id(site: Site) -> None:
    add_shop(site, "7002", state="pending")
    caller, here = site.token("operator"), f"{SHOPS}/7002/confirmation"
    assert site.send("POST", here, {"shop_id": "7003"}, **caller).status == 422
    assert site.send("POST", here, {"shop_id": "7002"}, **caller).json()["state"] == "connected"
    assert site.send("POST", here, {"shop_id": "7002"}, **caller).status == 409


@pytest.mark.parametrize("shop_id", ["%00", "%E2%80%AE", "7001%2Fx", "' OR 1=1", "x" * 300])
def test_ids_that_no_shop_has_are_not_found(site: Site, shop_id: str) -> None:
    caller = site.token("operator")
    shop_id = shop_id.replace(" ", "%20")
    for method, path in (("GET", ""), ("POST", "/pause"), ("DELETE", "/pause"), ("DELETE", "/connection")):
        assert site.send(method, f"{SHOPS}/{shop_id}{path}", **caller).status == 404


def test_a_rebuild_is_started_watched_and_settled(site: Site) -> None:
    add_shop(site)
    caller = site.token("operator")
    body = {"shop_id": str(SHOP), "as_of": "2020-01-31T08:00:00Z"}
    answer = site.send("POST", REBUILDS, body, **caller)
    assert answer.status == 202
    here = answer.headers["location"]
    run_all(site)
    shown = site.get(here, **caller).json()
    assert (shown["run"]["state"], shown["run"]["scope"]["as_of"]) == ("succeeded", "2020-01-31T08:00:00+00:00")
    assert (shown["orders"], shown["counts"], shown["has_more"]) == ([], {}, False)
    assert site.send("POST", f"{here}/applications", **caller).status == 409
    assert site.send("POST", f"{here}/discards", **caller).status == 409
    assert site.get(here.replace("sandbox", "live"), **site.token("operator", "live")).status == 404
    assert site.send("POST", REBUILDS, body, **site.token("viewer")).status == 403


@pytest.mark.parametrize(
    "changes",
    [
        {"as_of": "2020-01-31T08:00:00"},
        {"as_of": "2020-02-30T08:00:00Z"},
        {"as_of": "9999-12-31T23:59:59-23:00"},
        {"placed_from": "yesterday"},
        {"order_sn": "X", "placed_from": "2020-01-01T00:00:00Z"},
        {"more": 1},
        {"shop_id": ""},
        {"as_of": None},
    ],
)
def test_a_rebuild_that_cannot_be_meant_is_refused(site: Site, changes: dict[str, Any]) -> None:
    add_shop(site)
    body = {"shop_id": str(SHOP), "as_of": "2020-01-31T08:00:00Z", **changes}
    assert site.send("POST", REBUILDS, body, **site.token("operator")).status == 422


def test_events_are_counted_and_replayed_by_choice(parked: Site) -> None:
    caller = parked.token("operator", "live")
    replays = "/api/v1/live/connectors/shopee/event-replays"
    chosen = {"states": ["parked"], "order_sn": parked.events()[0].order_sn}
    counted = parked.send("POST", replays, {**chosen, "dry_run": True}, **caller)
    assert counted.json() == {"dry_run": True, "events": 1}
    assert parked.send("POST", replays, chosen, **caller).status == 409
    parked.switch("live")
    begun = parked.send("POST", replays, chosen, **caller)
    assert begun.status == 202
    run_all(parked)
    assert parked.get(begun.headers["location"], **caller).json()["done"] == 1
    assert sorted(states(parked)) == ["parked", "parked", "received"]
    for wrong in ({"states": ["received"]}, {"states": []}, {"code": -1}, {"since": "2026-01-01"}, {"shop_id": "a b"}):
        assert parked.send("POST", replays, wrong, **caller).status == 422


def test_a_merchant_is_paused_and_goes_on(site: Site) -> None:
    scope, now = MerchantScope(SHOPEE, Environment.SANDBOX, "9001"), site.clock.now()
    with site.runtime.web_db.write() as db:
        save_account(db, scope, None, main_account_id="5", state="connected", reason="", actor=ANNA, now=now)
    place, caller = "/api/v1/sandbox/connectors/shopee/merchants/9001/pause", site.token("operator", "sandbox")
    assert site.send("POST", place, **site.token("viewer", "sandbox")).status == 403
    paused = site.send("POST", place, **caller).json()
    assert (paused["state"], paused["authorization"]) == ("paused", "unknown")
    assert site.send("POST", place, **caller).status == 409
    assert site.send("DELETE", place, **caller).json()["state"] == "connected"
    assert site.send("POST", place.replace("9001", "9002"), **caller).status == 404
