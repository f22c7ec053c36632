"""What the old system holds arrives once, sealed anew, in its environment, and is never worked on as if it were new."""

from __future__ import annotations

import asyncio
import hashlib
import json
import uuid
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import psycopg
import pytest
import sqlalchemy as sa
from msgspec.structs import replace

from kedai.audit.models import AuditEntry
from kedai.connector_exceptions.models import ConnectorException
from kedai.connectors.registry import get_connector
from kedai.errors import Conflict
from kedai.inbox.flush import IncomingPush, insert_pushes
from kedai.inbox.models import RawEvent
from kedai.orders.models import OrderSync, OrderTimeline
from kedai.orders.service import prepare, upsert
from kedai.sync import credentials
from kedai.sync.medusa.database import OldDatabase
from kedai.sync.medusa.dump import Dump
from kedai.sync.process import process_next
from kedai.values.environment import ConnectorName, Environment, Scope
from kedai.values.secret import Secret
from kedai.vault.accounts import open_tokens
from kedai.vault.models import ActiveEnvironment, AuthToken, EnvironmentCredentials, Shop
from kedai.vault.queries import find_token, get_credentials, open_secret
from tests.feature.importing.old_system import (
    SECRETS,
    V1,
    build,
    event,
    everything,
    insert,
    order,
    push,
    sealed,
    token,
)
from tests.feature.importing.world import Kedai, counts, only
from tests.support.factories import ANNA, START, incoming, snapshot

SHOPEE = ConnectorName("shopee")
SANDBOX, LIVE = Environment.SANDBOX, Environment.LIVE
EVERYTHING = {
    "shopee_environment_credentials": (3, 2, 0, 0, 1),
    "shopee_active_environment": (1, 0, 0, 0, 1),
    "shopee_auth_token": (3, 2, 0, 0, 1),
    "shopee_raw_event": (9, 6, 0, 1, 2),
    "shopee_order_sync": (6, 4, 0, 0, 2),
    "connector_exception": (3, 2, 0, 0, 1),
}
SHOPS = ("8001", "8003")
"""One that comes with a pair of tokens, one without."""

AGAIN = {
    "shopee_environment_credentials": (3, 0, 0, 2, 1),
    "shopee_active_environment": (1, 0, 0, 0, 1),
    "shopee_auth_token": (3, 0, 0, 2, 1),
    "shopee_raw_event": (9, 0, 0, 7, 2),
    "shopee_order_sync": (6, 0, 0, 4, 2),
    "connector_exception": (3, 0, 0, 2, 1),
}


def test_everything_that_can_be_taken_over_is(kedai: Kedai, old: OldDatabase) -> None:
    assert counts(kedai.take(old)) == EVERYTHING


def test_dump_gives_the_same_as_the_database_it_was_made_from(kedai: Kedai, dump: Dump) -> None:
    assert counts(kedai.take(dump)) == EVERYTHING


def test_dry_run_tells_the_same_and_writes_nothing(kedai: Kedai, old: OldDatabase) -> None:
    before = kedai.contents()
    report = kedai.report(old, apply=False)
    assert kedai.contents() == before
    told = counts({one.table: one for one in report.tables})
    assert told == EVERYTHING
    assert report.lines()[-1] == "Nothing was written. Run it again with --apply to take this over."


def test_second_run_changes_nothing(kedai: Kedai, old: OldDatabase, dump: Dump) -> None:
    kedai.take(old)
    before = kedai.contents()
    assert counts(kedai.take(old)) == AGAIN
    assert counts(kedai.take(dump)) == AGAIN
    assert kedai.contents() == before


def test_keys_do_not_depend_on_the_run(kedai: Kedai, dump: Dump) -> None:
    kedai.take(dump)
    first = {table: {row.id for row in kedai.rows(table)} for table in (RawEvent, OrderSync, ConnectorException)}
    with kedai.runtime.web_db.write() as db:
        for table in (RawEvent, OrderTimeline, OrderSync, ConnectorException):
            db.execute(sa.delete(table))
    kedai.take(dump)
    for table, ids in first.items():
        assert {row.id for row in kedai.rows(table)} == ids
        assert all(one.version == 7 and one.variant == uuid.RFC_4122 for one in ids)
    newest = max(kedai.rows(RawEvent), key=lambda row: row.received_at)
    assert newest.id == max(row.id for row in kedai.rows(RawEvent)), "the list is in the order of arrival"


def test_v1_secrets_are_opened_and_sealed_anew(kedai: Kedai, old: OldDatabase) -> None:
    kedai.take(old)
    ring = kedai.runtime.ring
    for environment in Environment:
        row = kedai.read(lambda db, environment=environment: get_credentials(db, SHOPEE, environment))
        for column, name in (("partner_key_encrypted", "partner key"), ("push_partner_key_encrypted", "push key")):
            assert getattr(row, column).startswith("v2:k1:")
            opened = open_secret(ring, row, column)
            assert opened is not None
            assert opened.reveal() == SECRETS[f"{environment} {name}"]
    scope = Scope(SHOPEE, LIVE, "8001")
    stored = kedai.read(lambda db: find_token(db, scope))
    assert stored.access_token_encrypted.startswith("v2:k1:")
    assert open_tokens(ring, stored).access_token.reveal() == SECRETS["live access token"]
    assert open_tokens(ring, stored).refresh_token.reveal() == SECRETS["live refresh token"]
    assert stored.partner_id == "2000032"


def test_missing_environment_means_sandbox_and_live_stays_live(kedai: Kedai, old: OldDatabase) -> None:
    kedai.take(old)
    credentials_rows = kedai.rows(EnvironmentCredentials)
    assert only(credentials_rows, connector="shopee", environment=SANDBOX).partner_id == "1000016"
    assert only(credentials_rows, connector="shopee", environment=LIVE).partner_id == "2000032"
    assert only(kedai.rows(RawEvent), order_sn="260801SANDBOX1").environment is SANDBOX
    assert {row.environment for row in kedai.rows(RawEvent) if row.shop_id == "8001"} == {LIVE}
    assert only(kedai.rows(OrderSync), order_sn="260801SANDBOX1").shop_id == "7001", "the credentials name the shop"
    assert only(kedai.rows(ConnectorException), state="new").environment is SANDBOX


def test_live_does_not_become_active(kedai: Kedai, old: OldDatabase) -> None:
    tables = kedai.take(old, connect=True)
    assert only(kedai.rows(ActiveEnvironment), connector="shopee").environment is SANDBOX
    (why,) = tables["shopee_active_environment"].refused
    assert why == "live was active there, sandbox is here, and an import switches nothing: a person does"


def test_shops_wait_until_the_old_system_is_said_to_be_stopped(kedai: Kedai, old: OldDatabase) -> None:
    """Two systems that renew the same pair lose it."""
    kedai.take(old)
    states = {row.shop_id: row.state for row in kedai.rows(Shop)}
    assert states == {"7001": "paused", "8001": "paused", "8003": "needs_reauth"}
    assert counts(kedai.take(old, connect=True))["shopee_auth_token"] == (3, 0, 2, 0, 1)
    states = {row.shop_id: row.state for row in kedai.rows(Shop)}
    assert states == {"7001": "connected", "8001": "connected", "8003": "needs_reauth"}
    before = kedai.contents()
    assert counts(kedai.take(old, connect=True))["shopee_auth_token"] == (3, 0, 0, 2, 1)
    assert kedai.contents() == before


def test_push_that_waits_for_its_shop_goes_on_once_the_shop_is_connected(kedai: Kedai, old: OldDatabase) -> None:
    """Pushes may come to Kedai before the import does."""
    later = START + timedelta(minutes=10)
    waiting = [
        replace(incoming(f"N{shop}", environment=LIVE, shop_id=shop, at=later), connector=SHOPEE) for shop in SHOPS
    ]
    with kedai.runtime.web_db.connect() as connection:
        assert insert_pushes(connection, waiting) == 2
    kedai.take(old, connect=True)
    due = {row.shop_id: row.due_at for row in kedai.rows(RawEvent) if row.state == "received"}
    assert due == {"8001": START, "8003": later}


def test_pair_renewed_by_the_old_system_since_replaces_the_one_taken_over(
    kedai: Kedai, old: OldDatabase, old_dsn: str
) -> None:
    kedai.take(old)
    change(
        old_dsn,
        "UPDATE shopee_auth_token SET expires_at = '2031-01-01Z', access_token_encrypted = %s WHERE id = 'stok_2'",
        sealed("lost token"),
    )
    with OldDatabase(old_dsn) as renewed:
        assert counts(kedai.take(renewed))["shopee_auth_token"] == (3, 0, 1, 1, 1)
    stored = kedai.read(lambda db: find_token(db, Scope(SHOPEE, LIVE, "8001")))
    assert open_tokens(kedai.runtime.ring, stored).access_token.reveal() == SECRETS["lost token"]


def test_pair_of_a_shop_that_kedai_connected_stays(kedai: Kedai, old: OldDatabase, old_dsn: str) -> None:
    kedai.take(old, connect=True)
    change(old_dsn, "UPDATE shopee_auth_token SET expires_at = '2031-01-01Z'")
    before = kedai.rows(AuthToken)
    with OldDatabase(old_dsn) as renewed:
        kedai.take(renewed, connect=True)
    assert [row.access_token_encrypted for row in kedai.rows(AuthToken)] == [
        row.access_token_encrypted for row in before
    ]


def test_pair_of_another_app_must_be_granted_anew(kedai: Kedai, old_dsn: str) -> None:
    build(old_dsn, {"shopee_auth_token": [token("stok_1", "live", "8001", "live")]})
    change(old_dsn, "ALTER TABLE shopee_auth_token ADD partner_id text DEFAULT '3000048'")
    with OldDatabase(old_dsn) as source:
        kedai.take(source, connect=True)
    assert only(kedai.rows(Shop), shop_id="8001").state == "needs_reauth"


def test_fate_of_a_push_is_that_of_the_old_system(kedai: Kedai, old: OldDatabase) -> None:
    kedai.take(old)
    rows = kedai.rows(RawEvent)
    assert only(rows, order_sn="260801SANDBOX1").state == "applied"
    assert only(rows, order_sn="260801LIVE0001").state == "parked"
    assert only(rows, order_sn="260801LIVE0001").parked_reason == "inactive_environment"
    assert only(rows, order_sn="260801LIVE0002").state == "dead"
    assert only(rows, order_sn="260801LIVE0003").state == "dead", "an unknown word is for a person to look at"
    assert only(rows, topic="malformed").state == "applied"
    assert only(rows, code=10).state == "skipped", "old news that is about no order is nothing to be replayed"


def test_no_imported_push_is_worked_on(kedai: Kedai, old: OldDatabase) -> None:
    kedai.take(old, connect=True)
    assert asyncio.run(process_next(kedai.runtime.worker_parts)) is False
    assert "received" not in {row.state for row in kedai.rows(RawEvent)}


def test_bodies_are_the_exact_bytes_so_that_a_later_twin_is_known(kedai: Kedai, dump: Dump) -> None:
    kedai.take(dump)
    body = push("260801LIVE0001", shop_id=8001).encode()
    row = only(kedai.rows(RawEvent), order_sn="260801LIVE0001")
    assert bytes(row.body) == body
    seconds = (1_785_000_000).to_bytes(4, "big")
    assert bytes(row.event_id) == seconds + hashlib.sha256(body).digest()[:28]
    again = IncomingPush(
        uuid.uuid4(), SHOPEE, LIVE, get_connector("shopee").parse_push(body), body, "{}", "current", "", START,
        "received", None,
    )  # fmt: skip
    with kedai.runtime.web_db.connect() as connection:
        assert insert_pushes(connection, [again]) == 0
    assert (row.headers, row.matched_key, row.matched_url) == ({}, "imported", "")


def test_first_real_reading_replaces_an_imported_order(kedai: Kedai, old: OldDatabase) -> None:
    """Even where the old system did not say when the order was changed: what stands must not look newer than it is."""
    kedai.take(old)
    scope = Scope(SHOPEE, LIVE, "8001")
    imported = only(kedai.rows(OrderSync), order_sn="260801LIVE0002")
    at = imported.remote_updated_at
    assert at < datetime(2026, 7, 31, 15, tzinfo=UTC), "before the day in its number began anywhere"
    read = snapshot("260801LIVE0002", remote_updated_at=at, read_started_at=at, status="SHIPPED")
    with kedai.runtime.web_db.write() as db:
        assert upsert(db, scope, prepare([read]), now=START) == {"260801LIVE0002"}
    assert only(kedai.rows(OrderSync), order_sn="260801LIVE0002").status == "SHIPPED"
    assert counts(kedai.take(old))["shopee_order_sync"] == AGAIN["shopee_order_sync"]
    assert only(kedai.rows(OrderSync), order_sn="260801LIVE0002").status == "SHIPPED"


def test_order_that_moved_on_in_the_old_system_moves_on_here(kedai: Kedai, old: OldDatabase, old_dsn: str) -> None:
    kedai.take(old)
    change(
        old_dsn, "UPDATE shopee_order_sync SET order_status = 'SHIPPED', update_time = 1785009999 WHERE id = 'sord_2'"
    )
    with OldDatabase(old_dsn) as moved:
        assert counts(kedai.take(moved))["shopee_order_sync"] == (6, 0, 1, 3, 2)
    assert only(kedai.rows(OrderSync), order_sn="260801LIVE0001").status == "SHIPPED"
    lines = [row for row in kedai.rows(OrderTimeline) if row.order_sn == "260801LIVE0001"]
    assert {(row.previous_status, row.status) for row in lines} == {
        (None, "READY_TO_SHIP"),
        ("READY_TO_SHIP", "SHIPPED"),
    }


def test_what_an_operator_entered_here_stays(kedai: Kedai, old: OldDatabase) -> None:
    entered = {"partner_id": "1000016", "partner_key": "partner-key-entered-by-a-person", "default_location_id": "MINE"}
    with kedai.runtime.web_db.write() as db:
        credentials.edit(
            kedai.runtime.parts, db, SHOPEE, SANDBOX, entered, expected_version=None, actor=ANNA, now=START
        )
    report = kedai.take(old)["shopee_environment_credentials"]
    row = kedai.read(lambda db: get_credentials(db, SHOPEE, SANDBOX))
    assert (row.default_location_id, row.shop_id) == ("MINE", "7001"), "only blanks were filled"
    opened = open_secret(kedai.runtime.ring, row, "partner_key_encrypted")
    assert opened is not None
    assert opened.reveal() == "partner-key-entered-by-a-person"
    assert "sandbox partner_key: another one is stored here, and stays" in report.notes


def test_other_app_here_is_not_mixed_with_the_old_one(kedai: Kedai, old: OldDatabase) -> None:
    with kedai.runtime.web_db.write() as db:
        credentials.edit(
            kedai.runtime.parts, db, SHOPEE, LIVE, {"partner_id": "4"}, expected_version=None, actor=ANNA, now=START
        )
    report = kedai.take(old, connect=True)["shopee_environment_credentials"]
    assert report.refused["live another app's credentials are stored here, and stay"] == 1
    row = kedai.read(lambda db: get_credentials(db, SHOPEE, LIVE))
    assert (row.partner_id, row.partner_key_encrypted, row.push_partner_key_encrypted) == ("4", None, None)
    assert only(kedai.rows(Shop), shop_id="8001").state == "needs_reauth"


@pytest.mark.parametrize("apply", [False, True])
def test_push_key_of_both_environments_is_taken_once(kedai: Kedai, old_dsn: str, apply: bool) -> None:
    """Under v1 a live key pasted into the sandbox column opens cleanly: only the comparison tells."""
    rows = everything()["shopee_environment_credentials"]
    rows[1]["push_partner_key_encrypted"] = sealed("sandbox push key")
    build(old_dsn, {"shopee_environment_credentials": rows})
    with OldDatabase(old_dsn) as source:
        notes = kedai.take(source, apply=apply)["shopee_environment_credentials"].notes
    assert [note for note in notes if "the other environment's" in note] == [
        "sandbox push_partner_key: it is the other environment's, and each needs its own"
    ]


def test_without_the_v1_settings_secrets_are_refused_and_the_rest_is_taken(
    open_kedai: Callable[..., Kedai], old: OldDatabase
) -> None:
    tables = open_kedai(v1_secret=None).take(old)
    assert counts(tables)["shopee_auth_token"] == (3, 0, 0, 0, 3)
    assert tables["shopee_auth_token"].refused == {
        "its secrets need KEDAI_V1_SECRET, KEDAI_V1_SALT and KEDAI_V1_INFO": 3
    }
    assert counts(tables)["shopee_environment_credentials"] == EVERYTHING["shopee_environment_credentials"]
    assert counts(tables)["shopee_raw_event"] == EVERYTHING["shopee_raw_event"]


def test_wrong_v1_settings_are_said_and_leave_no_rubbish(open_kedai: Callable[..., Kedai], old: OldDatabase) -> None:
    kedai = open_kedai(v1_info="another info")
    tables = kedai.take(old)
    assert tables["shopee_auth_token"].refused == {
        "a secret does not open with the KEDAI_V1_… settings given": 3,
    }
    row = kedai.read(lambda db: get_credentials(db, SHOPEE, SANDBOX))
    assert (row.partner_id, row.partner_key_encrypted) == ("1000016", None)


def test_no_secret_is_in_the_report_the_audit_trail_or_a_plain_column(kedai: Kedai, old: OldDatabase) -> None:
    report = "\n".join(kedai.report(old).lines())
    stored = repr(kedai.contents())
    for secret in (*SECRETS.values(), V1["v1_secret"]):
        assert secret not in report
        assert secret not in stored
    assert "***" in only(kedai.rows(ConnectorException), state="new").title
    assert Secret(SECRETS["live push key"]).reveal() not in stored


def test_every_batch_that_wrote_is_audited_in_its_own_transaction(kedai: Kedai, old: OldDatabase) -> None:
    kedai.take(old)
    deeds = [row for row in kedai.rows(AuditEntry) if row.action == "import.medusa"]
    assert [row.details for row in deeds] == [
        {"table": table, "new": EVERYTHING[table][1], "changed": 0} for table in EVERYTHING if EVERYTHING[table][1]
    ]
    assert {row.actor_name for row in deeds} == {ANNA.name}


def test_many_batches_of_a_large_table_arrive_in_full(kedai: Kedai, old_dsn: str) -> None:
    rows = [
        {**event("sraw_1", "live", push(f"26080100{number:06}", shop_id=8001), "processed"), "id": f"s{number}"}
        for number in range(450)
    ]
    build(old_dsn, {"shopee_raw_event": rows})
    with OldDatabase(old_dsn) as source:
        assert counts(kedai.take(source))["shopee_raw_event"] == (450, 450, 0, 0, 0)
    assert kedai.read(lambda db: db.execute(sa.select(sa.func.count()).select_from(RawEvent)).scalar_one()) == 450


def test_missing_tables_and_columns_are_said_and_the_rest_is_taken(kedai: Kedai, old_dsn: str) -> None:
    build(old_dsn)
    change(old_dsn, "DROP TABLE shopee_auth_token, connector_exception")
    change(old_dsn, "ALTER TABLE shopee_order_sync DROP order_sn")
    change(old_dsn, "ALTER TABLE shopee_environment_credentials DROP environment, DROP host, DROP deleted_at")
    change(old_dsn, "DELETE FROM shopee_environment_credentials WHERE id <> 'senv_1'")
    change(old_dsn, "ALTER TABLE shopee_raw_event DROP status, DROP created_at")
    with OldDatabase(old_dsn) as source:
        report = kedai.report(source)
    tables = {one.table: one for one in report.tables}
    assert tables["shopee_auth_token"].missing == "the old system has no such table"
    lacking = "nothing is taken over, since the table lacks order_sn (a column order_sn or ordersn or shopee_order_sn)"
    assert tables["shopee_order_sync"].missing == lacking
    assert counts(tables)["shopee_environment_credentials"] == (1, 1, 0, 0, 0)
    assert f"shopee_order_sync: {lacking}" in report.lines()
    by_bytes = counts(tables)["shopee_raw_event"]
    assert by_bytes == (9, 5, 0, 1, 3), "the pushes tell themselves when they came; the cut-off one does not"
    assert {row.state for row in kedai.rows(RawEvent)} == {"applied", "parked", "skipped"}, "by their processed_at"


def test_fate_of_a_push_without_a_word_for_it_is_told_by_the_rest(kedai: Kedai, old_dsn: str) -> None:
    rows = [event(f"sraw_{number}", "live", push(f"260801NOWORD{number}"), "pending") for number in range(4)]
    build(old_dsn, {"shopee_raw_event": rows})
    change(old_dsn, "ALTER TABLE shopee_raw_event DROP status, ADD processed boolean DEFAULT false, ADD error text")
    change(old_dsn, "UPDATE shopee_raw_event SET processed = true WHERE id = 'sraw_1'")
    change(old_dsn, "UPDATE shopee_raw_event SET error = 'it broke' WHERE id = 'sraw_2'")
    change(old_dsn, "UPDATE shopee_raw_event SET processed_at = now(), error = 'then it went' WHERE id = 'sraw_3'")
    with OldDatabase(old_dsn) as source:
        kedai.take(source)
    states = [row.state for row in sorted(kedai.rows(RawEvent), key=lambda row: row.order_sn)]
    assert states == ["parked", "applied", "dead", "applied"]


def test_columns_that_nothing_is_taken_from_are_named(kedai: Kedai, old: OldDatabase) -> None:
    notes = kedai.take(old, apply=False)["shopee_order_sync"].notes
    assert notes == ["nothing is taken from medusa_order_id, payload"]


def test_push_kept_as_json_is_taken_as_the_text_of_it(kedai: Kedai, old_dsn: str) -> None:
    build(old_dsn, {})
    change(old_dsn, "ALTER TABLE shopee_raw_event DROP raw_body, ADD payload jsonb")
    with psycopg.connect(old_dsn) as connection:
        insert(
            connection, {"shopee_raw_event": [as_json(event("sraw_1", "live", push("260801LIVE0001"), "processed"))]}
        )
    with OldDatabase(old_dsn) as source:
        kedai.take(source)
    row = only(kedai.rows(RawEvent), order_sn="260801LIVE0001")
    assert (row.state, json.loads(row.body)["data"]["ordersn"]) == ("applied", "260801LIVE0001")


def as_json(row: dict) -> dict:
    return {**{name: value for name, value in row.items() if name != "raw_body"}, "payload": row["raw_body"]}


def test_push_kept_as_bytes_is_taken_as_those_bytes(kedai: Kedai, old_dsn: str) -> None:
    build(old_dsn, {"shopee_raw_event": [event("sraw_1", "live", push("260801LIVE0001"), "processed")]})
    change(old_dsn, "ALTER TABLE shopee_raw_event ALTER raw_body TYPE bytea USING convert_to(raw_body, 'UTF8')")
    with OldDatabase(old_dsn) as source:
        kedai.take(source)
    assert bytes(only(kedai.rows(RawEvent), order_sn="260801LIVE0001").body) == push("260801LIVE0001").encode()


def test_tokens_in_plain_text_are_sealed(kedai: Kedai, old_dsn: str) -> None:
    row = {**token("stok_1", "live", "8001", "live"), "access_token_encrypted": SECRETS["live access token"]}
    build(old_dsn, {"shopee_auth_token": [row]})
    change(old_dsn, "ALTER TABLE shopee_auth_token ADD partner_id text DEFAULT '2000032'")
    with OldDatabase(old_dsn) as source:
        refused = kedai.take(source)["shopee_auth_token"].refused
    assert refused == {"a secret is in no format that is known here": 1}, "an encrypted column holds no plain text"
    change(old_dsn, "ALTER TABLE shopee_auth_token RENAME access_token_encrypted TO access_token")
    with OldDatabase(old_dsn) as source:
        assert counts(kedai.take(source))["shopee_auth_token"] == (1, 1, 0, 0, 0)
    stored = kedai.read(lambda db: find_token(db, Scope(SHOPEE, LIVE, "8001")))
    assert stored.access_token_encrypted.startswith("v2:k1:")
    assert open_tokens(kedai.runtime.ring, stored).access_token.reveal() == SECRETS["live access token"]


def test_order_and_token_of_two_environments_do_not_touch(kedai: Kedai, old_dsn: str) -> None:
    orders = [order(f"sord_{one}", one, "7001", "260801SAME0001", update_time=1_785_000_000) for one in Environment]
    build(old_dsn, {"shopee_order_sync": orders})
    with OldDatabase(old_dsn) as source:
        assert counts(kedai.take(source))["shopee_order_sync"] == (2, 2, 0, 0, 0)
    assert {(row.environment, row.shop_id) for row in kedai.rows(OrderSync)} == {(SANDBOX, "7001"), (LIVE, "7001")}


def test_installation_that_was_never_started_is_refused(kedai: Kedai, old: OldDatabase) -> None:
    with kedai.runtime.web_db.write() as db:
        db.execute(sa.delete(EnvironmentCredentials))
    with pytest.raises(Conflict, match="never started"):
        kedai.take(old)


def change(dsn: str, statement: str, *values: str) -> None:
    """Change the old system while nobody reads it."""
    with psycopg.connect(dsn) as connection:
        connection.execute("SET lock_timeout = '5s'")
        connection.execute(statement.encode(), values or None)
