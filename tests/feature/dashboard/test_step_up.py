"""D4: dangerous acts ask a person for a fresh proof of who they are, on pages and on the JSON routes."""

from __future__ import annotations

from datetime import timedelta

import pyotp
import pytest
import sqlalchemy as sa

from kedai.kit.ids import parse_id, show_id
from kedai.runs.models import Run
from kedai.runs.service import create_run
from kedai.staff import queries
from kedai.staff.roles import Role
from kedai.staff.service import create_api_token
from kedai.sync import second_factor
from kedai.values.actor import COMMAND_LINE
from kedai.values.environment import Environment
from kedai.values.event import ParkedReason
from kedai.vault.queries import get_active_environment, get_credentials
from kedai.web.security import CONFIRMED_SPAN
from tests.feature.dashboard.browser import PASSWORD, Browser
from tests.support.factories import COMPLETE, FAKE, LIVE, SANDBOX, SHOP, House, incoming

HERE = f"/connectors/{FAKE}"
JSON = f"/admin/dashboard/connectors/{FAKE}"
SECOND = timedelta(seconds=1)


@pytest.fixture
def late(house: House, admin: Browser) -> Browser:
    """An administrator who proved who they are five minutes ago."""
    house.clock.advance(CONFIRMED_SPAN)
    return admin


def active(house: House) -> Environment:
    with house.db.read() as db:
        return get_active_environment(db, FAKE)


def confirm(browser: Browser, password: str = PASSWORD, **more: str) -> int:
    return browser.post("/confirm", {"password": password, "next": "/account", **more}).status


def test_just_before_five_minutes_nothing_is_asked(house: House, admin: Browser) -> None:
    house.clock.advance(CONFIRMED_SPAN - SECOND)
    assert admin.get("/account/password").status == 200
    house.clock.advance(SECOND)
    assert admin.get("/account/password").location == "/confirm?next=%2Faccount%2Fpassword"


def test_a_form_comes_back_to_its_own_page_and_nowhere_else(house: House, late: Browser) -> None:
    values = {"email": "new@example.com", "role": "viewer"}
    ours = late.post("/staff", values, referer="https://kedai.example/staff?x=1")
    assert ours.location == "/confirm?next=%2Fstaff%3Fx%3D1"
    for referer in ("https://evil.example/staff", "https://kedai.example.evil/x", "https://kedai.example//evil", ""):
        assert late.post("/staff", values, referer=referer).location == "/confirm?next=%2F", referer
    with house.db.read() as db:
        assert queries.find_staff_by_email(db, "new@example.com") is None


def test_after_the_password_it_goes_on_with_a_new_token(house: House, late: Browser) -> None:
    old = dict(late.cookies)
    page = late.post("/confirm", {"password": PASSWORD, "next": "/account/password"})
    assert late.follow(page).status == 200
    assert late.cookies != old
    late.cookies = old
    assert late.get("/account").location.startswith("/login")


def test_a_wrong_password_is_told_and_slows_down(house: House, late: Browser) -> None:
    page = late.post("/confirm", {"password": "another one", "next": "//evil.example"})
    assert page.status == 422
    assert "That password does not fit." in page.words
    assert page.value("next") == "/"
    assert [confirm(late, "wrong"), confirm(late, "wrong")] == [422, 422]
    assert confirm(late) == 422, "the fourth try waits"
    house.clock.advance(SECOND)
    assert confirm(late) == 303


def test_with_a_second_factor_the_code_is_asked_too(house: House, late: Browser) -> None:
    with house.db.write() as db:
        staff = queries.find_staff_by_email(db, "admin@example.com")
        assert staff is not None
        second_factor.begin(house.parts, db, staff, actor=COMMAND_LINE, now=house.now)
        secret = second_factor.find_waiting(house.parts, staff)
        assert secret is not None
        app = pyotp.TOTP(secret.reveal())
        second_factor.confirm(house.parts, db, staff, app.at(house.now), actor=COMMAND_LINE, now=house.now)
    house.clock.advance(timedelta(seconds=30))
    assert "Code from your app" in late.get("/confirm").words
    assert confirm(late) == 422
    assert confirm(late, code="000 000") == 422
    assert late.get("/account/password").status == 303
    assert confirm(late, code=app.at(house.now)) == 303
    assert late.get("/account/password").status == 200


def test_switching_to_live_asks_and_back_to_sandbox_does_not(house: House, late: Browser) -> None:
    house.configure(SANDBOX)
    house.configure(LIVE)
    assert late.get(f"{HERE}/switch?to=live").location.startswith("/confirm?next=")
    assert late.post(f"{HERE}/switch?to=live", {"confirm": "live"}).location.startswith("/confirm?next=")
    assert active(house) is SANDBOX
    house.switch(LIVE)
    assert late.get(f"{HERE}/switch?to=sandbox").status == 200
    late.post(f"{HERE}/switch?to=sandbox")
    assert active(house) is SANDBOX


def test_saving_credentials_asks_and_keeps_what_was_typed_but_for_secrets(house: House, late: Browser) -> None:
    version = late.get(f"{HERE}?tab=live").value("version")
    page = late.post(f"{HERE}/credentials?env=live", {**COMPLETE, "version": version, "partner_id": "4711"})
    assert page.status == 403
    assert page.value("partner_id") == "4711"
    assert COMPLETE["partner_key"] not in page.text
    assert f"/confirm?next=%2Fconnectors%2F{FAKE}%3Ftab%3Dlive" in page.links()
    with house.db.read() as db:
        assert get_credentials(db, FAKE, LIVE).partner_id is None
    confirm(late)
    saved = late.post(f"{HERE}/credentials?env=live", {**COMPLETE, "version": page.value("version")})
    assert "Saved." in late.follow(saved).words


def test_a_page_with_a_dangerous_form_says_so_before_anything_is_typed(house: House, late: Browser) -> None:
    for path in (HERE, "/staff", "/tokens"):
        assert "Confirm that it is you" in late.get(path).words, path
    confirm(late)
    for path in (HERE, "/staff", "/tokens"):
        assert "Confirm that it is you" not in late.get(path).words, path


def as_json(browser: Browser, method: str, path: str, body: str) -> int:
    headers = {"content-type": "application/json", "sec-fetch-site": "same-origin"}
    return browser._send(method, path, headers, body.encode()).status


def test_json_routes_refuse_a_session_that_is_not_fresh(house: House, late: Browser) -> None:
    house.configure(LIVE)
    headers = {"content-type": "application/json", "sec-fetch-site": "same-origin"}
    for method, path, body in (
        ("PATCH", f"{JSON}?env=live", b'{"region":"MY"}'),
        ("DELETE", f"{JSON}/secrets/partner_key?env=live", b""),
        ("POST", f"{JSON}/active-environment", b'{"environment":"live","confirm":"live"}'),
    ):
        page = late._send(method, path, headers, body)
        assert (page.status, '"code":"step_up_required"' in page.text.replace(" ", "")) == (403, True), path
    assert active(house) is SANDBOX
    with house.db.read() as db:
        assert get_credentials(db, FAKE, LIVE).region == "SG"


def test_json_switch_takes_the_password_along(house: House, late: Browser) -> None:
    house.configure(LIVE)
    house.certify()
    body = '{{"environment":"live","confirm":"live","password":"{}"}}'
    path = f"{JSON}/active-environment"
    assert as_json(late, "POST", path, body.format("another one")) == 422
    assert active(house) is SANDBOX
    assert as_json(late, "POST", path, body.format(PASSWORD)) == 200
    assert active(house) is LIVE
    assert late.get("/account/password").status == 303, "it was for this one act"


def test_json_confirmation_makes_a_session_fresh(house: House, late: Browser) -> None:
    path = "/admin/dashboard/confirmations"
    assert as_json(late, "POST", path, '{"password":"another one"}') == 422
    assert as_json(late, "POST", path, '{"password":"x","is_admin":true}') == 422
    old = dict(late.cookies)
    assert as_json(late, "POST", path, f'{{"password":"{PASSWORD}"}}') == 204
    assert late.cookies != old
    assert as_json(late, "PATCH", f"{JSON}?env=live", '{"region":"MY"}') == 200


def test_somebody_elses_password_confirms_nothing(house: House, late: Browser) -> None:
    other = Browser(house)
    other.sign_in(Role.VIEWER)  # all people of the tests share a password, so the account decides
    house.clock.advance(CONFIRMED_SPAN)
    assert confirm(other) == 303
    assert late.get("/account/password").status == 303


def test_unsealing_asks_once_the_name_was_typed(house: House, late: Browser) -> None:
    assert late.post("/quarantine/unseal?env=live", {"confirm": "LIVE"}).status == 422
    assert late.post("/quarantine/unseal?env=live", {"confirm": "live"}).location.startswith("/confirm?next=")


def test_discarding_all_parked_events_asks_before_anything_is_shown(house: House, late: Browser) -> None:
    house.configure(LIVE)
    house.deliver(incoming("ORDER1", environment=LIVE, parked=ParkedReason.INACTIVE_ENVIRONMENT))
    path, form = "/e/live/parked/discard", {"reason": "inactive_environment"}
    assert late.get(path).location == "/confirm?next=%2Fe%2Flive%2Fparked%2Fdiscard"
    assert late.post(path, form).location.startswith("/confirm?next=")
    json_path = f"/api/v1/live/connectors/{FAKE}/parked-events/discards"
    assert as_json(late, "POST", json_path, "{}") == 403
    assert house.scalar(sa.select(sa.func.count()).select_from(Run)) == 0
    confirm(late)
    assert late.post(path, form).location.startswith("/e/live/events")
    assert house.scalar(sa.select(sa.func.count()).select_from(Run)) == 1


def test_disconnecting_a_shop_and_accepting_one_ask(house: House, late: Browser) -> None:
    house.configure(SANDBOX)
    house.connect(SANDBOX, SHOP)
    house.connect(SANDBOX, "777", state="pending")
    page = late.get(f"{HERE}/shops/{SHOP}?env=sandbox")
    assert "Confirm that it is you" in page.words, "said before the ID is typed"
    assert late.post(f"{HERE}/shops/{SHOP}/disconnect?env=sandbox", {"typed": SHOP}).location.startswith("/confirm")
    assert late.post(f"{HERE}/shops/777/confirm?env=sandbox", {"typed": "777"}).location.startswith("/confirm")
    below = f"/api/v1/sandbox/connectors/{FAKE}/shops"
    assert as_json(late, "DELETE", f"{below}/{SHOP}/connection", "") == 403
    assert as_json(late, "POST", f"{below}/777/confirmation", '{"shop_id":"777"}') == 403
    assert (house.shop_state(SANDBOX, SHOP), house.shop_state(SANDBOX, "777")) == ("connected", "pending")
    confirm(late)
    assert as_json(late, "POST", f"{below}/777/confirmation", '{"shop_id":"777"}') == 200
    assert late.post(f"{HERE}/shops/{SHOP}/disconnect?env=sandbox", {"typed": SHOP}).status == 303
    assert (house.shop_state(SANDBOX, SHOP), house.shop_state(SANDBOX, "777")) == ("disconnected", "connected")


def queue_run(house: House, kind: str) -> str:
    with house.db.write() as db:
        run = create_run(db, kind, FAKE, SANDBOX, scope={}, total=1, actor=COMMAND_LINE, now=house.now)
        return show_id("run", run.id)


def is_stopping(house: House, run: str) -> bool:
    return bool(house.scalar(sa.select(Run.cancel_requested).where(Run.id == parse_id("run", run))))


def test_stopping_a_rewrap_is_for_who_keeps_the_keys_and_asks(house: House, late: Browser) -> None:
    """Break `demand_stop` and an operator stops the turn of the master keys."""
    rewrap, other = queue_run(house, "rewrap"), queue_run(house, "replay_parked")
    operator = Browser(house)
    operator.sign_in(Role.OPERATOR)
    page = operator.get("/e/sandbox/runs")
    assert f"/runs/{other}/cancel" in page.text
    assert f"/runs/{rewrap}/cancel" not in page.text
    assert operator.post(f"/e/sandbox/runs/{rewrap}/cancel").status == 403
    assert as_json(operator, "DELETE", f"/api/v1/sandbox/runs/{rewrap}", "") == 403
    assert late.post(f"/e/sandbox/runs/{rewrap}/cancel").location.startswith("/confirm")
    assert as_json(late, "DELETE", f"/api/v1/sandbox/runs/{rewrap}", "") == 403
    assert not is_stopping(house, rewrap)
    assert operator.post(f"/e/sandbox/runs/{other}/cancel").status == 303
    confirm(late)
    assert late.post(f"/e/sandbox/runs/{rewrap}/cancel").status == 303
    assert is_stopping(house, rewrap)
    assert is_stopping(house, other)


def test_a_program_never_stops_a_rewrap(house: House, browser: Browser) -> None:
    run = queue_run(house, "rewrap")
    with house.db.write() as db:
        _token, text = create_api_token(
            db, "all it may", role=Role.ADMIN, environment=SANDBOX, actor=COMMAND_LINE, now=house.now
        )
    headers = {"authorization": f"Bearer {text.reveal()}"}
    assert browser._send("DELETE", f"/api/v1/sandbox/runs/{run}", headers, b"").status == 403
    assert not is_stopping(house, run)
