"""Takes the pictures of every page (`make screenshots`), and holds the documents' page of them against the routes."""

from __future__ import annotations

import json
import os
from uuid import UUID

import pytest
import sqlalchemy as sa

from kedai.connector_exceptions.models import ConnectorException
from kedai.inbox.models import RawEvent, RejectedDelivery
from kedai.kit.ids import show_id
from kedai.orders.models import OrderSync
from kedai.runs.models import Run
from kedai.staff.models import Staff
from kedai.values.environment import Environment
from tests.browser.conftest import Seat, Sit, overflow, prepare
from tests.browser.screens import FOLDER, INDEX, NOT_SHOWN, SCREENS, THEMES, WINDOWS, index
from tests.feature.dashboard.test_every_page_is_labelled import NO_PAGES
from tests.support.check_docs import routes
from tests.support.installation import Installation, order_push
from tests.support.processes import wait_until

pytestmark = [pytest.mark.browser, pytest.mark.xdist_group("browser")]

TAKE = os.environ.get("KEDAI_TAKE_SCREENS", "")
"""Set by `make screenshots` alone: else the pictures that are there stay as they are."""

MADE = pytest.mark.skipif(not TAKE, reason="the pictures are taken by `make screenshots`")


def test_every_page_has_a_picture_in_the_documents() -> None:
    """A new page fails here until it has a line in `screens.py` and its pictures were taken."""
    pages = {path for method, path in routes() if method == "GET" and not path.startswith(NO_PAGES)}
    pages = {path for path in pages if not path.endswith("/live")}
    assert pages - {one.route for one in SCREENS} - NOT_SHOWN.keys() == set()
    assert {one.route for one in SCREENS} | NOT_SHOWN.keys() <= pages
    assert len({one.name for one in SCREENS}) == len(SCREENS)
    assert INDEX.read_text() == index(), "make screenshots writes it"
    wanted = {one.picture(window, theme) for one in SCREENS for window in WINDOWS for theme in THEMES}
    assert {one.name for one in FOLDER.glob("*")} == wanted


def test_the_pictures_are_small() -> None:
    sizes = [one.stat().st_size for one in FOLDER.glob("*")]
    assert sum(sizes) / len(sizes) < 36 * 1024


@MADE
def test_take_the_pictures(installation: Installation, sit: Sit) -> None:
    seat = sit()
    seat.page.set_default_timeout(60_000)
    furnish(installation)
    FOLDER.mkdir(exist_ok=True)
    for old in FOLDER.glob("*.jpg"):
        old.unlink()
    for screen in SCREENS:
        if screen.route == "/e/{scope}/home":
            seat.sign_in()
        seat.open(screen.route.format(**ids(installation)) + screen.asks)
        for window, (width, height) in WINDOWS.items():
            for theme in THEMES:
                take(seat, screen.picture(window, theme), width, height, theme)
    INDEX.write_text(index())


def take(seat: Seat, name: str, width: int, height: int, theme: str) -> None:
    """What fits into the window: enough to know the page by, and small."""
    seat.change_window(width, theme)
    seat.page.set_viewport_size({"width": width, "height": height})
    assert overflow(seat.page) <= 0, name
    seat.page.screenshot(
        path=FOLDER / name, type="jpeg", quality=36, animations="disabled", scale="css", full_page=False
    )


def furnish(installation: Installation) -> None:
    """A shop at work: orders, an exception, a refused delivery, parked events, a run."""
    prepare(installation, "sandbox", "live")
    installation.run("staff", "create", "budi@toko.example", "--role", "operator", "--password-stdin", given="x" * 20)
    key, shop_id = installation.credentials("sandbox")["push_partner_key"], installation.shop_id("sandbox")
    batch = {"shop_id": int(shop_id), "count": 14, "pushes": False, "spread_seconds": 86_400}
    numbers = installation.control("sandbox", "POST", "/control/orders/batch", batch)["order_sns"]
    for number in numbers:
        assert installation.push("sandbox", order_push(number, shop_id), key=key).status == 200
    unknown = json.dumps({"code": 3, "shop_id": int(shop_id), "timestamp": 1_788_000_000, "data": {"x": 1}}).encode()
    assert installation.push("sandbox", unknown, key=key).status == 200
    assert installation.push("sandbox", order_push(numbers[0], shop_id), key="another key").status == 401
    live = installation.credentials("live")["push_partner_key"]
    assert installation.push("live", order_push("240101LIVE01", installation.shop_id("live")), key=live).status == 200
    wait_until(lambda: installation.count_events("applied") >= 14, timeout=60, message="the orders were not read")
    for table in (ConnectorException, RejectedDelivery, Run):
        wait_until(lambda table=table: installation.rows(sa.select(table.id)), timeout=30, message=table.__tablename__)


def ids(installation: Installation) -> dict[str, str]:
    """What stands for each parameter of an address; of the sandbox."""

    def first(prefix: str, model: type[RawEvent | RejectedDelivery | ConnectorException | OrderSync | Run]) -> str:
        chosen = sa.select(model.id).where(model.environment == Environment.SANDBOX).order_by(model.id).limit(1)
        found: UUID = installation.rows(chosen)[0][0]
        return show_id(prefix, found)

    (staff,) = installation.rows(sa.select(Staff.id).order_by(Staff.id).limit(1))[0]
    return {
        "scope": "sandbox",
        "environment": "sandbox",
        "name": "shopee",
        "secret": "partner_key",
        "page": "orders",
        "guide": "go-live",
        "shop_id": installation.shop_id("sandbox"),
        "staff_id": show_id("staff", staff),
        "order_id": first("ord", OrderSync),
        "event_id": first("evt", RawEvent),
        "rejected_id": first("rej", RejectedDelivery),
        "exception_id": first("exc", ConnectorException),
        "run_id": first("run", Run),
    }
