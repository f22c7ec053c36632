"""Going live from a terminal: check, register, activate, each with its exit code, and never with a secret."""

from __future__ import annotations

import json

import pytest

from tests.journeys.conftest import Place

pytestmark = pytest.mark.journey


def test_an_environment_goes_live_by_commands_alone(on_sqlite: Place) -> None:
    home = on_sqlite()
    home.prepare("sandbox", "live")
    home.start()
    outputs: list[str] = []

    def told(*words: str, code: int = 0) -> str:
        done = home.run("env", *words)
        outputs.append(done.stdout + done.stderr)
        assert done.returncode == code, (words, done)
        assert "Traceback" not in done.stderr
        return done.stdout

    told("activate", "live", "--confirm", "live", code=4)
    assert "FAILED" in told("check", "live", code=1)
    assert "Register pushes" in outputs[-1]
    assert "webhook/live" in told("register-pushes", "live", "--confirm", "live")
    checked = json.loads(told("check", "live", "--json"))
    assert (checked["passed"], {one["state"] for one in checked["checks"]}) == (True, {"passed"})
    told("activate", "live", "--confirm", "live")
    assert json.loads(told("activate", "sandbox", "--json"))["changed"] is True
    told("activate", "live", code=2)
    made = home.run("token", "create", "deploy", "--role", "operator", "--env", "live", "--scope", "activate:live")
    assert (made.returncode, made.stdout.startswith("kedai_live_")) == (0, True)
    assert "operator activate:live" in home.run("token", "list").stdout
    for secret in (home.app("live")["partner_key"], home.app("live")["push_partner_key"]):
        assert all(secret not in text for text in outputs)
