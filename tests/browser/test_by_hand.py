"""D20, D24, D26, D43: what makes a day of work light: keys, copying, times, and forms that lose nothing."""

from __future__ import annotations

import re
from datetime import datetime
from zoneinfo import ZoneInfo

import pytest
from playwright.sync_api import Route, expect

from tests.browser.conftest import Seat, Sit, overflow, prepare
from tests.support.installation import Installation, order_push
from tests.support.processes import wait_until

pytestmark = [pytest.mark.browser, pytest.mark.xdist_group("browser")]


@pytest.fixture
def busy(installation: Installation) -> Installation:
    """Connected, with a few orders."""
    prepare(installation, "sandbox")
    key, shop_id = installation.credentials("sandbox")["push_partner_key"], installation.shop_id("sandbox")
    batch = {"shop_id": int(shop_id), "count": 3, "pushes": False}
    for number in installation.control("sandbox", "POST", "/control/orders/batch", batch)["order_sns"]:
        assert installation.push("sandbox", order_push(number, shop_id), key=key).status == 200
    wait_until(lambda: installation.count_events("applied") == 3, timeout=20, message="the orders were not read")
    return installation


def focused(seat: Seat) -> str:
    """The text of what has the focus."""
    text: str = seat.page.evaluate("document.activeElement.textContent.trim()")
    return text


def test_a_list_is_worked_through_by_keys(busy: Installation, sit: Sit) -> None:
    seat = sit()
    seat.sign_in()
    page = seat.open("/e/sandbox/orders")
    keys = page.keyboard
    names = page.locator("main tbody th a").all_inner_texts()
    keys.press("j")
    assert focused(seat) == names[0]
    keys.press("j")
    assert focused(seat) == names[1]
    keys.press("k")
    assert focused(seat) == names[0]
    keys.press("/")
    expect(page.get_by_label("Order number, event ID or shop ID")).to_be_focused()
    keys.type("j/g")
    expect(page.get_by_label("Order number, event ID or shop ID")).to_have_value("j/g")
    page.locator("h1").click()
    keys.press("j")
    keys.press("Enter")
    expect(page.get_by_role("heading", level=1)).to_contain_text(names[0])
    page.wait_for_load_state()  # until then nobody listens to keys
    keys.press("g")
    keys.press("e")
    page.wait_for_url("**/e/sandbox/events")
    page.wait_for_load_state()
    keys.press("j")
    keys.press("x")
    expect(page.locator("main tbody input[type=checkbox]").first).to_be_checked()
    keys.press("g")
    keys.press("o")
    page.wait_for_url("**/e/sandbox/orders")
    assert seat.complaints == []


def test_the_sheet_tells_the_keys_and_switches_them_off(busy: Installation, sit: Sit) -> None:
    seat = sit(width=320)
    seat.sign_in()
    page = seat.open("/e/sandbox/orders")
    page.keyboard.press("?")
    sheet = page.get_by_role("dialog", name="Keyboard shortcuts")
    expect(sheet).to_be_visible()
    assert overflow(page) <= 0
    page.keyboard.press("Escape")
    expect(sheet).to_be_hidden()
    page.get_by_role("button", name="Shortcuts", exact=True).click()
    page.get_by_label("Use these keys in this browser").uncheck()
    page.get_by_role("button", name="Close").click()
    page = seat.open("/e/sandbox/orders")
    for key in ("?", "j", "g", "e"):
        page.keyboard.press(key)
    expect(page.get_by_role("dialog")).to_have_count(0)
    assert page.locator("main tbody a:focus").count() == 0
    assert page.url.endswith("/e/sandbox/orders")
    page.get_by_role("button", name="Shortcuts", exact=True).click()
    page.get_by_label("Use these keys in this browser").check()
    page.get_by_role("button", name="Close").click()
    page.keyboard.press("j")
    expect(page.locator("main tbody a:focus")).to_have_count(1)
    assert seat.complaints == []


def test_ids_and_addresses_are_copied_and_that_is_said(busy: Installation, sit: Sit) -> None:
    seat = sit()
    seat.page.context.grant_permissions(["clipboard-read", "clipboard-write"])
    seat.sign_in()
    page = seat.open("/e/sandbox/orders")
    page.locator("main tbody th a").first.click()
    number = page.locator("h1 bdi").inner_text()
    page.get_by_role("button", name=f"Copy {number}").click()
    expect(page.locator(".announcer")).to_have_text(f"Copied {number}")
    assert page.evaluate("navigator.clipboard.readText()") == number
    page = seat.open("/e/sandbox/events")
    page.locator("main tbody th a").first.click()
    payload = page.get_by_role("region", name="Payload").inner_text()
    page.get_by_role("button", name="Copy Payload").click()
    expect(page.locator(".announcer")).to_have_text("Copied Payload")
    assert page.evaluate("navigator.clipboard.readText()") == payload
    page = seat.open("/connectors/shopee?tab=sandbox")
    address = page.get_by_label("Push URL", exact=True).input_value()
    page.get_by_role("button", name=f"Copy {address}", exact=True).click()
    wait_until(lambda: page.evaluate("navigator.clipboard.readText()") == address, message="nothing was copied")
    assert seat.complaints == []


def test_a_time_is_told_in_full_under_the_pointer_and_the_focus(busy: Installation, sit: Sit) -> None:
    seat = sit()
    seat.sign_in()
    page = seat.open("/e/sandbox/orders")
    tip = page.get_by_role("tooltip")
    page.locator("main time").first.hover()
    expect(tip).to_have_text(re.compile(r"^\d{4}-\d\d-\d\d \d\d:\d\d:\d\d UTC"))
    page.keyboard.press("Escape")
    expect(tip).to_be_hidden()
    page.keyboard.press("j")
    expect(tip).to_contain_text(re.compile(r"Changed: \d{4}-\d\d-\d\d .* UTC"))
    expect(page.locator("main tbody a:focus")).to_have_attribute("aria-describedby", "time-tip")
    assert seat.complaints == []


def test_a_time_is_told_in_the_zone_that_one_chose_and_in_utc(busy: Installation, sit: Sit) -> None:
    """Also the charts' axes; the server says the same where no script runs."""
    seat = sit()
    seat.sign_in()
    page = seat.open("/account")
    page.get_by_label("Show times of").select_option("Asia/Jakarta")
    page.locator("#time-zone").get_by_role("button", name="Save").click()
    expect(page.get_by_role("status")).to_contain_text("Times are shown in your time zone now.")
    page = seat.open("/e/sandbox/orders")
    time = page.locator("main time").first
    utc = datetime.fromisoformat(str(time.get_attribute("datetime")))
    there = utc.astimezone(ZoneInfo("Asia/Jakarta"))
    time.hover()
    told = f"{there:%Y-%m-%d %H:%M:%S} Asia/Jakarta · {utc:%Y-%m-%d %H:%M:%S} UTC"
    expect(page.get_by_role("tooltip")).to_have_text(told)
    page = seat.open("/e/sandbox/home")
    expect(page.locator(".uplot").first).to_be_visible()
    expect(page.get_by_text("Times are Asia/Jakarta.")).to_be_visible()
    assert seat.complaints == []


def test_a_form_that_cannot_be_sent_is_kept_and_says_so(busy: Installation, sit: Sit) -> None:
    seat = sit()
    seat.sign_in()
    page = seat.open("/connectors/shopee?tab=live")
    page.locator("#f-partner_id").fill("123456")
    page.context.set_offline(True)
    save = page.get_by_role("button", name=re.compile("Save .* credentials"))
    save.click()
    expect(page.get_by_role("alert")).to_contain_text("Kedai cannot be reached")
    expect(page.locator("#f-partner_id")).to_have_value("123456")
    page.context.set_offline(False)
    save.click()
    expect(page.get_by_role("status").filter(has_text="Saved.")).to_be_visible()
    expect(page.locator("#f-partner_id")).to_have_value("123456")


def test_who_was_signed_out_keeps_what_they_typed(busy: Installation, sit: Sit) -> None:
    seat = sit()
    seat.sign_in()
    page = seat.open("/connectors/shopee?tab=live")
    page.locator("#f-partner_id").fill("123456")
    expect(page.locator(".live")).to_have_attribute("data-state", "live")
    other = page.context.new_page()
    other.goto(page.url)
    other.get_by_role("button", name="Sign out").click()
    other.wait_for_url("**/login*")
    other.close()
    expect(page.locator(".live")).to_have_attribute("data-state", "out", timeout=20_000)
    page.get_by_role("button", name=re.compile("Save .* credentials")).click()
    expect(page.get_by_role("alert")).to_contain_text("You were signed out meanwhile")
    expect(page.locator("#f-partner_id")).to_have_value("123456")


def test_a_form_is_sent_once_however_often_one_presses(busy: Installation, sit: Sit) -> None:
    seat = sit()
    seat.sign_in()
    page = seat.open("/e/sandbox/orders")
    page.locator("main tbody th a").first.click()
    sent: list[str] = []
    page.on("request", lambda one: sent.append(one.url) if one.method == "POST" else None)
    page.evaluate(
        "const one = [...document.querySelectorAll('button')].find(one => one.textContent.includes('Fetch again'));"
        "one.click(); one.click(); one.click()"
    )
    expect(page.locator("main .alert").first).to_be_visible()
    assert len(sent) == 1


def test_d27_a_form_that_is_under_way_is_busy_and_its_button_rests(busy: Installation, sit: Sit) -> None:
    seat = sit()
    seat.sign_in()
    page = seat.open("/e/sandbox/orders")
    page.locator("main tbody th a").first.click()
    held: list[Route] = []
    page.route("**/fetches", lambda route: held.append(route))  # noqa: PLW0108  Playwright cannot mark a builtin
    told = page.evaluate(
        "async () => {"
        "const one = [...document.querySelectorAll('button')].find(one => one.textContent.includes('Fetch again'));"
        "one.click(); await new Promise(done => setTimeout(done, 200));"
        "return [one.disabled, one.form.getAttribute('aria-busy')] }"
    )
    assert told == [True, "true"]
    held[0].continue_()
    expect(page.locator("main .alert").first).to_be_visible()
    expect(page.locator("form[aria-busy]")).to_have_count(0)


def test_leaving_what_was_typed_is_asked_about(busy: Installation, sit: Sit) -> None:
    seat = sit()
    seat.sign_in()
    page = seat.open("/connectors/shopee?tab=live")
    page.locator("#f-partner_id").click()
    page.keyboard.type("9")
    page.get_by_role("link", name="Home").click()
    wait_until(lambda: bool(page.title()) and any("dialog" in one for one in seat.complaints), message="nobody asked")
    assert "/connectors/shopee" in page.url


def test_charts_are_drawn_from_the_table_in_both_themes_and_any_width(busy: Installation, sit: Sit) -> None:
    seat = sit()
    seat.sign_in()
    for theme in ("light", "dark"):
        page = seat.open("/e/sandbox/home?range=hour")
        for width in (1440, 320):
            seat.change_window(width, theme)
            expect(page.locator("#charts canvas")).to_have_count(4)
            assert overflow(page) <= 0
            seat.shoot(f"charts-{theme}-{width}")
    assert seat.complaints == []
