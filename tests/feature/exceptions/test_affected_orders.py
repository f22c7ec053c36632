"""Which orders a group touches: bounded by name, counted beyond, and cheap however many come at once (F52)."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest
import sqlalchemy as sa

from kedai.connector_exceptions import orders
from kedai.connector_exceptions.models import ConnectorException, ExceptionOrder
from kedai.connector_exceptions.service import Trouble, raise_exceptions
from kedai.kit.ids import new_id
from kedai.values.environment import Environment
from tests.support.factories import FAKE, LIVE, SANDBOX, START, House, run_threads
from tests.support.statements import heard_statements

TROUBLE = Trouble("error_x", "It failed", "Look at it.", shop_id="7001")


def about(*numbers: str) -> list[Trouble]:
    return [replace(TROUBLE, order_sn=number, event_id=new_id()) for number in numbers]


def raise_them(house: House, troubles: list[Trouble], *, minute: int = 0, environment: Environment = SANDBOX) -> None:
    with house.db.write() as db:
        raise_exceptions(db, FAKE, environment, troubles, now=START + timedelta(minutes=minute))


def listed(house: House) -> list[tuple[str | None, int]]:
    with house.db.read() as db:
        rows = db.execute(sa.select(ExceptionOrder).order_by(ExceptionOrder.subject)).scalars()
        return [(row.order_sn, row.count) for row in rows]


def test_each_order_stands_once_with_its_last_event_and_how_often(house: House) -> None:
    raise_them(house, about("O1", "O2", "O1"))
    again = about("O1")
    raise_them(house, again, minute=5)
    with house.db.read() as db:
        first, second = db.execute(sa.select(ExceptionOrder).order_by(ExceptionOrder.subject)).scalars()
        assert (first.order_sn, first.shop_id, first.count, first.event_id) == ("O1", "7001", 3, again[0].event_id)
        assert (first.first_seen_at, first.last_seen_at) == (START, START + timedelta(minutes=5))
        assert (second.order_sn, second.count) == ("O2", 1)
    (group,) = house.exceptions()
    assert (group.count, group.listed, group.unlisted) == (4, 2, 0)


def test_an_event_that_names_no_order_is_listed_by_itself(house: House) -> None:
    one, other = new_id(), new_id()
    raise_them(house, [replace(TROUBLE, event_id=one), replace(TROUBLE, event_id=other), TROUBLE])
    with house.db.read() as db:
        assert set(db.execute(sa.select(ExceptionOrder.event_id)).scalars()) == {one, other}
    assert house.exceptions()[0].listed == 2


def test_environments_have_lists_of_their_own(house: House) -> None:
    raise_them(house, about("O1"))
    raise_them(house, about("O1"), environment=LIVE)
    assert listed(house) == [("O1", 1), ("O1", 1)]


def test_beyond_the_limit_they_are_only_counted(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(orders, "MAX_LISTED", 3)
    raise_them(house, about("O1", "O2"))
    raise_them(house, about("O3", "O4", "O5", "O5", "O1"))
    (group,) = house.exceptions()
    assert listed(house) == [("O1", 2), ("O2", 1), ("O3", 1)]
    assert (group.count, group.listed, group.unlisted) == (7, 3, 3)


def test_what_was_retried_makes_room(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(orders, "MAX_LISTED", 2)
    raise_them(house, about("O1", "O2"))
    house.execute(sa.update(ExceptionOrder).where(ExceptionOrder.order_sn == "O1").values(retried_at=START))
    raise_them(house, about("O3"))
    assert listed(house) == [("O2", 1), ("O3", 1)]


def test_a_group_that_comes_back_begins_its_list_anew(house: House) -> None:
    raise_them(house, about("O1", "O2"))
    house.execute(sa.update(ConnectorException).values(state="resolved", unlisted=9))
    raise_them(house, about("O3"), minute=1)
    (group,) = house.exceptions()
    assert listed(house) == [("O3", 1)]
    assert (group.state, group.count, group.listed, group.unlisted) == ("regressed", 3, 1, 0)


def test_f52_a_hundred_thousand_troubles_are_one_row_a_counter_and_a_bounded_list(house: House) -> None:
    """A batch is written with few statements, however many troubles it brings, and nothing grows but a number."""
    most = 0
    for batch in range(50):
        troubles = about(*(f"O{batch:02}{number % 100:03}" for number in range(2_000)))
        with heard_statements() as seen:
            raise_them(house, troubles, minute=batch)
        most = max(most, len(seen))
    (group,) = house.exceptions()
    assert (group.count, group.state) == (100_000, "ongoing")
    assert (group.listed, group.unlisted) == (orders.MAX_LISTED, 80_000)
    with house.db.read() as db:
        assert db.execute(sa.select(sa.func.count()).select_from(ExceptionOrder)).scalar_one() == orders.MAX_LISTED
    assert most <= 10


def test_several_workers_list_without_losing_or_doubling_any(house: House) -> None:
    places = [house.as_process() for _ in range(4)]

    def fail(number: int) -> None:
        for batch in range(5):
            with places[number].database.write() as db:
                numbers = (f"O{(number + one) % 4}{batch}" for one in range(4))
                raise_exceptions(db, FAKE, SANDBOX, about(*numbers), now=house.now)

    assert run_threads([lambda number=number: fail(number) for number in range(4)]) == [None] * 4
    (group,) = house.exceptions()
    assert (group.count, group.listed, group.unlisted) == (80, 20, 0)
    assert [count for _, count in listed(house)] == [4] * 20
