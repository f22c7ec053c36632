"""Packages are written with their order and every change is noted; personal data is shown by a recorded deed alone."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
import sqlalchemy as sa
from msgspec import structs

from kedai.audit.models import AuditEntry
from kedai.errors import NotFound
from kedai.kit.ids import show_id
from kedai.orders import people
from kedai.orders.models import OrderPackage, OrderPackageChange, OrderTimeline
from kedai.orders.queries import get_order, list_orders
from kedai.orders.service import prepare, upsert
from kedai.values.environment import Scope
from kedai.values.order import OrderPackage as Package
from kedai.values.order import OrderSnapshot, PackageItem, Recipient
from tests.support.factories import ANNA, FAKE, LIVE, SANDBOX, SHOP, START, House, snapshot

SCOPE = Scope(FAKE, SANDBOX, SHOP)
ONE = Package("P1", "LOGISTICS_READY", "SPX", None, (PackageItem("1", "0", 2),))
TWO = Package("P2", "LOGISTICS_READY", "SPX", "T2", ())
PERSON: dict[str, Any] = {
    "buyer_username": "buyer-of-tests",
    "recipient": Recipient("Recipient Of Tests", "+65 0000 0000", "1 Nowhere Street"),
    "buyer_message": "Leave it at the door",
}


@pytest.fixture(autouse=True)
def _shops(house: House) -> None:
    house.connect(SANDBOX)
    house.connect(LIVE)


def write(house: House, *packages: Package, minute: int = 0, scope: Scope = SCOPE, **told: Any) -> None:
    given: dict[str, Any] = {"remote_updated_at": START + timedelta(minutes=minute), "packages": packages, **told}
    reading: OrderSnapshot = snapshot("O1", **given)
    with house.db.write() as db:
        upsert(db, scope, prepare([reading]), now=house.now)


def packages(house: House) -> list[tuple[str, str, str | None, Any]]:
    with house.db.read() as db:
        rows = db.execute(sa.select(OrderPackage).order_by(OrderPackage.environment, OrderPackage.package_number))
        return [(row.package_number, row.status, row.tracking_number, row.items) for row in rows.scalars()]


def changes(house: House) -> list[tuple[str, str, str | None, str | None]]:
    with house.db.read() as db:
        rows = db.execute(sa.select(OrderPackageChange).order_by(OrderPackageChange.id)).scalars()
        return [(row.package_number, row.field, row.before, row.after) for row in rows]


def test_packages_come_change_and_go_with_the_order_and_each_change_is_noted(house: House) -> None:
    """Break `packages._remove` or the comparison of fields: a package would stay, or change unseen."""
    write(house)
    write(house, ONE, minute=1)
    write(house, structs.replace(ONE, status="LOGISTICS_REQUEST_CREATED", carrier="J&T"), TWO, minute=2)
    write(house, TWO, minute=3)
    assert packages(house) == [("P2", "LOGISTICS_READY", "T2", [])]
    assert changes(house) == [
        ("P1", "added", None, "LOGISTICS_READY"),
        ("P1", "status", "LOGISTICS_READY", "LOGISTICS_REQUEST_CREATED"),
        ("P1", "carrier", "SPX", "J&T"),
        ("P2", "added", None, "LOGISTICS_READY"),
        ("P1", "removed", None, None),
    ]


def test_an_older_reading_changes_no_package_and_the_same_one_writes_nothing(house: House) -> None:
    write(house, structs.replace(ONE, status="LOGISTICS_PICKUP_DONE"), minute=5)
    write(house, ONE, minute=1)
    house.execute(sa.update(OrderPackage).values(carrier="touched"))
    write(house, structs.replace(ONE, status="LOGISTICS_PICKUP_DONE"), minute=5)
    assert packages(house) == [("P1", "LOGISTICS_PICKUP_DONE", None, [["1", "0", 2]])]
    assert house.scalar(sa.select(OrderPackage.carrier)) == "touched"
    assert changes(house) == []


def test_packages_of_the_other_environment_stay(house: House) -> None:
    write(house, ONE, scope=Scope(FAKE, LIVE, SHOP))
    write(house, ONE)
    write(house, minute=1)
    assert [number for number, *_ in packages(house)] == ["P1"]


def test_a_surprising_change_of_status_is_written_and_marked(house: House) -> None:
    """Break `surprising_after` in `service._extend_timeline`: nobody would see it; refuse it, and we would be wrong."""
    for minute, status in enumerate(("SHIPPED", "UNPAID", "SOMETHING_NEW", "SHIPPED")):
        surprising = frozenset({"SHIPPED"}) if status == "UNPAID" else frozenset()
        write(house, minute=minute, status=status, surprising_after=surprising)
    with house.db.read() as db:
        rows = db.execute(sa.select(OrderTimeline).order_by(OrderTimeline.remote_updated_at)).scalars().all()
    assert [(row.status, row.unexpected) for row in rows] == [
        ("SHIPPED", False),
        ("UNPAID", True),
        ("SOMETHING_NEW", False),
        ("SHIPPED", False),
    ]
    assert house.orders()[0].status == "SHIPPED"


def test_personal_data_is_masked_in_every_reading_and_loaded_by_none(house: House) -> None:
    """Break `people.mask`, or take `deferred_raiseload` off a column: a page could show it by mistake."""
    write(house, **PERSON)
    order_id = house.orders()[0].id
    with house.db.read() as db:
        order = get_order(db, order_id, environment=SANDBOX)
        for name in ("buyer_username", "recipient_name", "recipient_phone", "recipient_address", "buyer_message"):
            with pytest.raises(sa.exc.InvalidRequestError):
                getattr(order, name)
        shown = people.get_masked(db, order_id)
        listed = list_orders(
            db, environment=SANDBOX, statuses=None, shop_id=None, cursor=None, cursor_key=b"k" * 32, limit=9
        )
    assert shown == people.Person("b****", "R****", "+****", "1****", "L****")
    assert [row.buyer for row in listed.rows] == ["b****"]


def test_a_reveal_shows_all_and_records_who_asked_and_never_what_was_shown(house: House) -> None:
    """Break the `record` in `people.reveal`: anybody could look without a trace."""
    write(house, **PERSON)
    order_id = house.orders()[0].id
    with house.db.write() as db:
        shown = people.reveal(db, order_id, environment=SANDBOX, actor=ANNA, now=house.now)
    assert (shown.buyer_username, shown.recipient_phone, shown.masked) == ("buyer-of-tests", "+65 0000 0000", False)
    assert "buyer-of-tests" not in repr(shown)
    with house.db.read() as db:
        (entry,) = db.execute(sa.select(AuditEntry).where(AuditEntry.action == people.REVEALED)).scalars()
    assert (entry.actor_name, entry.environment, entry.subject) == (ANNA.name, SANDBOX, show_id("ord", order_id))
    assert "Nowhere" not in str(entry.details)


def test_nothing_is_revealed_from_the_other_environment(house: House) -> None:
    write(house, **PERSON)
    with house.db.write() as db, pytest.raises(NotFound):
        people.reveal(db, house.orders()[0].id, environment=LIVE, actor=ANNA, now=house.now)
    assert house.scalar(sa.select(sa.func.count()).where(AuditEntry.action == people.REVEALED)) == 0
