"""The log of outgoing calls: what it keeps and finds, and what it lets go."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import sqlalchemy as sa

from kedai.calls import queries
from kedai.calls.models import OutgoingCall
from kedai.calls.queries import CallFilter, parse_filter
from kedai.calls.service import prune, store
from kedai.errors import Invalid
from kedai.values.call import CallRecord
from kedai.values.environment import Environment
from tests.support.factories import FAKE, LIVE, SANDBOX, SHOP, START, House

KEY = b"k" * 32
CALL = CallRecord(FAKE, SANDBOX, SHOP, "GET", "/api/v2/order/get_order_list", 200, "", "abc123", 12.4, START)


def call(number: int, **changes: Any) -> CallRecord:
    """A call that began so many seconds after the beginning."""
    return replace(CALL, started_at=START + timedelta(seconds=number), request_id=f"r{number}", **changes)


def keep(house: House, *records: CallRecord) -> None:
    with house.db.write() as db:
        store(db, records)


def rows(house: House) -> Sequence[OutgoingCall]:
    with house.db.read() as db:
        return db.execute(sa.select(OutgoingCall).order_by(OutgoingCall.started_at, OutgoingCall.id)).scalars().all()


def ids(found: Sequence[OutgoingCall]) -> list[str]:
    return [one.request_id for one in found]


def page(
    house: House,
    environment: Environment | None,
    *,
    cursor: str | None = None,
    limit: int = 50,
    scan: int = queries.SCAN,
    **wanted: Any,
) -> Any:
    with house.db.read() as db:
        return queries.list_calls(
            db,
            environment=environment,
            wanted=CallFilter(**wanted),
            cursor=cursor,
            cursor_key=KEY,
            limit=limit,
            scan=scan,
        )


def walk(house: House, environment: Environment | None, **wanted: Any) -> list[str]:
    """The request ids of all pages."""
    found, cursor = [], None
    for _ in range(100):
        one = page(house, environment, cursor=cursor, **wanted)
        found += ids(one.rows)
        cursor = one.next_cursor
        if cursor is None:
            return found
    raise AssertionError("pages without end")


def test_a_call_is_kept_as_it_was(house: House) -> None:
    keep(house, CALL)
    (one,) = rows(house)
    assert (one.connector, one.environment, one.shop_id, one.method) == (FAKE, SANDBOX, SHOP, "GET")
    assert (one.path, one.status, one.outcome, one.code) == ("/api/v2/order/get_order_list", 200, "ok", "")
    assert (one.milliseconds, one.request_id, one.started_at) == (12, "abc123", START)


@pytest.mark.parametrize(
    ("status", "code", "outcome", "kept"),
    [
        (200, "", "ok", ""),
        (204, "", "ok", ""),
        (200, "-", "ok", ""),
        (200, " - ", "ok", ""),
        (200, ".", "failed", "."),
        (200, "error_auth", "failed", "error_auth"),
        (502, "", "failed", ""),
        (302, "", "failed", ""),
        (None, "timeout", "failed", "timeout"),
    ],
)
def test_body_and_status_decide_whether_it_went_well(
    house: House, status: int | None, code: str, outcome: str, kept: str
) -> None:
    keep(house, replace(CALL, status=status, code=code))
    (one,) = rows(house)
    assert (one.outcome, one.code) == (outcome, kept)


def test_nothing_that_a_database_refuses_and_no_query_gets_in(house: House) -> None:
    odd = "a\0b\ud800" + "x" * 1000
    keep(house, replace(CALL, path=f"/api?access_token=s3cr3t{odd}", code=odd, request_id=odd, shop_id=odd, method=odd))
    (one,) = rows(house)
    assert one.path == "/api"
    for text in (one.code, one.request_id, one.shop_id, one.method):
        assert text is not None
        assert text.startswith("ab?x")
        assert len(text) <= 300


def test_pages_are_whole_newest_first_and_of_one_environment(house: House) -> None:
    keep(house, *(call(number, environment=LIVE if number % 3 == 0 else SANDBOX) for number in range(20)))
    newest_first = [f"r{number}" for number in reversed(range(20))]
    of_live = [one for one in newest_first if int(one[1:]) % 3 == 0]
    assert walk(house, None, limit=4) == newest_first
    assert walk(house, LIVE, limit=4) == of_live
    assert walk(house, SANDBOX, limit=4) == [one for one in newest_first if one not in of_live]


def test_calls_of_one_instant_are_each_on_one_page(house: House) -> None:
    keep(house, *(replace(CALL, request_id=f"r{number}") for number in range(9)))
    assert sorted(walk(house, SANDBOX, limit=2)) == [f"r{number}" for number in range(9)]


FILTERS: list[tuple[dict[str, Any], set[str]]] = [
    ({"shop_id": "7002"}, {"r1"}),
    ({"path": "SHIP_order"}, {"r2", "r5"}),
    ({"path": "%"}, set()),
    ({"path": "get_order"}, {"r0", "r1", "r3", "r4"}),
    ({"path": "getXorder"}, set()),
    ({"outcome": "failed"}, {"r2", "r3"}),
    ({"outcome": "ok"}, {"r0", "r1", "r4", "r5"}),
    ({"code": "rate"}, {"r3"}),
    ({"code": "error"}, {"r2", "r3"}),
    ({"code": "error", "outcome": "ok"}, set()),
    ({"request_id": "r4"}, {"r4"}),
    ({"request_id": "r"}, set()),
    ({"request_id": "r4", "shop_id": "7002"}, set()),
    ({"since": START + timedelta(seconds=2), "until": START + timedelta(seconds=4)}, {"r2", "r3"}),
    ({"shop_id": SHOP, "outcome": "failed", "path": "ship", "code": "busi"}, {"r2"}),
]


@pytest.fixture
def mixed(house: House) -> House:
    ship = "/api/v2/logistics/ship_order"
    keep(
        house,
        call(0),
        call(1, shop_id="7002"),
        call(2, path=ship, code="error_busi"),
        call(3, code="error_rate_limit", status=429),
        call(4),
        call(5, path=ship),
        call(6, environment=LIVE, code="error_rate_limit", path=ship, shop_id="7002"),
    )
    return house


def test_each_filter_finds_its_calls_and_no_others_on_whole_and_on_bounded_pages(mixed: House) -> None:
    for wanted, found in FILTERS:
        assert set(walk(mixed, SANDBOX, **wanted)) == found, wanted
        assert sorted(walk(mixed, SANDBOX, limit=1, scan=2, **wanted)) == sorted(found), wanted
        with mixed.db.read() as db:
            rest = {"environment": SANDBOX, "wanted": CallFilter(**wanted), "scan": 2}
            assert set(ids(queries.find_calls(db, limit=50, **rest))) == found, wanted
            assert len(queries.find_calls(db, limit=1, **rest)) == min(1, len(found)), wanted


def test_a_page_looks_at_a_bounded_number_of_rows_and_says_that_there_are_older_ones(house: House) -> None:
    keep(house, call(0, path="/needle"), *(call(number) for number in range(1, 10)))
    first = page(house, SANDBOX, path="needle", scan=4)
    assert (first.rows, first.next_cursor is None) == ((), False)
    assert walk(house, SANDBOX, path="needle", scan=4) == ["r0"]
    assert walk(house, None, path="needle", scan=4) == ["r0"]


def test_a_cursor_leads_on_in_its_own_list_alone(mixed: House) -> None:
    cursor = page(mixed, SANDBOX, limit=1).next_cursor
    assert cursor is not None
    for environment, wanted in ((LIVE, {}), (None, {}), (SANDBOX, {"code": "x"}), (SANDBOX, {"shop_id": SHOP})):
        with pytest.raises(Invalid):
            page(mixed, environment, cursor=cursor, **wanted)


def test_days_and_instants_are_read_with_their_zone() -> None:
    day = parse_filter({"since": "2026-11-23", "until": "2026-11-23"})
    assert (day.since, day.until) == (datetime(2026, 11, 23, tzinfo=UTC), datetime(2026, 11, 24, tzinfo=UTC))
    exact = parse_filter({"since": "2026-11-23T10:00:00+08:00", "until": "2026-11-23T03:00Z"})
    assert (exact.since, exact.until) == (
        datetime(2026, 11, 23, 2, tzinfo=UTC),
        datetime(2026, 11, 23, 3, tzinfo=UTC),
    )


@pytest.mark.parametrize(
    "given",
    [
        {"since": "yesterday"},
        {"since": "2026-02-30"},
        {"since": "2026-11-23T10:00:00"},
        {"until": "9999-12-31"},
        {"since": "0001-01-01"},
        {"since": "9999-12-31T23:59:59-12:00"},
        {"since": "2026-11-24", "until": "2026-11-23"},
        {"outcome": "good"},
        {"path": "a\0b"},
        {"since": ""},
    ],
)
def test_what_cannot_be_asked_for_is_refused_in_words(given: dict[str, str]) -> None:
    with pytest.raises(Invalid):
        parse_filter(given)


def cut(house: House, *, before: datetime, keep_rows: int = 1000, limit: int = 500) -> int:
    with house.db.write() as db:
        return prune(db, environment=SANDBOX, before=before, keep_rows=keep_rows, limit=limit)


def test_old_calls_go_the_oldest_first_and_a_few_at_a_time(house: House) -> None:
    keep(house, *(call(number) for number in range(10)), call(0, environment=LIVE))
    before = START + timedelta(seconds=6)
    assert cut(house, before=before, limit=4) == 4
    assert ids([one for one in rows(house) if one.environment is SANDBOX]) == [f"r{number}" for number in range(4, 10)]
    assert [cut(house, before=before, limit=4), cut(house, before=before, limit=4)] == [2, 0]
    assert ids([one for one in rows(house) if one.environment is SANDBOX]) == ["r6", "r7", "r8", "r9"]
    assert ids([one for one in rows(house) if one.environment is LIVE]) == ["r0"]


@pytest.mark.parametrize("instants", [10, 1])
def test_what_is_too_much_goes_however_young_it_is(house: House, instants: int) -> None:
    """Also where many began at the same instant."""
    keep(house, *(replace(call(number % instants), request_id=f"r{number}") for number in range(10)))
    assert [cut(house, before=START, keep_rows=3, limit=5) for _ in range(3)] == [5, 2, 0]
    assert len(rows(house)) == 3
    if instants == 10:
        assert ids(rows(house)) == ["r7", "r8", "r9"]


def test_what_is_both_too_old_and_too_much_goes_once(house: House) -> None:
    keep(house, *(call(number) for number in range(10)))
    assert cut(house, before=START + timedelta(seconds=8), keep_rows=5) == 8
    assert ids(rows(house)) == ["r8", "r9"]
