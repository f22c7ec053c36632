"""T27, sessions: a new token at every sign-in, only its hash kept, and several ways to end."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from kedai.audit.queries import list_entries, verify_chain
from kedai.db.database import Database
from kedai.errors import Forbidden, NotFound
from kedai.staff import queries, service
from kedai.staff.actors import actor_of_staff
from kedai.staff.models import Staff, StaffSession
from kedai.staff.roles import Role
from kedai.values.actor import COMMAND_LINE
from kedai.values.secret import Secret

NOW = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)
MINUTE = timedelta(minutes=1)
SECOND = timedelta(seconds=1)


def add_person(db: Database, email: str = "anna@example.com") -> Staff:
    with db.write() as session:
        return service.create_staff(
            session, email, role=Role.OPERATOR, password_hash="a hash", actor=COMMAND_LINE, now=NOW
        )


def sign_in(db: Database, staff: Staff, now: datetime = NOW) -> tuple[StaffSession, Secret]:
    with db.write() as session:
        return service.start_session(session, staff, now=now, address="192.0.2.7", user_agent="Browser/1")


def find(db: Database, token: str, now: datetime = NOW) -> queries.SignedIn | None:
    with db.read() as session:
        return queries.find_session(session, token, now=now)


def recorded(db: Database) -> list[str]:
    with db.read() as session:
        assert verify_chain(session) is None
        entries = list_entries(session, environment=None, before_sequence=None, limit=100)
    return [entry.action for entry in reversed(entries)]


def test_session_is_found_by_its_token_and_tells_the_person(db: Database) -> None:
    anna = add_person(db)
    started, token = sign_in(db, anna)
    found = find(db, token.reveal())
    assert found is not None
    assert (found.session.id, found.staff.id) == (started.id, anna.id)
    assert (found.session.address, found.session.user_agent) == ("192.0.2.7", "Browser/1")
    assert recorded(db) == ["staff.created", "session.started"]


def test_every_sign_in_has_a_new_long_token_and_the_database_never_holds_it(db: Database) -> None:
    anna = add_person(db)
    first, one = sign_in(db, anna)
    second, other = sign_in(db, anna)
    assert first.id != second.id
    assert one.reveal() != other.reveal()
    assert len(one.reveal()) == 43
    with db.read() as session:
        for stored in queries.list_sessions(session, anna, now=NOW):
            shown = [bytes(v) if isinstance(v, bytes | bytearray) else str(v).encode() for v in vars(stored).values()]
            assert not any(token.reveal().encode() in value for token in (one, other) for value in shown)


def test_token_chosen_by_somebody_else_never_becomes_a_session(db: Database) -> None:
    anna = add_person(db)
    planted = "A" * 43
    assert find(db, planted) is None
    _, token = sign_in(db, anna)
    assert token.reveal() != planted
    assert find(db, planted) is None


@pytest.mark.parametrize("change", ["{}\n", " {}", "{}=", "{}{}", "\u00e9{}", "{}\0", "\ud800{}"])
def test_session_token_must_match_exactly(db: Database, change: str) -> None:
    _, token = sign_in(db, add_person(db))
    assert find(db, change.format(token.reveal(), token.reveal())) is None


def test_forged_and_shortened_tokens_open_nothing(db: Database) -> None:
    started, token = sign_in(db, add_person(db))
    text = token.reveal()
    swapped = ("B" if text[0] == "A" else "A") + text[1:]
    for forged in ("", text[:-1], swapped, text.swapcase(), started.token_hash.hex(), started.id.hex, "x" * 8192):
        assert find(db, forged) is None


def test_idle_session_ends_after_half_an_hour(db: Database) -> None:
    _, token = sign_in(db, add_person(db))
    assert find(db, token.reveal(), NOW + MINUTE * 30 - SECOND) is not None
    assert find(db, token.reveal(), NOW + MINUTE * 30) is None


def test_busy_session_ends_after_twelve_hours_all_the_same(db: Database) -> None:
    started, token = sign_in(db, add_person(db))
    now = NOW
    while now + MINUTE * 20 < NOW + timedelta(hours=12):
        now += MINUTE * 20
        assert find(db, token.reveal(), now) is not None
        with db.write() as session:
            service.touch_session(session, started.id, now=now)
    assert find(db, token.reveal(), NOW + timedelta(hours=12) - SECOND) is not None
    assert find(db, token.reveal(), NOW + timedelta(hours=12)) is None


def test_session_is_touched_at_most_once_a_minute(db: Database) -> None:
    started, token = sign_in(db, add_person(db))
    for now, expected in ((NOW + MINUTE - SECOND, NOW), (NOW + MINUTE, NOW + MINUTE), (NOW, NOW + MINUTE)):
        with db.write() as session:
            service.touch_session(session, started.id, now=now)
        found = find(db, token.reveal())
        assert found is not None
        assert found.session.last_seen_at == expected
    assert not queries.is_touch_due(NOW, now=NOW + MINUTE - SECOND)
    assert queries.is_touch_due(NOW, now=NOW + MINUTE)
    assert queries.is_touch_due(None, now=NOW)


def test_signing_out_makes_the_old_cookie_worthless(db: Database) -> None:
    anna = add_person(db)
    started, token = sign_in(db, anna)
    _, other = sign_in(db, anna)
    with db.write() as session:
        assert service.end_session(session, started, actor=actor_of_staff(anna), now=NOW)
        assert not service.end_session(session, started, actor=actor_of_staff(anna), now=NOW)
    assert find(db, token.reveal()) is None
    assert find(db, other.reveal()) is not None
    assert recorded(db)[-1] == "session.ended"


def test_revoking_all_sessions_leaves_other_people_signed_in(db: Database) -> None:
    anna, bob = add_person(db), add_person(db, "bob@example.com")
    tokens = [sign_in(db, anna)[1] for _ in range(3)]
    _, bobs = sign_in(db, bob)
    with db.write() as session:
        assert service.revoke_all_sessions(session, anna, actor=actor_of_staff(bob), now=NOW) == 3
    assert all(find(db, token.reveal()) is None for token in tokens)
    assert find(db, bobs.reveal()) is not None
    assert recorded(db)[-1] == "staff.sessions_revoked"


def test_disabling_a_person_ends_their_sessions_and_lets_no_new_one_start(db: Database) -> None:
    anna = add_person(db)
    _, token = sign_in(db, anna)
    with db.write() as session:
        assert service.disable_staff(session, anna, actor=COMMAND_LINE, now=NOW)
        assert not service.disable_staff(session, anna, actor=COMMAND_LINE, now=NOW)
    assert find(db, token.reveal()) is None
    with db.read() as session:
        disabled = queries.get_staff(session, anna.id)
        assert queries.list_sessions(session, disabled, now=NOW) == []
    with pytest.raises(Forbidden):
        sign_in(db, disabled)
    assert recorded(db)[-2:] == ["staff.sessions_revoked", "staff.disabled"]


def test_session_that_outlives_the_disabling_is_not_found(db: Database) -> None:
    anna = add_person(db)
    with db.write() as session:
        service.disable_staff(session, anna, actor=COMMAND_LINE, now=NOW)
    anna.disabled_at = None  # as another request, which read the person a moment earlier, still sees it
    _, token = sign_in(db, anna)
    assert find(db, token.reveal()) is None


def test_list_shows_valid_sessions_only_and_the_next_sign_in_clears_the_old_ones(db: Database) -> None:
    anna = add_person(db)
    old, _ = sign_in(db, anna)
    later = NOW + timedelta(hours=13)
    fresh, _ = sign_in(db, anna, later)
    with db.read() as session:
        assert [one.id for one in queries.list_sessions(session, anna, now=later)] == [fresh.id]
        with pytest.raises(NotFound):
            queries.get_session(session, old.id)


def test_what_a_browser_says_of_itself_is_cut_and_kept_on_one_line(db: Database) -> None:
    anna = add_person(db)
    with db.write() as session:
        started, _ = service.start_session(
            session, anna, now=NOW, address="1.2.3.4\r\nX: y\0", user_agent='a\n{"level":"info"}\ud800' + "x" * 9000
        )
    assert started.address == "1.2.3.4X: y"
    assert started.user_agent.startswith('a{"level":"info"}x')
    assert len(started.user_agent) <= 256
