"""What goes into a column comes out the same on both databases, and key text is compared byte by byte."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta, timezone
from decimal import Decimal

import pytest
import sqlalchemy as sa
from sqlalchemy.exc import DBAPIError, StatementError

from kedai.db.bulk import BulkInsert
from kedai.db.types import (
    Amount,
    Bytes,
    EnvironmentType,
    Id,
    Integer,
    JsonText,
    KeyText,
    UtcDateTime,
    environment_check,
)
from kedai.kit.ids import new_id
from kedai.values.environment import Environment
from tests.support.factories import LIVE, SANDBOX, House

SAMPLES = sa.Table(
    "sample",
    sa.MetaData(),
    sa.Column("id", Id, primary_key=True),
    sa.Column("at", UtcDateTime),
    sa.Column("amount", Amount),
    sa.Column("text", KeyText),
    sa.Column("bytes", Bytes),
    sa.Column("number", Integer),
    sa.Column("json", JsonText),
    sa.Column("environment", EnvironmentType),
    environment_check(),
)


@pytest.fixture
def samples(house: House) -> Iterator[House]:
    """A house with one more table, of every shared column type."""
    with house.db.connect() as connection:
        SAMPLES.create(connection)
    yield house
    with house.db.connect() as connection:
        SAMPLES.drop(connection)


def kept(house: House, column: str, values: list[object]) -> list[object]:
    rows = [{"id": new_id(), column: value} for value in values]
    with house.db.connect() as connection:
        connection.execute(sa.insert(SAMPLES), rows)
    with house.db.read() as db:
        return list(db.execute(sa.select(SAMPLES.c[column]).order_by(SAMPLES.c.id)).scalars())


@pytest.mark.parametrize(
    ("column", "values"),
    [
        (
            "at",
            [
                datetime(1970, 1, 1, tzinfo=UTC),
                datetime(1969, 12, 31, 23, 59, 59, 999_999, tzinfo=UTC),
                datetime(2026, 3, 29, 2, 30, 0, 123_456, tzinfo=timezone(timedelta(hours=-11))),
                datetime(2262, 4, 12, tzinfo=timezone(timedelta(hours=14))),
            ],
        ),
        (
            "amount",
            [Decimal(0), Decimal("0.0001"), Decimal("-922337203685477.5807"), Decimal("922337203685477.5807")],
        ),
        ("text", ["", "a'b\"c\\", "Ünï · 鍵 · 🔑", " spaces "]),
        ("bytes", [b"", b"\0\xff", bytes(range(256))]),
        ("number", [0, 2**63 - 1, -(2**63)]),
        ("json", [{"a": "\0"}, [], {}, [1.5, None, "é"]]),
        ("environment", [SANDBOX, LIVE]),
    ],
    ids=lambda one: one if isinstance(one, str) else "",
)
def test_value_comes_back_as_it_went_in(samples: House, column: str, values: list[object]) -> None:
    back = kept(samples, column, values)
    assert back == values
    assert [type(one) for one in back] == [type(one) for one in values]
    if column == "at":
        assert {one.utcoffset() for one in back if isinstance(one, datetime)} == {timedelta(0)}


def test_ids_sort_by_age_in_the_database_too(samples: House) -> None:
    made = [new_id() for _ in range(500)]
    with samples.db.connect() as connection:
        connection.execute(sa.insert(SAMPLES), [{"id": one} for one in reversed(made)])
    with samples.db.read() as db:
        assert list(db.execute(sa.select(SAMPLES.c.id).order_by(SAMPLES.c.id)).scalars()) == made


def test_amounts_add_up_exactly_in_the_database(samples: House) -> None:
    kept(samples, "amount", [Decimal("0.1")] * 1_000)
    total = sa.select(sa.type_coerce(sa.cast(sa.func.sum(sa.type_coerce(SAMPLES.c.amount, Integer)), Integer), Amount))
    assert samples.scalar(total) == Decimal(100)


def test_key_text_is_compared_byte_by_byte(samples: House) -> None:
    kept(samples, "text", ["b", "A", "_", "a", "B", "ä", "-1", "10", "9"])
    with samples.db.read() as db:
        rows = list(db.execute(sa.select(SAMPLES.c.text).order_by(SAMPLES.c.text)).scalars())
    assert rows == sorted(rows)
    assert rows[:3] == ["-1", "10", "9"]


@pytest.mark.parametrize(
    ("column", "value"),
    [
        ("at", datetime(2026, 1, 1)),
        ("amount", Decimal("0.00001")),
        ("amount", Decimal("NaN")),
        ("environment", "prod"),
    ],
)
def test_value_that_would_be_bent_is_refused_before_it_is_sent(samples: House, column: str, value: object) -> None:
    with pytest.raises(StatementError) as caught:
        kept(samples, column, [value])
    assert isinstance(caught.value.orig, ValueError)


def test_database_itself_knows_the_closed_set_of_environments(samples: House) -> None:
    blank = sa.text("INSERT INTO sample (id, environment) VALUES (:id, 'prod')")
    identity = new_id()
    with pytest.raises(DBAPIError, match="environment_known"), samples.db.connect() as connection:
        connection.execute(blank, {"id": identity.bytes if samples.db.is_sqlite else identity})
    assert Environment("live") is LIVE


class Sample:
    """The table as a bulk insert wants it."""

    __table__ = SAMPLES


BULK = BulkInsert(Sample, lambda insert: insert.on_conflict_do_nothing().returning(SAMPLES.c.id))  # type: ignore[arg-type]
FULL = {
    "at": datetime(2026, 8, 1, 12, 30, 15, 123_456, tzinfo=UTC),
    "amount": Decimal("-123456789.0123"),
    "text": 'ümlaut "quoted" \\ and \n',
    "bytes": bytes(range(256)),
    "number": 2**63 - 1,
    "json": {"a": [1, None]},
    "environment": LIVE,
}


def test_rows_of_a_bulk_insert_arrive_as_they_left(samples: House) -> None:
    rows = [{"id": new_id(), **FULL}, {"id": new_id(), **dict.fromkeys(FULL), "environment": SANDBOX}]
    with samples.db.write() as db:
        assert {row.id for row in BULK.execute(db, rows)} == {row["id"] for row in rows}
    with samples.db.write() as db:
        assert not BULK.execute(db, rows[:1])
    with samples.db.read() as db:
        assert [row._asdict() for row in db.execute(sa.select(SAMPLES).order_by(SAMPLES.c.id))] == rows


@pytest.mark.parametrize("value", [{"number": 2**63}, {"at": datetime(2026, 8, 1)}, {"text": "\ud800"}])
def test_what_a_bulk_insert_cannot_hold_is_refused_as_by_any_other(samples: House, value: dict[str, object]) -> None:
    rows = [{"id": new_id(), **FULL, **value}]
    with pytest.raises((StatementError, OverflowError, UnicodeEncodeError)), samples.db.write() as db:
        BULK.execute(db, rows)
