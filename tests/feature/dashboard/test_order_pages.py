"""The page of one order: packages, earnings, the timeline, fetching again, and the recorded look at the buyer.

What operators expect: D12, D13.
"""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal

import pytest

from kedai.audit.queries import list_deeds
from kedai.inbox.notices import record_notices
from kedai.kit.ids import show_id
from kedai.orders import people
from kedai.orders.escrow import prepare, record
from kedai.values.environment import Scope
from kedai.values.event import Announcement
from kedai.values.order import OrderPackage, PackageItem, Recipient
from kedai.values.settlement import Amounts, ReleasedOrder, SettledLine, Settlement
from tests.feature.dashboard.browser import Browser, store_orders
from tests.feature.dashboard.world import POLYGLOT, fill
from tests.support.factories import FAKE, SANDBOX, SHOP, House, line, snapshot


@pytest.fixture
def world(house: House) -> House:
    return fill(house)


def address(house: House, order_sn: str = "SANDBOX0", *, act: str = "") -> str:
    order = next(row for row in house.orders() if row.order_sn == order_sn)
    return f"/e/{order.environment.value}/orders/{show_id('ord', order.id)}{act}"


def settle(house: House, amounts: Amounts, *, currency: str = "SGD", payout: str = "9.00") -> str:
    store_orders(house, snapshot("PAID", currency=currency, status="COMPLETED"))
    lines = tuple(SettledLine(item, "0", item, 1, Decimal(1)) for item in ("1", "2"))
    with house.db.write() as db:
        released = {"PAID": ReleasedOrder("PAID", Decimal(payout), house.now)}
        settled = Settlement("PAID", amounts, lines, house.now, b"{}")
        record(db, Scope(FAKE, SANDBOX, SHOP), prepare([settled], released), now=house.now)
    return address(house, "PAID")


def test_packages_and_the_timeline_are_shown_and_what_strangers_wrote_is_text(world: House, admin: Browser) -> None:
    page = admin.get(address(world))
    for part in ("Packages", "P0", "2 ×", "What happened", "push 3 arrived", "Placed", "Not settled yet"):
        assert part in page.words, part
    assert "<script>alert" not in page.markup
    assert POLYGLOT.replace("\u202e", "")[:8] in page.words


def test_a_parcel_tells_which_variant_of_a_product_it_holds(world: House, admin: Browser) -> None:
    variants = [line("7", model_id=model, name="Mug", model_name=model) for model in ("White", "Red")]
    parcel = OrderPackage("P7", "", "", "", (PackageItem("7", "White", 1), PackageItem("7", "Red", 2)))
    store_orders(world, snapshot("MUGS", lines=tuple(variants), packages=(parcel,)))
    page = admin.get(address(world, "MUGS"))
    assert "1 × Mug (White) 2 × Mug (Red)" in page.words


@pytest.mark.parametrize(
    ("status", "hours", "told"),
    [
        ("READY_TO_SHIP", 30, ""),
        ("READY_TO_SHIP", 3, ' class="soon"'),
        ("READY_TO_SHIP", -3, ' class="late"'),
        ("SHIPPED", -3, ""),
    ],
)
def test_a_time_to_ship_by_is_told_louder_as_it_comes_near(
    world: House, admin: Browser, status: str, hours: int, told: str
) -> None:
    store_orders(world, snapshot("SOON", status=status, ship_by_at=world.now + timedelta(hours=hours)))
    for page in (admin.get(address(world, "SOON")), admin.get("/e/sandbox/orders?q=SOON")):
        ship_by = page.markup.split("Ship by")[-1]
        assert ship_by.split("<span", 1)[1].startswith(f"{told}>"), ship_by[:200]


def test_an_unknown_status_is_shown_raw_with_a_word_of_warning(world: House, admin: Browser) -> None:
    """Bad input 32."""
    page = admin.get(address(world, "SANDBOX1"))
    assert "Kedai does not know the status SOMETHING_NEW" in page.words


def test_a_surprising_change_is_marked_on_the_page(world: House, admin: Browser) -> None:
    later = world.now
    told = snapshot("SANDBOX2", status="UNPAID", remote_updated_at=later, surprising_after=frozenset({"COMPLETED"}))
    store_orders(world, told)
    assert "An order does not usually go this way" in admin.get(address(world, "SANDBOX2")).words


def test_earnings_are_shown_with_their_fees_and_what_is_unknown_is_left_out(world: House, admin: Browser) -> None:
    amounts = Amounts(
        goods=Decimal("10.00"), commission_fee=Decimal("-0.60"), other=Decimal("-0.40"), earned=Decimal("9.00")
    )
    page = admin.get(settle(world, amounts))
    for part in ("Goods SGD 10.00", "Commission SGD -0.60", "You earned SGD 9.00", "Earned by item"):
        assert part in page.words, part
    assert "Service fee" not in page.words
    assert "Not settled yet" not in page.words
    assert "is not the same" not in page.words


def test_a_payout_that_differs_is_pointed_out_and_whole_units_have_no_cents(world: House, admin: Browser) -> None:
    amounts = Amounts(goods=Decimal(150000), other=Decimal(-1), earned=Decimal(149999))
    page = admin.get(settle(world, amounts, currency="IDR", payout="150001"))
    for part in ("Goods IDR 150,000", "You earned IDR 149,999", "IDR 150,001, which is not the same", "IDR 75,000"):
        assert part in page.words, part


def test_the_buyer_is_shown_in_full_only_by_a_deed_that_is_recorded(world: House, admin: Browser) -> None:
    store_orders(world, snapshot("O1", buyer_username="anna-buys", recipient=Recipient("Anna Receives", None, None)))
    shown = admin.get(address(world, "O1"))
    assert "Anna Receives" not in shown.text
    assert "A****" in shown.words
    revealed = admin.post(address(world, "O1", act="/reveals"), {"from": "sandbox"})
    assert (revealed.status, "Anna Receives" in revealed.words, "anna-buys" in revealed.words) == (200, True, True)
    assert "Anna Receives" not in admin.get(address(world, "O1")).text
    order = next(row for row in world.orders() if row.order_sn == "O1")
    with world.db.read() as db:
        deeds = list_deeds(db, subject=show_id("ord", order.id), environment=order.environment, limit=9)
    assert [one.action for one in deeds] == [people.REVEALED]
    assert "showed the personal data" in admin.get(address(world, "O1")).words


def test_a_viewer_is_offered_neither_reveal_nor_fetching(world: House, browser: Browser) -> None:
    from kedai.staff.roles import Role

    browser.sign_in(role=Role.VIEWER)
    page = browser.get(address(world))
    assert "Show in full" not in page.words
    assert "Fetch again now" not in page.words
    assert browser.post(address(world, act="/reveals"), {}).status == 403
    assert browser.post(address(world, act="/fetches"), {}).status == 403


def test_fetching_again_asks_the_marketplace_and_tells_the_outcome(world: House, admin: Browser) -> None:
    world.market.put(SANDBOX, snapshot("SANDBOX0", status="SHIPPED", remote_updated_at=world.now))
    answer = admin.post(address(world, act="/fetches"), {"from": "sandbox"})
    assert (answer.status, answer.location) == (303, f"{address(world)}?status=order_fetched")
    assert "Shipped" in admin.get(address(world)).words
    assert "status=order_same" in admin.post(address(world, act="/fetches"), {}).location
    world.market.orders.clear()
    refused = admin.post(address(world, act="/fetches"), {})
    assert refused.status == 409
    assert "The marketplace does not know this order any more" in refused.words


def test_a_parked_event_is_retried_from_the_orders_page(world: House, admin: Browser) -> None:
    page = admin.get(address(world, "LIVE0"))
    assert "Retry “push 3”" in page.words


def test_notices_are_listed_as_text_and_marked_as_read(world: House, admin: Browser) -> None:
    event = next(event for event in world.events(SANDBOX))
    said = {event.id: [Announcement(POLYGLOT, POLYGLOT, "https://s.example/a", None)]}
    with world.db.write() as db:
        record_notices(db, FAKE, SANDBOX, said, shop_id=SHOP, now=world.now)
    assert "1 notice of the marketplace to read" in admin.get("/e/sandbox/home").words
    page = admin.get("/e/sandbox/notices")
    assert "https://s.example/a" in page.words
    assert "<script>alert" not in page.markup
    assert 'href="https://s.example' not in page.text
    assert admin.get("/e/live/notices").words.count("Mark as read") == 0
    with world.db.read() as db:
        from kedai.inbox.notices import list_notices

        (one,) = list_notices(db, environments=(SANDBOX,), cursor=None, cursor_key=b"k" * 32, limit=9).rows
    here = f"/e/sandbox/notices/{show_id('ntc', one.id)}/seen"
    assert admin.post(here.replace("sandbox", "live"), {}).status == 404
    assert admin.post(here, {}).location.startswith("/e/sandbox/notices?status=notice_seen")
    assert "Mark as read" not in admin.get("/e/sandbox/notices").words
