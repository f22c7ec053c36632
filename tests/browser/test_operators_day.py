"""A whole day in one story: orders come in, four things go wrong, and each is dealt with by clicking alone."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta

import pytest
import sqlalchemy as sa
from playwright.sync_api import Page, expect

from kedai.orders.models import OrderSync
from kedai.runs.models import Schedule
from kedai.values.environment import Environment
from tests.browser.conftest import Seat, Sit, prepare
from tests.support.installation import Installation, order_push
from tests.support.processes import wait_until

pytestmark = [pytest.mark.browser, pytest.mark.xdist_group("browser")]

NEW_KEY = "shpk" + "5a6b" * 15
SOON = 30_000
"""Milliseconds in which what was mended must have come right by itself."""


def test_an_operators_day(installation: Installation, sit: Sit) -> None:
    prepare(installation, "sandbox")
    installation.register_pushes("sandbox")
    seat = sit()
    seat.sign_in()
    page = map_all_but_one(seat)
    wait_until_well(seat, since="the morning")

    morning = orders_come_in(installation)
    one_has_an_unmapped_product(installation)
    refused = one_push_is_refused(installation)
    a_run_is_late(installation)

    wait_until(lambda: orders(installation) >= morning, timeout=30, message="the orders were not read")
    page = seat.open("/e/sandbox/orders")
    for number in morning:
        expect(page.get_by_role("link", name=number)).to_be_visible()
    map_the_product(seat)
    enter_the_new_key(seat, installation)
    admit_what_was_refused(seat, installation, refused)
    run_what_is_late(seat)
    waiting = a_token_dies(installation)
    reconnect(seat, installation, waiting)
    wait_until_well(seat, since="the evening")
    seat.shoot("home-all-is-well")
    assert seat.complaints == []


def map_all_but_one(seat: Seat) -> Page:
    """The catalogue as every morning: each product has its SKU but the newest."""
    page = seat.open("/e/sandbox/sku-map")
    page.get_by_role("button", name="Fetch products").click()
    expect(page.get_by_role("status")).to_contain_text("The listings are being fetched.")
    wait_until(
        lambda: seat.open("/e/sandbox/sku-map").get_by_role("textbox", name=re.compile("Your SKU for")).count() >= 30,
        timeout=30,
        message="nothing was fetched",
    )
    page.get_by_role("link", name="Suggest the marketplace's SKU for the empty ones").click()
    page.get_by_role("textbox", name=re.compile("Gift wrap")).fill("")
    page.get_by_role("button", name="Save", exact=True).click()
    expect(page.get_by_role("status")).to_contain_text("Saved.")
    return page


def orders_come_in(installation: Installation) -> set[str]:
    """Of products that are mapped; the marketplace pushes them."""
    shop_id = int(installation.shop_id("sandbox"))
    mug = item_of(installation, "Enamel mug")
    wish = {"shop_id": shop_id, "status": "READY_TO_SHIP", "lines": [mug]}
    return {installation.control("sandbox", "POST", "/control/orders", wish)["order_sn"] for _ in range(3)}


def item_of(installation: Installation, name: str) -> dict[str, int]:
    """A line of an order of this product."""
    shop_id = installation.shop_id("sandbox")
    items = installation.control("sandbox", "GET", f"/control/shops/{shop_id}/items")["items"]
    item = next(one for one in items if name in one["item_name"])
    models = [one["model_id"] for one in item.get("models", [])]
    return {"item_id": item["item_id"], **({"model_id": models[0]} if models else {})}


def one_has_an_unmapped_product(installation: Installation) -> None:
    wish = {
        "shop_id": int(installation.shop_id("sandbox")),
        "status": "READY_TO_SHIP",
        "lines": [item_of(installation, "Gift wrap")],
    }
    installation.control("sandbox", "POST", "/control/orders", wish)


def one_push_is_refused(installation: Installation) -> str:
    """The marketplace signs with a key that nobody here knows yet."""
    shop_id = installation.shop_id("sandbox")
    wish = {"shop_id": int(shop_id), "status": "READY_TO_SHIP", "pushes": False}
    wish["lines"] = [item_of(installation, "Enamel mug")]  # type: ignore[assignment]
    number: str = installation.control("sandbox", "POST", "/control/orders", wish)["order_sn"]
    assert installation.push("sandbox", order_push(number, shop_id), key=NEW_KEY).status == 401
    return number


def a_run_is_late(installation: Installation) -> None:
    """Its last success was days ago, and its next turn is hours ahead."""
    now = datetime.now(UTC)
    changed = sa.update(Schedule).where(Schedule.kind == "reconcile", Schedule.environment == Environment.SANDBOX)
    old = {"active_since": now - timedelta(days=9), "last_success_at": now - timedelta(days=3)}
    with installation.database.write() as db:
        assert db.execute(changed.values(**old, next_due_at=now + timedelta(hours=3))).rowcount == 1


def map_the_product(seat: Seat) -> None:
    """Home → exceptions → what to do → the field; the exception ends by itself."""
    page = seat.open("/e/sandbox/home")
    health = page.locator(".health-list li")
    expect(health.filter(has_text="Exceptions")).to_be_visible(timeout=SOON)
    health.filter(has_text="Exceptions").get_by_role("link").click()
    page.locator("main tbody th a").filter(has_text="SKU").first.click()
    expect(page.get_by_role("heading", level=1)).to_contain_text("SKU")
    page.get_by_role("link", name="Open the SKU map").click()
    page.get_by_role("textbox", name=re.compile("Gift wrap")).fill("WRAP-1")
    page.get_by_role("button", name="Save", exact=True).click()
    expect(page.get_by_role("status")).to_contain_text("Saved.")


def enter_the_new_key(seat: Seat, installation: Installation) -> None:
    """From the refused delivery, which says what is wrong, to the form; the old key still counts for a while."""
    page = seat.open("/e/sandbox/events?state=rejected")
    page.locator("main tbody th a").first.click()
    expect(page.get_by_role("heading", name="What is wrong, and how to mend it")).to_be_visible()
    page.get_by_role("link", name="Show push key and push URL").click()
    page.locator("#f-push_partner_key").fill(NEW_KEY)
    page.get_by_role("button", name="Save Sandbox credentials").click()
    expect(page.get_by_role("status").filter(has_text="Saved.")).to_be_visible()


def admit_what_was_refused(seat: Seat, installation: Installation, number: str) -> None:
    page = seat.open("/e/sandbox/home")
    health = page.locator(".health-list li")
    expect(health.filter(has_text="verifies now")).to_be_visible(timeout=SOON)
    health.filter(has_text="verifies now").get_by_role("link").click()
    page.get_by_role("button", name="Admit it").click()
    expect(page.get_by_role("status").first).to_be_visible()
    wait_until(lambda: number in orders(installation), timeout=30, message="the admitted push was not worked on")


def run_what_is_late(seat: Seat) -> None:
    page = seat.open("/e/sandbox/home")
    down = page.locator(".health-list li").filter(has_text="is down")
    expect(down).to_be_visible()
    down.get_by_role("link").click()
    row = page.get_by_role("row").filter(has_text="Down")
    expect(row).to_have_count(1)
    row.get_by_role("button", name=re.compile("Run now")).click()
    expect(page.get_by_role("status").first).to_be_visible()
    wait_until_well(seat, since="before the token dies")


def a_token_dies(installation: Installation) -> str:
    """The seller took the consent back, which nobody is told; the next order is the first to find out."""
    shop_id = installation.shop_id("sandbox")
    partner_id = installation.app("sandbox")["partner_id"]
    installation.control("sandbox", "POST", f"/control/apps/{partner_id}", {"push_codes_off": [2]})
    installation.control("sandbox", "POST", f"/control/shops/{shop_id}/revoke", {})
    wish = {"shop_id": int(shop_id), "status": "READY_TO_SHIP", "pushes": False}
    wish["lines"] = [item_of(installation, "Enamel mug")]  # type: ignore[assignment]
    number: str = installation.control("sandbox", "POST", "/control/orders", wish)["order_sn"]
    assert installation.push("sandbox", order_push(number, shop_id), key=NEW_KEY).status == 200
    return number


def reconnect(seat: Seat, installation: Installation, number: str) -> None:
    """Home says so; the way leads through the marketplace's own page and back, and what waited is worked on."""
    page = seat.open("/e/sandbox/home")
    item = page.locator(".health-list li").filter(has_text="must be connected again")
    expect(item.first).to_be_visible(timeout=SOON)
    seat.shoot("home-reconnect")
    item.first.get_by_role("link", name="Reconnect").click()
    page.get_by_role("button", name=re.compile("^Reconnect")).first.click()
    expect(page.get_by_role("heading", level=1)).to_contain_text("asks for access to your shop")
    page.get_by_role("button", name="Approve").click()
    expect(page.get_by_role("status").filter(has_text="The shop is connected.")).to_be_visible()
    wait_until(lambda: number in orders(installation), timeout=30, message="what waited was not worked on")


def orders(installation: Installation) -> set[str]:
    return {row[0] for row in installation.rows(sa.select(OrderSync.order_sn))}


def wait_until_well(seat: Seat, *, since: str) -> None:
    """Home says so by itself: nobody loads it again. What is wrong instead is told in full."""
    page = seat.open("/e/sandbox/home")
    try:
        expect(page.get_by_text("All is well."), since).to_be_visible(timeout=SOON)
    except AssertionError as error:
        error.add_note(seat.open("/e/sandbox/exceptions").locator("main").inner_text())
        raise
