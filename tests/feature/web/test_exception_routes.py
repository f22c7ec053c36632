"""Exceptions in JSON: read by who may read, changed by who may replay, within the environment of the path alone."""

from __future__ import annotations

import json
from datetime import timedelta
from typing import Any

import pytest
import sqlalchemy as sa

from kedai.connector_exceptions.models import ConnectorException
from kedai.connector_exceptions.service import Trouble, raise_exceptions
from kedai.kit.ids import new_id, show_id
from kedai.values.environment import Environment
from tests.feature.web.site import SHOPEE, Site

BASE = "/api/v1/sandbox/exceptions"


def trouble(site: Site, code: str) -> str:
    given = Trouble(code, "It failed", "", shop_id="7001", order_sn="O1", event_id=new_id())
    with site.runtime.web_db.write() as db:
        raise_exceptions(db, SHOPEE, Environment.SANDBOX, [given], now=site.clock.now())
    return show_id("exc", site.rows(sa.select(ConnectorException.id).where(ConnectorException.code == code))[0][0])


def read(answer: Any, status: int = 200) -> dict[str, Any]:
    assert answer.status == status, answer.body
    body: dict[str, Any] = json.loads(answer.body)
    return body


def test_a_group_is_listed_told_and_led_through_its_states(shared_site: Site) -> None:
    found, token = trouble(shared_site, "order.error_param"), shared_site.token("operator")
    listed = read(shared_site.get(f"{BASE}?code=order.error_param&shop=7001&assignee=", **token))
    assert [one["id"] for one in listed["exceptions"]] == [found]
    told = read(shared_site.get(f"{BASE}/{found}", **token))
    assert "order number" in told["cause"], "the connector's own words for its code, with its module's prefix"
    assert [one["order_sn"] for one in told["orders"]] == ["O1"]
    until = (shared_site.clock.now() + timedelta(days=1)).isoformat()
    for method, deed, body, state in (
        ("POST", "snoozes", {"until": until}, "snoozed"),
        ("POST", "reopenings", None, "ongoing"),
        ("PUT", "note", {"note": "Asked."}, "ongoing"),
        ("PUT", "assignee", {"assignee": None}, "ongoing"),
        ("POST", "resolutions", None, "resolved"),
    ):
        done = read(shared_site.send(method, f"{BASE}/{found}/{deed}", body, **token))
        assert done["state"] == state, deed
    assert read(shared_site.get(f"{BASE}/{found}", **token))["note"] == "Asked."
    started = read(shared_site.send("POST", f"{BASE}/{found}/retries", {"subject": "7001/O1"}, **token))
    assert (started["events"], started["run"]["kind"]) == (0, "retry_exception")


@pytest.mark.parametrize(
    ("method", "deed", "body", "status"),
    [
        ("POST", "snoozes", {"until": "2026-02-30T00:00:00Z"}, 422),
        ("POST", "snoozes", {"until": "2000-01-01T00:00:00Z"}, 422),
        ("POST", "snoozes", {}, 422),
        ("PUT", "assignee", {"assignee": "nobody@example.com"}, 422),
        ("PUT", "note", {"note": "x" * 2_001}, 422),
        ("PUT", "note", {"note": "a\0b"}, 422),
        ("PUT", "note", {"note": "x", "state": "resolved"}, 422),
        ("POST", "retries", {"subject": "7001/O9"}, 404),
        ("POST", "reopenings", None, 409),
    ],
)
def test_what_cannot_be_is_refused(shared_site: Site, method: str, deed: str, body: Any, status: int) -> None:
    found = trouble(shared_site, "refused")
    assert shared_site.send(method, f"{BASE}/{found}/{deed}", body, **shared_site.token("operator")).status == status


def test_a_viewer_reads_and_the_other_environment_finds_nothing(shared_site: Site) -> None:
    found = trouble(shared_site, "seen")
    viewer, live = shared_site.token("viewer"), shared_site.token("admin", "live")
    assert shared_site.get(f"{BASE}/{found}", **viewer).status == 200
    assert shared_site.send("POST", f"{BASE}/{found}/resolutions", **viewer).status == 403
    assert shared_site.get(f"/api/v1/live/exceptions/{found}", **live).status == 404
    assert shared_site.send("POST", f"/api/v1/live/exceptions/{found}/resolutions", **live).status == 404
    assert shared_site.get(f"{BASE}?state=nothing", **viewer).status == 422
