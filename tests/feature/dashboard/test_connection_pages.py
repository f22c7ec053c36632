"""The connection page: credentials that never come back, shops, switching; all without script.

What operators expect: D4, D5, D32, D43.
"""

from __future__ import annotations

import re

import pytest

from kedai.coverage.service import Rating, note_rating
from kedai.staff.roles import Role
from kedai.values.check import CheckState
from kedai.values.environment import Environment
from kedai.values.event import ParkedReason
from kedai.vault.queries import get_active_environment
from tests.feature.dashboard.browser import Browser, Page
from tests.support.factories import COMPLETE, COMPLETE_LIVE, FAKE, LIVE, SANDBOX, House, incoming

HERE = f"/connectors/{FAKE}"


def save(browser: Browser, environment: Environment = SANDBOX, **values: str) -> Page:
    """Open the form, fill some fields in, send it as it stands."""
    page = browser.get(f"{HERE}?tab={environment.value}")
    fields = ("version", "partner_id", "shop_id", "default_location_id", "default_shipping_option_id")
    form = {name: page.value(name) for name in fields} | {"partner_key": "", "push_partner_key": ""}
    return browser.post(f"{HERE}/credentials?env={environment.value}", {**form, "region": "SG", "host": "", **values})


def active(house: House) -> Environment:
    with house.db.read() as db:
        return get_active_environment(db, FAKE)


def test_credentials_are_saved_and_secrets_never_come_back(house: House, admin: Browser) -> None:
    page = admin.follow(save(admin, **COMPLETE))
    assert "Saved. Changed: Partner ID, Partner key, Push partner key, Shop ID, Region." in page.words
    assert page.value("partner_id") == COMPLETE["partner_id"]
    assert page.value("partner_key") == page.value("push_partner_key") == ""
    for secret in (COMPLETE["partner_key"], COMPLETE["push_partner_key"]):
        assert secret not in page.text
    assert "part…0001·len29" in page.words
    assert "by admin@example.com" in page.words


def test_a_blank_secret_is_kept(house: House, admin: Browser) -> None:
    save(admin, **COMPLETE)
    page = admin.follow(save(admin, partner_id="1002"))
    assert "Saved. Changed: Partner ID." in page.words
    assert "part…0001·len29" in page.words
    again = admin.follow(save(admin))
    assert "Nothing was different" in again.words


def test_spaces_around_a_pasted_secret_are_removed_and_told(house: House, admin: Browser) -> None:
    page = admin.follow(save(admin, **{**COMPLETE, "partner_key": f"  {COMPLETE['partner_key']}\n"}))
    assert "Spaces around Partner key were removed." in page.words
    assert "part…0001·len29" in page.words


def test_what_is_wrong_stands_at_its_field_and_nothing_typed_is_lost(house: House, admin: Browser) -> None:
    page = save(admin, partner_id="not a number", shop_id="also not", partner_key="short", default_location_id="SG1")
    assert page.status == 422
    assert page.text.count('aria-invalid="true"') == 3
    assert page.value("partner_id") == "not a number"
    assert page.value("default_location_id") == "SG1"
    assert "short" not in page.value("partner_key")
    assert "Secrets must be typed again" in page.words
    assert admin.get(f"{HERE}?tab=sandbox").value("default_location_id") == ""


def test_who_comes_second_sees_both_and_may_decide(house: House, admin: Browser) -> None:
    opened = admin.get(f"{HERE}?tab=sandbox").value("version")
    save(admin, **COMPLETE)
    page = save(admin, version=opened, partner_id="3003", partner_key="the-key-of-the-second-person")
    assert page.status == 409
    assert "Somebody else saved this form" in page.words
    assert page.value("partner_id") == "3003"
    assert f"Stored now: {COMPLETE['partner_id']}" in page.words
    assert "the-key-of-the-second-person" not in page.text
    assert page.value("version") != opened
    assert admin.follow(save(admin, version=page.value("version"), partner_id="3003")).status == 200
    assert admin.get(f"{HERE}?tab=sandbox").value("partner_id") == "3003"


def test_the_push_key_of_the_other_environment_is_refused_at_its_field(house: House, admin: Browser) -> None:
    house.configure(SANDBOX)
    page = save(admin, LIVE, **{**COMPLETE_LIVE, "push_partner_key": COMPLETE["push_partner_key"]})
    assert page.status == 422
    assert "This is the push key of sandbox." in page.words
    assert page.text.count('aria-invalid="true"') == 1


def test_what_the_active_environment_needs_cannot_be_taken_away(house: House, admin: Browser) -> None:
    house.configure(SANDBOX)
    page = save(admin, partner_id="")
    assert page.status == 409
    assert "needs partner_id" in page.words
    ask = f"{HERE}/secrets/partner_key/clear?env=sandbox"
    refused = admin.post(ask, {"confirm": "remove"})
    assert refused.status == 409
    assert "Switch to the other environment first" in refused.words


def test_removing_a_secret_asks_first(house: House, admin: Browser) -> None:
    house.configure(LIVE)
    ask = f"{HERE}/secrets/partner_key/clear?env=live"
    assert ask in admin.get(f"{HERE}?tab=live").links()
    assert "Remove the partner key of Live?" in admin.get(ask).words
    assert "Remove the partner key of Live?" in admin.post(ask).words
    page = admin.follow(admin.post(ask, {"confirm": "remove"}))
    assert "The secret was removed." in page.words
    assert admin.get(f"{HERE}/secrets/partner_id/clear?env=live").status == 404


def test_connecting_waits_until_it_is_possible_and_says_why(house: House, admin: Browser) -> None:
    page = admin.get(f"{HERE}?tab=live")
    assert '<button class="btn" type="submit" disabled aria-describedby="connect-reason">' in page.text
    assert "Before a shop can be connected, save: Partner ID, Partner key." in page.words
    refused = admin.follow(admin.post(f"{HERE}/connect?env=live"))
    assert "Something is still missing here." in refused.words


def test_connect_leads_to_the_marketplace_and_is_bound_to_this_browser(house: House, admin: Browser) -> None:
    house.configure(SANDBOX)
    page = admin.get(f"{HERE}?tab=sandbox")
    assert (
        "form-action 'self' https://api.sandbox.fake https://auth.sandbox.fake"
        in page.headers["content-security-policy"]
    )
    gone = admin.post(f"{HERE}/connect?env=sandbox")
    assert gone.status == 303
    assert gone.location.startswith(
        "https://auth.sandbox.fake?redirect=https://kedai.example/connectors/fake/oauth/callback/sandbox"
    )
    assert "__Host-kedai-oauth" in admin.cookies


def test_reconnecting_names_a_shop_of_this_environment(house: House, admin: Browser) -> None:
    house.configure(SANDBOX)
    house.connect(SANDBOX, "7001")
    assert admin.post(f"{HERE}/connect?env=sandbox", {"shop_id": "7001"}).status == 303
    for other in ("9999", "\0", "7001 "):
        assert admin.post(f"{HERE}/connect?env=sandbox", {"shop_id": other}).status == 404, other
    assert admin.post(f"{HERE}/shops/%00/confirm?env=sandbox", {"typed": "1"}).status == 404


def test_an_unexpected_shop_waits_until_its_id_is_typed(house: House, admin: Browser) -> None:
    house.configure(SANDBOX)
    house.connect(SANDBOX, "9999", state="pending")
    page = admin.get(f"{HERE}?tab=sandbox&status=pending_confirmation")
    assert "Another shop than expected came back." in page.words
    assert "Type the shop ID to confirm" in page.words
    there = f"{HERE}/shops/9999/confirm?env=sandbox"
    wrong = admin.post(there, {"typed": "9998"})
    assert wrong.status == 422
    assert "Type the shop's id exactly" in wrong.words
    assert house.shop_state(SANDBOX, "9999") == "pending"
    right = admin.follow(admin.post(there, {"typed": " 9999 "}))
    assert "You confirmed it by its ID." in right.words
    assert house.shop_state(SANDBOX, "9999") == "connected"


@pytest.mark.parametrize("status", ["connected", "denied", "state_invalid", "state_expired", "remote_error"])
def test_a_return_is_explained(house: House, admin: Browser, status: str) -> None:
    page = admin.get(f"{HERE}?tab=live&env=live&status={status}")
    assert page.text.partition("<main")[2].count('role="status"') == 1


def test_an_unknown_status_is_neutral_and_never_repeated(house: House, admin: Browser) -> None:
    page = admin.get(f"{HERE}?tab=live&status=%3Cscript%3Eyour+account+is+blocked&changed=%3Cb%3E")
    assert "Back at the connection page." in page.words
    assert "blocked" not in page.text
    saved = admin.get(f"{HERE}?tab=live&status=saved&changed=partner_id,%3Cb%3Eevil&trimmed=evil")
    assert "Saved. Changed: Partner ID." in saved.words
    assert "evil" not in saved.text


def test_the_addresses_are_there_to_copy(house: House, admin: Browser) -> None:
    page = admin.get(f"{HERE}?tab=live")
    for path in ("webhook/live", "oauth/callback/live"):
        assert f'class="input copy" readonly value="https://kedai.example/connectors/fake/{path}"' in page.text


def test_a_switch_is_offered_only_on_the_inactive_and_complete_side(house: House, admin: Browser) -> None:
    there = f"{HERE}/switch?to=live"
    assert there not in admin.get(f"{HERE}?tab=live").links()
    assert "Live is not complete." in admin.get(there).words
    house.configure(LIVE)
    assert there in admin.get(f"{HERE}?tab=live").links()
    assert not any("/switch" in link for link in admin.get(f"{HERE}?tab=sandbox").links())


def test_going_live_takes_the_word(house: House, admin: Browser) -> None:
    house.configure(LIVE)
    house.certify()
    house.deliver(incoming(environment=LIVE, parked=ParkedReason.INACTIVE_ENVIRONMENT))
    there = f"{HERE}/switch?to=live"
    asked = admin.get(there).words
    assert "1 parked event of Live waits." in asked
    assert "Pushes about Sandbox orders are still received and kept, but parked" in asked
    for typed in ("", "LIVE", "live!"):
        assert admin.post(there, {"confirm": typed}).status == 422
        assert active(house) is SANDBOX
    page = admin.follow(admin.post(there, {"confirm": "live"}))
    assert active(house) is LIVE
    assert page.title == "[LIVE] Fake Live · Kedai"
    assert "You are signed in here now." in page.words
    assert "Replay 1 parked event" in page.words


def test_going_back_to_sandbox_needs_no_word(house: House, admin: Browser) -> None:
    house.configure(SANDBOX)
    house.configure(LIVE)
    house.certify()
    admin.post(f"{HERE}/switch?to=live", {"confirm": "live"})
    assert active(house) is LIVE
    admin.follow(admin.post(f"{HERE}/switch?to=sandbox"))
    assert active(house) is SANDBOX
    again = admin.follow(admin.post(f"{HERE}/switch?to=sandbox"))
    assert "This environment was active already." in again.words


def test_an_incomplete_environment_is_never_switched_to(house: House, admin: Browser) -> None:
    page = admin.post(f"{HERE}/switch?to=live", {"confirm": "live"})
    assert page.status == 409
    assert "Missing: Partner ID, Partner key, Push partner key, Shop ID." in page.words
    assert active(house) is SANDBOX


@pytest.mark.parametrize("query", ["", "?env=LIVE", "?env=live&env=sandbox", "?env=all"])
def test_an_act_names_one_environment(house: House, admin: Browser, query: str) -> None:
    assert admin.post(f"{HERE}/credentials{query}", {"version": "1"}).status == 422
    assert admin.post(f"{HERE}/connect{query}").status == 422


def test_an_unknown_marketplace_is_no_place(house: House, admin: Browser) -> None:
    assert admin.get("/connectors/amazon").status == 404


def test_pushes_tell_how_they_arrive(house: House, admin: Browser) -> None:
    house.configure(SANDBOX)
    assert "Waiting for the first one" in admin.get(f"{HERE}?tab=sandbox").words
    house.deliver(incoming())
    words = admin.get(f"{HERE}?tab=sandbox").words
    assert "Signed with the current push key" in words
    assert "https://kedai.example/connectors/fake/webhook/sandbox" in words


def test_d34_the_panel_tells_how_the_marketplace_rates_us_and_fetches_what_was_lost(
    house: House, admin: Browser
) -> None:
    """Of this environment alone; what waits is fetched by a click."""
    house.configure(SANDBOX)
    house.connect(SANDBOX)
    assert "At Fake not asked yet" in admin.get(f"{HERE}?tab=sandbox").words
    with house.db.write() as db:
        note_rating(db, FAKE, SANDBOX, Rating("suspended", None, reaches_us=False), now=house.now)
    page = admin.get(f"{HERE}?tab=sandbox")
    assert "At Fake Suspended since 2020-01-01" in page.words
    assert "Another address is registered" in page.words
    assert "At Fake not asked yet" in admin.get(f"{HERE}?tab=live").words
    with house.db.write() as db:
        note_rating(db, FAKE, SANDBOX, Rating("normal", None, reaches_us=True), now=house.now)
    page = admin.get(f"{HERE}?tab=sandbox")
    assert "At Fake Normal asked just now" in page.words
    assert "The address above is registered." in page.words
    (fetch,) = re.findall(r'action="(/e/sandbox/schedules/fake/lost_pushes/runs)"', page.text)
    assert "It runs now." in admin.follow(admin.post(fetch)).words


def test_going_live_takes_checks_that_passed(house: House, admin: Browser) -> None:
    house.configure(LIVE)
    there = f"{HERE}/switch?to=live"
    asked = admin.get(there)
    assert "The checks were never run." in asked.words
    assert "Switch without passed checks…" in asked.words
    refused = admin.post(there, {"confirm": "live"})
    assert (refused.status, active(house)) == (409, SANDBOX)
    assert "The checks were never run. Run the checks of live first." in refused.words
    house.certify(state=CheckState.FAILED)
    assert "The latest checks did not pass." in admin.get(there).words
    assert admin.post(there, {"confirm": "live", "override_reason": " "}).status == 422
    assert admin.post(there, {"confirm": "no", "override_reason": "why not"}).status == 422
    assert active(house) is SANDBOX
    page = admin.follow(admin.post(there, {"confirm": "live", "override_reason": "The proxy is mended."}))
    assert (page.title, active(house)) == ("[LIVE] Fake Live · Kedai", LIVE)


def test_an_operator_cannot_override_and_is_not_offered_it(house: House) -> None:
    house.configure(LIVE)
    operator = Browser(house)
    operator.sign_in(Role.OPERATOR)
    there = f"{HERE}/switch?to=live"
    assert "Switch without passed checks…" not in operator.get(there).words
    assert operator.post(there, {"confirm": "live", "override_reason": "I want it."}).status == 403
    assert operator.post(there, {"confirm": "live"}).status == 409
    house.certify()
    assert "All checks passed" in operator.get(there).words
    operator.post(there, {"confirm": "live"})
    assert active(house) is LIVE


def test_earlier_checks_stay_to_be_read_in_their_own_environment(house: House, admin: Browser) -> None:
    house.configure(LIVE)
    house.certify(state=CheckState.FAILED)
    house.certify()
    page = admin.get(f"{HERE}/certificates?env=live")
    assert "All checks passed" in page.words
    earlier = [link for link in page.links() if "/certificates/cert_" in link]
    assert len(earlier) == 2
    assert "Failed" in admin.get(earlier[1]).words
    assert admin.get(earlier[1].replace("env=live", "env=sandbox")).status == 404
    assert admin.get(f"{HERE}/certificates/cert_nonsense?env=live").status == 404
    assert "The checks were never run." in admin.get(f"{HERE}/certificates?env=sandbox").words
