"""The shared column types keep instants and money exactly, and refuse what they would have to bend."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone
from decimal import Decimal, localcontext

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy.dialects import postgresql, sqlite

from kedai.db.types import Amount, EnvironmentType, Id, JsonText, UtcDateTime, to_amount_units
from kedai.kit.ids import new_id
from kedai.values.environment import Environment

DIALECTS = [sqlite.dialect(), postgresql.dialect()]
both = pytest.mark.parametrize("dialect", DIALECTS, ids=lambda one: one.name)
instants = st.datetimes(
    datetime(1900, 1, 1), datetime(2300, 1, 1), timezones=st.timezones() | st.just(UTC), allow_imaginary=False
)


@both
@given(value=instants)
def test_instant_comes_back_equal_and_in_utc(dialect: sqlite.dialect, value: datetime) -> None:
    column = UtcDateTime()
    back = column.process_result_value(column.process_bind_param(value, dialect), dialect)
    assert back == value.astimezone(UTC)
    assert back is not None
    assert back.utcoffset() == timedelta(0)


@both
def test_naive_instant_is_refused(dialect: sqlite.dialect) -> None:
    with pytest.raises(ValueError, match="naive"):
        UtcDateTime().process_bind_param(datetime(2026, 1, 1), dialect)


def test_instants_sort_on_sqlite_as_they_passed() -> None:
    column, sqlite_dialect = UtcDateTime(), DIALECTS[0]
    earlier = datetime(2026, 1, 1, 9, tzinfo=timezone(timedelta(hours=8)))
    later = datetime(2026, 1, 1, 2, tzinfo=UTC)
    assert column.process_bind_param(earlier, sqlite_dialect) < column.process_bind_param(later, sqlite_dialect)


@given(st.integers(-(2**63) + 1, 2**63 - 1))
def test_amount_comes_back_exactly(units: int) -> None:
    value = Decimal(units).scaleb(-4) if abs(units) < 10**24 else Decimal(0)
    column = Amount()
    assert column.process_bind_param(value, DIALECTS[0]) == units
    assert column.process_result_value(units, DIALECTS[0]) == value


@pytest.mark.parametrize(
    ("text", "units"),
    [
        ("0", 0),
        ("-0", 0),
        ("1", 10_000),
        ("12.50", 125_000),
        ("0.0001", 1),
        ("-0.0001", -1),
        ("1.000000000000000000000000000000000", 10_000),
        ("1E3", 10_000_000),
        ("922337203685477.5807", 2**63 - 1),
        ("-922337203685477.5807", -(2**63) + 1),
    ],
)
def test_amount_is_stored_in_ten_thousandths(text: str, units: int) -> None:
    assert to_amount_units(Decimal(text)) == units


@pytest.mark.parametrize(
    "text",
    [
        "0.00001",
        "1.23456",
        "-1.00005",
        "1.0000000000000000000000000000001",
        "1E-999999",
        "922337203685477.5808",
        "-922337203685477.5809",
        "12345678901234567890",
        "1E+30",
        "1E+999999",
        "NaN",
        "sNaN",
        "Infinity",
        "-Infinity",
    ],
)
def test_amount_that_would_lose_a_digit_or_overflow_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="amount"):
        to_amount_units(Decimal(text))


def test_amount_does_not_depend_on_the_threads_precision() -> None:
    with localcontext(prec=3):
        assert to_amount_units(Decimal("123456.7890")) == 1_234_567_890


@both
def test_environment_outside_the_closed_set_is_refused(dialect: sqlite.dialect) -> None:
    column = EnvironmentType()
    assert column.process_bind_param(Environment.LIVE, dialect) == "live"
    assert column.process_result_value("sandbox", dialect) is Environment.SANDBOX
    for wrong in ("LIVE", "prod", "", "live "):
        with pytest.raises(ValueError, match="is not a valid Environment"):
            column.process_bind_param(wrong, dialect)
        with pytest.raises(ValueError, match="is not a valid Environment"):
            column.process_result_value(wrong, dialect)


@both
def test_id_comes_back_as_it_was(dialect: sqlite.dialect) -> None:
    column, value = Id(), new_id()
    assert column.process_result_value(column.process_bind_param(value, dialect), dialect) == value


@both
def test_json_text_keeps_what_jsonb_refuses(dialect: sqlite.dialect) -> None:
    column, value = JsonText(), {"b": "\0", "a": [1, None, "é"]}
    stored = column.process_bind_param(value, dialect)
    assert stored == '{"a":[1,null,"é"],"b":"\\u0000"}'
    assert column.process_result_value(stored, dialect) == value
