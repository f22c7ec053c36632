"""Signing in with a code, and proving once more who one is, in a real browser without script."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta

import pyotp
import pytest
import sqlalchemy as sa
from playwright.sync_api import expect

from kedai.staff.models import Staff, StaffSession
from tests.browser.conftest import EMAIL, PASSWORD, Seat, Sit, overflow
from tests.support.installation import Installation

pytestmark = [pytest.mark.browser, pytest.mark.xdist_group("browser")]

WINDOWS = ((1440, "light"), (1440, "dark"), (375, "light"), (375, "dark"))


def grow_old(installation: Installation) -> None:
    """As if everybody had proved who they are an hour ago."""
    hour_ago = datetime.now(UTC) - timedelta(hours=1)
    with installation.database.write() as db:
        db.execute(sa.update(StaffSession).values(confirmed_at=hour_ago))


def forget_steps(installation: Installation) -> None:
    """As if half a minute had passed, so that the app shows another code than the one that was used."""
    with installation.database.write() as db:
        db.execute(sa.update(Staff).values(totp_last_step=None))


def shoot_everywhere(seat: Seat, name: str) -> None:
    """The page as it stands, at desktop and phone width, light and dark."""
    for width, theme in WINDOWS:
        seat.change_window(width, theme)
        assert overflow(seat.page) <= 0, (name, width)
        seat.shoot(f"{name}-{width}-{theme}")
    seat.change_window(1440, "light")


def test_a_second_factor_from_setting_it_up_to_step_up(installation: Installation, sit: Sit) -> None:
    seat = sit(script=False)
    seat.sign_in()
    page = seat.page
    page.get_by_role("link", name=EMAIL).click()
    page.get_by_role("button", name="Set up a second factor").click()
    expect(page.get_by_role("img", name="QR code of the key below")).to_be_visible()
    shoot_everywhere(seat, "account-totp")
    app = pyotp.TOTP(page.locator("code.id").inner_text().replace(" ", ""))
    page.get_by_label("Then enter the code").fill(app.now())
    page.get_by_role("button", name="Turn it on").click()
    listed = page.get_by_role("list", name="Recovery codes").get_by_role("listitem")
    expect(listed).to_have_count(10)
    codes = listed.all_inner_texts()
    shoot_everywhere(seat, "recovery-codes")
    page.get_by_role("link", name="I have kept them").click()
    expect(page.get_by_role("main")).to_contain_text("10 recovery codes left")
    shoot_everywhere(seat, "account")

    page.get_by_role("button", name="Sign out").click()
    forget_steps(installation)
    page.get_by_label("E-mail address").fill(EMAIL)
    page.get_by_label("Password").fill(PASSWORD)
    page.get_by_role("button", name="Sign in").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Enter your code")
    shoot_everywhere(seat, "login-code")
    page.get_by_label("Code from your app").fill("000 000")
    page.get_by_role("button", name="Sign in").click()
    expect(page.get_by_role("alert")).to_contain_text("That code does not fit")
    page.get_by_label("Code from your app").fill(app.now())
    page.get_by_role("button", name="Sign in").click()
    page.wait_for_url("**/home")

    grow_old(installation)
    seat.open("/staff")
    page.get_by_label("E-mail address").fill("budi@toko.example")
    page.get_by_role("button", name="Add", exact=True).click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Confirm that it is you")
    shoot_everywhere(seat, "confirm")
    page.get_by_label("Password").fill(PASSWORD)
    page.get_by_label("Code from your app, or a recovery code").fill(codes[0])
    page.get_by_role("button", name="Confirm").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Staff")
    page.get_by_label("E-mail address").fill("budi@toko.example")
    page.get_by_role("button", name="Add", exact=True).click()
    first = page.get_by_role("list", name="First password").inner_text().strip()
    shoot_everywhere(seat, "staff-password")
    page.get_by_role("link", name="Done").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("budi@toko.example")
    shoot_everywhere(seat, "staff-person")
    seat.open("/staff")
    shoot_everywhere(seat, "staff")

    other = sit(script=False, width=375)
    other.open("/login")
    other.page.get_by_label("E-mail address").fill("budi@toko.example")
    other.page.get_by_label("Password").fill(first)
    other.page.get_by_role("button", name="Sign in").click()
    expect(other.page.get_by_role("heading", level=1)).to_have_text("Change password")
    other.page.get_by_label("New password").fill("a passphrase of my own")
    other.page.get_by_label("The same again").fill("a passphrase of my own")
    other.page.get_by_role("button", name="Change password").click()
    expect(other.page.get_by_role("status")).to_contain_text("Your password was changed.")
    assert (seat.complaints, other.complaints) == ([], [])


def test_a_late_form_loses_nothing_but_secrets(installation: Installation, sit: Sit) -> None:
    seat = sit(script=False)
    seat.sign_in()
    page = seat.open("/connectors/shopee?tab=sandbox")
    grow_old(installation)
    page.locator("#f-partner_id").fill("4711")
    page.get_by_role("button", name=re.compile("Save .* credentials")).click()
    expect(page.get_by_role("alert")).to_contain_text("Nothing was saved yet")
    expect(page.locator("#f-partner_id")).to_have_value("4711")
    shoot_everywhere(seat, "credentials-late")
    with page.context.expect_page() as opened:
        page.get_by_role("link", name="Confirm that it is you").click()
    opened.value.get_by_label("Password").fill(PASSWORD)
    opened.value.get_by_role("button", name="Confirm").click()
    opened.value.wait_for_url("**/connectors/shopee?**")
    page.get_by_role("button", name=re.compile("Save .* credentials")).click()
    expect(page.get_by_role("status")).to_contain_text("Saved. Changed: Partner ID.")
    assert seat.complaints == []


def test_the_audit_trail_is_filtered_and_taken_away(installation: Installation, sit: Sit) -> None:
    seat = sit(script=False)
    seat.sign_in()
    page = seat.open("/audit")
    page.get_by_label("What").fill("session")
    page.get_by_role("button", name="Filter").click()
    expect(page.get_by_role("row")).to_have_count(2)
    shoot_everywhere(seat, "audit")
    with page.expect_download() as download:
        page.get_by_role("button", name="CSV").click()
    assert download.value.suggested_filename.endswith(".csv")
    assert b"session.started" in download.value.path().read_bytes()
    seat.open("/tokens")
    page.get_by_label("What it is for").fill("till")
    page.get_by_role("button", name="Make a token").click()
    assert page.get_by_role("list", name="The token").inner_text().startswith("kedai_sandbox_")
    shoot_everywhere(seat, "token-made")
    seat.open("/tokens")
    shoot_everywhere(seat, "tokens")
    assert seat.complaints == []
