"""Orders in JSON: exact amounts, masked people, one timeline, and each act for those whose role and place allow it."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest
import sqlalchemy as sa

from kedai.audit.models import AuditEntry
from kedai.kit.ids import show_id
from kedai.orders import people
from kedai.orders.escrow import prepare as prepare_settlements
from kedai.orders.escrow import record
from kedai.orders.models import OrderSync
from kedai.orders.service import prepare, upsert
from kedai.values.credentials import ShopProfile
from kedai.values.environment import Environment, Scope
from kedai.values.order import OrderPackage, PackageItem, Recipient
from kedai.values.settlement import Amounts, ReleasedOrder, SettledLine, Settlement
from kedai.vault.accounts import save_account
from tests.feature.web.site import SHOP, SHOPEE, Site
from tests.support.factories import ANNA, START, line, snapshot

ORDERS = "/api/v1/sandbox/orders"
SCOPE = Scope(SHOPEE, Environment.SANDBOX, str(SHOP))


@pytest.fixture
def filled(site: Site) -> Site:
    """Two orders of the sandbox: one settled, in a currency without cents."""
    now = site.clock.now()
    told = snapshot(
        "260801AAAA0001",
        currency="IDR",
        total_amount=Decimal(150000),
        lines=(line("1", unit_price=Decimal(75000), quantity=2),),
        buyer_username="buyer-of-tests",
        recipient=Recipient("Recipient Of Tests", "+65 0000", None),
        packages=(OrderPackage("P1", "LOGISTICS_READY", "SPX", "T1", (PackageItem("1", "0", 2),)),),
    )
    settled = Settlement(
        told.order_sn,
        Amounts(goods=Decimal(150000), other=Decimal(-999), earned=Decimal(149001)),
        (SettledLine("1", "0", "A", 2, Decimal(1)), SettledLine("2", "0", "B", 1, Decimal(1))),
        now,
        b"{}",
    )
    with site.runtime.web_db.write() as db:
        save_account(
            db,
            SCOPE,
            ShopProfile(SCOPE.shop_id, "Shop", "ID", None, None),
            state="connected",
            reason="",
            actor=ANNA,
            now=now,
        )
        later = snapshot("260801BBBB0002", status="SHIPPED", remote_updated_at=START + timedelta(days=1))
        upsert(db, SCOPE, prepare([told, later]), now=now)
        released = {told.order_sn: ReleasedOrder(told.order_sn, None, now)}
        record(db, SCOPE, prepare_settlements([settled], released), now=now)
    return site


def order_id(site: Site, order_sn: str = "260801AAAA0001") -> str:
    found = site.rows(sa.select(OrderSync.id).where(OrderSync.order_sn == order_sn))
    return show_id("ord", found[0][0])


def test_an_order_tells_all_that_belongs_to_it_with_exact_amounts(filled: Site) -> None:
    answer = filled.get(f"{ORDERS}/{order_id(filled)}", **filled.session("viewer"))
    assert answer.status == 200
    body: dict[str, Any] = answer.json()
    assert body["total"] == {"amount": "150000", "currency": "IDR"}
    assert body["items"][0]["unit_price"] == {"amount": "75000", "currency": "IDR"}
    (package,) = body["packages"]
    assert (package["tracking_number"], package["items"][0]["quantity"]) == ("T1", 2)
    earnings = body["earnings"]
    assert earnings["earned"] == {"amount": "149001", "currency": "IDR"}
    assert (earnings["commission_fee"], earnings["payout"]) == (None, None)
    assert sum(Decimal(one["earned"]["amount"]) for one in earnings["lines"]) == 149001
    assert [one["kind"] for one in body["timeline"]] == ["settled", "status", "read"]
    assert body["timeline_cut"] is False
    assert b"buyer-of-tests" not in answer.body
    assert b"Recipient Of Tests" not in answer.body
    assert body["person"]["recipient_name"] == "R****"
    other = filled.get(f"{ORDERS}/{order_id(filled, '260801BBBB0002')}", **filled.session()).json()
    assert other["earnings"] is None  # not settled: nothing stands for it


def test_the_list_filters_pages_and_masks(filled: Site) -> None:
    session = filled.session("viewer")
    first = filled.get(f"{ORDERS}?limit=1", **session).json()
    assert ([one["order_sn"] for one in first["orders"]], first["has_more"]) == (["260801BBBB0002"], True)
    second = filled.get(f"{ORDERS}?limit=1&cursor={first['next_cursor']}", **session)
    assert ([one["order_sn"] for one in second.json()["orders"]], second.json()["has_more"]) == (
        ["260801AAAA0001"],
        False,
    )
    assert second.json()["orders"][0]["buyer"] == "b****"
    assert b"buyer-of-tests" not in second.body
    assert [one["status"] for one in filled.get(f"{ORDERS}?status=SHIPPED", **session).json()["orders"]] == ["SHIPPED"]
    assert len(filled.get(f"{ORDERS}?number=260801AAAA", **session).json()["orders"]) == 1
    assert filled.get("/api/v1/live/orders", **session).json()["orders"] == []


UNUSABLE = ("cursor=x", "limit=0", "limit=101", "status=%00", "number=%0A", "status=A&number=B", "shop=" + "x" * 65)


def test_a_list_that_cannot_be_is_refused(filled: Site) -> None:
    session = filled.session()
    for query in UNUSABLE:
        assert filled.get(f"{ORDERS}?{query}", **session).status == 422, query


def test_the_buyer_is_revealed_to_operators_only_and_each_time_is_recorded(filled: Site) -> None:
    """Break the capability of the route, or the record in `people.reveal`."""
    here = f"{ORDERS}/{order_id(filled)}/reveals"
    assert filled.send("POST", here, **filled.page("viewer")).status == 403
    answer = filled.send("POST", here, **filled.page("operator"))
    assert (answer.status, answer.json()["recipient_name"], answer.json()["masked"]) == (
        200,
        "Recipient Of Tests",
        False,
    )
    assert filled.send("POST", here.replace("sandbox", "live"), **filled.page()).status == 404
    token = filled.token("operator", "live")
    assert filled.send("POST", here, **token).status == 403
    recorded = filled.rows(sa.select(AuditEntry.subject).where(AuditEntry.action == people.REVEALED))
    assert [row[0] for row in recorded] == [order_id(filled)]


def test_fetching_an_order_of_a_shop_without_a_token_says_what_to_do(filled: Site) -> None:
    answer = filled.send("POST", f"{ORDERS}/{order_id(filled)}/fetches", **filled.page("operator"))
    assert answer.status in {409, 502}
    assert b"connect" in answer.body
