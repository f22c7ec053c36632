"""The schedule in JSON, on the command line and in the metrics: run now, pause, resume, and how each kind stands."""

from __future__ import annotations

import asyncio
import json
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from kedai.sync import keep_alive, retention, schedule
from kedai.sync.runner import run_next
from tests.feature.web.site import Site
from tests.support.installation import Installation

HERE = "/api/v1/sandbox/connectors/shopee/schedules"
KIND = f"{HERE}/{keep_alive.KIND}"


def tend(site: Site) -> int:
    return asyncio.run(schedule.tend(site.runtime.worker_parts))


def work(site: Site) -> None:
    """Those kinds alone that ask no marketplace here."""
    for kind in (keep_alive.KIND, retention.KIND) * 2:
        asyncio.run(run_next(site.runtime.worker_parts, kind=kind))


def test_run_now_answers_202_and_where_the_run_can_be_watched_and_stopped(site: Site) -> None:
    caller = site.token("operator", "sandbox")
    assert site.send("POST", f"{KIND}/runs", **site.token("viewer", "sandbox")).status == 403
    begun = site.send("POST", f"{KIND}/runs", **caller)
    assert begun.status == 202
    place = begun.headers["location"]
    (run,) = begun.json()["runs"]
    assert place == f"/api/v1/sandbox/runs/{run['id']}"
    again = site.send("POST", f"{KIND}/runs", **caller)
    assert (again.status, again.headers["location"]) == (202, place)
    paused = site.send("POST", f"{place}/pause", **caller).json()
    assert (paused["paused_at"] is None, paused["paused_by"]) == (False, "test")
    work(site)
    assert site.get(place, **caller).json()["state"] == "queued"
    assert site.send("POST", f"{place}/pause", **caller).status == 409
    assert site.send("DELETE", f"{place}/pause", **caller).json()["paused_at"] is None
    work(site)
    ended = site.get(place, **caller).json()
    assert (ended["state"], ended["per_minute"], ended["ends_at"]) == ("succeeded", None, None)
    assert site.send("DELETE", f"{place}/pause", **caller).status == 409
    stopped = site.send("POST", f"{KIND}/runs", **caller).headers["location"]
    assert site.send("DELETE", stopped, **caller).json()["cancel_requested"] is True


def test_schedule_is_listed_paused_with_a_reason_and_resumed(site: Site) -> None:
    caller = site.token("operator", "sandbox")
    assert site.get("/api/v1/sandbox/schedules", **caller).json() == {"schedules": []}
    assert site.get(KIND, **caller).status == 404
    tend(site)
    work(site)
    listed = site.get("/api/v1/sandbox/schedules", **caller).json()["schedules"]
    assert {keep_alive.KIND, retention.KIND} <= {one["kind"] for one in listed}
    one = site.get(KIND, **caller).json()
    assert (one["state"], one["period"], one["grace_seconds"]) == ("up", "every 10 minutes", 6 * 3600)
    assert one["does"].endswith(".")
    paused = site.send("POST", f"{KIND}/pause", {"reason": "the fair"}, **caller).json()
    assert (paused["state"], paused["pause_reason"], paused["next_at"]) == ("paused", "the fair", None)
    assert site.send("POST", f"{KIND}/pause", **caller).status == 409
    assert site.send("DELETE", f"{KIND}/pause", **caller).json()["paused_at"] is None
    for body in (
        {"reason": "x" * 201},
        {"reason": "a\u0000b"},
        {"reason": "0123456789abcdef" * 4},
        {"reason": None},
        {"why": "x"},
        [],
    ):
        assert site.send("POST", f"{KIND}/pause", body, **caller).status == 422
    assert site.send("POST", f"{HERE}/nothing/runs", **caller).status == 404
    assert site.get("/api/v1/sandbox/runs?kind=keep_tokens", **caller).json()["runs"] != []
    assert site.get("/api/v1/sandbox/runs?kind=rewrap", **caller).json()["runs"] == []
    assert site.get("/api/v1/sandbox/runs?kind=Drop%20table", **caller).status == 422


def test_metrics_say_which_state_each_schedule_is_in(site: Site) -> None:
    def states() -> set[str]:
        text = site.get("/metrics", **site.token("viewer")).body.decode()
        start = 'kedai_schedule_state{connector="shopee",environment="sandbox",kind="keep_tokens",state="'
        lines = [line.removeprefix(start) for line in text.splitlines() if line.startswith(start)]
        return {line.partition('"')[0] for line in lines if line.endswith(" 1.0")}

    tend(site)
    work(site)
    assert states() == {"up"}
    site.clock.advance(timedelta(days=1))
    assert states() == {"down"}
    text = site.get("/metrics", **site.token("viewer")).body.decode()
    assert "kedai_schedule_last_success_timestamp_seconds{" in text


@pytest.mark.journey
def test_command_line_runs_pauses_resumes_and_cancels(sqlite_template: Path, tmp_path: Path) -> None:
    with Installation(tmp_path, sqlite_template=sqlite_template, with_simulator=False) as home:
        (first,) = commands(home, "run retention")
        run = json.loads(first["said"])["runs"][0]["id"]
        lines = f"pause {run},resume {run},pause retention --reason fair,cancel {run},list,show nothing,run keep_tokens"
        paused, resumed, kind, stopped, listed, missing, unready = commands(home, *lines.split(","))
    assert json.loads(paused["said"])["paused_by"] == "command line"
    assert json.loads(resumed["said"])["paused_at"] is None
    assert json.loads(kind["said"])["pause_reason"] == "fair"
    assert json.loads(stopped["said"])["cancel_requested"] is True
    shown = json.loads(listed["said"])
    assert [one["state"] for one in shown["schedules"]] == ["paused"]
    assert [one["id"] for one in shown["runs"]] == [run]
    assert (missing["status"], unready["status"]) == (3, 4)
    assert "not configured" in unready["said"]


def commands(home: Installation, *lines: str) -> list[dict[str, Any]]:
    """`kedai runs …`, each in a process of its own: status, and what it said."""
    ended = [home.run("runs", *line.split(), "--env", "sandbox", "--json") for line in lines]
    return [{"status": one.returncode, "said": one.stdout or one.stderr} for one in ended]
