"""Merchants on the connection page: listed with how they stand, confirmed, disconnected, and warned of on home."""

from __future__ import annotations

from datetime import timedelta

import pytest
import sqlalchemy as sa

from kedai.cli import env
from kedai.staff.roles import Role
from kedai.sync import grants
from kedai.values.credentials import Grant
from kedai.values.environment import Account, MerchantScope, Scope
from kedai.vault import held
from kedai.vault.models import HeldToken, Merchant, MerchantToken, Shop
from kedai.vault.oauth_states import Purpose
from kedai.vault.refresh import DuePair, list_due
from tests.feature.dashboard.browser import Browser
from tests.support.factories import ANNA, FAKE, LIVE, SANDBOX, SHOP, House

MERCHANT, ACCOUNT = "9001", "5001"
LIST = f"/connectors/{FAKE}?tab=sandbox"
HERE = f"/connectors/{FAKE}/merchants/{MERCHANT}"
SCOPE = MerchantScope(FAKE, SANDBOX, MERCHANT)


@pytest.fixture
def shop(house: House) -> House:
    """A connected shop and a connected merchant of one main account."""
    house.configure(SANDBOX)
    house.connect(SANDBOX)
    house.connect_merchant(SANDBOX, MERCHANT, main_account_id=ACCOUNT)
    house.execute(sa.update(Merchant).values(name="Toko <b>Group", region="SG"))
    house.execute(sa.update(Shop).values(main_account_id=ACCOUNT))
    return house


def merchant_state(shop: House) -> str:
    return str(shop.scalar(sa.select(Merchant.state)))


def test_merchants_are_listed_with_their_shops_and_how_they_stand(shop: House, admin: Browser) -> None:
    until = shop.now + timedelta(days=100)
    shop.execute(sa.update(Merchant).values(authorized_until=until))
    page = admin.get(LIST)
    (row,) = [one for one in page.rows() if MERCHANT in one]
    assert "Toko &lt;b&gt;Group" in row
    for words in ("SG", "Connected", "Valid", f"{until:%Y-%m-%d}", f"/connectors/{FAKE}/shops/{SHOP}?env=sandbox"):
        assert words in row, words
    assert 'name="merchant_id"' in row
    assert "Merchants" not in admin.get(f"/connectors/{FAKE}?tab=live").words


def test_a_pending_merchant_is_accepted_by_typing_its_id(shop: House, admin: Browser) -> None:
    shop.execute(sa.update(Merchant).values(state="pending"))
    assert "yours?" in admin.get(LIST).words
    refused = admin.post(f"{HERE}/confirm?env=sandbox", {"typed": SHOP})
    assert (refused.status, "Type the merchant's id exactly as it is shown." in refused.words) == (422, True)
    assert merchant_state(shop) == "pending"
    page = admin.follow(admin.post(f"{HERE}/confirm?env=sandbox", {"typed": f" {MERCHANT} "}))
    assert "The merchant is connected." in page.words
    again = admin.post(f"{HERE}/confirm?env=sandbox", {"typed": MERCHANT})
    assert (again.status, "This merchant is connected, not pending." in again.words) == (409, True)


def test_a_merchant_is_disconnected_by_typing_its_id(shop: House, admin: Browser) -> None:
    refused = admin.post(f"{HERE}/disconnect?env=sandbox", {"typed": SHOP})
    assert (refused.status, merchant_state(shop)) == (422, "connected")
    page = admin.follow(admin.post(f"{HERE}/disconnect?env=sandbox", {"typed": MERCHANT}))
    assert "The merchant is disconnected." in page.words
    assert shop.scalar(sa.select(sa.func.count()).select_from(MerchantToken)) == 0
    assert shop.shop_state() == "connected"
    assert admin.post(f"{HERE}/disconnect?env=sandbox", {"typed": MERCHANT}).status == 409


def test_a_merchant_is_paused_and_goes_on_and_its_tokens_stay(shop: House, admin: Browser) -> None:
    page = admin.follow(admin.post(f"{HERE}/pause?env=sandbox"))
    assert ("The merchant is paused." in page.words, merchant_state(shop)) == (True, "paused")
    assert f'aria-label="Resume merchant {MERCHANT}"' in page.text
    again = admin.post(f"{HERE}/pause?env=sandbox")
    assert (again.status, "This merchant is paused: it cannot be paused now." in again.words) == (409, True)
    assert shop.scalar(sa.select(sa.func.count()).select_from(MerchantToken)) == 1
    shop.execute(sa.update(MerchantToken).values(refresh_expires_at=shop.now + timedelta(days=5)))
    assert [one.scope for one in due(shop)] == [SCOPE]
    page = admin.follow(admin.post(f"{HERE}/resume?env=sandbox"))
    assert ("The merchant goes on." in page.words, merchant_state(shop)) == (True, "connected")
    assert admin.post(f"{HERE}/resume?env=sandbox").status == 409
    assert admin.post(f"/connectors/{FAKE}/merchants/{SHOP}/pause?env=sandbox").status == 404
    assert admin.post(f"{HERE}/pause?env=live").status == 404


def test_the_environments_command_lists_its_merchants(shop: House) -> None:
    shown = env._details(shop.runtime, FAKE, SANDBOX)
    assert shown["merchants"] == [{"merchant_id": MERCHANT, "name": "Toko <b>Group", "state": "connected"}]
    assert env._plain(shown["merchants"]) == f"{MERCHANT} (connected)"
    assert env._plain(shown["shops"]) == f"{SHOP} (connected)"
    assert env._details(shop.runtime, FAKE, LIVE)["merchants"] == []


def due(shop: House) -> list[DuePair]:
    with shop.db.read() as db:
        return list_due(db, expires_before=shop.now + timedelta(days=10))


def test_a_newer_permission_that_is_kept_aside_is_explained_and_taken(shop: House, admin: Browser) -> None:
    tokens = shop.market.issue(SANDBOX, "m", shop.now)
    owners: list[Account] = [Scope(FAKE, SANDBOX, SHOP), SCOPE]
    with shop.db.write() as db:
        for owner in owners:
            sealed = held.seal_held(db, shop.parts.ring, owner, tokens)
            held.hold(db, owner, "1001", sealed, main_account_id=ACCOUNT, now=shop.now)
    page = admin.get(LIST)
    assert page.words.count("is kept aside") == 2
    assert admin.get("/e/sandbox/home").words.count("is kept aside") == 2
    place = f"/connectors/{FAKE}/shops/{SHOP}/confirm?env=sandbox"
    assert admin.post(place, {"typed": MERCHANT}).status == 422
    assert admin.post(place, {"typed": SHOP}).status == 303
    assert admin.post(f"{HERE}/confirm?env=sandbox", {"typed": MERCHANT}).status == 303
    assert shop.scalar(sa.select(sa.func.count()).select_from(HeldToken)) == 0
    page = admin.get(LIST)
    assert "is kept aside" not in page.words + admin.get("/e/sandbox/home").words
    assert page.words.count("shared with its main account until it is renewed") == 2


def test_what_is_being_set_up_is_told_with_its_progress(shop: House, admin: Browser) -> None:
    grant = Grant(shop.market.issue(SANDBOX, "m", shop.now), ("7002", "7003"), ())
    with shop.db.write() as db:
        facts = grants.Facts("1001", ACCOUNT, grant, Purpose("add", None, None), ANNA, shop.now)
        assert grants.keep(shop.parts, db, FAKE, SANDBOX, facts, now=shop.now) == "pending_confirmation"
    assert "What a main account granted is being set up: 0 of 2 done." in admin.get(LIST).words
    runs = admin.get("/e/sandbox/runs")
    assert "Set up what was granted" in runs.words
    assert f"main account {ACCOUNT}" in runs.words


def test_reconnecting_names_a_merchant_of_this_environment(shop: House, admin: Browser) -> None:
    assert admin.post(f"/connectors/{FAKE}/connect?env=sandbox", {"merchant_id": MERCHANT}).status == 303
    for odd in ("999", SHOP, "\u202e", "\0"):
        assert admin.post(f"/connectors/{FAKE}/connect?env=sandbox", {"merchant_id": odd}).status == 404, odd


@pytest.mark.parametrize(
    ("state", "left", "level", "words"),
    [
        ("connected", timedelta(days=31), None, ""),
        ("connected", timedelta(days=29), "warn", "ends soon"),
        ("connected", timedelta(days=6), "bad", "ends soon"),
        ("connected", timedelta(days=-1), "bad", "has ended"),
        ("pending", None, "warn", "waits for you"),
        ("needs_reauth", None, "bad", "must be connected again"),
        ("disconnected", None, None, ""),
    ],
)
def test_home_tells_what_is_wrong_with_a_merchant(
    shop: House, admin: Browser, state: str, left: timedelta | None, level: str | None, words: str
) -> None:
    until = None if left is None else shop.now + left
    shop.execute(sa.update(Merchant).values(state=state, authorized_until=until))
    home = admin.get("/e/sandbox/home")
    assert ("Fake merchant Toko <b>Group" in home.words) is (level is not None)
    if level is not None:
        assert f'<li class="{level}">' in home.text
        assert words in home.words


def test_a_viewer_may_look_and_no_more(shop: House, browser: Browser) -> None:
    browser.sign_in(Role.VIEWER)
    page = browser.get(LIST)
    assert MERCHANT in page.words
    assert "/merchants/" not in page.text
    for verb in ("confirm", "disconnect"):
        assert browser.post(f"{HERE}/{verb}?env=sandbox", {"typed": MERCHANT}).status == 403


def test_a_merchant_of_one_environment_or_a_shops_number_is_not_found(shop: House, admin: Browser) -> None:
    for path in (f"{HERE}/confirm?env={LIVE}", f"/connectors/{FAKE}/merchants/{SHOP}/confirm?env=sandbox"):
        assert admin.post(path, {"typed": MERCHANT}).status == 404
    for odd in ("999", "%00", "%E2%80%AE"):
        assert admin.post(f"/connectors/{FAKE}/merchants/{odd}/disconnect?env=sandbox").status == 404
    assert admin.post(f"{HERE}/disconnect", {"typed": MERCHANT}).status == 422
    assert merchant_state(shop) == "connected"


@pytest.mark.parametrize(
    ("left", "words"),
    [(timedelta(days=31), None), (timedelta(days=29), "ends soon"), (-timedelta(days=1), "has ended")],
)
def test_end_of_an_authorisation_is_warned_of_on_the_home_page(
    shop: House, admin: Browser, left: timedelta, words: str | None
) -> None:
    """Breaks where `health._of_authorization` says nothing of shops or of merchants."""
    for table in (Shop, Merchant):
        shop.execute(sa.update(table).values(authorized_until=shop.now + left))
    page = admin.get("/e/sandbox/home").words
    assert page.count("The authorisation of Fake ") == (0 if words is None else 2)
    for who in (f"shop Shop {SHOP}", "merchant Toko <b>Group"):
        assert (words is not None) == (f"The authorisation of Fake {who} {words}" in page)
