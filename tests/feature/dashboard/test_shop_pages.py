"""D32, D33: the page of one shop: how it is doing, and pause, resume and disconnect by forms alone."""

from __future__ import annotations

from datetime import timedelta

import pytest
import sqlalchemy as sa

from kedai.calls import rates
from kedai.staff.roles import Role
from kedai.values.pace import APP_ACCOUNT, BucketKey, shop_account
from kedai.vault.models import AuthToken, Shop
from kedai.web.dashboard.formats import stamp
from tests.feature.dashboard.browser import Browser, store_orders
from tests.support.factories import COMPLETE, FAKE, LIVE, SANDBOX, SHOP, House, incoming, snapshot

HERE = f"/connectors/{FAKE}/shops/{SHOP}"
LIST = f"/connectors/{FAKE}?tab=sandbox"


@pytest.fixture
def shop(house: House) -> House:
    """Two shops of the sandbox."""
    house.configure(SANDBOX)
    house.connect(SANDBOX)
    house.connect(SANDBOX, "7002")
    return house


def test_the_list_leads_to_each_shops_page(shop: House, admin: Browser) -> None:
    links = admin.get(LIST).links()
    for shop_id in (SHOP, "7002"):
        assert f"/connectors/{FAKE}/shops/{shop_id}?env=sandbox" in links


def test_a_shop_is_paused_and_resumed_and_what_waits_is_shown(shop: House, admin: Browser) -> None:
    page = admin.follow(admin.post(f"{HERE}/pause?env=sandbox"))
    assert "The shop is paused." in page.words
    assert "Resume" in page.words
    shop.deliver(incoming("O1"), incoming("O2"))
    shop.work(batches=5)
    page = admin.get(f"{HERE}?env=sandbox")
    assert "Events that wait 2 , the oldest just now" in page.words
    assert f"/e/sandbox/events?state=received&shop={SHOP}" in page.links()
    assert "2 waiting, oldest just now" in admin.get(LIST).words
    assert admin.post(f"{HERE}/pause?env=sandbox").status == 409
    after = admin.follow(admin.post(f"{HERE}/resume?env=sandbox"))
    assert "The shop goes on." in after.words
    refused = admin.post(f"{HERE}/resume?env=sandbox")
    assert (refused.status, "cannot be resumed now" in refused.words) == (409, True)


def test_a_shop_is_disconnected_by_typing_its_id(shop: House, admin: Browser) -> None:
    refused = admin.post(f"{HERE}/disconnect?env=sandbox", {"typed": "7002"})
    assert (refused.status, "Type the shop's id exactly as it is shown." in refused.words) == (422, True)
    assert shop.shop_state() == "connected"
    page = admin.follow(admin.post(f"{HERE}/disconnect?env=sandbox", {"typed": f" {SHOP} "}))
    assert "The shop is disconnected." in page.words
    assert "Connect again" in page.words
    assert "Type the shop ID to disconnect" not in page.words
    assert shop.scalar(sa.select(sa.func.count()).select_from(AuthToken)) == 1
    assert shop.shop_state(SANDBOX, "7002") == "connected"


def test_the_last_shop_of_the_active_environment_is_kept_and_told_why(shop: House, admin: Browser) -> None:
    shop.execute(sa.text("UPDATE environment_credentials SET shop_id = NULL"))
    shop.execute(sa.update(Shop).where(Shop.shop_id == "7002").values(state="disconnected"))
    for verb in ("pause", "disconnect"):
        refused = admin.post(f"{HERE}/{verb}?env=sandbox", {"typed": SHOP})
        assert (refused.status, "It is the last connected shop" in refused.words) == (409, True)
    assert shop.shop_state() == "connected"


@pytest.mark.parametrize(
    ("left", "level", "words"),
    [
        (timedelta(days=31), None, "Valid"),
        (timedelta(days=29), "warn", "ends soon"),
        (timedelta(days=6), "bad", "ends soon"),
        (timedelta(days=-1), "bad", "has ended"),
    ],
)
def test_the_end_of_the_authorisation_is_told_on_home_from_thirty_days_on(
    shop: House, admin: Browser, left: timedelta, level: str | None, words: str
) -> None:
    shop.execute(sa.update(Shop).where(Shop.shop_id == SHOP).values(authorized_until=shop.now + left))
    home = admin.get("/e/sandbox/home")
    assert ("The authorisation of" in home.words) is (level is not None)
    if level is not None:
        assert f'<li class="{level}">' in home.text
        assert f"{words}" in home.words
    assert "Authorisation" in admin.get(f"{HERE}?env=sandbox").words


def test_d33_both_ends_of_a_token_are_told_and_the_way_to_connect_again(shop: House, admin: Browser) -> None:
    access, refresh = shop.now + timedelta(hours=3), shop.now + timedelta(days=6)
    shop.execute(sa.update(AuthToken).values(access_expires_at=access, refresh_expires_at=refresh))
    words = admin.get(f"{HERE}?env=sandbox").words
    assert f"Valid until {access:%Y-%m-%d %H:%M:%S} UTC (in 3 h)" in words
    assert f"Renewable until {refresh:%Y-%m-%d %H:%M:%S} UTC (in 6 days)" in words
    assert f"Last renewed {shop.now:%Y-%m-%d %H:%M:%S} UTC" in words
    assert f"by {refresh - timedelta(days=10):%Y-%m-%d %H:%M:%S} UTC at the latest" in words
    page = admin.get(f"/connectors/{FAKE}?tab=sandbox")
    (row,) = [one for one in page.rows() if f"shops/{SHOP}?" in one]
    assert 'class="small late">renewable until' in row
    assert "Reconnect" in row


def test_d33_only_a_renewal_that_was_stored_is_the_last_one(shop: House, admin: Browser) -> None:
    (before, begun) = (shop.now, shop.now + timedelta(hours=1))
    row = {"refresh_intent_at": begun, "refresh_intent_by": "a worker"}
    for generation, renewed_at in ((sa.column("generation"), before), (sa.column("generation") - 1, begun)):
        shop.execute(sa.update(AuthToken).values(refresh_intent_generation=generation, **row))
        assert f"Last renewed {renewed_at:%Y-%m-%d %H:%M:%S} UTC" in admin.get(f"{HERE}?env=sandbox").words


def test_a_failed_call_is_shown(shop: House, admin: Browser) -> None:
    shop.execute(sa.update(Shop).values(last_call_at=shop.now, last_call_problem="<b>refused</b>"))
    page = admin.get(f"{HERE}?env=sandbox")
    assert "It failed: <b>refused</b>" in page.words
    assert "<b>refused" not in page.text


def test_f25_calls_that_are_used_up_are_told_with_when_they_go_on(shop: House, admin: Browser) -> None:
    """On home, on the shop's page and in the list of shops; the other shop is not concerned."""
    until = (shop.now + timedelta(hours=5)).replace(microsecond=0)
    for account in (shop_account(SHOP), APP_ACCOUNT):
        key = BucketKey(FAKE, SANDBOX, COMPLETE["partner_id"], account)
        shop.db.transact(
            lambda db, key=key: rates.rest_for_the_day(
                db, key, 5 * 3600.0, shop.parts.settings.pace, now=until - timedelta(hours=5)
            )  # type: ignore[misc]
        )
    home = admin.get("/e/sandbox/home").words
    assert (
        f"Fake takes no more calls today for shop Shop {SHOP} Sandbox in 5 h Paused until {stamp(until, zone='UTC')}."
        in home
    )
    assert "Fake takes no more calls today for the app itself" in home
    assert "calls today for shop Shop 7002" not in home
    assert f"Paused until {stamp(until, zone='UTC')}" in admin.get(f"{HERE}?env=sandbox").words
    assert "Paused until" not in admin.get(f"/connectors/{FAKE}/shops/7002?env=sandbox").words
    (row,) = [one for one in admin.get(LIST).rows() if "used up" in one]
    assert SHOP in row
    shop.clock.advance(timedelta(hours=5, seconds=1))
    assert "no more calls" not in admin.get("/e/sandbox/home").words
    assert "used up" not in admin.get(LIST).words


def test_another_shop_than_the_credentials_name_is_said_so(shop: House, admin: Browser) -> None:
    other = admin.get(f"/connectors/{FAKE}/shops/7002?env=sandbox")
    assert f"name shop {SHOP} . This is another one" in other.words
    assert "This is another one" not in admin.get(f"{HERE}?env=sandbox").words


def test_a_viewer_may_look_and_no_more(shop: House, browser: Browser) -> None:
    browser.sign_in(Role.VIEWER)
    page = browser.get(f"{HERE}?env=sandbox")
    assert "Somebody with the operator role can pause or disconnect it." in page.words
    assert "/pause" not in page.text
    for verb in ("pause", "resume", "disconnect"):
        assert browser.post(f"{HERE}/{verb}?env=sandbox").status == 403


@pytest.mark.parametrize("path", ["999", "%00", "%E2%80%AE"])
def test_ids_that_no_shop_has_are_not_found(shop: House, admin: Browser, path: str) -> None:
    assert admin.get(f"/connectors/{FAKE}/shops/{path}?env=sandbox").status == 404
    assert admin.post(f"/connectors/{FAKE}/shops/{path}/pause?env=sandbox").status == 404


def test_a_shop_of_one_environment_is_not_found_in_the_other(shop: House, admin: Browser) -> None:
    assert admin.get(f"{HERE}?env=live").status == 404
    assert admin.post(f"{HERE}/pause?env=live").status == 404
    assert admin.post(f"{HERE}/pause").status == 422
    assert shop.shop_state(LIVE) is None


def test_orders_are_filtered_by_shop(shop: House, admin: Browser) -> None:
    store_orders(shop, snapshot("FIRST"))
    store_orders(shop, snapshot("SECOND"), shop_id="7002")
    page = admin.get("/e/sandbox/orders")
    assert ("FIRST" in page.words, "SECOND" in page.words) == (True, True)
    assert '<option value="7002">' in page.text
    page = admin.get("/e/sandbox/orders?shop=7002")
    assert ("FIRST" in page.words, "SECOND" in page.words) == (False, True)
    assert '<option value="7002" selected>' in page.text


def test_after_a_switch_the_page_says_that_orders_are_caught_up(shop: House, admin: Browser) -> None:
    shop.configure(LIVE)
    shop.connect(LIVE)
    shop.switch(LIVE)
    page = admin.get(f"/connectors/{FAKE}?tab=live")
    assert "Orders of 1 shop are being caught up." in page.words
    assert "Catch up on orders" in admin.get("/e/live/runs").words
    assert f"shop {SHOP}" in admin.get("/e/live/runs").words
