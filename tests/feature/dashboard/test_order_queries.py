"""Reading orders: each list on its index, each page once, never a row of the other environment."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from decimal import Decimal
from functools import partial
from itertools import product

import pytest
from msgspec.structs import replace
from sqlalchemy.orm import Session

from kedai.errors import Invalid, NotFound
from kedai.orders import details, queries
from kedai.orders.queries import OrderKey
from kedai.values.environment import Environment
from kedai.values.order import Page
from tests.feature.dashboard.browser import store_orders
from tests.support.factories import FAKE, LIVE, SANDBOX, SHOP, START, House, snapshot

KEY = b"k" * 32
OTHER_SHOP = "8002"


@pytest.fixture
def filled(house: House) -> House:
    """Forty orders: both environments, two shops, four statuses, changed one minute after the other."""
    for environment in Environment:
        house.configure(environment)
        for shop_id in (SHOP, OTHER_SHOP):
            house.connect(environment, shop_id)
    statuses = ("READY_TO_SHIP", "PROCESSED", "COMPLETED", "INVOICE_PENDING")
    for number in range(40):
        at = START - timedelta(minutes=40 - number)
        order = snapshot(
            f"2001{number:02}AB",
            status=statuses[number % 4],
            remote_updated_at=at,
            remote_created_at=at - timedelta(days=1),
        )
        environment = SANDBOX if number % 3 else LIVE
        store_orders(house, order, environment=environment, shop_id=SHOP if number % 2 else OTHER_SHOP)
    return house


def walk(read: Callable[[str | None], Page[queries.OrderRow]]) -> list[queries.OrderRow]:
    """Every page after the other."""
    rows, cursor = [], None
    while True:
        page = read(cursor)
        rows += page.rows
        cursor = page.next_cursor
        if cursor is None:
            return rows


def test_pages_hold_each_order_once_newest_change_first(filled: House) -> None:
    for environment, statuses in product((SANDBOX, LIVE, None), (None, ("READY_TO_SHIP", "PROCESSED"))):
        rows = walk(partial(read, filled, environment, statuses, 7))
        wanted = [
            order.order_sn
            for order in sorted(filled.orders(environment), key=lambda one: one.remote_updated_at, reverse=True)
            if statuses is None or order.status in statuses
        ]
        assert [row.order_sn for row in rows] == wanted
        assert environment is None or {row.environment for row in rows} == {environment}


def read(
    house: House, environment: Environment | None, statuses: tuple[str, ...] | None, limit: int, cursor: str | None
) -> Page[queries.OrderRow]:
    with house.db.read() as db:
        return queries.list_orders(
            db, environment=environment, statuses=statuses, shop_id=None, cursor=cursor, cursor_key=KEY, limit=limit
        )


def test_orders_changed_at_the_same_instant_are_not_lost_between_pages(filled: House) -> None:
    same = [snapshot(f"200199{letter}", remote_updated_at=START) for letter in "ABCDEFGHI"]
    store_orders(filled, *same)
    store_orders(filled, *(replace(one, order_sn=one.order_sn + "L") for one in same), environment=LIVE)

    found = [row.order_sn for row in walk(partial(read, filled, None, None, 4))]
    assert len(found) == len(set(found)) == 58


def test_a_shop_filter_shows_that_shop_alone(filled: House) -> None:
    with filled.db.read() as db:
        page = queries.list_orders(
            db, environment=None, statuses=None, shop_id=OTHER_SHOP, cursor=None, cursor_key=KEY, limit=50
        )
    assert len(page.rows) == 20
    assert {row.shop_id for row in page.rows} == {OTHER_SHOP}


def test_a_search_finds_what_begins_so_and_takes_no_pattern(filled: House) -> None:
    """Bad input 51: percent and underscore are letters."""

    def search(text: str, limit: int = 50) -> list[str]:
        def read(cursor: str | None) -> Page[queries.OrderRow]:
            with filled.db.read() as db:
                return queries.search_orders(
                    db, environment=None, order_sn=text, shop_id=None, cursor=cursor, cursor_key=KEY, limit=limit
                )

        return [row.order_sn for row in walk(read)]

    assert search("20013") == [f"2001{number}AB" for number in range(39, 29, -1)]
    assert search("20013", limit=3) == search("20013")
    assert search("200131AB") == ["200131AB"]
    assert search("%") == search("2001__AB") == search("1") == []


def test_a_cursor_fits_only_the_list_it_was_made_for(filled: House) -> None:
    def read(cursor: str | None, environment: Environment | None, shop_id: str | None) -> Page[queries.OrderRow]:
        with filled.db.read() as db:
            return queries.list_orders(
                db, environment=environment, statuses=None, shop_id=shop_id, cursor=cursor, cursor_key=KEY, limit=2
            )

    cursor = read(None, SANDBOX, None).next_cursor
    assert read(cursor, SANDBOX, None).rows
    for environment, shop_id in ((LIVE, None), (None, None), (SANDBOX, SHOP)):
        with pytest.raises(Invalid):
            read(cursor, environment, shop_id)


def test_an_order_is_found_in_its_own_environment_only(filled: House) -> None:
    (order, *_rest) = filled.orders(LIVE)
    with filled.db.read() as db:
        assert queries.get_order(db, order.id, environment=LIVE).order_sn == order.order_sn
        assert queries.get_order(db, order.id, environment=None).order_sn == order.order_sn
        with pytest.raises(NotFound):
            queries.get_order(db, order.id, environment=SANDBOX)


def by_environment(db: Session) -> list[dict[str, int]]:
    return [queries.count_by_status(db, environment=one, at_most=1000) for one in (SANDBOX, LIVE)]


def test_statuses_shops_and_counts_come_from_what_is_there(filled: House) -> None:
    with filled.db.read() as db:
        statuses = queries.list_statuses(db, environment=None)
        assert statuses == ("COMPLETED", "INVOICE_PENDING", "PROCESSED", "READY_TO_SHIP")
        scopes = queries.list_scopes(db, environment=LIVE)
        assert [(scope.environment, scope.shop_id) for scope in scopes] == [(LIVE, SHOP), (LIVE, OTHER_SHOP)]
        counts = queries.count_by_status(db, environment=None, at_most=1000)
        assert sum(counts.values()) == 40
        assert tuple(sorted(counts)) == statuses
        assert queries.count_by_status(db, environment=LIVE, at_most=9)["COMPLETED"] == 3
        capped = queries.count_by_status(db, environment=None, at_most=2)
        assert capped == {status: sum(min(2, one.get(status, 0)) for one in by_environment(db)) for status in statuses}
        assert queries.count_orders_created(db, environment=None, since=START - timedelta(days=2), at_most=99) == 40
        assert queries.count_orders_created(db, environment=None, since=START - timedelta(hours=2), at_most=99) == 0
        assert queries.has_orders(db, environment=SANDBOX)


def test_ids_are_found_for_the_named_orders_alone(filled: House) -> None:
    known = OrderKey(FAKE, LIVE, OTHER_SHOP, "200100AB")
    elsewhere = OrderKey(FAKE, SANDBOX, OTHER_SHOP, "200100AB")
    with filled.db.read() as db:
        assert list(queries.find_order_ids(db, {known, elsewhere})) == [known]
        assert queries.find_order_ids(db, set()) == {}


def test_an_order_tells_its_lines_its_timeline_and_its_latest_answer(filled: House) -> None:
    first = snapshot("ONE", status="UNPAID", total_amount=Decimal(1))
    store_orders(filled, first)
    second = replace(
        first,
        status="COMPLETED",
        remote_updated_at=START,
        read_started_at=START + timedelta(seconds=5),
        answer=b'{"status":"COMPLETED"}',
    )
    store_orders(filled, second)
    with filled.db.read() as db:
        row = next(one for one in filled.orders(SANDBOX) if one.order_sn == "ONE")
        assert [line.quantity for line in details.list_items(db, row)] == [1]
        assert [one.status for one in details.list_timeline(db, row, limit=9)] == ["COMPLETED", "UNPAID"]
        answers = details.get_answers(db, row)
    assert answers.count == 2
    assert answers.latest is not None
    assert answers.latest.read_started_at == second.read_started_at
