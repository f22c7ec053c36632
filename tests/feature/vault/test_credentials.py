"""Editing credentials: blank keeps, clearing is an act of its own, and the active environment stays complete."""

from __future__ import annotations

import asyncio
import threading
from functools import partial
from typing import Any

import pytest
import sqlalchemy as sa

from kedai.audit.models import AuditEntry
from kedai.errors import Conflict, Invalid, NeedsReconnect, NotFound, Stale
from kedai.sync import credentials
from kedai.sync.connection import ConnectionView, get_connection
from kedai.sync.tokens import get_access_token
from kedai.values.environment import Environment
from kedai.vault.accounts import set_state
from kedai.vault.models import EnvironmentCredentials
from kedai.vault.queries import credentials_place, find_shop, get_credentials, open_push_keys, open_secret
from tests.support.factories import (
    ANNA,
    COMPLETE,
    COMPLETE_LIVE,
    FAKE,
    LIVE,
    SANDBOX,
    House,
    on_postgresql,
    open_house,
    run_threads,
)
from tests.support.processes import wait_until

WAITING = sa.text("SELECT count(*) FROM pg_locks WHERE NOT granted").columns(sa.column("count", sa.Integer))
REQUIRED = ("partner_id", "partner_key", "push_partner_key", "shop_id")


def view(house: House, environment: Environment = SANDBOX) -> ConnectionView:
    with house.db.read() as db:
        return get_connection(house.parts, db, FAKE, environment)


def secret(house: House, name: str = "partner_key", environment: Environment = SANDBOX) -> str | None:
    with house.db.read() as db:
        opened = open_secret(house.parts.ring, get_credentials(db, FAKE, environment), f"{name}_encrypted")
    return None if opened is None else opened.reveal()


def edit(
    house: House, environment: Environment = SANDBOX, *, expected: int | None = None, **changes: str | None
) -> credentials.EditResult:
    with house.db.write() as db:
        return credentials.edit(
            house.parts, db, FAKE, environment, changes, expected_version=expected, actor=ANNA, now=house.now
        )


def clear(house: House, name: str, environment: Environment = SANDBOX, *, expected: int | None = None) -> None:
    with house.db.write() as db:
        credentials.clear_secret(
            house.parts, db, FAKE, environment, name, expected_version=expected, actor=ANNA, now=house.now
        )


def deeds(house: House) -> list[tuple[str, Any]]:
    with house.db.read() as db:
        entries = db.execute(sa.select(AuditEntry).order_by(AuditEntry.sequence)).scalars().all()
    return [(entry.action, entry.details) for entry in entries]


def test_blank_secret_keeps_the_stored_one(house: House) -> None:
    house.configure()
    before = view(house)
    for blank in ("", "   ", "\n", None):
        assert edit(house, partner_key=blank, push_partner_key=blank).changed == ()
    assert secret(house) == COMPLETE["partner_key"]
    assert secret(house, "push_partner_key") == COMPLETE["push_partner_key"]
    assert view(house) == before


def test_absent_field_is_kept_and_a_present_one_changed(house: House) -> None:
    house.configure()
    done = edit(house, default_location_id=" L-1 ", partner_key="")
    assert done.changed == ("default_location_id",)
    now = view(house)
    assert (now.default_location_id, now.partner_id, now.shop_id) == ("L-1", "1001", "7001")


def test_each_real_change_counts_the_version_up_once_and_is_told(house: House) -> None:
    assert view(house).version == 1
    house.configure()
    assert view(house).version == 2
    edit(house, region="SG", partner_id="1001")
    assert view(house).version == 2
    edit(house, region="MY")
    assert view(house).version == 3
    assert deeds(house) == [
        ("credentials.edit", {"fields": sorted(COMPLETE), "shops_to_reconnect": []}),
        ("credentials.edit", {"fields": ["region"], "shops_to_reconnect": []}),
    ]


def test_stale_edit_is_refused_and_changes_nothing(house: House) -> None:
    house.configure()
    with pytest.raises(Stale):
        edit(house, expected=1, region="MY")
    with pytest.raises(Stale):
        clear(house, "partner_key", expected=1)
    assert view(house).region == "SG"
    assert edit(house, expected=2, region="MY").changed == ("region",)


def test_of_two_edits_of_one_version_only_one_counts(house: House) -> None:
    house.configure()
    done = run_threads([lambda region=region: edit(house, expected=2, region=region) for region in ("MY", "GLOBAL")])
    assert sorted(type(one).__name__ for one in done) == ["EditResult", "Stale"]
    assert view(house).version == 3


def test_edit_of_one_environment_leaves_the_other_alone(house: House) -> None:
    before = view(house, LIVE)
    house.configure(SANDBOX)
    assert view(house, LIVE) == before
    assert secret(house, environment=LIVE) is None


def test_copied_spaces_are_removed_and_said(house: House) -> None:
    done = edit(house, partner_key="  key-with-spaces-0123456789\n")
    assert secret(house) == "key-with-spaces-0123456789"
    (notice,) = done.notices
    assert "partner key" in notice
    assert "0123456789" not in notice


BAD = {"partner_id": "1_000", "shop_id": "abc", "region": "MARS", "partner_key": "tiny-key", "is_live": "yes"}


def test_bad_value_is_refused_by_field_and_nothing_of_the_edit_is_kept(house: House) -> None:
    for field, value in BAD.items():
        with pytest.raises(Invalid) as caught:
            edit(house, **{"default_location_id": "L", field: value})
        assert caught.value.field == field
        assert value not in caught.value.message
        assert view(house).default_location_id is None


def test_host_of_the_other_environment_is_refused(house: House) -> None:
    for environment, own, other in ((SANDBOX, "fake_sandbox", "fake_live"), (LIVE, "fake_live", "fake_sandbox")):
        assert edit(house, environment, host=own).changed == ("host",)
        for wrong in (other, "https://evil.example", "127.0.0.1"):
            with pytest.raises(Invalid) as caught:
                edit(house, environment, host=wrong)
            assert caught.value.field == "host"
        assert view(house, environment).host == own


def test_installers_host_serves_its_own_environment_only(house: House, tmp_path: Any) -> None:
    with open_house(house.url, tmp_path, extra_hosts="mirror=https://m.example|https://m.example/a|live") as extra:
        with pytest.raises(Invalid):
            edit(extra, SANDBOX, host="mirror")
        edit(extra, LIVE, host="mirror")
        assert view(extra, LIVE).effective_host == "https://m.example"


def test_cleared_region_falls_back_to_global(house: House) -> None:
    house.configure()
    edit(house, region=None)
    assert view(house).region == "GLOBAL"


@pytest.mark.parametrize(("first", "second"), [(SANDBOX, LIVE), (LIVE, SANDBOX)])
def test_push_key_of_the_other_environment_is_refused(house: House, first: Environment, second: Environment) -> None:
    """T15."""
    shared = "the-same-push-key-0123456789"
    edit(house, first, push_partner_key=shared)
    for written in (shared, f" {shared}\n"):
        with pytest.raises(Invalid) as caught:
            edit(house, second, push_partner_key=written, default_location_id="L")
        assert caught.value.field == "push_partner_key"
        assert shared not in caught.value.message
    assert (secret(house, "push_partner_key", second), view(house, second).default_location_id) == (None, None)
    assert edit(house, first, push_partner_key=shared).changed == ("push_partner_key",)
    assert edit(house, second, push_partner_key=f"{shared}-not").changed == ("push_partner_key",)


def test_same_push_key_saved_in_both_environments_at_once_is_kept_by_one_of_them(house: House) -> None:
    """T15 in the very same moment."""
    for number in range(8):
        shared = f"the-same-push-key-number-{number}"
        done = run_threads([partial(edit, house, one, push_partner_key=shared) for one in (SANDBOX, LIVE)])
        keys = [secret(house, "push_partner_key", one) for one in (SANDBOX, LIVE)]
        assert keys.count(shared) == 1, done
        assert sorted(type(one).__name__ for one in done) == ["EditResult", "Invalid"]


def test_active_environment_cannot_be_made_incomplete(house: House) -> None:
    """T29: breaks without the first `_refuse_incomplete_active` in `edit_credentials`."""
    house.configure()
    before = view(house)
    for field in ("partner_id", "shop_id"):
        with pytest.raises(Conflict) as caught:
            edit(house, **{field: None, "default_location_id": "L"})
        assert caught.value.facts["missing"] == [field]
    for name in ("partner_key", "push_partner_key"):
        with pytest.raises(Conflict) as caught:
            clear(house, name)
        assert caught.value.facts["missing"] == [name]
    assert view(house) == before


@pytest.mark.parametrize("field", ["partner_id", "partner_key", "push_partner_key"])
def test_active_environment_whose_shop_is_a_connected_one_cannot_be_made_incomplete_either(
    house: House, field: str
) -> None:
    house.configure(SANDBOX, **{**COMPLETE, "shop_id": None})
    house.connect()
    assert view(house).complete
    with pytest.raises(Conflict) as caught:
        clear(house, field) if field.endswith("key") else edit(house, **{field: ""})
    assert caught.value.facts["missing"] == [field]
    assert view(house).complete


def test_active_environment_whose_shop_is_a_connected_one_keeps_its_app(house: House) -> None:
    """T29: another app's tokens are useless, and with them the shop that stands in for a shop id."""
    house.configure(SANDBOX, **{**COMPLETE, "shop_id": None})
    house.connect()
    with pytest.raises(Conflict) as caught:
        edit(house, partner_id="1009")
    assert caught.value.facts["missing"] == ["shop_id"]
    assert (view(house).partner_id, house.shop_state()) == ("1001", "connected")
    assert edit(house, partner_id="1009", shop_id="7001").changed == ("partner_id", "shop_id")


def test_active_environment_may_lose_its_configured_shop_where_one_is_connected(house: House) -> None:
    house.configure()
    house.connect()
    edit(house, shop_id=None)
    assert view(house).complete


def test_active_environment_that_was_never_complete_may_be_filled_in_step_by_step(house: House) -> None:
    for name, value in COMPLETE.items():
        edit(house, **{name: value})
    assert view(house).complete
    assert view(house).missing == ()


def test_what_was_missing_already_is_no_reason_to_take_away_more(house: House) -> None:
    edit(house, partner_id="1001", default_location_id="L")
    with pytest.raises(Conflict) as caught:
        edit(house, partner_id=None)
    assert caught.value.facts["missing"] == ["partner_id"]
    assert edit(house, default_location_id=None).changed == ("default_location_id",)


def test_inactive_environment_may_be_emptied(house: House) -> None:
    house.configure(LIVE)
    clear(house, "partner_key", LIVE)
    clear(house, "push_partner_key", LIVE)
    edit(house, LIVE, partner_id=None, shop_id="")
    emptied = view(house, LIVE)
    assert emptied.missing == REQUIRED
    assert (emptied.partner_key.set, emptied.partner_key.changed_by) == (False, ANNA.name)
    assert ("credentials.clear", {"fields": ["partner_key"]}) in deeds(house)


def test_clearing_what_is_not_there_changes_nothing(house: House) -> None:
    before = view(house, LIVE)
    clear(house, "partner_key", LIVE)
    assert view(house, LIVE) == before
    assert deeds(house) == []
    with pytest.raises(NotFound):
        clear(house, "previous_push_partner_key", LIVE)
    with pytest.raises(NotFound):
        clear(house, "partner_id", LIVE)


def test_new_partner_id_marks_the_shops_of_the_old_app_in_the_same_act(house: House) -> None:
    house.configure(SANDBOX)
    house.configure(LIVE)
    scope = house.connect(SANDBOX)
    house.connect(SANDBOX, "7002")
    house.connect(LIVE)
    done = edit(house, partner_id="1009")
    assert [house.shop_state(SANDBOX, one) for one in ("7001", "7002")] == ["needs_reauth"] * 2
    assert house.shop_state(LIVE) == "connected"
    (notice,) = done.notices
    assert "7001, 7002" in notice
    assert ("credentials.edit", {"fields": ["partner_id"], "shops_to_reconnect": ["7001", "7002"]}) in deeds(house)
    assert {shop.token.state for shop in view(house).shops if shop.token} == {"foreign"}
    with pytest.raises(NeedsReconnect):
        asyncio.run(get_access_token(house.parts, scope))
    assert house.market.count("refresh") == 0


@on_postgresql
def test_new_partner_id_and_a_deed_on_one_of_its_shops_never_wait_for_each_other(house: House) -> None:
    """T29. Fails where a shop is locked after the first was recorded: the deed's own entry waits for that one."""
    house.configure()
    scopes = [house.connect(SANDBOX, shop_id) for shop_id in ("7001", "7002")]
    other, holds = house.as_process(), threading.Event()

    def pause_slowly() -> None:
        with other.database.write() as db:
            find_shop(db, scopes[1], lock=True)
            holds.set()
            wait_until(lambda: house.scalar(WAITING) > 0, message="nobody waits for the shop")
            set_state(db, scopes[1], "paused", reason="", actor=ANNA, now=house.now)

    def change_the_app() -> None:
        holds.wait(10)
        edit(house, partner_id="1009")

    assert run_threads([pause_slowly, change_the_app]) == [None, None]
    assert [house.shop_state(SANDBOX, scope.shop_id) for scope in scopes] == ["needs_reauth"] * 2


def test_refused_partner_id_marks_no_shop(house: House) -> None:
    house.configure()
    house.connect()
    with pytest.raises(Stale):
        edit(house, expected=99, partner_id="1009")
    assert house.shop_state() == "connected"


def test_stored_secrets_are_sealed_each_for_its_own_place(house: House) -> None:
    house.configure(SANDBOX)
    house.configure(LIVE)
    with house.db.read() as db:
        rows = db.execute(sa.select(EnvironmentCredentials)).scalars().all()
    stored = [getattr(row, f"{name}_encrypted") for row in rows for name in ("partner_key", "push_partner_key")]
    assert all(value.startswith("v2:k1:") for value in stored)
    for row in rows:
        for name in ("partner_key", "push_partner_key"):
            place = credentials_place(FAKE, row.environment, f"{name}_encrypted")
            expected = (COMPLETE if row.environment is SANDBOX else COMPLETE_LIVE)[name]
            assert house.parts.ring.open(place, getattr(row, f"{name}_encrypted")) == expected


def test_no_secret_reaches_the_trail_or_the_view(house: House) -> None:
    house.configure(SANDBOX)
    house.configure(LIVE)
    house.connect()
    clear(house, "partner_key", LIVE)
    told = repr([view(house), view(house, LIVE), deeds(house)])
    for value in (COMPLETE["partner_key"], COMPLETE_LIVE["push_partner_key"], "access-token-number", "refresh-token"):
        assert value not in told
    assert view(house).partner_key.fingerprint == "part…0001·len29"


def test_previous_push_key_verifies_until_its_end_and_no_longer(house: House) -> None:
    house.configure()
    column = "previous_push_partner_key_encrypted"
    with house.db.write() as db:
        sealed = house.parts.ring.seal(db, credentials_place(FAKE, SANDBOX, column), "the-push-key-of-yesterday")
        row = get_credentials(db, FAKE, SANDBOX, lock=True)
        row.previous_push_partner_key_encrypted = sealed
        row.previous_push_partner_key_valid_until = house.now

    def names(now: Any) -> list[str]:
        with house.db.read() as db:
            return [key.name for key in open_push_keys(house.parts.ring, get_credentials(db, FAKE, SANDBOX), now=now)]

    assert names(house.now) == ["current"]
    assert names(house.now.replace(year=2019)) == ["current", "previous"]


def test_hidden_gap_never_opens_between_clearing_and_switching(house: House) -> None:
    """T29: somebody clears a key of live while somebody else switches: live is never active without it."""
    house.configure(SANDBOX)
    house.configure(LIVE)
    done, broken, switched = threading.Event(), [], []
    with_key = sa.text(
        "SELECT count(*) FROM active_environment a JOIN environment_credentials c"
        " ON c.connector = a.connector AND c.environment = a.environment WHERE c.push_partner_key_encrypted IS NULL"
    )

    def watch() -> None:
        while not done.is_set():
            with house.db.read() as db:
                if db.execute(with_key).scalar_one():
                    broken.append("active without its push key")

    def switch_to_and_fro() -> None:
        for _ in range(40):
            for environment in (LIVE, LIVE, SANDBOX):
                switched.append(house.try_switch(environment))

    def clear_and_set() -> None:
        for number in range(40):
            try:
                clear(house, "push_partner_key", LIVE)
            except Conflict:
                continue
            edit(house, LIVE, push_partner_key=f"push-key-of-live-number-{number}")

    def work() -> None:
        try:
            for one in run_threads([switch_to_and_fro, clear_and_set]):
                if isinstance(one, Exception):
                    raise one
        finally:
            done.set()

    results = run_threads([work, watch])
    assert results == [None, None]
    assert broken == []
    assert True in switched
