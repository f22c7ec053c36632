"""A passkey from making it to step-up, with a real browser and the device that Chromium plays."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import CDPSession, Page, expect

from tests.browser.conftest import EMAIL, PASSWORD, Seat, Sit
from tests.browser.test_people import grow_old, shoot_everywhere
from tests.support.installation import Installation

pytestmark = [pytest.mark.browser, pytest.mark.xdist_group("browser")]


@pytest.fixture
def installation(sqlite_template: Path, tmp_path: Path) -> Iterator[Installation]:
    """Under a host name: browsers make no passkeys for a bare address."""
    with Installation(tmp_path, sqlite_template=sqlite_template, with_simulator=False) as opened:
        opened.url = f"http://localhost:{opened.port}"
        opened.add_person(EMAIL, PASSWORD)
        opened.start()
        yield opened


def plug_in(page: Page) -> tuple[CDPSession, str]:
    """A device with a screen lock, which its owner unlocks."""
    devices = page.context.new_cdp_session(page)
    devices.send("WebAuthn.enable")
    options = {"protocol": "ctap2", "transport": "internal", "hasResidentKey": True, "hasUserVerification": True}
    made = devices.send("WebAuthn.addVirtualAuthenticator", {"options": {**options, "isUserVerified": True}})
    return devices, made["authenticatorId"]


def add_passkey(seat: Seat, name: str) -> None:
    seat.open("/account")
    seat.page.get_by_label("Name", exact=True).fill(name)
    seat.page.get_by_role("button", name="Add a passkey").click()


def test_a_passkey_from_making_it_to_step_up_and_its_end(installation: Installation, sit: Sit) -> None:
    seat = sit()
    page = seat.page
    devices, device = plug_in(page)
    seat.sign_in()
    seat.open("/account")
    shoot_everywhere(seat, "passkeys-none")
    add_passkey(seat, "my laptop")
    expect(page.get_by_role("status")).to_contain_text("The passkey was added.")
    expect(page.get_by_role("rowheader", name="my laptop")).to_be_visible()
    shoot_everywhere(seat, "passkeys-one")
    add_passkey(seat, "the same device")
    expect(page.get_by_role("alert")).to_have_text("This device holds a passkey for this account already.")

    page.get_by_role("button", name="Sign out").click()
    expect(page.get_by_role("button", name="Sign in with a passkey")).to_be_visible()
    shoot_everywhere(seat, "login-passkey")
    page.get_by_role("button", name="Sign in with a passkey").click()
    page.wait_for_url("**/home")

    grow_old(installation)
    seat.open("/staff")
    page.get_by_label("E-mail address").fill("budi@toko.example")
    page.get_by_role("button", name="Add", exact=True).click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Confirm that it is you")
    shoot_everywhere(seat, "confirm-passkey")
    page.get_by_role("button", name="Confirm with a passkey").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Staff")
    page.get_by_label("E-mail address").fill("budi@toko.example")
    page.get_by_role("button", name="Add", exact=True).click()
    expect(page.get_by_role("list", name="First password")).to_be_visible()

    devices.send("WebAuthn.setUserVerified", {"authenticatorId": device, "isUserVerified": False})
    page.get_by_role("button", name="Sign out").click()
    page.get_by_role("button", name="Sign in with a passkey").click()
    expect(page.get_by_role("alert")).to_have_text("Nothing was done: it was cancelled, or took too long.")
    shoot_everywhere(seat, "login-passkey-cancelled")
    devices.send("WebAuthn.setUserVerified", {"authenticatorId": device, "isUserVerified": True})
    page.get_by_role("button", name="Sign in with a passkey").click()
    page.wait_for_url("**/home")

    seat.open("/account")
    page.get_by_role("button", name="Remove the passkey my laptop").click()
    expect(page.get_by_role("status")).to_contain_text("Your last passkey was removed.")
    page.get_by_role("button", name="Sign out").click()
    page.get_by_role("button", name="Sign in with a passkey").click()
    expect(page.get_by_role("alert")).to_contain_text("The passkey's answer is not right.")
    shoot_everywhere(seat, "login-passkey-refused")
    assert seat.complaints == []


def test_without_script_the_password_works_and_no_dead_button_is_shown(installation: Installation, sit: Sit) -> None:
    seat = sit(script=False)
    seat.open("/login")
    expect(seat.page.get_by_role("button", name="Sign in with a passkey")).to_be_hidden()
    seat.sign_in()
    seat.open("/account")
    expect(seat.page.get_by_role("button", name="Add a passkey")).to_be_hidden()
    expect(seat.page.get_by_role("main")).to_contain_text("this page needs script")
    assert seat.complaints == []


def test_who_is_no_longer_fresh_is_led_to_prove_it_first(installation: Installation, sit: Sit) -> None:
    seat = sit()
    plug_in(seat.page)
    seat.sign_in()
    seat.open("/account")
    grow_old(installation)
    seat.page.get_by_label("Name", exact=True).fill("too late")
    seat.page.get_by_role("button", name="Add a passkey").click()
    expect(seat.page.get_by_role("heading", level=1)).to_have_text("Confirm that it is you")
    seat.page.get_by_label("Password").fill(PASSWORD)
    seat.page.get_by_role("button", name="Confirm").click()
    expect(seat.page.get_by_role("heading", level=1)).to_have_text("Your account")
    assert seat.complaints == []
