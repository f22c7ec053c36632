"""An old system: its tables in a PostgreSQL of their own, filled with one of everything that may be met there."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

import psycopg
from psycopg import sql

from kedai.kit.crypto import derive_v1_key, seal_v1

V1 = {
    "v1_secret": "the login secret of the old system, for tests only",
    "v1_salt": "salt-of-the-tests",
    "v1_info": "kedai connector secrets",
}
V1_KEY = derive_v1_key(V1["v1_secret"], V1["v1_salt"], V1["v1_info"])
OTHER_KEY = derive_v1_key("a login secret that nobody has any more", "salt", "info")

SECRETS = {
    "sandbox partner key": "partner-key-of-the-old-sandbox-1",
    "sandbox push key": "push-key-of-the-old-sandbox-0001",
    "live partner key": "partner-key-of-the-old-live-0002",
    "live push key": "push-key-of-the-old-live-0000002",
    "sandbox access token": "access-token-of-the-old-sandbox",
    "sandbox refresh token": "refresh-token-of-the-old-sandbox",
    "live access token": "access-token-of-the-old-live-one",
    "live refresh token": "refresh-token-of-the-old-live-on",
    "lost token": "token-sealed-with-a-key-now-lost",
}
"""Every secret of the old system; none may ever be shown."""

SCHEMA = """
CREATE TYPE environment_name AS ENUM ('sandbox', 'live', 'staging');
CREATE TABLE shopee_environment_credentials (
    id text NOT NULL, environment environment_name, partner_id text, shop_id text,
    region text DEFAULT 'SG', host text, default_location_id text, default_shipping_option_id text,
    partner_key_encrypted text, push_partner_key_encrypted text,
    created_at timestamptz DEFAULT now() NOT NULL, updated_at timestamptz DEFAULT now() NOT NULL,
    deleted_at timestamptz,
    CONSTRAINT shopee_environment_credentials_pkey PRIMARY KEY (id)
);
CREATE TABLE shopee_active_environment (id text PRIMARY KEY, environment environment_name NOT NULL);
CREATE TABLE shopee_auth_token (
    id text PRIMARY KEY, environment environment_name, shop_id text, access_token_encrypted text,
    refresh_token_encrypted text, expires_at timestamptz, refresh_expires_at timestamptz, deleted_at timestamptz
);
CREATE TABLE shopee_raw_event (
    id text PRIMARY KEY, environment environment_name, event_code integer, "raw_body" text, signature text,
    status text, created_at timestamptz, processed_at timestamptz
);
CREATE TABLE shopee_order_sync (
    id text PRIMARY KEY, environment environment_name, shop_id text, order_sn text, order_status text,
    currency text, total_amount numeric, update_time bigint, medusa_order_id text, payload jsonb
);
CREATE TABLE connector_exception (
    id text PRIMARY KEY, connector text, environment environment_name, code text, message text, shop_id text,
    order_sn text, status text, created_at timestamptz, resolved_at timestamptz
);
"""


def push(order_sn: str, *, shop_id: int = 7001, timestamp: int = 1_785_000_000, **data: Any) -> str:
    """An order push as Shopee sends it, with all that makes a dump hard to read."""
    told = {"ordersn": order_sn, "status": "READY_TO_SHIP", "note": "tab\tnew\nline \\N \\. it's; $$ 鍵 🔑", **data}
    return json.dumps({"data": told, "shop_id": shop_id, "code": 3, "timestamp": timestamp}, ensure_ascii=False)


def sealed(name: str) -> str:
    return seal_v1(V1_KEY, SECRETS[name])


def everything() -> dict[str, list[dict[str, Any]]]:
    """Rows by table. What must be refused is among them."""
    return {
        "shopee_environment_credentials": [
            {
                "id": "senv_1",  # made before there were environments
                "partner_id": "1000016",
                "shop_id": "7001",
                "region": "SG",
                "default_location_id": "SGZ",
                "partner_key_encrypted": sealed("sandbox partner key"),
                "push_partner_key_encrypted": sealed("sandbox push key"),
            },
            {
                "id": "senv_2",
                "environment": "live",
                "partner_id": "2000032",
                "shop_id": "8001",
                "region": "MY",
                "partner_key_encrypted": sealed("live partner key"),
                "push_partner_key_encrypted": sealed("live push key"),
            },
            {"id": "senv_3", "environment": "live", "partner_id": "3", "deleted_at": "2026-01-01T00:00:00Z"},
        ],
        "shopee_active_environment": [{"id": "sact_1", "environment": "live"}],
        "shopee_auth_token": [
            token("stok_1", None, "7001", "sandbox"),
            token("stok_2", "live", "8001", "live"),
            {**token("stok_3", "live", "8002", "live"), "access_token_encrypted": seal_v1(OTHER_KEY, "lost")},
        ],
        "shopee_raw_event": [
            event("sraw_1", None, push("260801SANDBOX1"), "processed"),
            event("sraw_2", "live", push("260801LIVE0001", shop_id=8001), "pending"),
            event("sraw_3", "live", push("260801LIVE0002", shop_id=8001), "failed"),
            event("sraw_4", "live", push("260801LIVE0003", shop_id=8001), "levitating"),
            event("sraw_5", "live", push("260801LIVE0001", shop_id=8001), "processed"),  # the same bytes as sraw_2
            event("sraw_6", "staging", push("260801STAGING1"), "processed"),
            event("sraw_7", "sandbox", '{"cut off', "processed"),
            event("sraw_8", "sandbox", "", "processed"),
            event("sraw_9", "sandbox", json.dumps({"code": 10, "shop_id": 7001, "timestamp": 1785000000}), "pending"),
        ],
        "shopee_order_sync": [
            order("sord_1", None, None, "260801SANDBOX1", update_time=1_785_000_000),
            order("sord_2", "live", "8001", "260801LIVE0001", update_time=1_785_000_100, total_amount="12.50"),
            order("sord_3", "live", "8001", "260801LIVE0002", update_time=None),
            order("sord_4", "live", "8003", "260801LIVE0009", update_time=1_785_000_200),
            order("sord_5", "live", "8001", "no spaces here", update_time=1_785_000_200),
            order("sord_6", "live", "8001", "260801LIVE0010", update_time=1_785_000_200, total_amount="0.00001"),
        ],
        "connector_exception": [
            trouble("cexc_1", None, "open", message=f"refresh failed: access_token={SECRETS['live access token']}"),
            trouble("cexc_2", "live", "resolved", order_sn="260801LIVE0002"),
            {**trouble("cexc_3", "live", "open"), "connector": "bazaar"},
        ],
    }


def token(key: str, environment: str | None, shop_id: str, which: str) -> dict[str, Any]:
    return {
        "id": key,
        "environment": environment,
        "shop_id": shop_id,
        "access_token_encrypted": sealed(f"{which} access token"),
        "refresh_token_encrypted": sealed(f"{which} refresh token"),
        "expires_at": "2030-01-01T00:00:00Z",
        "refresh_expires_at": "2030-02-01T00:00:00Z",
    }


def event(key: str, environment: str | None, body: str, status: str) -> dict[str, Any]:
    when = f"2026-08-01T10:00:0{key[-1]}.123456+08:00"
    finished = when if status == "processed" else None
    return {
        "id": key,
        "environment": environment,
        "event_code": 3,
        "raw_body": body,
        "signature": "0" * 64,
        "status": status,
        "created_at": when,
        "processed_at": finished,
    }


def order(key: str, environment: str | None, shop_id: str | None, order_sn: str, **given: Any) -> dict[str, Any]:
    basic = {"id": key, "environment": environment, "shop_id": shop_id, "order_sn": order_sn}
    told = {"order_status": "READY_TO_SHIP", "currency": "SGD", "medusa_order_id": f"order_{key}"}
    return {**basic, **told, "payload": '{"a": [1, "\\t"]}', **given}


def trouble(key: str, environment: str | None, status: str, **given: Any) -> dict[str, Any]:
    basic = {"id": key, "connector": "shopee", "environment": environment, "code": "order_failed", "status": status}
    return {**basic, "message": "The order could not be made", "created_at": "2026-08-02T00:00:00Z", **given}


def build(dsn: str, rows: Mapping[str, Sequence[Mapping[str, Any]]] | None = None) -> None:
    """Make the old tables in an empty database and fill them."""
    with psycopg.connect(dsn) as connection:
        connection.execute(SCHEMA.encode())
        insert(connection, everything() if rows is None else rows)


def insert(connection: psycopg.Connection, rows: Mapping[str, Sequence[Mapping[str, Any]]]) -> None:
    for table, members in rows.items():
        for member in members:
            names = [name for name, value in member.items() if value is not None]
            statement = sql.SQL("INSERT INTO {} ({}) VALUES ({})").format(
                sql.Identifier(table),
                sql.SQL(", ").join(map(sql.Identifier, names)),
                sql.SQL(", ").join(sql.Placeholder() * len(names)),
            )
            connection.execute(statement, [member[name] for name in names])
