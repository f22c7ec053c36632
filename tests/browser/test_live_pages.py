"""Pages that tell what is new: nothing jumps, and what they say of themselves stays true when the server is killed.

What operators expect: D22.
"""

from __future__ import annotations

import re
from datetime import UTC, datetime

import pytest
import sqlalchemy as sa
from playwright.sync_api import expect

from kedai.kit.ids import show_id
from kedai.runs.models import Run
from kedai.runs.service import create_run
from kedai.values.actor import COMMAND_LINE
from kedai.values.environment import ConnectorName, Environment
from kedai.vault.models import Shop
from tests.browser.conftest import Sit, prepare
from tests.support.installation import Installation, order_push

SHOPEE, SANDBOX = ConnectorName("shopee"), Environment.SANDBOX

pytestmark = [pytest.mark.browser, pytest.mark.xdist_group("browser")]


def send(installation: Installation, *numbers: str) -> None:
    """Pushes about these orders."""
    key, shop_id = installation.credentials("sandbox")["push_partner_key"], installation.shop_id("sandbox")
    for number in numbers:
        assert installation.push("sandbox", order_push(number, shop_id), key=key).status == 200


def make_orders(installation: Installation, count: int) -> list[str]:
    batch = {"shop_id": int(installation.shop_id("sandbox")), "count": count, "pushes": False}
    numbers: list[str] = installation.control("sandbox", "POST", "/control/orders/batch", batch)["order_sns"]
    return numbers


def test_new_rows_are_counted_and_come_only_when_one_asks(installation: Installation, sit: Sit) -> None:
    prepare(installation, "sandbox")
    numbers = make_orders(installation, 3)
    send(installation, numbers[0])
    seat = sit()
    seat.sign_in()
    page = seat.open("/e/sandbox/events")
    expect(page.locator(".live")).to_have_attribute("data-state", "live")
    rows = page.locator("main tbody tr")
    before = rows.count()
    send(installation, *numbers[1:])
    pill = page.get_by_role("link", name=re.compile("2 new events"))
    expect(pill).to_be_visible()
    assert rows.count() == before, "nothing jumps"
    pill.click()
    expect(rows).to_have_count(before + 2)
    expect(page.locator(".pill")).to_have_count(0)
    page = seat.open("/e/live/events")
    expect(page.locator(".live")).to_have_attribute("data-state", "live")
    send(installation, numbers[0])
    expect(page.locator(".pill")).to_have_count(0)
    assert seat.complaints == []


def test_killed_server_is_told_as_stale_and_its_return_as_live(sit: Sit, installation: Installation) -> None:
    seat = sit()
    seat.sign_in()
    page = seat.open("/e/sandbox/orders")
    bar = page.locator(".live")
    expect(bar).to_have_attribute("data-state", "live")
    (server,) = [one for one in installation._processes if "serve" in one.output() or "Kedai is ready" in one.output()]
    server.kill9()
    expect(bar).to_have_attribute("data-state", "stale", timeout=5_500)  # the promise: within 5 seconds
    expect(bar).to_contain_text("Stale since")
    installation.start()
    expect(bar).to_have_attribute("data-state", "live", timeout=20_000)
    expect(bar).to_contain_text("Up to date")


def test_somebody_who_pauses_hears_nothing_until_they_resume(installation: Installation, sit: Sit) -> None:
    prepare(installation, "sandbox")
    (number,) = make_orders(installation, 1)
    seat = sit()
    seat.sign_in()
    page = seat.open("/e/sandbox/events")
    bar = page.locator(".live")
    expect(bar).to_have_attribute("data-state", "live")
    page.get_by_role("button", name="Pause", exact=True).click()
    expect(bar).to_have_attribute("data-state", "paused")
    page = seat.open("/e/sandbox/events")
    expect(bar).to_have_attribute("data-state", "paused")
    send(installation, number)
    page.get_by_role("button", name="Resume", exact=True).click()
    expect(bar).to_have_attribute("data-state", "live")
    expect(page.get_by_role("link", name="1 new event", exact=True)).to_be_visible()
    assert seat.complaints == []


def test_where_no_stream_can_be_had_the_page_asks_now_and_then(installation: Installation, sit: Sit) -> None:
    seat = sit()
    seat.sign_in()

    def refuse_streams(route: object, request: object) -> None:
        if request.resource_type == "eventsource":  # type: ignore[attr-defined]
            route.fulfill(status=503, body="")  # type: ignore[attr-defined]
        else:
            route.continue_()  # type: ignore[attr-defined]

    seat.page.route("**/live?*", refuse_streams)
    page = seat.open("/e/sandbox/events")
    expect(page.locator(".live")).to_have_attribute("data-state", "polling")


def test_the_wait_for_the_first_push_ends_by_itself(installation: Installation, sit: Sit) -> None:
    prepare(installation, "sandbox")
    (number,) = make_orders(installation, 1)
    seat = sit()
    seat.sign_in()
    page = seat.open("/connectors/shopee?tab=sandbox")
    waits = page.locator("[data-live-part=first-push]")
    expect(waits).to_contain_text("Waiting for the first one")
    expect(page.locator(".live")).to_have_attribute("data-state", "live")
    send(installation, number)
    expect(waits).to_contain_text("UTC", timeout=10_000)
    assert seat.complaints == []


def test_somebody_signed_out_elsewhere_is_told(installation: Installation, sit: Sit) -> None:
    seat = sit()
    seat.sign_in()
    page = seat.open("/e/sandbox/orders")
    expect(page.locator(".live")).to_have_attribute("data-state", "live")
    page.context.clear_cookies()
    page.evaluate("dispatchEvent(new PageTransitionEvent('pageshow', { persisted: true }))")
    expect(page.locator(".live")).to_have_attribute("data-state", "out", timeout=15_000)


def test_what_breaks_and_is_mended_changes_on_home_by_itself(installation: Installation, sit: Sit) -> None:
    prepare(installation, "sandbox")
    seat = sit()
    seat.sign_in()
    page = seat.open("/e/sandbox/home")
    expect(page.locator(".live")).to_have_attribute("data-state", "live")
    broken = page.locator(".health-list li").filter(has_text="must be connected again")
    for state, count in (("needs_reauth", 1), ("connected", 0)):
        with installation.database.write() as db:
            db.execute(sa.update(Shop).values(state=state))
        expect(broken).to_have_count(count, timeout=15_000)
    assert seat.complaints == []


def test_progress_of_a_run_moves_by_itself(installation: Installation, sit: Sit) -> None:
    prepare(installation, "sandbox")
    now = datetime.now(UTC)
    with installation.database.write() as db:  # paused: no worker takes it on
        run = create_run(db, "reconcile", SHOPEE, SANDBOX, scope={}, total=100, actor=COMMAND_LINE, now=now)
        run.paused_at, run.paused_by = now, "somebody"
        identity = run.id
    seat = sit()
    seat.sign_in()
    page = seat.open(f"/e/sandbox/runs/{show_id('run', identity)}")
    expect(page.get_by_text("0 of 100 (0 %)")).to_be_visible()
    expect(page.locator(".live")).to_have_attribute("data-state", "live")
    with installation.database.write() as db:
        db.execute(sa.update(Run).where(Run.id == identity).values(done=42))
    expect(page.get_by_text("42 of 100 (42 %)")).to_be_visible(timeout=15_000)
    page = seat.open("/e/sandbox/runs")
    expect(page.locator(".live")).to_have_attribute("data-state", "live")
    ended = {"done": 100, "state": "succeeded", "finished_at": now}
    with installation.database.write() as db:
        db.execute(sa.update(Run).where(Run.id == identity).values(**ended))
    row = page.get_by_role("row").filter(has_text="100 of 100")
    expect(row).to_contain_text("Succeeded", timeout=15_000)
    assert seat.complaints == []
