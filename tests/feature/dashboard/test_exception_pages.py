"""The pages of exceptions and rejected deliveries: they say what to do, do it, and never cross the environments.

What operators expect: D14, D17.
"""

from __future__ import annotations

import html
import re
from dataclasses import replace
from datetime import timedelta
from uuid import UUID

import pytest
import sqlalchemy as sa

from kedai.connector_exceptions.models import ConnectorException
from kedai.connector_exceptions.service import Trouble, raise_exceptions
from kedai.inbox.models import RejectedDelivery
from kedai.inbox.rejected import Sample, keep_rejected
from kedai.kit.ids import new_id, show_id
from kedai.staff.roles import Role
from kedai.values.environment import Environment
from tests.feature.dashboard.browser import Browser
from tests.support.factories import (
    COMPLETE,
    COMPLETE_LIVE,
    FAKE,
    LIVE,
    PUBLIC_URL,
    SANDBOX,
    SHOP,
    EventState,
    House,
    incoming,
    push_body,
    sign_push,
)

TROUBLE = Trouble("error_x", "It <b>failed</b>", "Look at it.", shop_id=SHOP, message="said <i>last</i>")
URL = f"{PUBLIC_URL}/connectors/fake/webhook/sandbox"
STRANGE = "push-key-that-nobody-knows-1"


def ready(house: House) -> None:
    house.configure()
    house.configure(LIVE)
    house.connect()


def trouble(house: House, *numbers: str, environment: Environment = SANDBOX, code: str = "error_x") -> str:
    troubles = [replace(TROUBLE, code=code, order_sn=one, event_id=new_id()) for one in numbers]
    with house.db.write() as db:
        raise_exceptions(db, FAKE, environment, troubles or [replace(TROUBLE, code=code)], now=house.now)
    where = (ConnectorException.code == code, ConnectorException.environment == environment)
    return show_id("exc", house.scalar(sa.select(ConnectorException.id).where(*where)))


def reject(house: House, key: str, *, number: str = "O1", environment: Environment = SANDBOX) -> str:
    house.clock.advance(timedelta(seconds=1))
    body = push_body(number)
    url = URL.replace("sandbox", environment.value)
    sample = Sample("mismatch", {"user-agent": "<b>"}, body, len(body), sign_push(key, url, body))
    told = {"diagnosis": "unknown_key", "diagnosed_for": ""}
    with house.db.write() as db:
        keep_rejected(db, FAKE, environment, sample, counts={"mismatch": 1}, **told, now=house.now)
    found = house.scalar(sa.select(RejectedDelivery.id).order_by(RejectedDelivery.id.desc()).limit(1))
    assert isinstance(found, UUID)
    return show_id("rej", found)


def test_a_group_is_led_from_new_to_resolved_on_its_page(house: House, admin: Browser) -> None:
    ready(house)
    house.deliver(incoming("O1"))
    house.execute(sa.text("UPDATE raw_event SET state = 'dead'"))
    found = trouble(house, "O1")
    here = f"/e/sandbox/exceptions/{found}"
    assert here in admin.get("/e/sandbox/exceptions").links()
    page = admin.get(here)
    assert page.status == 200
    for words in ("It <b>failed</b>", "Look at it.", "said <i>last</i>", "Kedai does not know this code", "O1"):
        assert words in page.words, words
    for deed, fields, shown in (
        ("notes", {"note": "Asked."}, "changed the note"),
        ("assignments", {"assignee": "admin@example.com"}, "assigned it"),
        ("snoozes", {"for": "day"}, "Snoozed until"),
        ("reopenings", {}, "Ongoing"),
        ("retries", {"subject": f"{SHOP}/O1"}, "retried an order"),
        ("resolutions", {}, "Open it again"),
    ):
        answer = admin.post(f"{here}/{deed}", fields)
        assert answer.status == 303, (deed, answer.words)
        assert shown in admin.follow(answer).words, deed
    assert house.event().state == EventState.RECEIVED
    assert "Nothing in this state" in admin.get("/e/sandbox/exceptions").words
    assert found in admin.get("/e/sandbox/exceptions?state=resolved").text


def test_a_run_that_tries_a_group_again_leads_back_to_it(house: House, admin: Browser) -> None:
    ready(house)
    here = f"/e/sandbox/exceptions/{trouble(house, 'O1', 'O2')}"
    assert admin.post(f"{here}/retries", {}).status == 303
    assert here in admin.get("/e/sandbox/runs").links()


def test_chips_narrow_the_list_and_are_taken_off_again(house: House, admin: Browser) -> None:
    trouble(house)
    trouble(house, code="error_y")
    page = admin.get("/e/sandbox/exceptions?code=error_y")
    (row,) = page.rows()
    assert TROUBLE.next_step in html.unescape(row), "what to do is told in the list itself"
    chosen = re.findall(r'<a class="chip" href="([^"]+)" aria-current="true">', page.text)
    assert chosen == ["/e/sandbox/exceptions"], "a chosen chip leads to the list without it"
    assert len(admin.get("/e/sandbox/exceptions?assignee=nobody").rows()) == 2
    assert "No exception fits" in admin.get("/e/sandbox/exceptions?code=nothing").words


@pytest.mark.parametrize(
    ("deed", "fields", "status"),
    [
        ("snoozes", {"for": "ever"}, 422),
        ("assignments", {"assignee": "nobody@example.com"}, 422),
        ("notes", {"note": "x" * 2_001}, 422),
        ("retries", {"subject": "7001/O9"}, 404),
        ("retries", {}, 409),
        ("reopenings", {}, 409),
    ],
)
def test_what_cannot_be_is_said_kindly(
    house: House, admin: Browser, deed: str, fields: dict[str, str], status: int
) -> None:
    house.configure()
    found = trouble(house)
    assert admin.post(f"/e/sandbox/exceptions/{found}/{deed}", fields).status == status
    assert [row.state for row in house.exceptions()] == ["new"]


def test_nothing_is_shown_or_done_through_the_other_environment(house: House, admin: Browser) -> None:
    ready(house)
    found, kept = trouble(house, "O1"), reject(house, STRANGE)
    for here in (f"exceptions/{found}", f"rejected/{kept}"):
        assert admin.get(f"/e/live/{here}").status == 404
        assert admin.get(f"/e/all/{here}").status == 200
    for deed in ("resolutions", "retries", "notes", "assignments", "reopenings"):
        assert admin.post(f"/e/live/exceptions/{found}/{deed}", {}).status == 404
    assert admin.post(f"/e/live/rejected/{kept}/admissions", {}).status == 404
    assert [row.state for row in house.exceptions()] == ["new"]


def test_a_viewer_reads_both_and_may_do_nothing(house: House, browser: Browser) -> None:
    ready(house)
    found, kept = trouble(house, "O1"), reject(house, COMPLETE["push_partner_key"])
    browser.sign_in(Role.VIEWER)
    for here in (f"exceptions/{found}", f"rejected/{kept}"):
        page = browser.get(f"/e/sandbox/{here}")
        assert page.status == 200
        assert "operator role" in page.words
        assert f"{here}/" not in page.text
    assert browser.post(f"/e/sandbox/rejected/{kept}/admissions", {}).status == 403
    assert browser.post(f"/e/sandbox/exceptions/{found}/resolutions", {}).status == 403


def test_a_delivery_is_explained_and_admitted_by_a_click_once_it_verifies(house: House, admin: Browser) -> None:
    ready(house)
    kept = reject(house, STRANGE)
    here = f"/e/sandbox/rejected/{kept}"
    page = admin.get(here)
    assert "It was signed with an unknown key" in page.words
    assert "Admit this delivery" not in page.words
    refused = admin.post(f"{here}/admissions", {})
    assert refused.status == 409
    assert "still does not verify" in refused.words
    house.configure(push_partner_key=STRANGE)
    told = admin.get("/connectors/fake?tab=sandbox&status=saved")
    assert "1 waiting delivery verifies now" in told.words
    assert "1 rejected delivery verifies now" in admin.get("/e/sandbox/home").words
    assert "Admit this delivery" in admin.get(here).words
    done = admin.follow(admin.post(f"{here}/admissions", {}))
    assert "The delivery verified and was admitted." in done.words
    assert f"/e/sandbox/events/{show_id('evt', house.event().id)}" in done.links()


def test_all_that_verify_are_admitted_by_one_click_and_the_rest_stays(house: House, admin: Browser) -> None:
    ready(house)
    for number in range(3):
        reject(house, STRANGE, number=f"O{number}")
    reject(house, COMPLETE_LIVE["push_partner_key"])
    house.configure(push_partner_key=STRANGE)
    page = admin.get("/e/sandbox/events?state=rejected")
    assert "3 waiting deliveries verify now" in page.words
    done = admin.follow(admin.post("/e/sandbox/rejected/admissions", {"connector": "fake"}))
    assert "3 deliveries were admitted." in done.words
    assert "1 other does not verify" in done.words
    assert len(house.events()) == 3
    assert len(admin.get("/e/sandbox/events?state=rejected&show=waiting").rows()) == 1
    assert len(admin.get("/e/sandbox/events?state=rejected&diagnosis=unknown_key").rows()) == 1
    assert admin.get("/e/sandbox/events?state=rejected&diagnosis=nothing").status == 422


def test_no_key_no_signature_and_no_markup_of_strangers_is_on_a_page(house: House, admin: Browser) -> None:
    ready(house)
    kept = reject(house, STRANGE)
    shown = "".join(
        admin.get(path).text
        for path in (f"/e/sandbox/rejected/{kept}", "/e/sandbox/events?state=rejected", "/e/sandbox/exceptions")
    )
    body = push_body("O1")
    ours = COMPLETE["push_partner_key"]
    secrets = (ours, sign_push(ours, URL, body).decode(), sign_push(STRANGE, URL, body).decode())
    assert [one for one in secrets if one in shown] == []
    assert "<b>" not in shown
