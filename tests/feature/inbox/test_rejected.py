"""D9: rejected deliveries are counted all and kept within bounds: a row a second, a thousand rows, 64 KiB of a body."""

from __future__ import annotations

from datetime import timedelta

import pytest
import sqlalchemy as sa

from kedai.errors import Invalid, NotFound
from kedai.inbox import rejected
from kedai.inbox.models import RejectedCount, RejectedDelivery
from kedai.inbox.queries import get_rejected
from kedai.inbox.rejected import Filter, Sample, count_rejected, keep_rejected, list_rejected
from kedai.sync.parts import Parts
from kedai.values.environment import Environment
from tests.support.factories import FAKE, LIVE, SANDBOX, House, run_threads

KEY = b"k" * 32
SECOND = timedelta(seconds=1)


def reject(
    house: House,
    *,
    reason: str = "mismatch",
    count: int = 1,
    body: bytes = b"x",
    environment: Environment = SANDBOX,
    diagnosis: str = "unknown_key",
    parts: Parts | None = None,
) -> bool:
    with (parts or house.parts).database.write() as db:
        sample = Sample(reason, {"host": "kedai.example"}, body, len(body))
        told = {"diagnosis": diagnosis, "diagnosed_for": ""}
        return keep_rejected(db, FAKE, environment, sample, counts={reason: count}, **told, now=house.now)


def bodies(house: House) -> list[bytes]:
    with house.db.read() as db:
        return list(db.execute(sa.select(RejectedDelivery.body).order_by(RejectedDelivery.id)).scalars())


def test_no_more_than_the_limit_are_kept_and_the_oldest_go(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    assert (rejected.MAX_ROWS, rejected.MAX_BODY) == (1_000, 64 * 1024)
    monkeypatch.setattr(rejected, "MAX_ROWS", 20)
    for number in range(30):
        reject(house, body=str(number).encode(), reason="mismatch" if number % 2 else "no_key")
        house.clock.advance(SECOND)
    assert bodies(house) == [str(number).encode() for number in range(10, 30)]
    with house.db.read() as db:
        assert count_rejected(db, FAKE, environment=SANDBOX) == (30, house.now - SECOND)


def test_one_environment_does_not_push_out_the_others(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rejected, "MAX_ROWS", 2)
    assert reject(house, environment=LIVE, body=b"live")
    for number in range(5):
        assert reject(house, body=str(number).encode())
        house.clock.advance(SECOND)
    assert bodies(house) == [b"live", b"3", b"4"]


def test_one_row_a_second_is_kept_whatever_the_reasons_and_all_are_counted(house: House) -> None:
    assert [reject(house, count=500), reject(house, count=7), reject(house, reason="no_key")] == [True, False, False]
    house.clock.advance(SECOND - timedelta(milliseconds=1))
    assert not reject(house, reason="missing")
    house.clock.advance(timedelta(milliseconds=1))
    assert reject(house, reason="missing", body=b"later")
    assert bodies(house) == [b"x", b"later"]
    with house.db.read() as db:
        rows = db.execute(sa.select(RejectedCount.reason, RejectedCount.count).order_by(RejectedCount.reason)).all()
    assert [tuple(row) for row in rows] == [("mismatch", 507), ("missing", 2), ("no_key", 1)]


def test_one_row_a_second_is_kept_however_many_processes_reject(house: House) -> None:
    places = [house.as_process() for _ in range(4)]
    kept = run_threads([lambda one=one: [reject(house, parts=one) for _ in range(5)] for one in places])
    assert sum(sum(one) for one in kept) == 1  # type: ignore[call-overload]
    assert len(bodies(house)) == 1
    with house.db.read() as db:
        assert count_rejected(db, FAKE, environment=SANDBOX)[0] == 20


def test_a_body_is_cut_to_its_limit_and_its_whole_size_is_noted(house: House) -> None:
    reject(house, body=bytes(rejected.MAX_BODY + 1))
    row = house.scalar(sa.select(RejectedDelivery))
    assert (len(row.body), row.size) == (rejected.MAX_BODY, rejected.MAX_BODY + 1)


def test_the_list_is_newest_first_filtered_and_goes_on_where_it_stopped(house: House) -> None:
    for number in range(6):
        reject(house, body=b"x" * number, diagnosis="verifies" if number % 2 else "no_key")
        house.clock.advance(SECOND)
    reject(house, environment=LIVE)
    chosen = Filter(SANDBOX, FAKE, ("verifies",), admitted=False)
    with house.db.read() as db:
        rows, cursor = list_rejected(db, chosen, cursor=None, cursor_key=KEY, limit=2)
        rest, end = list_rejected(db, chosen, cursor=cursor, cursor_key=KEY, limit=2)
        assert [row.size for row in (*rows, *rest)] == [5, 3, 1]
        assert end is None
        assert rejected.count_kept(db, chosen) == 3
        assert rejected.count_kept(db, Filter(None)) == 7
        assert rejected.count_kept(db, Filter(LIVE, admitted=True)) == 0
        with pytest.raises(Invalid):
            list_rejected(db, Filter(LIVE), cursor=cursor, cursor_key=KEY, limit=2)


def test_none_is_found_through_the_other_environment(house: House) -> None:
    reject(house)
    found = house.scalar(sa.select(RejectedDelivery.id))
    with house.db.write() as db:
        assert get_rejected(db, found, environment=SANDBOX).id == found
        for look in (get_rejected, rejected.lock_rejected):
            with pytest.raises(NotFound):
                look(db, found, environment=LIVE)
