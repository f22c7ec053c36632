"""The map's frequent reads go along an index, and its list is never sorted: each statement's plan is looked at."""

from __future__ import annotations

import sqlalchemy as sa

from kedai.catalog import queries
from kedai.catalog.queries import Wish
from kedai.orders.lines import list_lines_after
from kedai.values.environment import Scope
from kedai.values.listing import ListingKey
from tests.feature.catalog.mapping import demand, listing, map_to, see, store
from tests.feature.dashboard.test_query_plans import plans, recorded
from tests.support.factories import FAKE, SANDBOX, SHOP, House, snapshot

TABLES = ("channel_listing", "unmapped_order", "order_item")


def test_reads_of_the_map_use_their_indexes(shop: House) -> None:
    demand(shop)
    store(shop, *(snapshot(f"O{number}") for number in range(3)))
    see(shop, *(listing(str(number)) for number in range(5)))
    map_to(shop, "A", "3")
    key = ListingKey(SHOP, "1", "0")
    with shop.db.read() as db:
        if not shop.db.is_sqlite:  # with few rows a walk is cheaper: only where it is forbidden do indexes show
            db.execute(sa.text("SET LOCAL enable_seqscan = off"))
            db.execute(sa.text("SET LOCAL enable_bitmapscan = off"))
        with recorded(shop) as statements:
            first = queries.list_listings(db, Wish(), environment=SANDBOX, cursor=None, cursor_key=b"k" * 32, limit=1)
            queries.list_listings(
                db, Wish(), environment=SANDBOX, cursor=first.next_cursor, cursor_key=b"k" * 32, limit=9
            )
            queries.count_listings(db, Wish(), environment=SANDBOX)
            queries.find_listings(db, FAKE, SANDBOX, {key})
            queries.count_waiting(db, FAKE, SANDBOX, {key})
            queries.list_shops(db, environment=SANDBOX)
            list_lines_after(db, Scope(FAKE, SANDBOX, SHOP), ("O1", 1), limit=2)
        found = plans(db, statements)
    assert len(found) > 6
    bad = {one: plan for one, plan in found.items() if any(walks(step) for step in plan)}
    assert bad == {}
    listed = [plan for one, plan in found.items() if "channel_sku" in one and "LIMIT" in one]
    assert listed
    assert [plan for plan in listed if any("Sort" in step or "TEMP B-TREE" in step for step in plan)] == []


def walks(step: str) -> bool:
    """Whether a table is read without an index."""
    return any(
        f"Seq Scan on {table}" in step or (step.startswith(f"SCAN {table}") and "INDEX" not in step) for table in TABLES
    )
