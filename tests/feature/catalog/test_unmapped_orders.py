"""An order line without a SKU is told once for each listing, counts orders, and ends by itself when it is mapped."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal
from functools import partial
from uuid import UUID

import pytest
import sqlalchemy as sa

from kedai.audit.models import AuditEntry
from kedai.catalog.models import UnmappedOrder
from kedai.connector_exceptions.acts import resolve
from kedai.connector_exceptions.queries import list_affected
from kedai.errors import Stale
from kedai.inbox.models import RawEvent
from kedai.sync import skus
from kedai.sync.retry import retry_group
from kedai.values.environment import Scope
from kedai.values.order import OrderSnapshot
from tests.feature.catalog.mapping import (
    demand,
    listing,
    listings,
    map_to,
    map_version,
    run_all,
    run_import,
    see,
    skus_of,
    store,
)
from tests.support.factories import ANNA, FAKE, LIVE, SANDBOX, SHOP, House, incoming, line, run_threads, snapshot
from tests.support.statements import heard_statements


def troubles(house: House) -> dict[str, tuple[str, int, str]]:
    """State, count and environment by the listing that the words name."""
    return {one.title.rpartition(": ")[2]: (one.state, one.count, one.environment) for one in house.exceptions()}


def test_nothing_is_looked_up_or_told_while_nobody_uses_the_map(shop: House) -> None:
    store(shop, snapshot("O1"))
    assert (shop.exceptions(), listings(shop)) == ([], [])


def test_first_entry_makes_the_map_demanded_and_an_order_without_one_is_told(shop: House) -> None:
    see(shop, listing("1"), listing("2"))
    map_to(shop, "MINE-1", "1")
    store(shop, snapshot("O1", lines=(line("1"), line("2"))))
    assert troubles(shop) == {"Item 2": ("new", 1, SANDBOX)}
    (one,) = shop.exceptions()
    assert (one.code, one.shop_id, one.last_order_sn) == (skus.CODE, SHOP, "O1")


def test_each_listing_is_one_group_and_each_order_counts_once_however_often_it_is_read(shop: House) -> None:
    demand(shop)
    two_variants = (line("1", model_id="7"), line("1", model_id="8", name="Item 1 large"), line("1", model_id="7"))
    store(shop, snapshot("O1", lines=two_variants), snapshot("O2"))
    later = shop.now - timedelta(minutes=1)
    store(shop, snapshot("O1", lines=two_variants, remote_updated_at=later, total_amount=Decimal("1.00")))
    store(shop, snapshot("O3", lines=(line("1", model_id="8", name="Item 1 large"),)))
    assert sorted(one.count for one in shop.exceptions()) == [1, 1, 2]
    assert troubles(shop)["Item 1 large"] == ("ongoing", 2, SANDBOX)


def test_each_order_that_waits_is_named_by_the_group(shop: House) -> None:
    demand(shop)
    store(shop, snapshot("O2"), snapshot("O1", lines=(line("1"), line("2"))))
    with shop.db.read() as db:
        named = [{each.order_sn for each in list_affected(db, one.id, limit=9)} for one in shop.exceptions()]
    assert sorted(named, key=len) == [{"O1"}, {"O1", "O2"}]


def test_an_older_reading_that_is_not_written_counts_nothing(shop: House) -> None:
    store(shop, snapshot("O1", remote_updated_at=shop.now))
    demand(shop)
    store(shop, snapshot("O1"))
    assert shop.exceptions() == []


def test_it_ends_by_itself_when_the_listing_is_mapped_and_comes_back_when_the_entry_goes(shop: House) -> None:
    demand(shop)
    store(shop, snapshot("O1", lines=(line("1"), line("2"))))
    assert map_to(shop, "MINE-1")
    assert troubles(shop) == {"Item 1": ("resolved", 1, SANDBOX), "Item 2": ("new", 1, SANDBOX)}
    store(shop, snapshot("O2"))
    assert troubles(shop)["Item 1"] == ("resolved", 1, SANDBOX)
    map_to(shop, None)
    store(shop, snapshot("O3"))
    assert troubles(shop)["Item 1"] == ("regressed", 2, SANDBOX)


def test_an_import_ends_every_one_that_it_maps(shop: House) -> None:
    demand(shop)
    store(shop, *(snapshot(f"O{number}", lines=(line(str(number)),)) for number in range(3)))
    run_import(shop, "item_id,sku\n0,A\n2,C\n9,Z\n")
    assert [state for state, _, _ in troubles(shop).values()].count("resolved") == 2
    assert troubles(shop)["Item 1"][0] == "new"


def test_no_longer_demanded_ends_them_all_and_tells_nothing_more(shop: House) -> None:
    demand(shop)
    store(shop, snapshot("O1"), snapshot("O2", lines=(line("2"),)))
    demand(shop, demanded=False)
    assert {state for state, _, _ in troubles(shop).values()} == {"resolved"}
    store(shop, snapshot("O3"))
    run_import(shop, "item_id,sku\n2,B\n")
    store(shop, snapshot("O4"))
    assert {count for _, count, _ in troubles(shop).values()} == {1}
    assert shop.scalar(sa.select(sa.func.count()).select_from(UnmappedOrder)) == 0


def test_one_environment_knows_nothing_of_the_others_map(shop: House) -> None:
    """T14: the same item in both is two listings."""
    see(shop, listing("1"))
    map_to(shop, "MINE-1")
    demand(shop, LIVE)
    store(shop, snapshot("O1"))
    store(shop, snapshot("O1"), environment=LIVE)
    assert troubles(shop) == {"Item 1": ("new", 1, LIVE)}
    assert (skus_of(shop), skus_of(shop, LIVE)) == ({"1/0": "MINE-1"}, {"1/0": None})
    map_to(shop, "LIVE-1", environment=LIVE)
    assert (skus_of(shop), skus_of(shop, LIVE)) == ({"1/0": "MINE-1"}, {"1/0": "LIVE-1"})
    assert troubles(shop) == {"Item 1": ("resolved", 1, LIVE)}


def test_pushes_and_catching_up_tell_the_same(shop: House) -> None:
    demand(shop)
    demand(shop, LIVE)
    shop.market.put(SANDBOX, snapshot("S1"))
    shop.deliver(incoming("S1"))
    shop.work()
    shop.market.put(LIVE, snapshot("L1", remote_updated_at=shop.now - timedelta(hours=1)))
    shop.switch(LIVE)
    run_all(shop)
    assert sorted((one.environment, one.last_order_sn, one.count) for one in shop.exceptions()) == [
        (LIVE, "L1", 1),
        (SANDBOX, "S1", 1),
    ]


def test_a_portion_of_mapped_orders_costs_two_looks_and_writes_nothing(shop: House) -> None:
    """The worker writes thousands of orders a second: what the map costs does not grow with their number."""
    store(shop, snapshot("WARM"))
    with heard_statements() as before:
        store(shop, *_orders("A"))
    demand(shop)
    store(shop, snapshot("O1"))
    map_to(shop, "MINE-1")
    with heard_statements() as after:
        store(shop, *_orders("B"))
    looks = [one for one in after if "sku_map" in one or "channel_listing" in one or "unmapped_order" in one]
    assert len(after) == len(before) + 1
    assert len(looks) == 2
    assert all(one.startswith("SELECT") for one in looks)


def _orders(letter: str) -> list[OrderSnapshot]:
    return [snapshot(f"{letter}{number}") for number in range(16)]


def test_an_entry_made_while_the_order_is_written_leaves_no_exception_behind(shop: House) -> None:
    """Both wait for each other's row, in whichever order they come."""
    demand(shop)
    see(shop, listing("1"))
    for number in range(10):
        map_to(shop, None)
        ordered = partial(store, shop, snapshot(f"O{number}"))
        done = run_threads([ordered, lambda: map_to(shop, "MINE-1")])
        assert [one for one in done if isinstance(one, Exception)] == []
        assert {one.state for one in shop.exceptions()} <= {"resolved"}
        assert shop.scalar(sa.select(sa.func.count()).select_from(UnmappedOrder)) == 0


def test_two_who_change_one_entry_do_not_overwrite_each_other(shop: House) -> None:
    see(shop, listing("1"))
    (row,) = listings(shop)
    map_to(shop, "FIRST")
    with pytest.raises(Stale), shop.db.write() as db:
        skus.set_sku(
            db, row.id, "SECOND", environment=SANDBOX, expected_version=row.sku_version, actor=ANNA, now=shop.now
        )
    assert skus_of(shop) == {"1/0": "FIRST"}
    assert not map_to(shop, "FIRST"), "the same again changes nothing"
    assert map_version(shop) == 1


def test_every_change_is_in_the_trail_with_from_and_to(shop: House) -> None:
    see(shop, listing("1"))
    map_to(shop, "A")
    map_to(shop, "B")
    map_to(shop, None)
    run_import(shop, "item_id,sku\n1,C\n")
    demand(shop, demanded=False)
    statement = sa.select(AuditEntry).where(AuditEntry.action.startswith("sku.")).order_by(AuditEntry.sequence)
    with shop.db.read() as db:
        told = [(one.action, one.actor_name, one.environment, one.details) for one in db.execute(statement).scalars()]
    assert told == [
        ("sku.set", ANNA.name, SANDBOX, {"from": None, "to": "A"}),
        ("sku.set", ANNA.name, SANDBOX, {"from": "A", "to": "B"}),
        ("sku.removed", ANNA.name, SANDBOX, {"from": "B", "to": None}),
        ("sku.imported", ANNA.name, SANDBOX, {"changes": [{"listing": f"{SHOP}/1/0", "from": None, "to": "C"}]}),
        ("sku.demanded", ANNA.name, SANDBOX, {"from": True, "to": False}),
    ]
    (row,) = listings(shop)
    assert (row.sku_set_by, row.sku_set_at, row.sku_version) == (ANNA.name, shop.now, 4)


def test_lines_of_an_order_find_their_entry(shop: House) -> None:
    see(shop, listing("1"), listing("2"))
    map_to(shop, "A")
    with shop.db.read() as db:
        found = skus.skus_of_lines(db, Scope(FAKE, SANDBOX, SHOP), [line("1"), line("2"), line("3")])
    assert {key: row.sku for key, row in found.items()} == {("1", "0"): "A", ("2", "0"): None}


@pytest.mark.parametrize("resolved", [False, True], ids=["open", "resolved by a person"])
def test_an_order_that_is_tried_again_and_is_still_unmapped_says_so_again(shop: House, resolved: bool) -> None:
    """Break `_look_again` in `sync.retry`: the group falls silent although nothing was mended."""
    demand(shop)
    shop.market.put(SANDBOX, snapshot("O1", lines=(line("1"), line("2"))))
    store(shop, snapshot("O1", lines=(line("1"), line("2"))))
    found = next(one for one in shop.exceptions() if one.title.endswith("Item 1"))
    if resolved:
        with shop.db.write() as db:
            resolve(db, found.id, environment=SANDBOX, actor=ANNA, now=shop.now)
    retry(shop, found.id)
    expected = "regressed" if resolved else "ongoing"
    assert troubles(shop) == {"Item 1": (expected, 2, SANDBOX), "Item 2": ("new", 1, SANDBOX)}
    with shop.db.read() as db:
        (affected,) = list_affected(db, found.id, limit=9)
    assert (affected.order_sn, affected.retried_at) == ("O1", None)

    map_to(shop, "MINE-1")
    assert troubles(shop)["Item 1"] == ("resolved", 2, SANDBOX)


def test_an_event_of_an_unmapped_order_that_goes_back_in_the_queue_says_so_again(shop: House) -> None:
    """And what was mapped before it is worked on ends the group all the same."""
    demand(shop)
    shop.market.put(SANDBOX, snapshot("O1"))
    store(shop, snapshot("O1"))
    shop.deliver(incoming("O1"))
    shop.execute(sa.update(RawEvent).values(state="dead"))
    (found,) = shop.exceptions()
    retry(shop, found.id)
    assert troubles(shop) == {"Item 1": ("new", 1, SANDBOX)}
    shop.work()
    assert troubles(shop) == {"Item 1": ("ongoing", 2, SANDBOX)}
    shop.execute(sa.update(RawEvent).values(state="dead"))
    retry(shop, found.id)
    map_to(shop, "MINE-1")
    shop.work()
    assert troubles(shop) == {"Item 1": ("resolved", 2, SANDBOX)}


def retry(house: House, exception_id: UUID) -> None:
    with house.db.write() as db:
        retry_group(db, exception_id, environment=SANDBOX, actor=ANNA, now=house.now)
    run_all(house)
