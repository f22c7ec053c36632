"""The page of the master keys and the old push key's line: what is shown, what is refused, and that no key is."""

from __future__ import annotations

import asyncio
import base64
import hashlib
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest
import sqlalchemy as sa
from msgspec import structs

from kedai.staff.roles import Role
from kedai.sync import rewrap, runner
from kedai.sync.presence import Presence
from kedai.vault.models import AuthToken, KeyRingEntry
from tests.feature.dashboard.browser import PASSWORD, Browser
from tests.support.factories import (
    COMPLETE,
    FAKE,
    LIVE,
    MASTER_KEYS,
    SANDBOX,
    SHOP,
    House,
    incoming,
    open_house,
)

K2, K3 = (base64.b64encode(hashlib.sha256(f"key {number} for tests".encode()).digest()).decode() for number in (2, 3))
KEYS = "/settings/keys"
HERE = f"/connectors/{FAKE}"
NEW = "push-key-after-the-turn-0001"


@pytest.fixture
def turning(database_url: str, tmp_path: Path) -> Iterator[House]:
    """Sandbox filled in, with a shop; k2 is in the ring, k3 given but not in it."""
    with open_house(database_url, tmp_path, master_keys=f"{MASTER_KEYS},k2:{K2}") as first:
        first.configure(SANDBOX)
        first.connect(SANDBOX, SHOP)
    with open_house(database_url, tmp_path, master_keys=f"{MASTER_KEYS},k2:{K2},k3:{K3}") as house:
        yield house


def sign_in(house: House, role: Role = Role.ADMIN) -> Browser:
    browser = Browser(house)
    browser.sign_in(role)
    return browser


def work(house: House) -> None:
    while asyncio.run(runner.run_next(house.parts)):
        pass


def test_whole_turn_by_the_page(turning: House, monkeypatch: pytest.MonkeyPatch) -> None:
    admin = sign_in(turning)
    page = admin.get(KEYS)
    assert page.status == 200
    assert "k3 is among the keys given to this process, and not in the ring yet" in page.words
    assert "None was seen within the last minute" in page.words
    assert "The key joined the ring." in admin.follow(admin.post(KEYS, {"kid": "k3"})).words
    assert "The key is the primary now." in admin.follow(admin.post(f"{KEYS}/k2/promotions")).words
    page = admin.get(KEYS)
    assert "5 stored values are not sealed with the primary key k2" in page.words
    assert "The rewrap has begun." in admin.follow(admin.post(f"{KEYS}/rewraps")).words
    assert "Rewrap secrets Sandbox queued 0 of 5" in admin.get(KEYS).words
    assert "Rewrap secrets" in admin.get("/e/sandbox/runs").words
    work(turning)
    page = admin.get(KEYS)
    assert "Everything is sealed with the primary key." in page.words
    assert "Key Before After k1 5 0 k2 0 5" in page.words
    assert "Every stored value opens. k2 : 5" in admin.post(f"{KEYS}/verifications").words
    assert "The key is retired." in admin.follow(admin.post(f"{KEYS}/k1/retirements", {"confirm": "k1"})).words
    assert "already" in admin.follow(admin.post(f"{KEYS}/rewraps")).words


def test_what_stands_against_a_deed_is_said_and_nothing_changes(turning: House) -> None:
    admin = sign_in(turning)
    states = sa.select(sa.func.group_concat(KeyRingEntry.state)) if "sqlite" in turning.url else None
    before = None if states is None else turning.scalar(states)
    for path, form, status, words in (
        (f"{KEYS}/k2/retirements", {"confirm": "yes"}, 422, "Type k2 to retire it"),
        (f"{KEYS}/k1/retirements", {"confirm": "k1"}, 409, "primary"),
        (f"{KEYS}/k9/promotions", {}, 404, "Nothing was found"),
        (f"{KEYS}/k9/retirements", {"confirm": "k9"}, 404, "Nothing was found"),
        (KEYS, {"kid": "k4"}, 409, "not among the master keys"),
        (KEYS, {"kid": "<script>"}, 422, "not valid"),
        (KEYS, {}, 422, "not valid"),
    ):
        answer = admin.post(path, form)
        assert (answer.status, words in answer.words) == (status, True), (path, answer.status, answer.words)
    assert before is None or turning.scalar(states) == before


def test_only_administrators_see_the_keys(turning: House) -> None:
    for role in (Role.VIEWER, Role.OPERATOR):
        other = sign_in(turning, role)
        assert other.get(KEYS).status == 403
        assert other.post(f"{KEYS}/k2/promotions").status == 403
        assert KEYS not in other.get("/e/sandbox/home").links()


def test_processes_and_broken_values_are_named_and_no_key_or_secret_is(turning: House) -> None:
    turning.execute(sa.update(AuthToken).values(refresh_token_encrypted="v2:k7:" + "A" * 60))
    admin = sign_in(turning)
    with Presence(turning.parts, "serve"):
        page = admin.get(KEYS)
        told = admin.post(f"{KEYS}/verifications")
    assert "holds k1 , k2" in page.words
    assert "Stored values name the key k7" in page.words
    assert f"fake sandbox {SHOP}: refresh_token" in told.words
    for text in (page.text, told.text):
        for secret in (MASTER_KEYS.partition(":")[2], K2, K3, COMPLETE["partner_key"], "AAAAAAAA"):
            assert secret not in text


def test_missing_key_is_shown_on_its_page(turning: House, tmp_path: Path) -> None:
    with open_house(turning.url, tmp_path, master_keys=f"k3:{K3}") as unfit:
        admin = sign_in(unfit)
        page = admin.get(KEYS)
        assert "this installation needs key k1" in page.words
        assert admin.post(f"{KEYS}/rewraps").status == 409


def test_run_of_a_rewrap_can_be_stopped_and_begun_again(turning: House, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rewrap, "STEP_ROWS", 1)
    admin = sign_in(turning)
    admin.post(f"{KEYS}/k2/promotions")
    admin.post(f"{KEYS}/rewraps")
    page = admin.get("/e/sandbox/runs")
    cancel = page.text.partition('action="/e/sandbox/runs/')[2].partition('"')[0]
    assert admin.post(f"/e/sandbox/runs/{cancel}", {"from": "sandbox"}).status == 303
    work(turning)
    assert "5 stored values are not sealed" in admin.get(KEYS).words
    admin.post(f"{KEYS}/rewraps")
    work(turning)
    assert "Everything is sealed with the primary key." in admin.get(KEYS).words


def test_push_key_form_offers_an_overlap_and_the_page_says_how_silent_the_old_key_is(turning: House) -> None:
    admin = sign_in(turning)
    page = admin.get(f"{HERE}?tab=sandbox")
    assert "If you type a new one, the old key is accepted" in page.words
    form = {"version": page.value("version"), "push_partner_key": NEW, "old_push_key": "week"}
    assert admin.post(f"{HERE}/credentials?env=sandbox", form).status == 303
    page = admin.get(f"{HERE}?tab=sandbox")
    assert "The previous key is still accepted until 2020-01-08 12:00:00 UTC" in page.words
    assert "silent since it was replaced just now" in page.words
    turning.clock.advance(timedelta(minutes=10))
    turning.deliver(structs.replace(incoming(at=turning.now), matched_key="previous"))
    turning.clock.advance(timedelta(minutes=5))
    page = admin.get(f"{HERE}?tab=sandbox")
    assert "last signed a push 5 min ago ; accepted until 2020-01-08" in page.words
    assert "The marketplace still signs with the old key." in page.words
    assert admin.post(f"{HERE}/old-push-key/end?env=sandbox").location.startswith("/confirm")
    assert admin.post("/confirm", {"password": PASSWORD}).status == 303
    ended = admin.post(f"{HERE}/old-push-key/end?env=sandbox")
    assert "The old push key is no longer accepted." in admin.follow(ended).words
    assert "Old push key" not in admin.get(f"{HERE}?tab=sandbox").words
    assert sign_in(turning, Role.OPERATOR).post(f"{HERE}/old-push-key/end?env=sandbox").status == 403


def test_push_key_saved_in_a_hurry_is_kept_for_a_day(turning: House) -> None:
    admin = sign_in(turning)
    for chosen, words in (({}, "2020-01-02 12:00:00"), ({"old_push_key": "<none>"}, "2020-01-02 12:00:00")):
        version = admin.get(f"{HERE}?tab=sandbox").value("version")
        form = {"version": version, "push_partner_key": f"{NEW}{len(chosen)}", **chosen}
        assert admin.post(f"{HERE}/credentials?env=sandbox", form).status == 303
        assert words in admin.get(f"{HERE}?tab=sandbox").words
    version = admin.get(f"{HERE}?tab=sandbox").value("version")
    admin.post(f"{HERE}/credentials?env=sandbox", {"version": version, "push_partner_key": NEW, "old_push_key": "none"})
    assert "still accepted" not in admin.get(f"{HERE}?tab=sandbox").words


def test_live_tab_is_untouched_by_a_turn_of_sandbox(turning: House) -> None:
    turning.configure(LIVE)
    admin = sign_in(turning)
    version = admin.get(f"{HERE}?tab=sandbox").value("version")
    admin.post(f"{HERE}/credentials?env=sandbox", {"version": version, "push_partner_key": NEW})
    assert "still accepted" not in admin.get(f"{HERE}?tab=live").words
