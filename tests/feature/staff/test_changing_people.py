"""Roles, disabling, passwords: what ends sessions, and that an installation never loses its last administrator."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime

import pytest

from kedai.audit.queries import list_entries
from kedai.db.database import Database
from kedai.errors import Conflict, NotFound
from kedai.staff import queries, service
from kedai.staff.actors import actor_of_staff
from kedai.staff.models import Staff
from kedai.staff.roles import Role
from kedai.values.actor import COMMAND_LINE
from tests.support.factories import run_threads

NOW = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)

TakeAway = Callable[[Database, Staff], object]


def add(db: Database, email: str, role: Role = Role.ADMIN) -> Staff:
    with db.write() as session:
        return service.create_staff(session, email, role=role, password_hash="h", actor=COMMAND_LINE, now=NOW)


def disable(db: Database, staff: Staff) -> object:
    with db.write() as session:
        return service.disable_staff(session, staff, actor=COMMAND_LINE, now=NOW)


def demote(db: Database, staff: Staff, role: Role = Role.VIEWER) -> object:
    with db.write() as session:
        return service.change_role(session, staff, role, actor=COMMAND_LINE, now=NOW)


def sign_in(db: Database, staff: Staff) -> str:
    with db.write() as session:
        _, token = service.start_session(session, staff, now=NOW, address="", user_agent="")
    return token.reveal()


def is_signed_in(db: Database, token: str) -> bool:
    with db.read() as session:
        return queries.find_session(session, token, now=NOW) is not None


def admins(db: Database) -> list[str]:
    with db.read() as session:
        people = queries.list_staff(session)
    return [one.email for one in people if one.role == "admin" and one.disabled_at is None]


def recorded(db: Database) -> list[str]:
    with db.read() as session:
        entries = list_entries(session, environment=None, before_sequence=None, limit=100)
    return [entry.action for entry in reversed(entries)]


@pytest.mark.parametrize("take_away", [disable, demote])
def test_the_last_administrator_stays(db: Database, take_away: TakeAway) -> None:
    """Break `_keep_an_admin` to see this fail."""
    anna, bob = add(db, "anna@example.com"), add(db, "bob@example.com")
    add(db, "carl@example.com", Role.OPERATOR)
    assert take_away(db, bob)
    before = recorded(db)
    with pytest.raises(Conflict, match="last administrator"):
        take_away(db, anna)
    assert admins(db) == ["anna@example.com"]
    assert recorded(db) == before


def test_a_disabled_administrator_does_not_count_as_one(db: Database) -> None:
    anna, bob = add(db, "anna@example.com"), add(db, "bob@example.com")
    disable(db, bob)
    with pytest.raises(Conflict):
        demote(db, anna)
    assert demote(db, bob)  # who is disabled already takes nothing away


@pytest.mark.parametrize("first", [disable, demote])
@pytest.mark.parametrize("second", [disable, demote])
def test_two_administrators_at_once_cannot_remove_each_other(db: Database, first: TakeAway, second: TakeAway) -> None:
    anna, bob = add(db, "anna@example.com"), add(db, "bob@example.com")
    results = run_threads([lambda: first(db, anna), lambda: second(db, bob)])
    assert len(admins(db)) == 1
    assert sum(isinstance(one, Conflict) for one in results) == 1
    assert sum(one is True for one in results) == 1


def test_another_role_ends_the_sessions_and_is_recorded_with_from_and_to(db: Database) -> None:
    add(db, "anna@example.com")
    bob = add(db, "bob@example.com", Role.VIEWER)
    token = sign_in(db, bob)
    assert demote(db, bob, Role.OPERATOR)
    assert not is_signed_in(db, token)
    assert not demote(db, bob, Role.OPERATOR)
    with db.read() as session:
        (entry, *_) = list_entries(session, environment=None, before_sequence=None, limit=1)
    assert (entry.action, entry.details["from"], entry.details["to"]) == ("staff.role_changed", "viewer", "operator")


def test_an_enabled_person_signs_in_again_and_old_sessions_stay_ended(db: Database) -> None:
    add(db, "anna@example.com")
    bob = add(db, "bob@example.com", Role.VIEWER)
    token = sign_in(db, bob)
    disable(db, bob)
    with db.write() as session:
        assert service.enable_staff(session, bob, actor=COMMAND_LINE, now=NOW)
        assert not service.enable_staff(session, bob, actor=COMMAND_LINE, now=NOW)
    assert not is_signed_in(db, token)
    with db.read() as session:
        back = queries.get_staff(session, bob.id)
    assert is_signed_in(db, sign_in(db, back))


def test_a_new_password_ends_every_other_session_and_forgets_failures(db: Database) -> None:
    anna = add(db, "anna@example.com")
    with db.write() as session:
        kept, token = service.start_session(session, anna, now=NOW, address="", user_agent="")
    others = [sign_in(db, anna) for _ in range(2)]
    with db.write() as session:
        service.note_failed_login(session, anna, now=NOW)
        service.set_password(
            session, anna, "new", must_change=False, keep_session=kept.id, actor=actor_of_staff(anna), now=NOW
        )
    assert is_signed_in(db, token.reveal())
    assert not any(is_signed_in(db, one) for one in others)
    with db.read() as session:
        after = queries.get_staff(session, anna.id)
    assert (after.password_hash, after.failed_logins, after.password_changed_at) == ("new", 0, NOW)
    assert "staff.password_changed" in recorded(db)


def test_a_password_set_by_somebody_else_must_be_changed(db: Database) -> None:
    anna = add(db, "anna@example.com")
    with db.write() as session:
        service.set_password(session, anna, "new", must_change=True, keep_session=None, actor=COMMAND_LINE, now=NOW)
    with db.read() as session:
        assert queries.get_staff(session, anna.id).must_change_password
    assert recorded(db)[-1] == "staff.password_reset"


def test_confirming_a_session_gives_it_a_new_token_and_ends_the_old_one(db: Database) -> None:
    """T27: a new id where a person proves again who they are; a stolen cookie does not become a fresh one."""
    anna = add(db, "anna@example.com")
    with db.write() as session:
        started, old = service.start_session(session, anna, now=NOW, address="", user_agent="")
    with db.write() as session:
        new = service.confirm_session(session, started.id, actor=actor_of_staff(anna), now=NOW)
    assert not is_signed_in(db, old.reveal())
    assert is_signed_in(db, new.reveal())
    with db.write() as session:
        service.revoke_all_sessions(session, anna, actor=COMMAND_LINE, now=NOW)
    with pytest.raises(NotFound), db.write() as session:
        service.confirm_session(session, started.id, actor=actor_of_staff(anna), now=NOW)
