"""T29 and T30 on the JSON routes: live only with the word, with who may, with checks that count, and never broken."""

from __future__ import annotations

import threading
from datetime import datetime, timedelta
from typing import Any

import pytest
import sqlalchemy as sa

from kedai.audit.models import AuditEntry
from kedai.errors import Conflict, KedaiError, NotConfigured
from kedai.staff.roles import TokenScope
from kedai.sync import credentials
from kedai.sync.switch import switch
from kedai.values.actor import COMMAND_LINE
from kedai.values.check import CheckState
from kedai.values.environment import Environment
from kedai.vault.models import ActiveEnvironment, EnvironmentCredentials
from tests.feature.web.site import ADMIN, SHOPEE, Site
from tests.support.factories import on_postgresql, on_sqlite, run_threads
from tests.support.installation import Answer

SCOPES = [TokenScope.ACTIVATE_LIVE]
HOUR = timedelta(hours=1)
SECOND = timedelta(seconds=1)


def go(site: Site, who: dict[str, str], **body: Any) -> Answer:
    wish = {"environment": "live", "confirm": "live", **body}
    return site.send("POST", f"{ADMIN}/active-environment", wish, **who)


def active(site: Site) -> str:
    return str(site.rows(sa.select(ActiveEnvironment.environment))[0][0])


def code_of(answer: Answer) -> tuple[int, str]:
    return answer.status, answer.json().get("code", "")


def entries(site: Site, action: str) -> list[dict[str, Any]]:
    statement = sa.select(AuditEntry.details).where(AuditEntry.action == action).order_by(AuditEntry.sequence)
    return [row[0] for row in site.rows(statement)]


@on_sqlite
def test_t29_going_live_without_the_word_is_422(site: Site) -> None:
    """Break: in `confirmed_switcher` (web/api/connectors.py), do not look at `body.confirm`."""
    site.certify()
    for who in (site.page("operator"), site.token("operator", "live", scopes=SCOPES)):
        for word in (None, "", "LIVE", "live ", "yes", "sandbox"):
            assert code_of(go(site, who, confirm=word)) == (422, "invalid"), word
        refused = site.send("POST", f"{ADMIN}/active-environment", {"environment": "live"}, **who)
        assert refused.json()["errors"][0]["pointer"] == "/confirm"
    assert active(site) == "sandbox"
    assert go(site, site.page("operator")).status == 200
    assert active(site) == "live"


@on_sqlite
def test_t29_a_program_needs_the_scope_for_live_whatever_its_role(site: Site) -> None:
    """Break: let `Principal.may_activate_live` answer True."""
    site.certify()
    assert code_of(go(site, site.token("admin", "live"))) == (403, "forbidden")
    assert code_of(go(site, site.token("viewer", "live", scopes=SCOPES))) == (403, "forbidden")
    assert code_of(go(site, site.token("admin", "sandbox"))) == (403, "forbidden")
    assert active(site) == "sandbox"
    assert go(site, site.token("operator", "live", scopes=SCOPES)).status == 200
    back = site.send(
        "POST", f"{ADMIN}/active-environment", {"environment": "sandbox"}, **site.token("operator", "sandbox")
    )
    assert (back.status, active(site)) == (200, "sandbox")


@on_sqlite
def test_t29_only_the_latest_checks_of_these_credentials_count_and_for_an_hour(site: Site) -> None:
    """Break: in `objection_to` (vault/certificates.py), answer an empty text."""
    who = site.page("operator")
    refused = go(site, who)
    assert code_of(refused) == (409, "certificate_required")
    assert "never run" in refused.json()["detail"]
    now = site.clock.now()
    for told, given in (
        ("did not pass", {"state": CheckState.FAILED}),
        ("older than an hour", {"checked_at": now - HOUR}),
        ("older than an hour", {"checked_at": now + 2 * HOUR}),
        ("changed since", {"version": 1}),
    ):
        site.certify(**given)
        assert told in go(site, who).json()["detail"]
    site.certify()
    site.certify(state=CheckState.FAILED)
    assert code_of(go(site, who)) == (409, "certificate_required"), "a later run undoes an earlier one"
    site.certify()
    site.configure("live", default_location_id="A1")
    assert "changed since" in go(site, who).json()["detail"]
    site.certify("sandbox")
    assert code_of(go(site, who)) == (409, "certificate_required"), "that was the other environment"
    assert active(site) == "sandbox"
    site.certify(checked_at=now - HOUR + SECOND, state=CheckState.WARNING)
    assert go(site, who).status == 200


@on_sqlite
def test_t29_an_administrator_may_override_with_a_reason_and_nobody_else(site: Site) -> None:
    """Break: in `confirmed_switcher`, do not ask for `Capability.CERTIFICATE_OVERRIDE`."""
    why = "The proxy is mended at noon."
    for who in (site.page("operator"), site.token("admin", "live", scopes=SCOPES)):
        assert code_of(go(site, who, override_reason=why)) == (403, "forbidden")
    admin = site.page("admin")
    for blank in ("", "  ", "\u0000", "\u200b\u202e"):
        assert code_of(go(site, admin, override_reason=blank)) == (422, "invalid"), repr(blank)
    assert go(site, admin, override_reason="x" * 501).status == 422
    assert active(site) == "sandbox"
    assert go(site, admin, override_reason=why).status == 200
    assert active(site) == "live"
    assert entries(site, "certificate.override") == [{"reason": why, "objection": "The checks were never run."}]
    assert entries(site, "environment.switch") == [{"from": "sandbox", "to": "live", "certificate": None}]


@on_sqlite
def test_t29_an_override_is_no_way_around_completeness(site: Site) -> None:
    site.configure("live", shop_id=None)
    refused = go(site, site.page("admin"), override_reason="I want it so.")
    assert (code_of(refused), refused.json()["missing"]) == ((409, "not_configured"), ["shop_id"])
    assert entries(site, "certificate.override") == []


def test_t29_a_key_that_is_removed_between_check_and_switch_never_ends_in_a_broken_live(site: Site) -> None:
    """Break: in `activate` (vault/switching.py), read the credentials without `lock=True`, or do not look at them."""
    parts, live = site.runtime.parts, Environment.LIVE
    for number in range(6):
        site.configure("live", push_partner_key=f"push-key-of-live-number-{number:03}")
        site.certify()
        now = site.clock.now()

        def remove(now: datetime = now) -> None:
            with site.runtime.web_db.write() as db:
                credentials.clear_secret(parts, db, SHOPEE, live, "push_partner_key", actor=COMMAND_LINE, now=now)

        def sign_in(now: datetime = now) -> None:
            with site.runtime.web_db.write() as db:
                switch(parts, db, SHOPEE, live, override_reason="hurry", actor=COMMAND_LINE, now=now)

        ended = run_threads([remove, sign_in] if number % 2 else [sign_in, remove])
        assert all(one is None or isinstance(one, KedaiError) for one in ended), ended
        assert sum(isinstance(one, Conflict | NotConfigured) for one in ended) == 1, ended
        key = sa.select(EnvironmentCredentials.push_partner_key_encrypted)
        has_key = site.rows(key.where(EnvironmentCredentials.environment == live))[0][0] is not None
        assert has_key is (active(site) == "live")
        site.switch("sandbox")


@on_postgresql
def test_t29_the_switch_waits_for_an_edit_that_is_under_way_and_sees_it(site: Site) -> None:
    """Break: as above; the switch would then commit first, on what it read before the edit."""
    site.certify()
    parts, now, began, done = site.runtime.parts, site.clock.now(), threading.Event(), threading.Event()
    answers: list[Answer] = []

    def sign_in() -> None:
        began.wait(10)
        answers.append(go(site, site.page("operator")))
        done.set()

    thread = threading.Thread(target=sign_in)
    thread.start()
    with site.runtime.web_db.write() as db:
        credentials.clear_secret(
            parts, db, SHOPEE, Environment.LIVE, "push_partner_key", expected_version=None, actor=COMMAND_LINE, now=now
        )
        began.set()
        assert not done.wait(0.5)
    thread.join(20)
    assert code_of(answers[0]) == (409, "not_configured")
    assert active(site) == "sandbox"


@on_sqlite
def test_before_the_first_checks_there_is_nothing_to_read(site: Site) -> None:
    empty = site.get(f"{ADMIN}/certificates?env=live", **site.token("viewer", "live")).json()
    assert (empty["valid"], empty["certificates"], empty["objection"]) == (False, [], "The checks were never run.")


@pytest.mark.parametrize("path", ["certificates", "push-registration"])
def test_going_live_routes_name_their_environment_and_stay_in_reach(shared_site: Site, path: str) -> None:
    sandbox, viewer = shared_site.token("operator", "sandbox"), shared_site.token("viewer", "live")
    assert shared_site.send("POST", f"{ADMIN}/{path}", **sandbox).status == 422
    assert shared_site.send("POST", f"{ADMIN}/{path}?env=prod", **sandbox).status == 422
    assert shared_site.send("POST", f"{ADMIN}/{path}?env=live", **sandbox).status == 403
    assert shared_site.send("POST", f"{ADMIN}/{path}?env=live", **viewer).status == 403
    unknown = f"/admin/dashboard/connectors/bazaar/{path}?env=sandbox"
    assert shared_site.send("POST", unknown, **sandbox).status == 404


def test_checks_that_nobody_answers_are_kept_as_failed(shared_site: Site) -> None:
    operator = shared_site.token("operator", "live")
    made = shared_site.send("POST", f"{ADMIN}/certificates?env=live", **operator)
    assert (made.status, made.json()["passed"]) == (201, False)
    listed = shared_site.get(f"{ADMIN}/certificates?env=live", **operator).json()
    assert listed["certificates"][0] == made.json()
    assert (listed["valid"], listed["objection"]) == (False, "The latest checks did not pass.")
    found = {one["name"]: one["state"] for one in made.json()["checks"]}
    assert (found["configuration"], found["host"], found["signature"]) == ("passed", "failed", "failed")
    assert "partner-key-of-the-tests" not in made.body.decode()
    assert code_of(shared_site.send("POST", f"{ADMIN}/push-registration?env=live", **operator))[0] == 502
