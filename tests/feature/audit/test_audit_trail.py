"""T37: the trail names who did what, cannot be changed unnoticed, and never holds a secret."""

from __future__ import annotations

import threading
from datetime import UTC, datetime, timedelta
from typing import Any

import msgspec
import pydantic
import pytest
import sqlalchemy as sa
from sqlalchemy.exc import DBAPIError

from kedai.audit import queries, service
from kedai.audit.chain import Deed, chained_hash
from kedai.audit.models import AuditEntry
from kedai.db.database import Database
from kedai.values.actor import COMMAND_LINE, SYSTEM, Actor, ActorKind
from kedai.values.environment import Environment
from kedai.values.secret import Secret
from tests.support.factories import on_postgresql, on_sqlite

NOW = datetime(2026, 3, 1, 12, 0, 0, 123456, tzinfo=UTC)
ANNA = Actor(ActorKind.STAFF, "staff_1", "anna@example.com")


def note(db: Database, count: int = 1, **changes: Any) -> None:
    fields: dict[str, Any] = {
        "actor": ANNA,
        "action": "credentials.saved",
        "subject": "shopee",
        "environment": Environment.SANDBOX,
        "details": {"fields": ["partner_id"], "from": None, "to": 3},
        "now": NOW,
    }
    for number in range(count):
        with db.write() as session:
            service.record(session, **(fields | {"now": NOW + timedelta(seconds=number)} | changes))


def first_broken(db: Database) -> int | None:
    with db.read() as session:
        return queries.verify_chain(session)


def all_entries(db: Database) -> list[AuditEntry]:
    with db.read() as session:
        return queries.list_entries(session, environment=None, before_sequence=None, limit=100)[::-1]


def deed_of(entry: AuditEntry) -> Deed:
    details = msgspec.json.encode(entry.details, order="sorted").decode()
    values = {name: getattr(entry, name) for name in Deed._fields}
    return Deed(**(values | {"environment": str(entry.environment), "details": details}))


def tamper(db: Database, statement: str, **values: Any) -> None:
    """Change the table behind the trail's back, as someone with the database's password could (triggers off)."""
    with db.connect() as connection:
        if db.is_sqlite:
            names = sa.text("SELECT name FROM sqlite_master WHERE type = 'trigger' AND tbl_name = 'audit'")
            for name in connection.scalars(names).all():
                connection.exec_driver_sql(f"DROP TRIGGER {name}")
        else:
            connection.exec_driver_sql("ALTER TABLE audit DISABLE TRIGGER USER")
        connection.execute(sa.text(statement), values)


def test_entry_says_who_did_what_where_and_when(db: Database) -> None:
    note(db)

    with db.read() as session:
        (entry,) = queries.list_entries(session, environment=None, before_sequence=None, limit=10)
    assert (entry.sequence, entry.at, entry.action, entry.subject) == (1, NOW, "credentials.saved", "shopee")
    assert (entry.actor_kind, entry.actor_id, entry.actor_name) == ("staff", "staff_1", "anna@example.com")
    assert entry.environment is Environment.SANDBOX
    assert entry.details == {"fields": ["partner_id"], "from": None, "to": 3}


def test_sequence_has_no_gaps_and_an_untouched_trail_is_whole(db: Database) -> None:
    assert first_broken(db) is None
    with db.write() as session:
        for _ in range(3):
            service.record(
                session, actor=SYSTEM, action="a", subject="s", environment=None, details={"x": 1.5, "y": NOW}, now=NOW
            )
    note(db, 3, actor=COMMAND_LINE)

    with db.read() as session:
        entries = queries.list_entries(session, environment=None, before_sequence=None, limit=10)
    assert [entry.sequence for entry in entries] == [6, 5, 4, 3, 2, 1]
    assert first_broken(db) is None


def test_deed_rolled_back_leaves_no_entry_and_no_gap(db: Database) -> None:
    def change_the_mind() -> None:
        with db.write() as session:
            service.record(session, actor=ANNA, action="a", subject="s", environment=None, details={}, now=NOW)
            raise RuntimeError("changed my mind")

    note(db)
    with pytest.raises(RuntimeError, match="changed my mind"):
        change_the_mind()
    note(db)

    with db.read() as session:
        entries = queries.list_entries(session, environment=None, before_sequence=None, limit=10)
    assert [entry.sequence for entry in entries] == [2, 1]
    assert first_broken(db) is None


@pytest.mark.parametrize("statement", ["DELETE FROM audit", "UPDATE audit SET subject = 'x'"])
def test_database_itself_refuses_to_change_an_entry(db: Database, statement: str) -> None:
    note(db)
    with pytest.raises(DBAPIError, match="append-only"), db.connect() as connection:
        connection.exec_driver_sql(statement)


@on_sqlite
def test_database_itself_refuses_to_replace_an_entry(db: Database) -> None:
    """SQLite's REPLACE deletes without a word to the trigger that refuses to delete."""
    note(db, 2)
    again = "INSERT OR REPLACE INTO audit SELECT * FROM audit WHERE sequence = 1"
    with pytest.raises(DBAPIError, match="append-only"), db.connect() as connection:
        connection.exec_driver_sql(again)
    assert len(all_entries(db)) == 2


@on_postgresql
def test_database_itself_refuses_to_empty_the_trail(db: Database) -> None:
    note(db)
    with pytest.raises(DBAPIError, match="append-only"), db.connect() as connection:
        connection.exec_driver_sql("TRUNCATE audit")


def test_removed_row_is_named(db: Database) -> None:
    note(db, 5)
    tamper(db, "DELETE FROM audit WHERE sequence = 3")
    assert first_broken(db) == 3


def test_removed_first_row_is_named(db: Database) -> None:
    note(db, 3)
    tamper(db, "DELETE FROM audit WHERE sequence = 1")
    assert first_broken(db) == 1


@pytest.mark.parametrize(
    ("column", "value"),
    [
        ("actor_kind", "system"),
        ("actor_id", "staff_2"),
        ("actor_name", "bob@example.com"),
        ("action", "credentials.read"),
        ("environment", "live"),
        ("environment", None),
        ("subject", "lazada"),
        ("details", '{"fields":["shop_id"]}'),
        ("details", "no json"),
        pytest.param("hash", bytes(32), id="hash"),
        pytest.param("previous_hash", bytes(32), id="previous_hash"),
    ],
)
def test_changed_field_is_named(db: Database, column: str, value: str | bytes | None) -> None:
    note(db, 4)
    tamper(db, f"UPDATE audit SET {column} = :value WHERE sequence = 3", value=value)
    assert first_broken(db) == 3


def test_changed_instant_is_named(db: Database) -> None:
    note(db, 4)
    later = "at + 1" if db.is_sqlite else "at + interval '1 microsecond'"
    tamper(db, f"UPDATE audit SET at = {later} WHERE sequence = 3")
    assert first_broken(db) == 3


def test_row_moved_to_another_place_is_named(db: Database) -> None:
    note(db, 4)
    tamper(db, "UPDATE audit SET sequence = 9 WHERE sequence = 2")
    assert first_broken(db) == 2


@pytest.mark.parametrize(("one", "other"), [(2, 3), (1, 4), (3, 4)])
def test_two_rows_in_each_others_place_are_named(db: Database, one: int, other: int) -> None:
    """Reordered: every field of both is as it was, only their numbers are exchanged."""
    note(db, 4)
    for before, after in ((one, 99), (other, one), (99, other)):
        tamper(db, "UPDATE audit SET sequence = :after WHERE sequence = :before", before=before, after=after)
    assert first_broken(db) == one


def test_a_cut_end_is_noticed_by_a_note_of_the_last_entry(db: Database) -> None:
    note(db, 3)
    with db.read() as session:
        noted = queries.verify(session).last
    assert noted is not None
    assert noted.sequence == 3
    note(db)
    with db.read() as session:
        assert queries.is_there(session, noted), "the trail went on"
    tamper(db, "DELETE FROM audit WHERE sequence >= 3")
    with db.read() as session:
        assert queries.verify(session).broken is None, "what is left is whole"
        assert not queries.is_there(session, noted)
    note(db)
    with db.read() as session:
        assert not queries.is_there(session, noted), "another entry took its place"


def test_fields_that_read_alike_when_joined_have_other_hashes(db: Database) -> None:
    note(db, 3)
    tamper(db, "UPDATE audit SET actor_id = 'staff_1anna', actor_name = '@example.com' WHERE sequence = 2")
    assert first_broken(db) == 2


def test_rewritten_entry_with_a_new_hash_of_its_own_is_noticed_at_the_next_one(db: Database) -> None:
    note(db, 3)
    first, second, _ = all_entries(db)
    forged = chained_hash(deed_of(second)._replace(subject="lazada"), first.hash)
    tamper(db, "UPDATE audit SET subject = 'lazada', hash = :forged WHERE sequence = 2", forged=forged)
    assert first_broken(db) == 3
    tamper(db, "UPDATE audit SET previous_hash = :forged WHERE sequence = 3", forged=forged)
    assert first_broken(db) == 3


def test_gap_is_named_even_where_the_rest_was_chained_anew(db: Database) -> None:
    note(db, 3)
    first, _, third = all_entries(db)
    tamper(db, "DELETE FROM audit WHERE sequence = 2")
    tamper(
        db,
        "UPDATE audit SET previous_hash = :before, hash = :forged WHERE sequence = 3",
        before=first.hash,
        forged=chained_hash(deed_of(third), first.hash),
    )
    assert first_broken(db) == 2


def test_many_writers_at_once_make_one_chain(db: Database) -> None:
    writers = [threading.Thread(target=note, args=(db, 5)) for _ in range(4)]
    for writer in writers:
        writer.start()
    for writer in writers:
        writer.join(30)

    with db.read() as session:
        entries = queries.list_entries(session, environment=None, before_sequence=None, limit=100)
    assert [entry.sequence for entry in entries] == list(range(20, 0, -1))
    assert first_broken(db) is None


@pytest.mark.parametrize(
    "details",
    [
        {"partner_key": Secret("canary-7f3a")},
        {"to": {"deep": [Secret("canary-7f3a")]}},
        {"token": pydantic.SecretStr("canary-7f3a")},
        {"body": b"canary-7f3a"},
        {"error": ValueError("canary-7f3a")},
    ],
)
def test_secret_in_the_details_is_refused_and_not_named_in_the_error(db: Database, details: dict[str, Any]) -> None:
    with pytest.raises(TypeError) as caught:
        note(db, details=details)
    assert "canary" not in str(caught.value)

    with db.read() as session:
        assert queries.list_entries(session, environment=None, before_sequence=None, limit=10) == []


def test_text_no_database_takes_does_not_make_a_deed_fail(db: Database) -> None:
    hostile = 'a\0b\ud800\n{"level":"info"}'
    note(db, actor=Actor(ActorKind.STAFF, hostile, hostile), subject=hostile, details={hostile: hostile})

    with db.read() as session:
        (entry,) = queries.list_entries(session, environment=None, before_sequence=None, limit=10)
    assert entry.subject == 'a\ufffdb?\n{"level":"info"}'
    assert first_broken(db) is None


def test_environment_filter_shows_no_other_environment(db: Database) -> None:
    note(db, environment=Environment.SANDBOX)
    note(db, environment=Environment.LIVE)
    note(db, environment=None)

    with db.read() as session:
        live = queries.list_entries(session, environment=Environment.LIVE, before_sequence=None, limit=10)
    assert [entry.sequence for entry in live] == [2]


def test_pages_follow_each_other_without_overlap(db: Database) -> None:
    note(db, 5)
    with db.read() as session:
        first = queries.list_entries(session, environment=None, before_sequence=None, limit=2)
        second = queries.list_entries(session, environment=None, before_sequence=first[-1].sequence, limit=2)
    assert [entry.sequence for entry in first + second] == [5, 4, 3, 2]
