"""An order's timeline: everything that is stored about it, from every source, in one order, and nothing of others."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from decimal import Decimal

import pytest

from kedai.errors import Conflict, NotFound
from kedai.orders import people
from kedai.orders.escrow import prepare, record
from kedai.sync.fetching import FETCHED, fetch_again
from kedai.sync.timeline import Entry, Timeline, read_timeline
from kedai.values.environment import Environment, Scope
from kedai.values.order import OrderPackage
from kedai.values.settlement import Amounts, ReleasedOrder, Settlement
from kedai.vault.models import Shop
from tests.support.factories import ANNA, FAKE, LIVE, SANDBOX, SHOP, House, incoming, snapshot

MINUTE = timedelta(minutes=1)


@pytest.fixture
def shop(house: House) -> House:
    for environment in Environment:
        house.configure(environment)
        house.connect(environment)
    return house


def arrive(house: House, order_sn: str = "O1", *, environment: Environment = SANDBOX) -> None:
    house.deliver(incoming(order_sn, environment=environment, at=house.now))
    house.work()


def look(house: House, order_sn: str = "O1", *, environment: Environment = SANDBOX, most: int = 200) -> Timeline:
    order = next(row for row in house.orders(environment) if row.order_sn == order_sn)
    with house.db.read() as db:
        return read_timeline(db, order, most=most)


def told(entry: Entry) -> str:
    if entry.change is not None:
        return f"status {entry.change.status}"
    if entry.package is not None:
        return f"package {entry.package.field}"
    return entry.kind if entry.action is None else entry.action


def test_everything_that_happened_stands_in_one_list_latest_first(shop: House) -> None:
    """Break the sorting or leave a source out in `timeline`: a line is missing, or stands in the wrong place."""
    order_id = _live_through_all(shop)
    found = look(shop)
    assert [told(entry) for entry in found.entries] == [
        people.REVEALED,
        "settled",
        "read",
        FETCHED,
        "package added",
        "status SHIPPED",
        "read",
        "push",
        "status READY_TO_SHIP",
        "read",
        "push",
    ]
    assert not found.cut
    assert [entry.who for entry in found.entries if entry.action] == [ANNA.name] * 2
    assert all(one.at >= other.at for one, other in zip(found.entries, found.entries[1:], strict=False))
    assert order_id is not None


def _live_through_all(shop: House) -> object:
    shop.market.put(SANDBOX, snapshot("O1"))
    arrive(shop)
    package = OrderPackage("P1", "LOGISTICS_READY", None, None, ())
    shop.clock.advance(MINUTE)
    shipped = {"status": "SHIPPED", "packages": (package,), "remote_updated_at": shop.now}
    shop.market.put(SANDBOX, snapshot("O1", **shipped))
    arrive(shop)
    shop.clock.advance(MINUTE)
    order_id = shop.orders()[0].id
    shop.market.put(SANDBOX, snapshot("O1", **shipped, payment_method="Cash"))
    assert asyncio.run(fetch_again(shop.parts, order_id, environment=SANDBOX, actor=ANNA))
    shop.clock.advance(MINUTE)
    settled = Settlement("O1", Amounts(earned=Decimal(1)), (), shop.now, b"{}")
    with shop.db.write() as db:
        released = {"O1": ReleasedOrder("O1", None, None)}
        record(db, Scope(FAKE, SANDBOX, SHOP), prepare([settled], released), now=shop.now)
    shop.clock.advance(MINUTE)
    with shop.db.write() as db:
        people.reveal(db, order_id, environment=SANDBOX, actor=ANNA, now=shop.now)
    return order_id


def test_nothing_of_another_order_shop_or_environment_is_in_it(shop: House) -> None:
    shop.connect(SANDBOX, "7002")
    for environment, shop_id, order_sn in (
        (SANDBOX, SHOP, "O1"),
        (SANDBOX, SHOP, "O2"),
        (LIVE, SHOP, "O1"),
        (SANDBOX, "7002", "O1"),
    ):
        shop.market.put(environment, snapshot(order_sn), shop_id=shop_id)
        shop.deliver(incoming(order_sn, environment=environment, shop_id=shop_id, at=shop.now))
    shop.work()
    order = next(row for row in shop.orders(SANDBOX) if (row.order_sn, row.shop_id) == ("O1", SHOP))
    with shop.db.read() as db:
        found = read_timeline(db, order)
    assert [told(entry) for entry in found.entries] == ["status READY_TO_SHIP", "read", "push"]


def test_a_long_story_is_cut_at_its_old_end_and_says_so(shop: House) -> None:
    for minute in range(4):
        shop.clock.advance(MINUTE)
        shop.market.put(SANDBOX, snapshot("O1", remote_updated_at=shop.now, status=f"S{minute}"))
        arrive(shop)
    found = look(shop, most=5)
    assert found.cut
    assert [told(entry) for entry in found.entries] == ["status S3", "read", "push", "status S2", "read"]


def test_fetching_again_reads_one_order_and_says_whether_it_was_news(shop: House) -> None:
    shop.market.put(SANDBOX, snapshot("O1"))
    arrive(shop)
    order_id = shop.orders()[0].id
    assert asyncio.run(fetch_again(shop.parts, order_id, environment=SANDBOX, actor=ANNA)) is False
    shop.clock.advance(MINUTE)
    shop.market.put(SANDBOX, snapshot("O1", status="SHIPPED", remote_updated_at=shop.now))
    assert asyncio.run(fetch_again(shop.parts, order_id, environment=SANDBOX, actor=ANNA)) is True
    assert shop.orders()[0].status == "SHIPPED"


def test_what_cannot_be_fetched_says_why_and_changes_nothing(shop: House) -> None:
    shop.market.put(SANDBOX, snapshot("O1"))
    arrive(shop)
    order_id = shop.orders()[0].id
    with pytest.raises(NotFound):
        asyncio.run(fetch_again(shop.parts, order_id, environment=LIVE, actor=ANNA))
    shop.market.orders.clear()
    with pytest.raises(Conflict, match="does not know this order any more"):
        asyncio.run(fetch_again(shop.parts, order_id, environment=SANDBOX, actor=ANNA))
    shop.execute(Shop.__table__.update().values(state="paused"))
    with pytest.raises(Conflict, match="shop is paused"):
        asyncio.run(fetch_again(shop.parts, order_id, environment=SANDBOX, actor=ANNA))
    assert [row.order_sn for row in shop.orders()] == ["O1"]
    assert FETCHED not in [entry.action for entry in look(shop).entries]
