"""D6: the checks before going live: each that fails says what and how to mend it, and one that breaks fails alone."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa

from kedai import errors
from kedai.audit.models import AuditEntry
from kedai.connectors.base import HttpAnswer
from kedai.sync.preflight.register import register_pushes
from kedai.sync.preflight.run import certify, run_checks
from kedai.values.app import PushStatus
from kedai.values.check import CheckState
from kedai.values.environment import Scope
from kedai.values.event import ParkedReason
from kedai.vault.accounts import set_state
from kedai.vault.models import EnvironmentCredentials, GoLiveCertificate
from kedai.web.dashboard.stored_texts import find_wording
from tests.feature.sync.probed import NEEDED, OURS, Outside, probed_connector, registered
from tests.support.factories import ANNA, FAKE, LIVE, PUBLIC_URL, SANDBOX, SHOP, House, incoming, on_sqlite, open_house

DAY = timedelta(days=1)
ALL = [
    "configuration",
    "host",
    "clock",
    "signature",
    "token",
    "authorization",
    "push_config",
    "push_status",
    "loopback",
    "queue",
]
EXTRA_HOSTS = (
    "retired=https://old.api.fake|https://auth.fake|live;swapped=https://api.sandbox.fake|https://auth.fake|live"
)


@pytest.fixture
def outside() -> Outside:
    return Outside()


@pytest.fixture
def house(database_url: str, tmp_path: Path, outside: Outside) -> Iterator[House]:
    """Live is complete and connected, and everything outside is as it should be."""
    kind = probed_connector(outside)
    with open_house(
        database_url, tmp_path, clock=outside.clock, http=outside, connector=kind, extra_hosts=EXTRA_HOSTS
    ) as opened:
        opened.configure(LIVE)
        opened.connect(LIVE)
        yield opened


def ask(house: House, **options: Any) -> dict[str, tuple[str, str, str]]:
    """State, found and fix of each check (of a check that is asked for several shops, the last one)."""
    report = asyncio.run(run_checks(house.parts, FAKE, LIVE, **options))
    return {one.name: (one.state.value, one.found, one.fix) for one in report.checks}


def states(house: House, **options: Any) -> dict[str, str]:
    return {name: state for name, (state, _, _) in ask(house, **options).items()}


def test_where_all_is_well_the_certificate_says_so_check_by_check(house: House, outside: Outside) -> None:
    kept = asyncio.run(certify(house.parts, FAKE, LIVE, actor=ANNA))
    assert [one["name"] for one in kept.checks] == ALL
    assert {one["state"] for one in kept.checks} == {"passed"}
    assert (kept.passed, kept.environment, kept.checked_by) == (True, LIVE, ANNA.name)
    assert house.scalar(sa.select(sa.func.count()).select_from(GoLiveCertificate)) == 1
    assert outside.sent == [("GET", "https://api.fake/"), ("POST", OURS)]
    entry = house.scalar(sa.select(AuditEntry).where(AuditEntry.action == "certificate.checked"))
    assert (entry.environment, entry.actor_name, entry.details["failed"]) == (LIVE, ANNA.name, [])


def test_a_certificate_is_never_changed_or_removed(house: House) -> None:
    house.certify()
    for deed in (sa.update(GoLiveCertificate).values(passed=True), sa.delete(GoLiveCertificate)):
        with pytest.raises(sa.exc.DBAPIError, match="append-only"):
            house.execute(deed)


Break = Callable[[House, Outside], object]


@dataclass(frozen=True)
class Case:
    """One thing that is wrong, the check that says so, and a word of what it found and of how to mend it."""

    name: str
    check: str
    breaks: Break
    found: str
    fix: str
    state: str = "failed"


def push(**changes: Any) -> Break:
    return lambda _house, outside: setattr(outside, "config", replace(outside.config, **changes))


def set_to(name: str, value: Any) -> Break:
    return lambda _house, outside: setattr(outside, name, value)


def lose(house: House, _outside: Outside) -> None:
    with house.db.write() as db:
        set_state(db, Scope(FAKE, LIVE, SHOP), "needs_reauth", reason="", actor=ANNA, now=house.now)


def wait_long(house: House, _outside: Outside) -> None:
    house.deliver(incoming("LATE1", environment=LIVE, at=house.now - timedelta(minutes=2)))


CASES = (
    Case(
        "nothing filled in",
        "configuration",
        lambda house, _: house.configure(LIVE, shop_id=None, partner_id=None),
        "Partner ID",
        "Fill it in",
    ),
    Case(
        "retired host",
        "host",
        lambda house, _: store_host(house, "retired"),
        "old.api.fake was retired by Fake",
        "fake_live",
    ),
    Case(
        "host of the other side",
        "host",
        lambda house, _: store_host(house, "swapped"),
        "a host of sandbox, not of live",
        "fake_live",
    ),
    Case(
        "preset that is gone",
        "host",
        lambda house, _: store_host(house, "gone"),
        "The hosts of the live environment are",
        "fake_live",
    ),
    Case("host away", "host", set_to("host_error", errors.RemoteUnavailable("No name.")), "No name.", "firewall"),
    Case(
        "clock five minutes off",
        "clock",
        set_to("market_ahead", timedelta(seconds=300)),
        "clock off by 300 s, behind",
        "NTP",
    ),
    Case("clock ahead", "clock", set_to("market_ahead", timedelta(seconds=-300)), "clock off by 300 s, ahead", "NTP"),
    Case(
        "clock two minutes off",
        "clock",
        set_to("market_ahead", timedelta(seconds=120)),
        "clock off by 120 s",
        "NTP",
        "warning",
    ),
    Case("no date", "clock", set_to("date", ""), "does not say", "", "not_applicable"),
    Case(
        "wrong partner key",
        "signature",
        set_to("sign_error", errors.RemoteMisconfigured("Wrong sign.", remote_code="x")),
        "Wrong sign.",
        "Copy partner ID and partner key",
    ),
    Case(
        "probe breaks",
        "signature",
        set_to("sign_error", RuntimeError("secret inside")),
        "could not be completed",
        "log",
    ),
    Case(
        "token dead",
        "token",
        lambda house, _: (
            house.market.expire_access(LIVE, SHOP),
            house.market.revoke(LIVE, SHOP),
            house.clock.advance(timedelta(hours=5)),
        ),
        "used already",
        "Connect the shop again",
    ),
    Case("shop lost", "token", lose, "must be connected again", "Connect the shop again"),
    Case(
        "no shop",
        "token",
        lambda house, _: house.configure(LIVE, shop_id="9999"),
        "The shop that the form names is not connected",
        "Connect the shop",
    ),
    Case(
        "other region",
        "token",
        set_to("profile", {"region": "MY"}),
        "The shop is in MY, but the form says SG",
        "region",
    ),
    Case("other shop", "token", set_to("profile", {"shop_id": "1"}), "answered about shop 1", "Connect the shop again"),
    Case(
        "authorisation over",
        "authorization",
        set_to("profile", {"authorized_until": Outside().clock.now() - DAY}),
        "It was over on 2019-12-31",
        "Connect the shop again",
    ),
    Case(
        "authorisation ends soon",
        "authorization",
        set_to("profile", {"authorized_until": Outside().clock.now() + 29 * DAY}),
        "in 29 days",
        "Connect the shop again",
        "warning",
    ),
    Case(
        "authorisation unknown",
        "authorization",
        set_to("profile", {"authorized_until": None}),
        "did not say",
        "console",
        "warning",
    ),
    Case(
        "other push address",
        "push_config",
        push(callback_url="https://old.example/hook"),
        "Registered is https://old.example/hook; ours is " + OURS,
        "Register pushes",
    ),
    Case("no push address", "push_config", push(callback_url=""), "No address is registered", "Register pushes"),
    Case("missing code", "push_config", push(codes_on=(1,), codes_off=(3,)), "push 3 (3)", "Register pushes"),
    Case("blocked shop", "push_config", push(blocked_shop_ids=(SHOP,)), f"blocked shop {SHOP}", "blocked shops"),
    Case("suspended", "push_status", push(status=PushStatus.SUSPENDED), "Suspended", "Register pushes"),
    Case("warned", "push_status", push(status=PushStatus.WARNING), "Warning", "Mend", "warning"),
    Case(
        "unknown status",
        "push_status",
        push(status=PushStatus.UNKNOWN, stated_status="Odd"),
        "Odd",
        "console",
        "warning",
    ),
    Case(
        "no way back",
        "loopback",
        set_to("loopback", errors.OutcomeUnknown()),
        f"{OURS} did not answer",
        "reverse proxy",
    ),
    Case(
        "answered by another",
        "loopback",
        set_to("loopback", HttpAnswer(404, {}, b"no")),
        "answered 404",
        "reverse proxy",
    ),
    Case(
        "redirected",
        "loopback",
        set_to("loopback", HttpAnswer(302, {"location": "https://evil.example"}, b"")),
        "answered 302",
        "reverse proxy",
    ),
    Case(
        "answered with a body",
        "loopback",
        set_to("loopback", HttpAnswer(200, {}, b"ok")),
        "200 with a body",
        "reverse proxy",
    ),
    Case("queue waits", "queue", wait_long, "1 event waiting for more than a minute", "worker"),
)


def store_host(house: House, name: str) -> None:
    """A preset as an older version, or an import, may have left it."""
    house.execute(sa.update(EnvironmentCredentials).where(EnvironmentCredentials.environment == LIVE).values(host=name))


MARKETS_WORDS = ("No name.", "Wrong sign.", "The refresh token was used already.")
"""What is not ours to translate."""


@on_sqlite
@pytest.mark.parametrize("case", CASES, ids=[one.name for one in CASES])
def test_each_thing_that_is_wrong_is_named_with_its_fix(house: House, outside: Outside, case: Case) -> None:
    """Break: let the check named in the case answer `passed`."""
    case.breaks(house, outside)
    state, found, fix = ask(house)[case.check]
    assert (state, case.found in found, case.fix in fix) == (case.state, True, True), (found, fix)
    assert "secret inside" not in found
    for text in {found, fix} - {"", *MARKETS_WORDS}:
        assert find_wording(text) == text, "a page can say it in another language"


@on_sqlite
@pytest.mark.parametrize("host", ["retired", "swapped", "gone"])
def test_a_key_is_never_sent_to_a_wrong_host_to_find_out_that_it_is_wrong(
    house: House, outside: Outside, host: str
) -> None:
    store_host(house, host)
    found = states(house)
    assert outside.sent == []
    assert house.market.calls == []
    assert {found[name] for name in ("signature", "token", "push_config", "push_status")} == {"not_applicable"}
    with pytest.raises(errors.Conflict):
        asyncio.run(register_pushes(house.parts, FAKE, LIVE, actor=ANNA))


@on_sqlite
def test_what_could_be_better_is_told_and_does_not_stand_in_the_way(house: House, outside: Outside) -> None:
    outside.market_ahead = timedelta(seconds=100)
    outside.config = replace(outside.config, status=PushStatus.WARNING)
    assert asyncio.run(certify(house.parts, FAKE, LIVE, actor=ANNA)).passed


@on_sqlite
def test_a_probe_that_hangs_is_a_failed_check_within_the_deadline(house: House, outside: Outside) -> None:
    """Break: wait for the late task instead of cancelling it, and this test hangs."""

    async def for_ever() -> None:
        while True:
            try:
                await asyncio.sleep(3600)
            except asyncio.CancelledError:
                if done:
                    raise
                await asyncio.sleep(0)

    done: list[bool] = []
    outside.before = for_ever

    async def run() -> dict[str, CheckState]:
        report = await run_checks(house.parts, FAKE, LIVE, deadline_seconds=1.0)
        done.append(True)
        return {one.name: one.state for one in report.checks}

    found = asyncio.run(run())
    assert found["signature"] is CheckState.FAILED
    assert {state for name, state in found.items() if name != "signature"} == {CheckState.PASSED}


@on_sqlite
def test_parked_events_are_told_and_are_no_obstacle(house: House) -> None:
    house.deliver(incoming("P1", environment=LIVE, parked=ParkedReason.INACTIVE_ENVIRONMENT))
    house.deliver(incoming("O1", environment=SANDBOX, at=house.now - timedelta(hours=1)))
    assert ask(house)["queue"] == ("passed", "Nothing waits. 1 event parked, which is no obstacle.", "")


@on_sqlite
def test_every_shop_is_asked_and_paused_ones_are_left_alone(house: House) -> None:
    house.connect(LIVE, "7002")
    house.connect(LIVE, "7003", state="paused")
    report = asyncio.run(run_checks(house.parts, FAKE, LIVE))
    assert [one.subject for one in report.checks if one.name == "token"] == [SHOP, "7002"]
    assert {call.environment for call in house.market.calls} == {LIVE}


@on_sqlite
def test_a_marketplace_without_such_calls_is_not_failed_for_it(database_url: str, tmp_path: Path) -> None:
    with open_house(database_url, tmp_path, http=Outside()) as plain:
        plain.configure(LIVE)
        plain.connect(LIVE)
        found = states(plain)
    lacking = {"signature", "push_config", "push_status", "loopback"}
    assert {name for name, state in found.items() if state == "not_applicable"} == lacking
    assert {state for name, state in found.items() if name not in lacking} == {"passed"}


def test_registering_sets_our_address_and_what_is_needed_and_is_in_the_trail(house: House, outside: Outside) -> None:
    outside.config = replace(outside.config, callback_url="", codes_on=(1,), codes_off=(3, 99))
    done = asyncio.run(register_pushes(house.parts, FAKE, LIVE, actor=ANNA))
    (change,) = outside.changes
    assert (change.callback_url, set(change.codes_on), change.codes_off) == (OURS, NEEDED, ())
    assert done.callback_url == OURS
    outside.registration_error = errors.RemoteRejected("not 2xx", remote_code="error_param")
    with pytest.raises(errors.RemoteRejected):
        asyncio.run(register_pushes(house.parts, FAKE, LIVE, actor=ANNA))
    trail = sa.select(AuditEntry).where(AuditEntry.action == "pushes.register").order_by(AuditEntry.sequence)
    with house.db.read() as db:
        entries = db.execute(trail).scalars().all()
    assert [(one.environment, one.details["outcome"]) for one in entries] == [(LIVE, "done"), (LIVE, "refused")]
    assert PUBLIC_URL not in str([one.details for one in entries])


@pytest.mark.parametrize("took_effect", [True, False], ids=["it was set", "it was not"])
def test_f21_a_registration_whose_answer_was_lost_is_looked_up_before_it_is_made_again(
    house: House, outside: Outside, took_effect: bool
) -> None:
    """A person waits for the page meanwhile. Break `is_set` in `preflight.register`: it is made twice."""
    outside.config = replace(outside.config, callback_url="", codes_on=(1,), codes_off=(3, 99))
    outside.registration_lost = registered() if took_effect else outside.config
    done = asyncio.run(register_pushes(house.parts, FAKE, LIVE, actor=ANNA))
    assert (done.callback_url, done.codes_on) == (OURS, (1, 3))
    assert len(outside.changes) == (1 if took_effect else 2)
