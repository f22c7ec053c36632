"""D46: the packing list holds what waits to be shipped in one environment, says what it leaves out, and only reads."""

from __future__ import annotations

import re
from datetime import timedelta

import pytest
import sqlalchemy as sa

from kedai.audit.models import AuditEntry
from kedai.catalog.service import Entry, see_listings, write_entries
from kedai.kit.ids import show_id
from kedai.staff.roles import Role
from kedai.sync.packing import MOST
from kedai.values.environment import Environment, Scope
from kedai.values.listing import Listing, ListingKey
from kedai.values.order import OrderPackage, Recipient
from tests.feature.dashboard.browser import Browser, Page, store_orders
from tests.feature.dashboard.world import POLYGLOT, fill
from tests.support.factories import ANNA, FAKE, LIVE, SANDBOX, SHOP, House, line, on_sqlite, snapshot
from tests.support.statements import heard_statements

HERE = "/e/sandbox/orders/packing"


@pytest.fixture
def shop(house: House) -> House:
    """Both environments have the same shop connected, and no order yet."""
    for environment in Environment:
        house.configure(environment)
        house.connect(environment, SHOP)
    return house


def shown_id(house: House, order_sn: str) -> str:
    return show_id("ord", next(one.id for one in house.orders() if one.order_sn == order_sn))


def slips(page: Page) -> list[str]:
    """The order numbers of the page, from top to bottom."""
    return re.findall(r'<h2 id="slip-\d+">.*?<bdi>(.*?)</bdi>', page.text)


def test_a_slip_tells_all_that_packing_needs_and_masks_who_bought(shop: House, admin: Browser) -> None:
    with shop.db.write() as db:
        see_listings(db, Scope(FAKE, SANDBOX, SHOP), [Listing("1", "0", "Mug", "Blue", "MUG")], now=shop.now)
        write_entries(db, FAKE, SANDBOX, [Entry(ListingKey(SHOP, "1", "0"), "OUR-MUG")], actor=ANNA, now=shop.now)
    order = snapshot(
        "ONE",
        status="READY_TO_SHIP",
        lines=(line("1", name="Mug", model_name="Blue", quantity=3), line("2", name="Plate", sku="PL", model_name="")),
        packages=(OrderPackage("P1", "LOGISTICS_READY", "Fast Carrier", "TRACK1", ()),),
        ship_by_at=shop.now - timedelta(hours=1),
        buyer_username="siti",
        recipient=Recipient("Siti Aminah", "+62 811", "Jalan Melati 1"),
        buyer_message="ring twice",
    )
    store_orders(shop, order)
    page = admin.get(HERE)
    assert (page.status, slips(page)) == (200, ["ONE"])
    for part in (
        "Test order: do not ship",
        f"Shop {SHOP}",
        "Ready to ship",
        "Buyer s****",
        "(late)",
        "P1 Fast Carrier",
    ):
        assert part in page.words, part
    for part in ("TRACK1", "3 × OUR-MUG Mug Blue", "no SKU mapped at the marketplace: PL Plate —"):
        assert part in page.words, part
    for personal in ("siti", "Siti", "811", "Melati", "ring twice"):
        assert personal not in page.markup.replace("s****", ""), personal
    assert page.text.count('class="env env-sandbox"') == 1, "each order says its environment"


def test_what_strangers_wrote_is_text(shop: House, admin: Browser) -> None:
    fill_one = snapshot(
        "ODD",
        status="READY_TO_SHIP",
        lines=(line("1", name=POLYGLOT, model_name=POLYGLOT, sku=POLYGLOT),),
        shipping_carrier=POLYGLOT,
        tracking_number=POLYGLOT,
        buyer_username=POLYGLOT,
    )
    store_orders(shop, fill_one, environment=LIVE)
    page = admin.get("/e/live/orders/packing")
    assert "<script>alert" not in page.markup
    assert "<img" not in page.markup
    assert "Real order" in page.words
    assert "do not ship" not in page.words


def test_only_what_waits_to_be_shipped_is_listed_the_most_urgent_first(shop: House, admin: Browser) -> None:
    now = shop.now
    due = {"LATER": ("PROCESSED", 9), "SOON": ("READY_TO_SHIP", 1), "RETRY": ("RETRY_SHIP", 5), "SENT": ("SHIPPED", 0)}
    due["GONE"] = ("CANCELLED", 0)
    for order_sn, (status, hours) in due.items():
        store_orders(shop, snapshot(order_sn, status=status, ship_by_at=now + timedelta(hours=hours)))
    store_orders(shop, snapshot("ANYTIME", status="PENDING", ship_by_at=None))
    store_orders(shop, snapshot("OTHER", status="READY_TO_SHIP"), environment=LIVE)
    assert slips(admin.get(HERE)) == ["SOON", "RETRY", "LATER", "ANYTIME"]
    assert slips(admin.get(f"{HERE}?tab=to_ship&shop={SHOP}")) == ["SOON", "RETRY", "LATER", "ANYTIME"]
    assert slips(admin.get(f"{HERE}?shop=1")) == []
    assert slips(admin.get(f"{HERE}?q=RE")) == ["RETRY"]
    assert "None of these orders waits to be shipped" in admin.get(f"{HERE}?tab=completed").words
    assert slips(admin.get("/e/live/orders/packing")) == ["OTHER"]


def test_of_the_chosen_orders_those_that_do_not_belong_there_are_named_as_left_out(shop: House, admin: Browser) -> None:
    for order_sn, status in (("ONE", "READY_TO_SHIP"), ("TWO", "PROCESSED"), ("SENT", "SHIPPED")):
        store_orders(shop, snapshot(order_sn, status=status))
    store_orders(shop, snapshot("REAL", status="READY_TO_SHIP"), environment=LIVE)
    chosen = [f"order={shown_id(shop, one)}" for one in ("ONE", "SENT", "REAL", "ONE")]
    page = admin.get(f"{HERE}?{'&'.join(chosen)}")
    assert slips(page) == ["ONE"]
    assert "2 of the chosen orders are left out. Here are only orders of Sandbox" in page.words
    assert "left out" not in admin.get(f"{HERE}?{chosen[0]}").words
    both = admin.get(f"/e/all/orders/packing?tab=to_ship&{'&'.join(chosen)}")
    assert (both.status, slips(both)) == (200, [])
    assert "A packing list is of one environment." in both.words
    there = next(one for one in both.links() if one.startswith("/e/live/orders/packing?"))
    assert slips(admin.get(there)) == ["REAL"]


@pytest.mark.parametrize("asked", ["order=ord_1", "order=evt_01a205a5c85b75199a2c28833cd81810", "order=%00"])
def test_what_is_no_order_is_not_found(shop: House, admin: Browser, asked: str) -> None:
    assert admin.get(f"{HERE}?{asked}").status == 404


def test_an_order_that_is_not_there_is_left_out(shop: House, admin: Browser) -> None:
    page = admin.get(f"{HERE}?order=ord_01a205a5c85b75199a2c28833cd81810")
    assert (page.status, slips(page)) == (200, [])
    assert "1 of the chosen orders is left out" in page.words


def test_a_list_has_an_end_and_says_how_many_are_left_out(shop: House, admin: Browser) -> None:
    many = [snapshot(f"N{number:03}", status="READY_TO_SHIP") for number in range(MOST + 3)]
    store_orders(shop, *many)
    page = admin.get(HERE)
    assert len(slips(page)) == MOST
    assert f"The {MOST} most urgent of {MOST + 3} orders. The rest is left out" in page.words
    wanted = "&".join(f"order={show_id('ord', one.id)}" for one in shop.orders())
    refused = admin.get(f"{HERE}?{wanted}")
    assert (refused.status, "at most" in refused.words) == (422, True)


def test_the_number_of_statements_does_not_grow_with_the_orders(shop: House, admin: Browser) -> None:
    def asked() -> int:
        with heard_statements() as statements:
            assert admin.get(HERE).status == 200
        return sum(one.lstrip().startswith("SELECT") for one in statements)

    packages = (
        OrderPackage("P1", "LOGISTICS_READY", "C", "T", ()),
        OrderPackage("P2", "LOGISTICS_READY", "C", "T", ()),
    )
    store_orders(shop, snapshot("FIRST", status="READY_TO_SHIP", lines=(line("1"),), packages=packages))
    asked()  # what is read once, and kept
    one = asked()
    lines = (line("1"), line("2"), line("3"))
    many = [snapshot(f"N{at}", status="READY_TO_SHIP", lines=lines, packages=packages) for at in range(40)]
    store_orders(shop, *many)
    assert asked() == one
    assert len(slips(admin.get(HERE))) == 41


def test_it_is_reached_from_the_list_and_from_an_order_and_leaves_no_trace(house: House, browser: Browser) -> None:
    """Whoever may read orders may pack them; nothing personal is shown, so that nothing is recorded."""
    fill(house)
    browser.sign_in(Role.VIEWER)
    listed = browser.get("/e/sandbox/orders?tab=to_ship")
    assert 'action="/e/sandbox/orders/packing"' in listed.text
    assert '<input type="hidden" name="tab" value="to_ship">' in listed.text.partition('id="packing"')[2]
    chosen = re.findall(r'name="order" form="packing" value="(ord_\w+)"', listed.text)
    assert chosen == [shown_id(house, "SANDBOX0")]
    order = browser.get(f"/e/all/orders/{chosen[0]}")
    assert f"/e/sandbox/orders/packing?order={chosen[0]}" in order.links()
    assert "Packing slip" not in browser.get(f"/e/sandbox/orders/{shown_id(house, 'SANDBOX2')}").words
    assert 'id="packing"' not in browser.get("/e/sandbox/orders?tab=completed").text

    def entries() -> int:
        with house.db.read() as db:
            return db.execute(sa.select(sa.func.count()).select_from(AuditEntry)).scalar_one()

    before = entries()
    assert slips(browser.get(f"{HERE}?order={chosen[0]}")) == ["SANDBOX0"]
    assert entries() == before


@on_sqlite
def test_who_is_not_signed_in_is_asked_to(shop: House, browser: Browser) -> None:
    page = browser.get(HERE)
    assert (page.status, page.location.partition("?")[0]) == (303, "/login")
