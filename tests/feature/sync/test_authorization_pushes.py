"""Pushes about the connection: noted, disconnecting, dating; only the shop and the environment they are about."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

import msgspec
import pytest
import sqlalchemy as sa
from msgspec.structs import replace

from kedai.audit.models import AuditEntry
from kedai.errors import NeedsReconnect
from kedai.inbox.claims import Batch
from kedai.inbox.flush import IncomingPush
from kedai.inbox.models import RawEvent
from kedai.kit.ids import new_id
from kedai.sync import accounts, process
from kedai.sync.judge import Verdict
from kedai.sync.tokens import get_access_token
from kedai.values.environment import Environment, MerchantScope, Scope
from kedai.values.event import ConnectionChange, ConnectionKind, Topic
from kedai.vault.accounts import find_holder, lose_account, save_account, seal_tokens, set_state, store_tokens
from kedai.vault.models import AuthToken, Merchant, MerchantToken, Shop
from tests.support.factories import (
    ANNA,
    FAKE,
    LIVE,
    SANDBOX,
    SHOP,
    START,
    House,
    incoming,
    on_postgresql,
    run_threads,
    snapshot,
)
from tests.support.processes import wait_until

OTHER = "7002"
WAITING = sa.text("SELECT count(*) FROM pg_locks WHERE NOT granted").columns(sa.column("count", sa.Integer))
LATER = START + timedelta(hours=1)
EARLIER = START - timedelta(hours=1)


@pytest.fixture
def shop(house: House) -> House:
    """Both environments configured, and a shop of the same id connected in each."""
    for environment in (SANDBOX, LIVE):
        house.configure(environment)
        house.connect(environment)
    return house


def about(kind: str, *shop_ids: str, environment: Environment = SANDBOX, **change: Any) -> IncomingPush:
    """A push about the connection, an hour after the shops were connected unless it says otherwise."""
    facts: Mapping[str, Any] = {"kind": kind, "shop_ids": shop_ids or (SHOP,), "pushed_at": LATER} | change
    push = incoming(None, environment=environment, topic=Topic.CONNECTION, shop_id=None, code=1)
    return replace(push, body=msgspec.json.encode({"change": facts}))


def apply(shop: House, push: IncomingPush) -> RawEvent:
    """Deliver and work; what became of it."""
    shop.deliver(push)
    shop.work()
    return shop.events()[-1]


def shop_row(shop: House, environment: Environment = SANDBOX, shop_id: str = SHOP) -> Shop:
    row = shop.shop(environment, shop_id)
    assert row is not None
    return row


def audit(shop: House) -> list[tuple[str, Environment | None, str, Any]]:
    with shop.db.read() as db:
        entries = db.execute(sa.select(AuditEntry).order_by(AuditEntry.sequence)).scalars().all()
        return [(one.action, one.environment, one.actor_name, one.details) for one in entries]


def holders(shop: House, table: type[AuthToken | MerchantToken]) -> list[tuple[Environment, str]]:
    """Whose token pairs there are."""
    named = table.shop_id if table is AuthToken else table.merchant_id  # type: ignore[union-attr]
    with shop.db.read() as db:
        return sorted((row[0], row[1]) for row in db.execute(sa.select(table.environment, named)))


def add_merchant(shop: House, environment: Environment = SANDBOX, merchant_id: str = SHOP) -> MerchantScope:
    """A connected merchant with a pair; by default one with the shop's own number."""
    scope = MerchantScope(FAKE, environment, merchant_id)
    with shop.db.write() as db:
        sealed = seal_tokens(db, shop.parts.ring, scope, shop.market.issue(environment, "m", shop.now))
        save_account(db, scope, None, main_account_id="5001", state="connected", reason="", actor=ANNA, now=shop.now)
        store_tokens(db, scope, "1001", sealed, shared=False, now=shop.now)
    return scope


def merchant_row(shop: House, scope: MerchantScope) -> Merchant:
    with shop.db.read() as db:
        row = find_holder(db, scope)
    assert row is not None
    return row


def of_merchant(kind: str, *merchant_ids: str, **facts: Any) -> IncomingPush:
    """A push about a merchant."""
    given = {"shop_ids": (), "merchant_ids": merchant_ids or (SHOP,), **facts}
    return about(kind, **given)


def test_cancelled_authorisation_disconnects_the_shop_of_exactly_that_environment(shop: House) -> None:
    """Breaks where `authorizations.apply` takes another environment than the event's."""
    shop.connect(SANDBOX, OTHER)
    event = apply(shop, about("deauthorized", end_reason="cancelled_by_seller"))
    assert (event.state, event.note) == ("applied", f"shop {SHOP} was disconnected")
    assert shop_row(shop).state == "disconnected"
    assert shop_row(shop).state_reason == "the seller cancelled the authorisation"
    assert (shop.shop_state(LIVE), shop.shop_state(SANDBOX, OTHER)) == ("connected", "connected")
    action, environment, actor, details = audit(shop)[-1]
    assert (action, environment, actor) == ("shop.disconnected", SANDBOX, "Kedai")
    assert details["reason"] == "the seller cancelled the authorisation"
    assert details["changed"]["state"] == ["connected", "disconnected"]
    (trouble,) = shop.exceptions()
    assert (trouble.code, trouble.environment, trouble.shop_id) == ("shop_disconnected", SANDBOX, SHOP)
    assert "Reconnect" in trouble.next_step
    assert trouble.last_event_id == event.id


def test_inactive_environments_authorisation_ends_too(shop: House) -> None:
    assert apply(shop, about("deauthorized", environment=LIVE)).state == "applied"
    assert (shop.shop_state(LIVE), shop.shop_state(SANDBOX)) == ("disconnected", "connected")


@pytest.mark.parametrize(
    ("stated", "words"),
    [
        ("expired", "the authorisation has ended"),
        ("app_suspended", "the marketplace suspended the app"),
        ("unlinked_from_main_account", "the shop left its main account"),
        ("unknown", "the marketplace ended the authorisation"),
        (None, "the marketplace ended the authorisation"),
    ],
)
def test_reason_is_told_in_our_words(shop: House, stated: str | None, words: str) -> None:
    apply(shop, about("deauthorized", end_reason=stated))
    assert shop_row(shop).state_reason == words


def test_nothing_uses_the_tokens_of_a_disconnected_shop(shop: House) -> None:
    """Breaks without the look at the shop's state in `tokens._usable`."""
    apply(shop, about("deauthorized"))
    shop.market.put(SANDBOX, snapshot("O1"))
    shop.deliver(incoming("O1"))
    shop.work(batches=1)
    assert shop.events()[-1].state == "received"
    for rejected in (None, 1):
        with pytest.raises(NeedsReconnect):
            asyncio.run(get_access_token(shop.parts, Scope(FAKE, SANDBOX, SHOP), rejected=rejected))
    assert shop.market.calls == []


def test_call_that_fails_late_leaves_a_disconnected_shop_disconnected(shop: House) -> None:
    """Breaks without the state's test in `lose_account`."""
    apply(shop, about("deauthorized"))
    with shop.db.write() as db:
        lose_account(db, Scope(FAKE, SANDBOX, SHOP), reason="refused", now=shop.now)
        lose_account(db, Scope(FAKE, LIVE, SHOP), reason="refused", now=shop.now)
    assert (shop.shop_state(SANDBOX), shop.shop_state(LIVE)) == ("disconnected", "needs_reauth")


def test_push_older_than_the_authorisation_changes_nothing(shop: House) -> None:
    """A retry of hours ago, or a replay. Breaks without `authorizations._is_older`."""
    for kind in ("deauthorized", "expiring", "authorized"):
        event = apply(shop, about(kind, pushed_at=EARLIER, ends_before=LATER if kind == "expiring" else None))
        assert event.state == "skipped"
        assert "older than the authorisation" in event.note
    assert shop_row(shop).state == "connected"
    assert shop_row(shop).authorized_until is None
    assert shop.exceptions() == []


def test_push_of_the_same_second_counts(shop: House) -> None:
    shop.execute(sa.update(Shop).values(authorized_at=START + timedelta(microseconds=900_000)))
    assert apply(shop, about("deauthorized", pushed_at=START)).state == "applied"


def test_marketplaces_own_instant_decides_and_ours_only_where_it_gave_none(shop: House) -> None:
    shop.execute(sa.update(Shop).values(authorized_at=EARLIER, connected_at=LATER + timedelta(hours=1)))
    assert apply(shop, about("deauthorized", pushed_at=START)).state == "applied"


def test_second_cancellation_says_nothing_new(shop: House) -> None:
    apply(shop, about("deauthorized"))
    entries = len(audit(shop))
    event = apply(shop, about("deauthorized", end_reason="expired"))
    assert (event.state, event.note) == ("skipped", f"shop {SHOP} is disconnected already")
    assert len(audit(shop)) == entries
    assert [one.count for one in shop.exceptions()] == [1]


def test_authorisation_is_noted_and_connects_nothing_by_itself(shop: House) -> None:
    apply(shop, about("deauthorized"))
    noted = LATER + timedelta(hours=1)
    event = apply(shop, about("authorized", pushed_at=noted))
    assert (event.state, event.note) == ("applied", f"shop {SHOP} was authorised")
    assert (shop_row(shop).state, shop_row(shop).authorized_at) == ("disconnected", noted)
    assert audit(shop)[-1][:2] == ("shop.authorized", SANDBOX)
    again = apply(shop, about("authorized", pushed_at=noted))
    assert (again.state, "is known" in again.note) == ("skipped", True)
    late = apply(shop, about("deauthorized", pushed_at=LATER))
    assert "older" in late.note


def test_shop_that_is_not_connected_here_is_passed_over(shop: House) -> None:
    event = apply(shop, about("authorized", "7999"))
    assert (event.state, event.note) == ("skipped", "shop 7999 is not connected here")
    assert shop.shop(SANDBOX, "7999") is None
    event = apply(shop, about("deauthorized", "7999", SHOP))
    assert event.state == "applied"
    assert "7999 is not connected here" in event.note
    assert shop.shop_state() == "disconnected"


def test_one_push_ends_several_shops(shop: House) -> None:
    shop.connect(SANDBOX, OTHER)
    apply(shop, about("deauthorized", OTHER, SHOP))
    assert (shop.shop_state(SANDBOX), shop.shop_state(SANDBOX, OTHER)) == ("disconnected", "disconnected")
    assert [one.shop_id for one in shop.exceptions()] == [SHOP, OTHER]


@pytest.mark.parametrize("kind", ["authorized", "deauthorized", "expiring"])
def test_merchants_are_never_taken_for_shops_nor_shops_for_merchants(shop: House, kind: str) -> None:
    """Both have the same number: breaks where `authorizations.apply` finds one by the other's id."""
    event = apply(shop, of_merchant(kind))
    assert (event.state, event.note) == ("skipped", f"merchant {SHOP} is not connected here")
    merchant = add_merchant(shop)
    before = (shop_row(shop).state, shop_row(shop).authorized_at, shop_row(shop).authorized_until)
    apply(shop, of_merchant(kind, ends_before=LATER))
    assert (shop_row(shop).state, shop_row(shop).authorized_at, shop_row(shop).authorized_until) == before
    stood = (merchant_row(shop, merchant).state, merchant_row(shop, merchant).authorized_at)
    apply(shop, about(kind, ends_before=LATER))
    assert (merchant_row(shop, merchant).state, merchant_row(shop, merchant).authorized_at) == stood


def test_cancelled_merchant_is_disconnected_in_its_environment_alone_and_told(shop: House) -> None:
    """Breaks where `authorizations._deauthorized` leaves merchants out."""
    merchant, other = add_merchant(shop), add_merchant(shop, SANDBOX, "9002")
    live = add_merchant(shop, LIVE)
    event = apply(shop, of_merchant("deauthorized", end_reason="cancelled_by_seller"))
    assert (event.state, event.note) == ("applied", f"merchant {SHOP} was disconnected")
    assert [merchant_row(shop, one).state for one in (merchant, other, live)] == [
        "disconnected",
        "connected",
        "connected",
    ]
    assert holders(shop, MerchantToken) == [(LIVE, SHOP), (SANDBOX, "9002")]
    action, environment, actor, details = audit(shop)[-1]
    assert (action, environment, actor) == ("merchant.disconnected", SANDBOX, "Kedai")
    assert details["reason"] == "the seller cancelled the authorisation"
    assert details["changed"]["state"] == ["connected", "disconnected"]
    (trouble,) = shop.exceptions()
    assert (trouble.code, trouble.shop_id) == ("merchant_disconnected", None)
    assert trouble.title.startswith(f"Merchant {SHOP} was disconnected")
    apply(shop, of_merchant("deauthorized", "9002"))
    assert [one.code for one in shop.exceptions()] == ["merchant_disconnected"] * 2
    again = apply(shop, of_merchant("deauthorized"))
    assert (again.state, again.note) == ("skipped", f"merchant {SHOP} is disconnected already")


def test_merchants_authorisation_is_noted_and_its_end_is_dated(shop: House) -> None:
    merchant, end = add_merchant(shop), LATER + timedelta(days=7)
    assert apply(shop, of_merchant("authorized")).state == "applied"
    assert merchant_row(shop, merchant).authorized_at == LATER
    event = apply(shop, of_merchant("expiring", ends_before=end))
    assert (event.state, merchant_row(shop, merchant).authorized_until) == ("applied", end)
    (trouble,) = shop.exceptions()
    assert (trouble.code, f"merchant {SHOP} ends by" in trouble.title) == ("authorization_ending", True)
    late = apply(shop, of_merchant("deauthorized", pushed_at=EARLIER))
    assert (late.state, merchant_row(shop, merchant).state) == ("skipped", "connected")


def test_one_push_about_a_main_accounts_shops_and_merchants_reaches_all(shop: House) -> None:
    merchant = add_merchant(shop, SANDBOX, "9001")
    apply(shop, about("deauthorized", SHOP, merchant_ids=("9001",), main_account_id="5001"))
    assert (shop.shop_state(), merchant_row(shop, merchant).state) == ("disconnected", "disconnected")


def test_the_marketplaces_word_and_a_persons_forget_the_pair_by_one_rule(shop: House) -> None:
    """Breaks where `vault.accounts.disconnect_account` keeps it."""
    shop.connect(SANDBOX, OTHER)
    merchants = [add_merchant(shop), add_merchant(shop, SANDBOX, OTHER)]
    apply(shop, about("deauthorized", merchant_ids=(SHOP,)))
    with shop.db.write() as db:
        given = {"typed": OTHER, "actor": ANNA, "now": shop.now}
        accounts.disconnect(shop.parts, db, Scope(FAKE, SANDBOX, OTHER), **given)
        accounts.disconnect(shop.parts, db, merchants[1], **given)
    assert holders(shop, AuthToken) == [(LIVE, SHOP)]
    assert holders(shop, MerchantToken) == []
    states = [shop.shop_state(SANDBOX, one) for one in (SHOP, OTHER)]
    assert states + [merchant_row(shop, one).state for one in merchants] == ["disconnected"] * 4


@pytest.mark.parametrize(
    ("partner_id", "state"), [("1001", "disconnected"), ("2002", "connected"), (None, "disconnected")]
)
def test_push_that_names_another_app_changes_nothing(shop: House, partner_id: str | None, state: str) -> None:
    event = apply(shop, about("deauthorized", partner_id=partner_id))
    assert shop.shop_state() == state
    assert ("names another app" in event.note) == (state == "connected")


@pytest.mark.parametrize(
    ("known", "kept"),
    [
        (None, LATER + timedelta(days=7)),
        (LATER + timedelta(days=300), LATER + timedelta(days=7)),
        (LATER + timedelta(days=6), LATER + timedelta(days=6)),
    ],
)
def test_coming_end_is_stored_unless_a_better_date_is_known(
    shop: House, known: datetime | None, kept: datetime
) -> None:
    shop.execute(sa.update(Shop).values(authorized_until=known))
    event = apply(shop, about("expiring", ends_before=LATER + timedelta(days=7)))
    assert event.state == "applied"
    assert shop_row(shop).authorized_until == kept
    assert shop_row(shop).state == "connected"
    assert shop_row(shop, LIVE).authorized_until == known
    changes = [entry for entry in audit(shop) if entry[0] == "shop.authorization_ending"]
    assert [entry[3] for entry in changes] == ([] if kept == known else [{"until": kept.isoformat()}])
    (trouble,) = shop.exceptions()
    assert (trouble.code, trouble.shop_id) == ("authorization_ending", SHOP)
    assert f"{kept:%Y-%m-%d}" in trouble.title


def test_coming_end_without_a_date_is_told_all_the_same(shop: House) -> None:
    apply(shop, about("expiring"))
    (trouble,) = shop.exceptions()
    assert trouble.title.endswith("ends soon")
    assert shop_row(shop).authorized_until is None


def test_coming_end_of_a_disconnected_shop_is_no_news(shop: House) -> None:
    apply(shop, about("deauthorized"))
    event = apply(shop, about("expiring", ends_before=LATER + timedelta(days=7)))
    assert event.state == "skipped"
    assert [one.code for one in shop.exceptions()] == ["shop_disconnected"]


def test_several_pushes_of_one_batch_are_applied_in_order_of_arrival(shop: House) -> None:
    shop.deliver(
        about("expiring", ends_before=LATER + timedelta(days=7)),
        about("deauthorized", pushed_at=LATER + timedelta(minutes=1)),
        about("authorized", pushed_at=LATER + timedelta(minutes=2)),
    )
    assert shop.work() == 1
    assert shop.states() == ["applied"] * 3
    assert shop_row(shop).state == "disconnected"
    assert shop_row(shop).authorized_at == LATER + timedelta(minutes=2)


def test_probe_is_skipped(shop: House) -> None:
    event = apply(shop, incoming(None, topic=Topic.CONNECTION, shop_id=None, code=0))
    assert (event.state, event.note) == ("skipped", "a test of the push address")


def test_push_that_says_nothing_of_whom_is_given_up_for_a_person(shop: House) -> None:
    push = incoming(None, topic=Topic.CONNECTION, shop_id=None, code=2)
    event = apply(shop, replace(push, body=msgspec.json.encode({"change": None})))
    assert event.state == "dead"
    assert [one.code for one in shop.exceptions()] == ["malformed"]


def test_event_that_was_lost_to_another_worker_changes_nothing(shop: House) -> None:
    """Breaks where changes are applied for events that are not held any more."""
    shop.deliver(about("deauthorized"))

    connector = shop.connector
    original = connector.parse_connection

    def parse(body: bytes) -> Any:
        shop.execute(sa.update(RawEvent).values(lease_by="somebody else"))
        return original(body)

    connector.parse_connection = parse
    shop.step()
    assert shop.shop_state() == "connected"
    assert shop.event().state == "received"


@on_postgresql
def test_pushes_that_are_applied_together_and_a_deed_on_one_of_their_shops_never_wait_for_each_other(
    shop: House,
) -> None:
    """Fails where a push locks its shop after the one before was recorded: the deed's own entry waits for that one."""
    scope = Scope(FAKE, SANDBOX, SHOP)
    shop.connect(SANDBOX, OTHER)
    other, holds = shop.as_process(), threading.Event()
    first, second = new_id(), new_id()
    ended = (ConnectionChange(ConnectionKind.DEAUTHORIZED, shop_ids=(one,), pushed_at=LATER) for one in (OTHER, SHOP))
    verdict = Verdict(changes=dict(zip((first, second), ended, strict=True)))
    batch = Batch("worker", FAKE, SANDBOX, None, LATER, ())

    def pause_slowly() -> None:
        with other.database.write() as db:
            find_holder(db, scope, lock=True)
            holds.set()
            wait_until(lambda: shop.scalar(WAITING) > 0, message="nobody waits for the shop")
            set_state(db, scope, "paused", reason="", actor=ANNA, now=shop.now)

    def apply_both() -> None:
        holds.wait(10)
        with shop.db.write() as db:
            process._apply_changes(db, batch, {first, second}, verdict, shop.now)

    assert run_threads([pause_slowly, apply_both]) == [None, None]
    assert [shop.shop_state(SANDBOX, one) for one in (SHOP, OTHER)] == ["disconnected"] * 2
