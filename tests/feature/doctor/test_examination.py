"""The doctor's list: whole whatever is wrong, asking nobody it was not told to, and naming what each breach needs."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import timedelta

import pytest
import sqlalchemy as sa

from kedai.connectors.base import HttpAnswer
from kedai.coverage.service import Rating, note_rating
from kedai.doctor.finding import ENVIRONMENT, INSTALLATION, Finding, State
from kedai.errors import RemoteUnavailable
from kedai.kit.ids import new_id
from kedai.notifications.models import NotificationChannel
from kedai.runs.service import create_run, end_run
from kedai.sync.lost_pushes import KIND
from kedai.values.environment import Environment, Scope
from kedai.vault.accounts import set_state
from kedai.vault.models import EnvironmentCredentials, KeyRingEntry
from kedai.vault.processes import report_process
from kedai.vault.queries import credentials_place
from tests.feature.doctor.conftest import COOKIE, World, look
from tests.support.factories import ANNA, FAKE, LIVE, PUBLIC_URL, SANDBOX, SHOP, House, incoming


def states(found: dict[tuple[str, str], Finding], environment: str) -> dict[str, State]:
    return {name: one.state for (place, name), one in found.items() if place == environment}


def ready(house: House) -> None:
    """Live is complete and connected, and a worker lives."""
    house.configure(LIVE)
    house.connect(LIVE)
    with house.db.write() as db:
        report_process(db, new_id(), role="serve", host="here", kids=["k1"])


def test_every_check_is_in_the_list_whether_the_network_is_asked_or_not(house: House) -> None:
    ready(house)
    for found in (look(house, offline=True), look(house, asked=(LIVE,))):
        assert [name for place, name in found if not place] == list(INSTALLATION)
        assert sorted(states(found, "live")) == sorted(ENVIRONMENT)


def test_where_all_is_well_nothing_of_the_network_fails(house: House) -> None:
    ready(house)
    found = look(house, asked=(LIVE,))
    told = states(found, "live")
    assert {name for name, state in told.items() if state is not State.PASS} == {"lost_messages", "last_jobs"}
    assert {told["lost_messages"], told["last_jobs"]} == {State.SKIPPED}
    home = states(found, "")
    for name in ("security_headers", "session_cookie", "static_files", "hmac", "worker", "public_url"):
        assert home[name] is State.PASS, found["", name]


def test_offline_asks_nobody_and_a_look_asks_no_environment_that_was_not_named(house: House, world: World) -> None:
    house.configure(SANDBOX)
    house.connect(SANDBOX)
    ready(house)
    look(house, offline=True)
    assert world.asked == []
    look(house)
    assert {one for one in world.asked if not one.startswith(PUBLIC_URL)} == set()
    assert not any("/webhook/" in one for one in world.asked)
    look(house, asked=(SANDBOX,))
    outside = {one for one in world.asked if not one.startswith(PUBLIC_URL)}
    assert outside == {"https://api.sandbox.fake/"}


def test_an_environment_that_nobody_has_touched_and_is_not_active_is_no_failure(house: House) -> None:
    found = look(house, offline=True)
    assert states(found, "live") == {"configuration": State.SKIPPED}
    assert states(found, "sandbox")["configuration"] is State.FAIL


Break = Callable[[House, World], object]


@dataclass(frozen=True)
class Case:
    """One thing that is wrong, the finding that says so, and a word of its evidence."""

    name: str
    place: str
    check: str
    state: State
    breaks: Break
    evidence: str


def door(path: str, **changes: object) -> Break:
    def change(_house: House, world: World) -> None:
        answer = world.doors[path]
        assert isinstance(answer, HttpAnswer)
        world.doors[path] = replace(answer, **changes)  # type: ignore[arg-type]

    return change


def lock_out(_house: House, world: World) -> None:
    world.doors["/login"] = RemoteUnavailable()


def strip(name: str) -> Break:
    def change(_house: House, world: World) -> None:
        answer = world.doors["/login"]
        assert isinstance(answer, HttpAnswer)
        world.doors["/login"] = replace(answer, headers={k: v for k, v in answer.headers.items() if k != name})

    return change


def older(house: House, _world: World) -> None:
    statement = sa.update(EnvironmentCredentials).where(EnvironmentCredentials.environment == LIVE)
    house.execute(statement.values(partner_key_encrypted="v1:AAAA"))


def foreign_key(house: House, _world: World) -> None:
    statement = sa.update(EnvironmentCredentials).where(EnvironmentCredentials.environment == LIVE)
    house.execute(statement.values(partner_key_encrypted="v2:k9:AAAA"))


def worn(house: House, _world: World) -> None:
    house.execute(sa.update(KeyRingEntry).values(writes=2**31 + 1))


def twins(house: House, _world: World) -> None:
    """Past the refusal at saving: as an import or an older version may have left it."""
    house.configure(SANDBOX)
    secret = "partner-key-that-stands-in-both"
    with house.db.write() as db:
        for one in Environment:
            place = credentials_place(FAKE, one, "partner_key_encrypted")
            sealed = house.parts.ring.seal(db, place, secret)
            where = EnvironmentCredentials.environment == one
            db.execute(sa.update(EnvironmentCredentials).where(where).values(partner_key_encrypted=sealed))


def no_schema(house: House, _world: World) -> None:
    house.execute(sa.text("DELETE FROM alembic_version"))


def lose(house: House, _world: World) -> None:
    with house.db.write() as db:
        set_state(db, Scope(FAKE, LIVE, SHOP), "needs_reauth", reason="", actor=ANNA, now=house.now)


def age(house: House, world: World) -> None:
    world.clock.advance(timedelta(days=26))


def wait_long(house: House, _world: World) -> None:
    house.deliver(incoming("LATE1", environment=LIVE, at=house.now - timedelta(minutes=2)))


def suspended(house: House, _world: World) -> None:
    with house.db.write() as db:
        note_rating(db, FAKE, LIVE, Rating("suspended", None, False), now=house.now)


def lost(house: House, _world: World) -> None:
    with house.db.write() as db:
        run = create_run(db, KIND, FAKE, LIVE, scope={}, total=None, actor=ANNA, now=house.now)
        run.cursor = {"found": 3, "new": 2, "confirmed": "1"}
        end_run(run, "succeeded", note="3 lost pushes, 2 of them new", now=house.now)


def alone(house: House, _world: World) -> None:
    house.execute(sa.text("DELETE FROM process"))


def unheard(house: House, _world: World) -> None:
    given = {"kind": "webhook", "environments": ["live"], "topics": [], "settings": {}, "created_by": "anna"}
    failed = {"failures": 3, "last_error": "The answer was 500."}
    channel = sa.insert(NotificationChannel).values(id=new_id(), name="ops", created_at=house.now, **given, **failed)
    house.execute(channel)


CASES = (
    Case("no header", "", "security_headers", State.FAIL, strip("content-security-policy"), "Content-Security-Policy"),
    Case("a sign-in in front", "", "security_headers", State.FAIL, door("/login", status=302), "answered 302"),
    Case("a silent address", "", "security_headers", State.FAIL, lock_out, "did not answer"),
    Case("no cookie", "", "session_cookie", State.FAIL, door("/logout", headers={}), "does not come"),
    Case(
        "a cookie that lost its flag",
        "",
        "session_cookie",
        State.FAIL,
        door("/logout", headers={"set-cookie": COOKIE.replace("; Secure", "").replace("HttpOnly; ", "")}),
        "without HttpOnly, Secure",
    ),
    Case("an older style", "", "static_files", State.FAIL, door("/static/kedai.css", body=b"old"), "kedai.css"),
    Case("v1 left", "", "v1_rows", State.WARN, older, "1 left"),
    Case("a foreign key", "", "key_use", State.FAIL, foreign_key, "k9"),
    Case("a worn key", "", "key_use", State.WARN, worn, "Worn: k1"),
    Case("one key in both", "", "same_key", State.FAIL, twins, "Partner key"),
    Case("no schema", "", "schema", State.FAIL, no_schema, "at nothing"),
    Case("nobody works", "", "worker", State.FAIL, alone, "None was seen"),
    Case("a channel that fails", "", "notifications", State.WARN, unheard, "ops: The answer was 500."),
    Case("a shop to connect again", "live", "token_expiry", State.FAIL, lose, "no longer be renewed"),
    Case("a token that nobody renewed", "live", "token_expiry", State.WARN, age, "renewable until 2020-01-31"),
    Case("events wait", "live", "queue", State.FAIL, wait_long, "1 event"),
    Case("pushes switched off", "live", "push_status", State.FAIL, suspended, "suspended"),
    Case("pushes lost", "live", "lost_messages", State.WARN, lost, "2 of them new"),
)


@pytest.mark.parametrize("case", CASES, ids=[one.name for one in CASES])
def test_what_is_wrong_is_named_with_its_fix(house: House, world: World, case: Case) -> None:
    ready(house)
    is_door = case.check in {"security_headers", "session_cookie", "static_files"}
    before = look(house, offline=not is_door)[case.place, case.check].state
    assert before in {State.PASS, State.SKIPPED}
    case.breaks(house, world)
    found = look(house, offline=not is_door)[case.place, case.check]
    assert (found.state, case.evidence in found.evidence) == (case.state, True), found
    assert found.fix


def test_t2_a_secret_in_the_older_format_is_a_warning_as_long_as_there_is_one(house: House, world: World) -> None:
    ready(house)
    older(house, world)
    found = look(house, offline=True)["", "v1_rows"]
    assert (found.state, found.go) == (State.WARN, "/settings/keys")
    house.configure(LIVE, partner_key="partner-key-of-the-tests-0002")
    assert look(house, offline=True)["", "v1_rows"].state is State.PASS


def test_no_finding_holds_a_secret(house: House, world: World) -> None:
    ready(house)
    world.sign_error = RemoteUnavailable("nothing came")
    told = " ".join(f"{one.evidence} {one.fix}" for one in look(house, asked=tuple(Environment)).values())
    for secret in ("partner-key-of-the-tests", "push-key-of-the-tests", "access-token-number", "refresh-token-number"):
        assert secret not in told


def test_a_look_that_breaks_is_a_failed_check_of_its_environment_alone(house: House, world: World) -> None:
    ready(house)
    with house.db.write() as db:
        db.execute(sa.text("ALTER TABLE schedule RENAME TO elsewhere"))
    found = look(house, offline=True)
    assert found["live", "configuration"].state is State.FAIL
    assert found["", "database"].state is State.PASS


def test_an_installation_that_cannot_be_read_is_a_failed_check_and_no_error(house: House) -> None:
    ready(house)
    with house.db.write() as db:
        db.execute(sa.text("ALTER TABLE process RENAME TO elsewhere"))
    found = look(house, offline=True)
    assert [name for place, name in found if not place] == list(INSTALLATION)
    assert found["", "environments"].state is State.FAIL
