"""Every kind of push through the worker: what is asked, what is written, and the state and words it ends in."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import sqlalchemy as sa
from msgspec import structs

from kedai.inbox.models import Notice
from kedai.inbox.notices import count_unseen, list_notices, mark_seen
from kedai.orders.models import OrderPackage, OrderPackageChange
from kedai.sync import tellings
from kedai.sync.parts import Parts
from kedai.values.order import OrderPackage as Package
from tests.support.factories import ANNA, LIVE, SANDBOX, House, snapshot
from tests.support.speaking import SECONDS, arrived, push_body, speaking

ORDER, PACKAGE = "260801ABCD1234", "OFG200000000000001"
READY = Package(PACKAGE, "LOGISTICS_READY", "SPX", None, ())
UPDATES = [{"update_field": "return_status", "old_value": "REQUESTED", "new_value": "ACCEPTED"}]


@pytest.fixture
def shop(house: House) -> House:
    for environment in (SANDBOX, LIVE):
        house.configure(environment)
        house.connect(environment)
    house.market.put(SANDBOX, snapshot(ORDER, packages=(READY,)))
    return house


@pytest.fixture
def parts(shop: House) -> Parts:
    return speaking(shop)


def work(house: House, parts: Parts, *bodies: bytes) -> list[tuple[str, str]]:
    """State and note of each, in order of arrival."""
    house.deliver(*(arrived(body) for body in bodies))
    house.work(parts)
    return [(event.state, event.note) for event in house.events()]


def package(house: House) -> OrderPackage:
    with house.db.read() as db:
        return db.execute(sa.select(OrderPackage)).scalar_one()


def changes(house: House) -> list[tuple[str, str | None, str | None]]:
    with house.db.read() as db:
        rows = db.execute(sa.select(OrderPackageChange).order_by(OrderPackageChange.id)).scalars()
        return [(row.field, row.before, row.after) for row in rows]


ABOUT_AN_ORDER = {
    3: {"items": [], "ordersn": ORDER, "status": "READY_TO_SHIP", "completed_scenario": "", "update_time": SECONDS},
    4: {"ordersn": ORDER, "forder_id": PACKAGE, "package_number": PACKAGE, "tracking_no": "SPXSG01"},
    15: {"order_sn": ORDER, "package_number": PACKAGE, "status": "READY"},
    30: {"ordersn": ORDER, "package_number": PACKAGE, "fulfillment_status": "LOGISTICS_READY", "update_time": SECONDS},
    47: {"order_sn": ORDER, "package_number": PACKAGE, "changed_fields": ["ship_by_date"], "old": {}, "new": {}},
}


def test_a_push_about_an_order_or_its_package_has_the_order_read(shop: House, parts: Parts) -> None:
    for number, (code, data) in enumerate(ABOUT_AN_ORDER.items(), 1):
        assert work(shop, parts, push_body(code, data)) == [("applied", "")] * number
        assert shop.market.asked() == [(ORDER,)] * number
    assert [row.order_sn for row in shop.orders()] == [ORDER]


HANDED_ON: dict[int, Any] = {
    7: {"shop_id": 7001, "item_id": 1, "variation_id": 2, "action": "promo_end", "update_time": SECONDS},
    8: {"shop_id": 7001, "item_id": 1, "variation_id": 2, "action": "place_order", "ordersn": ORDER},
    9: {"shop_id": 7001, "promotion_id": 2**63, "action": "added_in_promo", "item_id": 1, "variation_id": 2},
    16: {"item_id": 1, "item_name": "Teapot", "item_status": "BANNED", "deboost": "FALSE"},
    22: {"item_id": 1, "model_id": 2, "update_field": "local_price", "old_value": 1.5, "new_value": 2},
    28: {"action_type": 1, "points_issued_data": {"issued_points": 2, "violation_type": 9}, "update_time": SECONDS},
    29: {"order_sn": ORDER, "return_sn": "2608010000000001", "updated_values": UPDATES},
}


def test_a_push_for_the_shops_own_systems_is_kept_for_them_and_says_so(shop: House, parts: Parts) -> None:
    bodies = [push_body(code, data) for code, data in HANDED_ON.items()]
    assert work(shop, parts, *bodies) == [("skipped", tellings.HANDED_ON)] * len(HANDED_ON)
    assert shop.market.asked() == []


def test_any_other_push_is_stored_by_name_and_nothing_else(shop: House, parts: Parts) -> None:
    bodies = [push_body(code, {"type": "message"}, msg_id="1") for code in (6, 10, 11, 13, 18, 27, 31, 38, 14, 999)]
    assert work(shop, parts, *bodies) == [("skipped", tellings.NOTHING_TO_DO)] * len(bodies)
    assert sorted(event.body for event in shop.events()) == sorted(bodies)


def test_a_tracking_number_comes_by_push_and_stays_when_the_order_is_read_again(shop: House, parts: Parts) -> None:
    """Break `packages._compare`: an answer without the number would wipe it out."""
    work(shop, parts, push_body(4, ABOUT_AN_ORDER[4]))
    assert (package(shop).tracking_number, package(shop).status) == ("SPXSG01", "LOGISTICS_READY")
    shipped = structs.replace(READY, status="LOGISTICS_PICKUP_DONE")
    later = shop.now + timedelta(minutes=1)
    shop.market.put(SANDBOX, snapshot(ORDER, status="SHIPPED", packages=(shipped,), remote_updated_at=later))
    work(shop, parts, push_body(3, ABOUT_AN_ORDER[3]))
    assert (package(shop).tracking_number, package(shop).status) == ("SPXSG01", "LOGISTICS_PICKUP_DONE")
    assert changes(shop) == [
        ("tracking_number", None, "SPXSG01"),
        ("status", "LOGISTICS_READY", "LOGISTICS_PICKUP_DONE"),
    ]


def test_of_two_tracking_numbers_the_one_said_last_stands_whichever_comes_first(shop: House, parts: Parts) -> None:
    """F36. Break the comparison of instants in `packages._newer`: what came last would stand."""
    newer = push_body(4, {**ABOUT_AN_ORDER[4], "tracking_no": "NEW"}, at=SECONDS + 60)
    older = push_body(4, {**ABOUT_AN_ORDER[4], "tracking_no": "OLD"}, at=SECONDS)
    work(shop, parts, newer)
    work(shop, parts, older)
    assert package(shop).tracking_number == "NEW"
    assert changes(shop) == [("tracking_number", None, "NEW")]


def test_a_documents_state_is_kept_with_its_package(shop: House, parts: Parts) -> None:
    failed = push_body(15, {**ABOUT_AN_ORDER[15], "status": "FAILED"}, at=SECONDS)
    ready = push_body(15, ABOUT_AN_ORDER[15], at=SECONDS + 9)
    work(shop, parts, failed, ready)
    assert package(shop).document_status == "READY"
    assert package(shop).documented_at == datetime.fromtimestamp(SECONDS + 9, UTC)
    assert changes(shop) == [("document_status", None, "FAILED"), ("document_status", "FAILED", "READY")]


def test_news_of_a_package_that_the_order_does_not_have_changes_nothing(shop: House, parts: Parts) -> None:
    body = push_body(4, {**ABOUT_AN_ORDER[4], "package_number": "OFG999"})
    assert work(shop, parts, body) == [("applied", "")]
    assert package(shop).tracking_number is None


def test_a_booking_leads_to_the_order_that_it_was_matched_to(shop: House, parts: Parts) -> None:
    """4 and 15 too, because two of the document's booking samples carry these codes."""
    codes, named = (23, 24, 25, 4, 15), {"booking_sn": "2608BOOKING1", "package_number": PACKAGE}
    too_early = [push_body(code, {**named, "tracking_no": "SPXSG02"}) for code in codes]
    assert work(shop, parts, *too_early) == [("skipped", tellings.UNMATCHED)] * 5
    assert shop.market.asked() == []
    shop.market.put(SANDBOX, snapshot(ORDER, packages=(READY,), booking_sn="2608BOOKING1"))
    work(shop, parts, push_body(3, ABOUT_AN_ORDER[3]))
    in_time = [push_body(code, {**named, "tracking_no": "SPXSG03"}) for code in codes]
    assert work(shop, parts, *in_time)[-5:] == [("applied", "")] * 5
    assert set(shop.market.asked()) == {(ORDER,)}
    assert package(shop).tracking_number == "SPXSG03"


def test_a_booking_of_another_shop_or_environment_leads_nowhere(shop: House, parts: Parts) -> None:
    shop.connect(SANDBOX, "7002")
    shop.market.put(LIVE, snapshot(ORDER, booking_sn="B1"))
    shop.market.put(SANDBOX, snapshot(ORDER, booking_sn="B1"), shop_id="7002")
    for place in (
        arrived(push_body(3, ABOUT_AN_ORDER[3]), environment=LIVE),
        arrived(push_body(3, ABOUT_AN_ORDER[3], shop_id="7002")),
    ):
        shop.deliver(place)
    shop.work(parts)
    assert len(shop.orders()) == 2
    assert work(shop, parts, push_body(23, {"booking_sn": "B1"}))[-1] == ("skipped", tellings.UNMATCHED)


def test_a_notice_is_stored_once_shown_and_read_by_a_person(shop: House, parts: Parts) -> None:
    """Break the unique event and number, or `on_conflict_do_nothing`: a replay would tell it twice."""
    actions = [{"title": "Maintenance", "content": "On Sunday", "url": "https://s.sg", "update_time": SECONDS}] * 2
    assert work(shop, parts, push_body(5, {"actions": actions}))[0][0] == "applied"
    shop.execute(sa.text("UPDATE raw_event SET state = 'received'"))
    shop.work(parts)
    with shop.db.write() as db:
        found = list_notices(db, environments=(SANDBOX,), cursor=None, cursor_key=b"k" * 32, limit=9).rows
        assert [(one.title, one.content, one.url) for one in found] == [
            ("Maintenance", "On Sunday", "https://s.sg")
        ] * 2
        assert count_unseen(db, environment=SANDBOX, at_most=9) == 2
        assert count_unseen(db, environment=LIVE, at_most=9) == 0
        mark_seen(db, found[0].id, environment=SANDBOX, actor=ANNA, now=shop.now)
        assert count_unseen(db, environment=SANDBOX, at_most=9) == 1
    assert shop.scalar(sa.select(Notice.seen_by).where(Notice.seen_at.is_not(None))) == ANNA.name


def test_a_notice_without_words_is_done_with_and_tells_nobody(shop: House, parts: Parts) -> None:
    assert work(shop, parts, push_body(5, {"actions": [None, 7]})) == [("skipped", "a notice without words")]
    assert shop.scalar(sa.select(sa.func.count()).select_from(Notice)) == 0


BROKEN = {
    "no data": None,
    "data as text": "x",
    "a list": [],
    "everything of another type": {
        "ordersn": ORDER,
        "package_number": [],
        "tracking_no": {},
        "status": 1,
        "actions": 5,
    },
    "booking as number": {"ordersn": ORDER, "booking_sn": 7, "actions": [[], 1, "x"]},
}


def test_malformed_bodies_of_every_code_end_in_a_state_and_crash_nothing(shop: House, parts: Parts) -> None:
    bodies = [push_body(code, data, at=SECONDS + code) for code in range(48) for data in BROKEN.values()]
    shop.deliver(*(arrived(body) for body in bodies))
    shop.work(parts)
    assert {event.state for event in shop.events()} <= {"applied", "skipped", "dead"}
    assert {event.note for event in shop.events() if event.state == "dead"} <= {
        "The push was signed correctly but cannot be understood.",
        "The push does not say whom it is about.",
    }
