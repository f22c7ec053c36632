"""Whatever an old row holds, it is understood or refused in words; nothing else is raised, and no secret is quoted."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from types import SimpleNamespace
from typing import Any

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from kedai.connectors.registry import CONNECTORS, get_connector
from kedai.settings import Settings
from kedai.sync.medusa import credentials, events, exceptions, orders, tables, tokens
from kedai.sync.medusa.fields import Fields, RefusedRow, open_row
from kedai.sync.medusa.job import Job
from kedai.sync.medusa.source import OldRow
from kedai.values.actor import COMMAND_LINE

READERS: Mapping[str, Callable[[Job, Fields], Any]] = {
    tables.CREDENTIALS: credentials.read_credentials,
    tables.ACTIVE: credentials.read_active,
    tables.TOKENS: tokens.read_token,
    tables.EVENTS: events.read_event,
    tables.ORDERS: orders.read_order,
    tables.EXCEPTIONS: exceptions.read_exception,
}
PUSH = '{"code": 3, "shop_id": 7001, "timestamp": 1785000000, "data": {"ordersn": "260801ABCD1234"}}'
WORDS = (
    "live sandbox LIVE production v1: v1:AAAA v2:k1:AAAA 1785000000 0 -1 infinity 0001-01-01 1e999999999 NaN 7001 {}"
)
odd = st.sampled_from([*WORDS.split(), "", " ", "\0", "9" * 400, "\\x", "\\xZZ", "2026-08-01 10:00:00.1+08", PUSH])
values = st.none() | odd | st.text(st.characters(codec="utf-8"), max_size=30)


def job() -> Job:
    parts = SimpleNamespace(
        connectors=CONNECTORS,
        connector=get_connector,
        settings=Settings(v1_secret="a secret of the tests, sixteen or more"),
    )
    return Job(parts, SimpleNamespace(), apply=False, connect=False, actor=COMMAND_LINE)  # type: ignore[arg-type]


def test_every_table_is_examined() -> None:
    assert set(READERS) == set(tables.LAYOUTS)


@pytest.mark.parametrize("table", READERS)
@settings(deadline=None, max_examples=150)
@given(data=st.data())
@example(data=None)
def test_row_is_understood_or_refused(table: str, data: st.DataObject | None) -> None:
    layout = tables.LAYOUTS[table]
    columns = [column for names in layout.fields.values() for column in names]
    drawn = {} if data is None else {column: data.draw(values) for column in columns}
    read, refusal = judged(table, drawn)
    if refusal is None:
        assert read is not None
        assert "\0" not in repr(read) or table == tables.EVENTS
    else:
        long = [value.strip() for value in drawn.values() if value and len(value.strip()) > 8]
        assert not [value for value in long if value in refusal]


def judged(table: str, values: Mapping[str, str | None]) -> tuple[object, str | None]:
    """What a row says, or why it is refused; anything else that is raised fails the test."""
    match = tables.LAYOUTS[table].match(list(values))
    try:
        return READERS[table](job(), open_row(OldRow(values), match)), None
    except RefusedRow as refused:
        return None, str(refused)


@pytest.mark.parametrize("zone", ["", "+00", "Z", "+08:00", " +0800"])
def test_instants_of_every_spelling_are_utc(zone: str) -> None:
    found = Fields({"at": f"2026-08-01 10:00:00.5{zone.strip()}"}, {"at": ("at",)}).instant("at")
    assert found is not None
    assert found.utcoffset() is not None
    assert found.isoformat() == (
        "2026-08-01T02:00:00.500000+00:00" if "8" in zone else "2026-08-01T10:00:00.500000+00:00"
    )


def test_seconds_and_milliseconds_are_told_apart() -> None:
    fields = Fields({"a": "1785000000", "b": "1785000000123"}, {"a": ("a",), "b": ("b",)})
    seconds, milliseconds = fields.instant("a"), fields.instant("b")
    assert seconds is not None
    assert milliseconds is not None
    assert (milliseconds - seconds).total_seconds() == 0.123
