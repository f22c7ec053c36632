"""What the database itself refuses, whatever the code above it does: crossing environments, and changing the trail."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest
import sqlalchemy as sa
from sqlalchemy.exc import DBAPIError, IntegrityError

from kedai.audit.models import AuditEntry
from kedai.calls import rates
from kedai.calls import service as calls
from kedai.connector_exceptions.service import Trouble, raise_exception
from kedai.coverage import service as coverage
from kedai.db.base import Model
from kedai.inbox.models import EventFigure, RawEvent
from kedai.inbox.notices import record_notices
from kedai.inbox.rejected import Sample, keep_rejected
from kedai.kit.ids import new_id
from kedai.notifications.models import NotificationChannel, NotificationCondition, NotificationDelivery
from kedai.orders.models import OrderEscrow, OrderEscrowLine, OrderPackage, OrderPackageChange
from kedai.orders.service import prepare, upsert
from kedai.orders.shadow import Shadow, keep
from kedai.runs.schedules import make_schedule
from kedai.runs.service import create_run
from kedai.sync import connect
from kedai.sync.skus import set_demanded
from kedai.sync.store import store_orders
from kedai.values.call import CallRecord
from kedai.values.coverage import Source
from kedai.values.environment import MerchantScope, Scope
from kedai.values.event import Announcement
from kedai.values.pace import BucketKey, Pace
from kedai.vault.accounts import save_account, store_tokens
from kedai.vault.held import hold
from kedai.vault.models import AuthToken, MerchantToken
from tests.support.factories import ANNA, FAKE, LIVE, SANDBOX, SHOP, START, House, incoming, snapshot

NEVER_CHANGES = "never changes"
MAY_CHANGE = {"active_environment"}
"""The one row whose environment is meant to change."""

APPEND_ONLY = {"audit", "go_live_certificate"}


@pytest.fixture
def filled(house: House) -> House:
    """A house with at least one sandbox row in every table that names an environment."""
    house.configure(SANDBOX)
    house.configure(LIVE)
    scope = house.connect(SANDBOX)
    house.deliver(incoming("O1"))
    with house.db.write() as db:
        set_demanded(db, FAKE, SANDBOX, True, expected_version=0, actor=ANNA, now=house.now)
        store_orders(db, scope, prepare([snapshot("O1")]), now=house.now)
        keep(db, scope, new_id(), [Shadow("O1", "unreadable", None, standing_hash=b"x", events=0)])
        create_run(db, "x", FAKE, SANDBOX, scope={}, total=None, actor=ANNA, now=house.now)
        hour = timedelta(hours=1)
        made = {"every": hour, "cron": None, "grace": hour, "offset": hour, "next_due_at": house.now}
        make_schedule(db, "x", FAKE, SANDBOX, **made)
        coverage.record(db, scope, Source.PUSH, START, START + hour, run_id=None, now=house.now)
        coverage.note_rating(db, FAKE, SANDBOX, coverage.Rating("normal", None, True), now=house.now)
        raise_exception(db, FAKE, SANDBOX, Trouble("x", "x", "x", order_sn="O1"), now=house.now)
        told = {"diagnosis": "unknown_key", "diagnosed_for": ""}
        keep_rejected(db, FAKE, SANDBOX, Sample("mismatch", {}, b"", 0), counts={"mismatch": 1}, **told, now=house.now)
        calls.store(db, [CallRecord(FAKE, SANDBOX, SHOP, "GET", "/x", 200, "", "x", 1.0, START)])
        rates.rest_for_the_day(db, BucketKey(FAKE, SANDBOX, "1001", "app"), 60.0, Pace(10.0, 10), now=house.now)
        said = {new_id(): [Announcement("x", "x", None, None)]}
        record_notices(db, FAKE, SANDBOX, said, shop_id=None, now=house.now)
        connect.start(
            house.parts, db, FAKE, SANDBOX, staff_id="s", session_id="s", expected_shop_id=None, now=house.now
        )
    pair = {"access_token_encrypted": "x", "refresh_token_encrypted": "x"}
    pair |= dict.fromkeys(("access_expires_at", "refresh_expires_at"), START)
    with house.db.write() as db:
        merchant = MerchantScope(FAKE, SANDBOX, SHOP)
        save_account(db, merchant, None, main_account_id="5", state="connected", reason="", actor=ANNA, now=house.now)
        store_tokens(db, merchant, "1001", pair, shared=False, now=house.now)
        hold(db, merchant, "1001", pair, main_account_id="5", now=house.now)
    channel_id = new_id()
    channel = {"kind": "webhook", "environments": [], "topics": [], "settings": {}, "created_by": "x"}
    message = {"state": "waiting", "entries": [], "tells_of_seal": False, "attempts": 0, "planned_at": START}
    told = {"kind": "x", "subject": "x", "level": "bad", "title": "x", "path": "/", "began_at": START}
    house.execute(sa.insert(NotificationChannel).values(id=channel_id, name="x", created_at=START, **channel))
    message |= {"id": new_id(), "channel_id": channel_id, "due_at": START, "created_at": START}
    house.execute(sa.insert(NotificationDelivery).values(environment=SANDBOX, **message))
    house.execute(sa.insert(NotificationCondition).values(environment=SANDBOX, **told))
    seal = {"environment": SANDBOX, "identity": "x", "found": {}, "sealed_at": START}
    house.execute(sa.insert(Model.metadata.tables["environment_seal"]).values(**seal))
    order = {"connector": FAKE, "environment": SANDBOX, "shop_id": SHOP, "order_sn": "O1"}
    package = {"package_number": "P1", "changed_at": START, "recorded_at": START}
    goods = {"line": 1, "item_id": "1", "model_id": "0", "sku": "", "quantity": 1}
    read = {"captured_at": START, "read_started_at": START, "answer_hash": b"x"}
    house.execute(sa.insert(EventFigure).values(connector=FAKE, environment=SANDBOX, grain="hour", starts_at=START))
    house.execute(sa.insert(OrderPackage).values(**order, package_number="P1", status="x", items=[]))
    house.execute(sa.insert(OrderPackageChange).values(id=new_id(), **order, **package, field="added"))
    house.execute(sa.insert(OrderEscrow).values(**order, currency="SGD", **read))
    house.execute(sa.insert(OrderEscrowLine).values(**order, **goods))
    token = {"id": new_id(), "name": "x", "role": "viewer", "scopes": [], "environment": SANDBOX, "created_by": "x"}
    house.execute(sa.insert(Model.metadata.tables["api_token"]).values(**token, token_hash=b"x", created_at=START))
    return house


def test_environment_of_a_row_never_changes_in_any_table(filled: House) -> None:
    tables = {name: table for name, table in Model.metadata.tables.items() if "environment" in table.c}
    assert tables.keys() > MAY_CHANGE | APPEND_ONLY
    for name, table in sorted(tables.items()):
        if name in MAY_CHANGE | APPEND_ONLY:
            continue
        where = table.c.environment == SANDBOX
        assert filled.scalar(sa.select(sa.func.count()).select_from(table).where(where)) >= 1, name
        with pytest.raises(DBAPIError, match=NEVER_CHANGES):
            filled.execute(sa.update(table).where(where).values(environment=LIVE))
        assert filled.execute(sa.update(table).where(where).values(environment=SANDBOX)) >= 1, name


def test_environment_outside_the_closed_set_is_refused_in_every_table(filled: House) -> None:
    checks = {
        name: [one.sqltext.text for one in table.constraints if isinstance(one, sa.CheckConstraint)]
        for name, table in Model.metadata.tables.items()
        if "environment" in table.c
    }
    for name, texts in checks.items():
        assert "environment IN ('sandbox', 'live')" in texts, name
    with pytest.raises(DBAPIError, match="environment_known"):
        filled.execute(sa.text("UPDATE active_environment SET environment = 'prod'"))


def test_token_of_one_environment_is_refused_on_a_shop_of_the_other(filled: House) -> None:
    row = {column.name: value for column, value in _row(filled, AuthToken).items()}
    with pytest.raises(IntegrityError):
        filled.execute(sa.insert(AuthToken).values({**row, "id": new_id(), "environment": LIVE}))


def test_token_of_one_environment_is_refused_on_a_merchant_of_the_other(filled: House) -> None:
    """The live shop of the same number is no merchant: breaks without the composite key of `merchant_token`."""
    filled.connect(LIVE)
    row = {column.name: value for column, value in _row(filled, MerchantToken).items()}
    with pytest.raises(IntegrityError):
        filled.execute(sa.insert(MerchantToken).values({**row, "id": new_id(), "environment": LIVE}))


def test_order_of_one_environment_is_refused_on_a_shop_of_the_other(filled: House) -> None:
    with pytest.raises(IntegrityError), filled.db.write() as db:
        upsert(db, Scope(FAKE, LIVE, SHOP), prepare([snapshot("O2")]), now=filled.now)
    assert [order.environment for order in filled.orders()] == [SANDBOX]


def test_line_of_one_environment_is_refused_on_an_order_of_the_other(filled: House) -> None:
    filled.connect(LIVE)
    item = Model.metadata.tables["order_item"]
    key = {"connector": FAKE, "environment": LIVE, "shop_id": SHOP, "order_sn": "O1", "line": 1}
    words = {"item_id": "1", "model_id": "", "name": "", "model_name": "", "sku": "", "quantity": 1}
    with pytest.raises(IntegrityError):
        filled.execute(sa.insert(item).values(**key, **words, unit_price=Decimal(1)))


def test_push_of_an_unknown_marketplace_is_refused(filled: House) -> None:
    row = {column.name: value for column, value in _row(filled, RawEvent).items()}
    with pytest.raises(IntegrityError):
        filled.execute(sa.insert(RawEvent).values({**row, "id": new_id(), "connector": "nobody"}))


def test_state_of_a_push_is_a_closed_set_that_fits_its_reason(filled: House) -> None:
    wrong = [("state", "working"), ("state", "parked"), ("parked_reason", "unknown_shop"), ("parked_reason", "other")]
    for column, value in wrong:
        with pytest.raises(IntegrityError):
            filled.execute(sa.update(RawEvent).values({column: value}))


def test_referred_row_is_never_deleted_along_or_orphaned(filled: House) -> None:
    for table in ("shop", "merchant", "order_sync", "environment_credentials"):
        with pytest.raises(IntegrityError):
            filled.execute(sa.delete(Model.metadata.tables[table]))
    rules = {key.ondelete for table in Model.metadata.tables.values() for key in table.foreign_keys if key.ondelete}
    assert rules == set()


def test_trail_is_append_only(filled: House) -> None:
    assert filled.scalar(sa.select(sa.func.count()).select_from(AuditEntry)) > 0
    for statement in (sa.update(AuditEntry).values(subject="x"), sa.delete(AuditEntry)):
        with pytest.raises(DBAPIError, match="append-only"):
            filled.execute(statement)


def test_same_order_number_lives_in_both_environments_side_by_side(filled: House) -> None:
    filled.connect(LIVE)
    with filled.db.write() as db:
        upsert(db, Scope(FAKE, LIVE, SHOP), prepare([snapshot("O1", status="SHIPPED")]), now=filled.now)
    assert {(order.environment, order.status) for order in filled.orders()} == {
        (SANDBOX, "READY_TO_SHIP"),
        (LIVE, "SHIPPED"),
    }


def test_same_push_lives_in_both_environments_side_by_side(filled: House) -> None:
    event_id = b"\1" * 32
    assert filled.deliver(incoming("O9", event_id=event_id), incoming("O9", environment=LIVE, event_id=event_id)) == 2
    assert filled.deliver(incoming("O9", environment=LIVE, event_id=event_id)) == 0


def _row(house: House, model: type[Model]) -> dict[Any, Any]:
    with house.db.read() as db:
        row = db.execute(sa.select(model)).scalars().first()
        return {column: getattr(row, column.name) for column in model.__table__.c}
