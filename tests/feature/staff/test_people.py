"""People: one person per address in whatever spelling, and a record of who made them."""

from __future__ import annotations

import threading
from datetime import UTC, datetime

import pytest

from kedai.audit.queries import list_entries
from kedai.db.database import Database
from kedai.errors import Conflict, Invalid, NotFound
from kedai.kit.ids import new_id
from kedai.staff import queries, service
from kedai.staff.models import Staff
from kedai.staff.roles import Role
from kedai.values.actor import COMMAND_LINE

NOW = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)


def add_person(db: Database, email: str = "anna@example.com") -> Staff:
    with db.write() as session:
        return service.create_staff(
            session, email, role=Role.ADMIN, password_hash="a hash", actor=COMMAND_LINE, now=NOW
        )


def recorded(db: Database) -> list[str]:
    with db.read() as session:
        entries = list_entries(session, environment=None, before_sequence=None, limit=100)
    return [entry.action for entry in reversed(entries)]


def test_new_person_is_found_by_id_and_by_address_in_any_spelling(db: Database) -> None:
    anna = add_person(db, " Anna@Example.COM ")
    with db.read() as session:
        assert queries.get_staff(session, anna.id).email == "anna@example.com"
        for spelling in ("anna@example.com", "ANNA@EXAMPLE.COM", "\uff41nna@example.com"):
            found = queries.find_staff_by_email(session, spelling)
            assert found is not None
            assert found.id == anna.id
        assert [one.id for one in queries.list_staff(session)] == [anna.id]
        assert queries.count_staff(session) == 1
    assert recorded(db) == ["staff.created"]


@pytest.mark.parametrize(
    "spelling", ["anna@example.com", "Anna@Example.com", "\uff41nna@example.com", "anna@example.com "]
)
def test_equivalent_address_is_the_same_person(db: Database, spelling: str) -> None:
    add_person(db)
    with pytest.raises(Conflict):
        add_person(db, spelling)
    with db.read() as session:
        assert queries.count_staff(session) == 1
    assert recorded(db) == ["staff.created"]


def test_sharp_s_and_double_s_are_the_same_person(db: Database) -> None:
    add_person(db, "stra\u00dfe@example.com")
    with pytest.raises(Conflict):
        add_person(db, "STRASSE@example.com")


@pytest.mark.parametrize(
    "text",
    [
        "",
        "anna",
        "@example.com",
        "anna@",
        "anna@@example.com",
        "anna@example..com",
        "anna @example.com",
        "anna\u200b@example.com",
        "anna\u202e@example.com",
        "anna\n@example.com",
        "anna\0@example.com",
        "anna\ud800@example.com",
        "a" * 65 + "@example.com",
        "a@" + "b" * 10_000_000,
    ],
)
def test_what_is_no_address_is_refused_and_nobodys(db: Database, text: str) -> None:
    with pytest.raises(Invalid):
        add_person(db, text)
    with db.read() as session:
        assert queries.find_staff_by_email(session, text) is None


def test_two_at_once_with_one_address_are_one_person(db: Database) -> None:
    outcomes: list[str] = []

    def try_to_add() -> None:
        try:
            add_person(db)
            outcomes.append("added")
        except Conflict:
            outcomes.append("refused")

    threads = [threading.Thread(target=try_to_add) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    assert sorted(outcomes) == ["added", "refused", "refused", "refused"]


def test_unknown_ids_are_not_found(db: Database) -> None:
    with db.read() as session:
        for get in (queries.get_staff, queries.get_session, queries.get_api_token):
            with pytest.raises(NotFound):
                get(session, new_id())


def test_rolled_back_deed_leaves_neither_person_nor_record(db: Database) -> None:
    def change_the_mind() -> None:
        with db.write() as session:
            service.create_staff(session, "a@b.c", role=Role.VIEWER, password_hash="h", actor=COMMAND_LINE, now=NOW)
            raise RuntimeError("changed my mind")

    with pytest.raises(RuntimeError, match="changed my mind"):
        change_the_mind()
    with db.read() as session:
        assert queries.count_staff(session) == 0
    assert recorded(db) == []
