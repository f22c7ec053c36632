"""The first tables: vault, inbox, orders, exceptions, staff, runs, audit; and the triggers that guard them.

Revision: 0001
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from kedai.db import types

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None

ENVIRONMENT_IS_FIXED = (
    "api_token",
    "auth_token",
    "channel_listing",
    "connector_exception",
    "covered_interval",
    "environment_credentials",
    "environment_seal",
    "event_figure",
    "exception_order",
    "held_token",
    "merchant",
    "merchant_token",
    "notice",
    "notification_condition",
    "notification_delivery",
    "oauth_state",
    "order_answer",
    "order_escrow",
    "order_escrow_line",
    "order_item",
    "order_package",
    "order_package_change",
    "order_shadow",
    "order_sync",
    "order_timeline",
    "outgoing_call",
    "push_health",
    "rate_bucket",
    "raw_event",
    "rejected_count",
    "rejected_delivery",
    "run",
    "schedule",
    "shop",
    "sku_map",
    "unmapped_order",
)


TABLES_IN_REVERSE = (
    "notification_delivery",
    "notification_condition",
    "notification_channel",
    "event_figure",
    "notice",
    "order_escrow_line",
    "order_escrow",
    "order_package_change",
    "order_package",
    "order_shadow",
    "unmapped_order",
    "channel_listing",
    "sku_map",
    "order_timeline",
    "order_item",
    "order_sync",
    "order_answer",
    "push_health",
    "covered_interval",
    "merchant_token",
    "merchant",
    "held_token",
    "auth_token",
    "staff_session",
    "staff_challenge",
    "staff_recovery_code",
    "passkey",
    "passkey_challenge",
    "saved_view",
    "shop",
    "schedule",
    "run",
    "raw_event",
    "rate_bucket",
    "oauth_state",
    "go_live_certificate",
    "staff",
    "sign_in_tries",
    "outgoing_call",
    "rejected_delivery",
    "rejected_count",
    "process",
    "key_ring",
    "installation",
    "environment_seal",
    "environment_credentials",
    "exception_order",
    "connector_exception",
    "audit",
    "api_token",
    "active_environment",
)


OUTGOING_CALL_INDEXES = {
    "list": ["environment", "started_at", "id"],
    "shop": ["environment", "shop_id", "started_at", "id"],
    "request": ["environment", "request_id", "started_at", "id"],
}


APPEND_ONLY = {
    "audit": ("sequence", "the audit trail is append-only"),
    "go_live_certificate": ("id", "certificates are append-only"),
}
"""Each with its key and what is said to whoever tries to change a row."""


def upgrade() -> None:
    create_tables()
    if op.get_context().dialect.name == "postgresql":
        create_triggers_postgresql()
    else:
        create_triggers_sqlite()


def create_triggers_postgresql() -> None:
    op.execute(
        """CREATE FUNCTION kedai_refuse() RETURNS trigger LANGUAGE plpgsql AS
        $$ BEGIN RAISE EXCEPTION '%', TG_ARGV[0] USING ERRCODE = 'restrict_violation'; END $$"""
    )
    for table in ENVIRONMENT_IS_FIXED:
        op.execute(
            f"CREATE TRIGGER {table}_environment_fixed BEFORE UPDATE OF environment ON {table} FOR EACH ROW"
            " WHEN (OLD.environment IS DISTINCT FROM NEW.environment)"
            " EXECUTE FUNCTION kedai_refuse('the environment of a row never changes')"
        )
    for table, (_key, reason) in APPEND_ONLY.items():
        op.execute(
            f"CREATE TRIGGER {table}_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON {table} FOR EACH STATEMENT"
            f" EXECUTE FUNCTION kedai_refuse('{reason}')"
        )


def create_triggers_sqlite() -> None:
    for table in ENVIRONMENT_IS_FIXED:
        op.execute(
            f"CREATE TRIGGER {table}_environment_fixed BEFORE UPDATE OF environment ON {table}"
            " WHEN OLD.environment IS NOT NEW.environment"
            " BEGIN SELECT RAISE(ABORT, 'the environment of a row never changes'); END"
        )
    for table, (key, reason) in APPEND_ONLY.items():
        for deed in ("UPDATE", "DELETE"):
            op.execute(
                f"CREATE TRIGGER {table}_append_only_{deed.lower()} BEFORE {deed} ON {table}"
                f" BEGIN SELECT RAISE(ABORT, '{reason}'); END"
            )
        op.execute(  # INSERT OR REPLACE removes a row without asking the trigger above
            f"CREATE TRIGGER {table}_append_only_replace BEFORE INSERT ON {table}"
            f" WHEN EXISTS (SELECT 1 FROM {table} WHERE {key} = NEW.{key})"
            f" BEGIN SELECT RAISE(ABORT, '{reason}'); END"
        )


def create_tables() -> None:
    op.create_table(
        "active_environment",
        sa.Column("connector", types.KeyText, nullable=False),
        sa.Column("environment", types.EnvironmentType(), nullable=False),
        sa.Column("version", types.Integer, nullable=False),
        sa.Column("updated_at", types.UtcDateTime(), nullable=False),
        sa.Column("updated_by", sa.Text(), nullable=False),
        sa.CheckConstraint("environment IN ('sandbox', 'live')", name="ck_active_environment_environment_known"),
        sa.PrimaryKeyConstraint("connector", name="pk_active_environment"),
    )
    op.create_table(
        "api_token",
        sa.Column("id", types.Id(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("role", sa.Text(), nullable=False),
        sa.Column("environment", types.EnvironmentType(), nullable=False),
        sa.Column("scopes", types.JsonText(), nullable=False),
        sa.Column("token_hash", types.Bytes(), nullable=False),
        sa.Column("created_at", types.UtcDateTime(), nullable=False),
        sa.Column("created_by", sa.Text(), nullable=False),
        sa.Column("expires_at", types.UtcDateTime(), nullable=True),
        sa.Column("last_used_at", types.UtcDateTime(), nullable=True),
        sa.Column("revoked_at", types.UtcDateTime(), nullable=True),
        sa.CheckConstraint("environment IN ('sandbox', 'live')", name="ck_api_token_environment_known"),
        sa.CheckConstraint("role IN ('viewer', 'operator', 'admin')", name="ck_api_token_role_known"),
        sa.PrimaryKeyConstraint("id", name="pk_api_token"),
        sa.UniqueConstraint("token_hash", name="uq_api_token_token_hash"),
    )
    op.create_table(
        "audit",
        sa.Column("sequence", types.Integer, autoincrement=False, nullable=False),
        sa.Column("at", types.UtcDateTime(), nullable=False),
        sa.Column("actor_kind", sa.Text(), nullable=False),
        sa.Column("actor_id", sa.Text(), nullable=False),
        sa.Column("actor_name", sa.Text(), nullable=False),
        sa.Column("action", sa.Text(), nullable=False),
        sa.Column("environment", types.EnvironmentType(), nullable=True),
        sa.Column("subject", sa.Text(), nullable=False),
        sa.Column("details", types.JsonText(), nullable=False),
        sa.Column("previous_hash", types.Bytes(), nullable=False),
        sa.Column("hash", types.Bytes(), nullable=False),
        sa.CheckConstraint("environment IN ('sandbox', 'live')", name="ck_audit_environment_known"),
        sa.PrimaryKeyConstraint("sequence", name="pk_audit"),
    )
    op.create_index("ix_audit_at", "audit", ["at"], unique=False)
    op.create_index("ix_audit_subject_sequence", "audit", ["subject", "sequence"], unique=False)
    op.create_index("ix_audit_actor_id_sequence", "audit", ["actor_id", "sequence"], unique=False)
    op.create_table(
        "connector_exception",
        sa.Column("id", types.Id(), nullable=False),
        sa.Column("connector", types.KeyText, nullable=False),
        sa.Column("environment", types.EnvironmentType(), nullable=False),
        sa.Column("fingerprint", types.KeyText, nullable=False),
        sa.Column("code", sa.Text(), nullable=False),
        sa.Column("title", sa.Text(), nullable=False),
        sa.Column("next_step", sa.Text(), nullable=False),
        sa.Column("last_message", sa.Text(), nullable=False, server_default=""),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("count", types.Integer, nullable=False),
        sa.Column("shop_id", types.KeyText, nullable=True),
        sa.Column("last_event_id", types.Id(), nullable=True),
        sa.Column("last_order_sn", types.KeyText, nullable=True),
        sa.Column("first_seen_at", types.UtcDateTime(), nullable=False),
        sa.Column("last_seen_at", types.UtcDateTime(), nullable=False),
        sa.Column("regressed_at", types.UtcDateTime(), nullable=True),
        sa.Column("snoozed_until", types.UtcDateTime(), nullable=True),
        sa.Column("resolved_at", types.UtcDateTime(), nullable=True),
        sa.Column("resolved_by", sa.Text(), nullable=True),
        sa.Column("assignee", sa.Text(), nullable=True),
        sa.Column("note", sa.Text(), nullable=False, server_default=""),
        sa.Column("alert_raised_at", types.UtcDateTime(), nullable=True),
        sa.Column("alert_sent_at", types.UtcDateTime(), nullable=True),
        sa.Column("listed", types.Integer, nullable=False, server_default="0"),
        sa.Column("unlisted", types.Integer, nullable=False, server_default="0"),
        sa.CheckConstraint("environment IN ('sandbox', 'live')", name="ck_connector_exception_environment_known"),
        sa.CheckConstraint(
            "state IN ('new', 'ongoing', 'regressed', 'snoozed', 'resolved')", name="ck_connector_exception_state_known"
        ),
        sa.PrimaryKeyConstraint("id", name="pk_connector_exception"),
        sa.UniqueConstraint("id", "environment", name="uq_connector_exception_id_environment"),
        sa.UniqueConstraint(
            "connector", "environment", "fingerprint", name="uq_connector_exception_connector_environment_fingerprint"
        ),
    )
    op.create_index(
        "ix_connector_exception_list", "connector_exception", ["environment", "last_seen_at", "id"], unique=False
    )
    op.create_table(
        "exception_order",
        sa.Column("exception_id", types.Id(), nullable=False),
        sa.Column("subject", types.KeyText, nullable=False),
        sa.Column("environment", types.EnvironmentType(), nullable=False),
        sa.Column("shop_id", types.KeyText, nullable=True),
        sa.Column("order_sn", types.KeyText, nullable=True),
        sa.Column("event_id", types.Id(), nullable=True),
        sa.Column("count", types.Integer, nullable=False),
        sa.Column("first_seen_at", types.UtcDateTime(), nullable=False),
        sa.Column("last_seen_at", types.UtcDateTime(), nullable=False),
        sa.Column("retried_at", types.UtcDateTime(), nullable=True),
        sa.CheckConstraint("environment IN ('sandbox', 'live')", name="ck_exception_order_environment_known"),
        sa.ForeignKeyConstraint(
            ["exception_id", "environment"],
            ["connector_exception.id", "connector_exception.environment"],
            name="fk_exception_order_exception_id_environment",
        ),
        sa.PrimaryKeyConstraint("exception_id", "subject", name="pk_exception_order"),
    )
    op.create_table(
        "environment_credentials",
        sa.Column("connector", types.KeyText, nullable=False),
        sa.Column("environment", types.EnvironmentType(), nullable=False),
        sa.Column("partner_id", types.KeyText, nullable=True),
        sa.Column("shop_id", types.KeyText, nullable=True),
        sa.Column("region", sa.Text(), nullable=False),
        sa.Column("host", sa.Text(), nullable=True),
        sa.Column("default_location_id", sa.Text(), nullable=True),
        sa.Column("default_shipping_option_id", sa.Text(), nullable=True),
        sa.Column("partner_key_encrypted", sa.Text(), nullable=True),
        sa.Column("partner_key_changed_at", types.UtcDateTime(), nullable=True),
        sa.Column("partner_key_changed_by", sa.Text(), nullable=True),
        sa.Column("push_partner_key_encrypted", sa.Text(), nullable=True),
        sa.Column("push_partner_key_changed_at", types.UtcDateTime(), nullable=True),
        sa.Column("push_partner_key_changed_by", sa.Text(), nullable=True),
        sa.Column("previous_push_partner_key_encrypted", sa.Text(), nullable=True),
        sa.Column("previous_push_partner_key_valid_until", types.UtcDateTime(), nullable=True),
        sa.Column("app_problem", sa.Text(), server_default="", nullable=False),
        sa.Column("app_problem_version", types.Integer, nullable=True),
        sa.Column("version", types.Integer, nullable=False),
        sa.Column("updated_at", types.UtcDateTime(), nullable=False),
        sa.Column("updated_by", sa.Text(), nullable=False),
        sa.CheckConstraint("environment IN ('sandbox', 'live')", name="ck_environment_credentials_environment_known"),
        sa.PrimaryKeyConstraint("connector", "environment", name="pk_environment_credentials"),
    )
    op.create_table(
        "environment_seal",
        sa.Column("environment", types.EnvironmentType(), nullable=False),
        sa.Column("identity", types.KeyText, nullable=False),
        sa.Column("found", types.JsonText(), nullable=False),
        sa.Column("sealed_at", types.UtcDateTime(), nullable=False),
        sa.CheckConstraint("environment IN ('sandbox', 'live')", name="ck_environment_seal_environment_known"),
        sa.PrimaryKeyConstraint("environment", "identity", name="pk_environment_seal"),
    )
    op.create_table(
        "installation",
        sa.Column("id", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("fingerprint_key_encrypted", sa.Text(), nullable=True),
        sa.Column("identity", sa.Text(), nullable=True),
        sa.Column("identity_public_url", sa.Text(), nullable=True),
        sa.Column("identity_database", sa.Text(), nullable=True),
        sa.Column("cursor_key", types.Bytes(), nullable=False),
        sa.Column("v1_refused", sa.Boolean(), nullable=False),
        sa.Column("created_at", types.UtcDateTime(), nullable=False),
        sa.CheckConstraint("id = 1", name="ck_installation_single"),
        sa.PrimaryKeyConstraint("id", name="pk_installation"),
    )
    op.create_table(
        "key_ring",
        sa.Column("kid", types.KeyText, nullable=False),
        sa.Column("canary", sa.Text(), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("writes", types.Integer, nullable=False),
        sa.Column("created_at", types.UtcDateTime(), nullable=False),
        sa.CheckConstraint("state IN ('primary', 'active', 'retired')", name="ck_key_ring_state_known"),
        sa.PrimaryKeyConstraint("kid", name="pk_key_ring"),
    )
    op.create_index(
        "uq_key_ring_primary",
        "key_ring",
        ["state"],
        unique=True,
        sqlite_where=sa.text("state = 'primary'"),
        postgresql_where=sa.text("state = 'primary'"),
    )
    op.create_table(
        "process",
        sa.Column("id", types.Id(), nullable=False),
        sa.Column("role", sa.Text(), nullable=False),
        sa.Column("host", sa.Text(), nullable=False),
        sa.Column("kids", types.JsonText(), nullable=False),
        sa.Column("started_at", types.UtcDateTime(), nullable=False),
        sa.Column("seen_at", types.UtcDateTime(), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_process"),
    )
    op.create_table(
        "event_figure",
        sa.Column("connector", types.KeyText, nullable=False),
        sa.Column("environment", types.EnvironmentType(), nullable=False),
        sa.Column("grain", sa.Text(), nullable=False),
        sa.Column("starts_at", types.UtcDateTime(), nullable=False),
        sa.Column("received", types.Integer, server_default="0", nullable=False),
        sa.Column("parked", types.Integer, server_default="0", nullable=False),
        sa.Column("applied", types.Integer, server_default="0", nullable=False),
        sa.Column("skipped", types.Integer, server_default="0", nullable=False),
        sa.Column("failed", types.Integer, server_default="0", nullable=False),
        sa.Column("latency_ms", types.Integer, server_default="0", nullable=False),
        sa.Column("within_100ms", types.Integer, server_default="0", nullable=False),
        sa.Column("within_1s", types.Integer, server_default="0", nullable=False),
        sa.Column("within_5s", types.Integer, server_default="0", nullable=False),
        sa.Column("within_30s", types.Integer, server_default="0", nullable=False),
        sa.Column("within_5min", types.Integer, server_default="0", nullable=False),
        sa.Column("oldest_ms", types.Integer, nullable=True),
        sa.CheckConstraint("environment IN ('sandbox', 'live')", name="ck_event_figure_environment_known"),
        sa.CheckConstraint("grain IN ('minute', 'hour')", name="ck_event_figure_grain_known"),
        sa.PrimaryKeyConstraint("connector", "environment", "grain", "starts_at", name="pk_event_figure"),
    )
    op.create_index("ix_event_figure_list", "event_figure", ["environment", "grain", "starts_at"])
    op.create_table(
        "rejected_count",
        sa.Column("connector", types.KeyText, nullable=False),
        sa.Column("environment", types.EnvironmentType(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("count", types.Integer, nullable=False),
        sa.Column("last_at", types.UtcDateTime(), nullable=False),
        sa.CheckConstraint("environment IN ('sandbox', 'live')", name="ck_rejected_count_environment_known"),
        sa.PrimaryKeyConstraint("connector", "environment", "reason", name="pk_rejected_count"),
    )
    op.create_table(
        "rejected_delivery",
        sa.Column("id", types.Id(), nullable=False),
        sa.Column("connector", types.KeyText, nullable=False),
        sa.Column("environment", types.EnvironmentType(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("headers", types.JsonText(), nullable=False),
        sa.Column("body", types.Bytes(), nullable=False),
        sa.Column("size", types.Integer, nullable=False),
        sa.Column("signature", types.Bytes(), nullable=True),
        sa.Column("received_at", types.UtcDateTime(), nullable=False),
        sa.Column("diagnosis", sa.Text(), nullable=False, server_default="unknown_key"),
        sa.Column("diagnosed_for", sa.Text(), nullable=False, server_default=""),
        sa.Column("admitted_at", types.UtcDateTime(), nullable=True),
        sa.Column("admitted_by", sa.Text(), nullable=True),
        sa.Column("event_id", types.Id(), nullable=True),
        sa.CheckConstraint("environment IN ('sandbox', 'live')", name="ck_rejected_delivery_environment_known"),
        sa.PrimaryKeyConstraint("id", name="pk_rejected_delivery"),
    )
    op.create_index("ix_rejected_delivery_list", "rejected_delivery", ["environment", "id"], unique=False)
    op.create_table(
        "outgoing_call",
        sa.Column("id", types.Id(), nullable=False),
        sa.Column("connector", types.KeyText, nullable=False),
        sa.Column("environment", types.EnvironmentType(), nullable=False),
        sa.Column("shop_id", types.KeyText, nullable=True),
        sa.Column("method", sa.Text(), nullable=False),
        sa.Column("path", sa.Text(), nullable=False),
        sa.Column("status", types.Integer, nullable=True),
        sa.Column("outcome", sa.Text(), nullable=False),
        sa.Column("code", sa.Text(), nullable=False),
        sa.Column("request_id", types.KeyText, nullable=False),
        sa.Column("milliseconds", types.Integer, nullable=False),
        sa.Column("started_at", types.UtcDateTime(), nullable=False),
        sa.CheckConstraint("environment IN ('sandbox', 'live')", name="ck_outgoing_call_environment_known"),
        sa.CheckConstraint("outcome IN ('ok', 'failed')", name="ck_outgoing_call_outcome_known"),
        sa.PrimaryKeyConstraint("id", name="pk_outgoing_call"),
    )
    for name, columns in OUTGOING_CALL_INDEXES.items():
        op.create_index(f"ix_outgoing_call_{name}", "outgoing_call", columns, unique=False)
    op.create_index(
        "ix_outgoing_call_failed",
        "outgoing_call",
        ["environment", "started_at", "id"],
        unique=False,
        sqlite_where=sa.text("outcome = 'failed'"),
        postgresql_where=sa.text("outcome = 'failed'"),
    )
    op.create_table(
        "staff",
        sa.Column("id", types.Id(), nullable=False),
        sa.Column("email", types.KeyText, nullable=False),
        sa.Column("role", sa.Text(), nullable=False),
        sa.Column("password_hash", sa.Text(), nullable=False),
        sa.Column("failed_logins", types.Integer, nullable=False),
        sa.Column("last_failed_at", types.UtcDateTime(), nullable=True),
        sa.Column("created_at", types.UtcDateTime(), nullable=False),
        sa.Column("disabled_at", types.UtcDateTime(), nullable=True),
        sa.Column("password_changed_at", types.UtcDateTime(), nullable=True),
        sa.Column("must_change_password", sa.Boolean(), nullable=False),
        sa.Column("totp_secret_encrypted", sa.Text(), nullable=True),
        sa.Column("totp_confirmed_at", types.UtcDateTime(), nullable=True),
        sa.Column("totp_last_step", types.Integer, nullable=True),
        sa.Column("time_zone", sa.Text(), server_default="UTC", nullable=False),
        sa.Column("language", sa.Text(), nullable=True),
        sa.CheckConstraint("role IN ('viewer', 'operator', 'admin')", name="ck_staff_role_known"),
        sa.PrimaryKeyConstraint("id", name="pk_staff"),
        sa.UniqueConstraint("email", name="uq_staff_email"),
    )
    op.create_table(
        "go_live_certificate",
        sa.Column("id", types.Id(), nullable=False),
        sa.Column("connector", types.KeyText, nullable=False),
        sa.Column("environment", types.EnvironmentType(), nullable=False),
        sa.Column("credentials_version", types.Integer, nullable=False),
        sa.Column("checked_at", types.UtcDateTime(), nullable=False),
        sa.Column("checked_by", sa.Text(), nullable=False),
        sa.Column("passed", sa.Boolean(), nullable=False),
        sa.Column("checks", types.JsonText(), nullable=False),
        sa.CheckConstraint("environment IN ('sandbox', 'live')", name="ck_go_live_certificate_environment_known"),
        sa.ForeignKeyConstraint(
            ["connector", "environment"],
            ["environment_credentials.connector", "environment_credentials.environment"],
            name="fk_go_live_certificate_connector_environment",
        ),
        sa.PrimaryKeyConstraint("id", name="pk_go_live_certificate"),
    )
    op.create_index(
        "ix_go_live_certificate_latest", "go_live_certificate", ["connector", "environment", "id"], unique=False
    )
    op.create_table(
        "oauth_state",
        sa.Column("token_hash", types.Bytes(), nullable=False),
        sa.Column("connector", types.KeyText, nullable=False),
        sa.Column("environment", types.EnvironmentType(), nullable=False),
        sa.Column("staff_id", sa.Text(), nullable=False),
        sa.Column("session_id", sa.Text(), nullable=False),
        sa.Column("intent", sa.Text(), nullable=False),
        sa.Column("expected_shop_id", types.KeyText, nullable=True),
        sa.Column("expected_merchant_id", types.KeyText, nullable=True),
        sa.Column("created_at", types.UtcDateTime(), nullable=False),
        sa.Column("expires_at", types.UtcDateTime(), nullable=False),
        sa.Column("consumed_at", types.UtcDateTime(), nullable=True),
        sa.Column("exchange_open_since", types.UtcDateTime(), nullable=True),
        sa.CheckConstraint("environment IN ('sandbox', 'live')", name="ck_oauth_state_environment_known"),
        sa.ForeignKeyConstraint(
            ["connector", "environment"],
            ["environment_credentials.connector", "environment_credentials.environment"],
            name="fk_oauth_state_connector_environment",
        ),
        sa.PrimaryKeyConstraint("token_hash", name="pk_oauth_state"),
    )
    op.create_table(
        "rate_bucket",
        sa.Column("connector", types.KeyText, nullable=False),
        sa.Column("environment", types.EnvironmentType(), nullable=False),
        sa.Column("partner_id", types.KeyText, nullable=False),
        sa.Column("account", types.KeyText, nullable=False),
        sa.Column("tokens", types.Real(), nullable=False),
        sa.Column("rate", types.Real(), nullable=False),
        sa.Column("given", types.Integer, nullable=False),
        sa.Column("filled_at", types.UtcDateTime(), nullable=False),
        sa.Column("paused_until", types.UtcDateTime(), nullable=True),
        sa.Column("paused_by", sa.Text(), nullable=False),
        sa.CheckConstraint("environment IN ('sandbox', 'live')", name="ck_rate_bucket_environment_known"),
        sa.CheckConstraint("paused_by IN ('', 'rate', 'day')", name="ck_rate_bucket_paused_by_known"),
        sa.PrimaryKeyConstraint("connector", "environment", "partner_id", "account", name="pk_rate_bucket"),
    )
    op.create_table(
        "raw_event",
        sa.Column("id", types.Id(), nullable=False),
        sa.Column("connector", types.KeyText, nullable=False),
        sa.Column("environment", types.EnvironmentType(), nullable=False),
        sa.Column("event_id", types.Bytes(), nullable=False),
        sa.Column("body", types.Bytes(), nullable=False),
        sa.Column("headers", types.JsonText(), nullable=False),
        sa.Column("matched_key", sa.Text(), nullable=False),
        sa.Column("matched_url", sa.Text(), nullable=False),
        sa.Column("topic", sa.Text(), nullable=False),
        sa.Column("code", types.Integer, nullable=True),
        sa.Column("shop_id", types.KeyText, nullable=True),
        sa.Column("order_sn", types.KeyText, nullable=True),
        sa.Column("pushed_at", types.UtcDateTime(), nullable=True),
        sa.Column("received_at", types.UtcDateTime(), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("parked_reason", sa.Text(), nullable=True),
        sa.Column("note", sa.Text(), server_default="", nullable=False),
        sa.Column("due_at", types.UtcDateTime(), nullable=False),
        sa.Column("attempts", types.Integer, server_default="0", nullable=False),
        sa.Column("stalls", types.Integer, server_default="0", nullable=False),
        sa.Column("duplicates", types.Integer, server_default="0", nullable=False),
        sa.Column("finished_at", types.UtcDateTime(), nullable=True),
        sa.Column("discarded_by", sa.Text(), nullable=True),
        sa.Column("tries", sa.Text(), server_default="", nullable=False),
        sa.Column("lease_by", types.KeyText, nullable=True),
        sa.Column("lease_until", types.UtcDateTime(), nullable=True),
        sa.CheckConstraint(
            "(state = 'parked') = (parked_reason IS NOT NULL) AND (parked_reason IS NULL OR parked_reason IN ('inactive_environment', 'unknown_shop', 'order_not_found'))",
            name="ck_raw_event_parked_reason_known",
        ),
        sa.CheckConstraint("environment IN ('sandbox', 'live')", name="ck_raw_event_environment_known"),
        sa.CheckConstraint(
            "state IN ('received', 'parked', 'applied', 'skipped', 'dead', 'discarded')",
            name="ck_raw_event_state_known",
        ),
        sa.ForeignKeyConstraint(
            ["connector", "environment"],
            ["environment_credentials.connector", "environment_credentials.environment"],
            name="fk_raw_event_connector_environment",
        ),
        sa.PrimaryKeyConstraint("id", name="pk_raw_event"),
        sa.UniqueConstraint("connector", "environment", "event_id", name="uq_raw_event_connector_environment_event_id"),
    )
    op.create_index(
        "ix_raw_event_waiting",
        "raw_event",
        ["connector", "environment", "shop_id", "order_sn"],
        unique=False,
        sqlite_where=sa.text("state = 'received'"),
        postgresql_where=sa.text("state = 'received'"),
    )
    op.create_index(
        "ix_raw_event_dead",
        "raw_event",
        ["connector", "environment", "id"],
        unique=False,
        sqlite_where=sa.text("state = 'dead'"),
        postgresql_where=sa.text("state = 'dead'"),
    )
    op.create_index(
        "ix_raw_event_due",
        "raw_event",
        ["due_at", "id"],
        unique=False,
        sqlite_where=sa.text("state = 'received'"),
        postgresql_where=sa.text("state = 'received' AND due_at IS NOT NULL"),
    )
    op.create_index(
        "ix_raw_event_finished",
        "raw_event",
        ["environment", "finished_at"],
        unique=False,
        sqlite_where=sa.text("finished_at IS NOT NULL"),
        postgresql_where=sa.text("finished_at IS NOT NULL"),
    )
    op.create_index("ix_raw_event_list", "raw_event", ["environment", "id"], unique=False)
    op.create_index("ix_raw_event_order", "raw_event", ["order_sn", "shop_id", "environment"], unique=False)
    op.create_index(
        "ix_raw_event_parked",
        "raw_event",
        ["connector", "environment", "id"],
        unique=False,
        sqlite_where=sa.text("state = 'parked'"),
        postgresql_where=sa.text("state = 'parked'"),
    )
    op.create_index(
        "ix_raw_event_previous_key",
        "raw_event",
        ["connector", "environment", "id"],
        unique=False,
        sqlite_where=sa.text("matched_key = 'previous'"),
        postgresql_where=sa.text("matched_key = 'previous'"),
    )
    op.create_table(
        "run",
        sa.Column("id", types.Id(), nullable=False),
        sa.Column("kind", types.KeyText, nullable=False),
        sa.Column("connector", types.KeyText, nullable=False),
        sa.Column("environment", types.EnvironmentType(), nullable=False),
        sa.Column("scope", types.JsonText(), nullable=False),
        sa.Column("shop_id", types.KeyText, nullable=False),
        sa.Column("scheduled_at", types.UtcDateTime(), nullable=True),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("cursor", types.JsonText(), nullable=True),
        sa.Column("done", types.Integer, nullable=False),
        sa.Column("total", types.Integer, nullable=True),
        sa.Column("attempts", types.Integer, nullable=False),
        sa.Column("cancel_requested", sa.Boolean(), nullable=False),
        sa.Column("note", sa.Text(), nullable=False),
        sa.Column("due_at", types.UtcDateTime(), nullable=False),
        sa.Column("created_at", types.UtcDateTime(), nullable=False),
        sa.Column("created_by", sa.Text(), nullable=False),
        sa.Column("started_at", types.UtcDateTime(), nullable=True),
        sa.Column("paused_at", types.UtcDateTime(), nullable=True),
        sa.Column("paused_by", sa.Text(), nullable=True),
        sa.Column("paused_seconds", types.Integer, nullable=False),
        sa.Column("finished_at", types.UtcDateTime(), nullable=True),
        sa.Column("lease_by", types.KeyText, nullable=True),
        sa.Column("lease_until", types.UtcDateTime(), nullable=True),
        sa.CheckConstraint("environment IN ('sandbox', 'live')", name="ck_run_environment_known"),
        sa.CheckConstraint(
            "state IN ('queued', 'running', 'succeeded', 'failed', 'cancelled')", name="ck_run_state_known"
        ),
        sa.ForeignKeyConstraint(
            ["connector", "environment"],
            ["environment_credentials.connector", "environment_credentials.environment"],
            name="fk_run_connector_environment",
        ),
        sa.PrimaryKeyConstraint("id", name="pk_run"),
        sa.UniqueConstraint("kind", "scheduled_at", "connector", "environment", "shop_id", name="uq_run_kind"),
    )
    op.create_index(
        "ix_run_open",
        "run",
        ["due_at", "id"],
        unique=False,
        sqlite_where=sa.text("state IN ('queued', 'running')"),
        postgresql_where=sa.text("state IN ('queued', 'running')"),
    )
    op.create_index("ix_run_list", "run", ["environment", "kind", "id"], unique=False)
    op.create_table(
        "schedule",
        sa.Column("kind", types.KeyText, nullable=False),
        sa.Column("connector", types.KeyText, nullable=False),
        sa.Column("environment", types.EnvironmentType(), nullable=False),
        sa.Column("every_seconds", types.Integer, nullable=True),
        sa.Column("cron", sa.Text(), nullable=True),
        sa.Column("grace_seconds", types.Integer, nullable=False),
        sa.Column("offset_seconds", types.Integer, nullable=False),
        sa.Column("active_since", types.UtcDateTime(), nullable=True),
        sa.Column("next_due_at", types.UtcDateTime(), nullable=False),
        sa.Column("last_tick_at", types.UtcDateTime(), nullable=True),
        sa.Column("last_success_at", types.UtcDateTime(), nullable=True),
        sa.Column("durations", types.JsonText(), nullable=False),
        sa.Column("down_at", types.UtcDateTime(), nullable=True),
        sa.Column("paused_at", types.UtcDateTime(), nullable=True),
        sa.Column("paused_by", sa.Text(), nullable=True),
        sa.Column("pause_reason", sa.Text(), nullable=True),
        sa.CheckConstraint("environment IN ('sandbox', 'live')", name="ck_schedule_environment_known"),
        sa.CheckConstraint("(every_seconds IS NULL) <> (cron IS NULL)", name="ck_schedule_one_period"),
        sa.ForeignKeyConstraint(
            ["connector", "environment"],
            ["environment_credentials.connector", "environment_credentials.environment"],
            name="fk_schedule_connector_environment",
        ),
        sa.PrimaryKeyConstraint("kind", "connector", "environment", name="pk_schedule"),
    )
    op.create_table(
        "shop",
        sa.Column("connector", types.KeyText, nullable=False),
        sa.Column("environment", types.EnvironmentType(), nullable=False),
        sa.Column("shop_id", types.KeyText, nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("region", sa.Text(), nullable=False),
        sa.Column("main_account_id", types.KeyText, nullable=True),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("state_reason", sa.Text(), nullable=False),
        sa.Column("authorized_at", types.UtcDateTime(), nullable=True),
        sa.Column("authorized_until", types.UtcDateTime(), nullable=True),
        sa.Column("connected_at", types.UtcDateTime(), nullable=True),
        sa.Column("last_call_at", types.UtcDateTime(), nullable=True),
        sa.Column("last_call_problem", sa.Text(), server_default="", nullable=False),
        sa.Column("updated_at", types.UtcDateTime(), nullable=False),
        sa.CheckConstraint("environment IN ('sandbox', 'live')", name="ck_shop_environment_known"),
        sa.CheckConstraint(
            "state IN ('connected', 'pending', 'paused', 'needs_reauth', 'disconnected')", name="ck_shop_state_known"
        ),
        sa.ForeignKeyConstraint(
            ["connector", "environment"],
            ["environment_credentials.connector", "environment_credentials.environment"],
            name="fk_shop_connector_environment",
        ),
        sa.PrimaryKeyConstraint("connector", "environment", "shop_id", name="pk_shop"),
    )
    op.create_table(
        "staff_session",
        sa.Column("id", types.Id(), nullable=False),
        sa.Column("token_hash", types.Bytes(), nullable=False),
        sa.Column("staff_id", types.Id(), nullable=False),
        sa.Column("created_at", types.UtcDateTime(), nullable=False),
        sa.Column("last_seen_at", types.UtcDateTime(), nullable=False),
        sa.Column("confirmed_at", types.UtcDateTime(), nullable=False),
        sa.Column("expires_at", types.UtcDateTime(), nullable=False),
        sa.Column("address", sa.Text(), nullable=False),
        sa.Column("user_agent", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(["staff_id"], ["staff.id"], name="fk_staff_session_staff_id"),
        sa.PrimaryKeyConstraint("id", name="pk_staff_session"),
        sa.UniqueConstraint("token_hash", name="uq_staff_session_token_hash"),
    )
    op.create_index("ix_staff_session_staff_id", "staff_session", ["staff_id"], unique=False)
    op.create_table(
        "staff_challenge",
        sa.Column("token_hash", types.Bytes(), nullable=False),
        sa.Column("staff_id", types.Id(), nullable=False),
        sa.Column("tries", types.Integer, nullable=False),
        sa.Column("expires_at", types.UtcDateTime(), nullable=False),
        sa.ForeignKeyConstraint(["staff_id"], ["staff.id"], name="fk_staff_challenge_staff_id"),
        sa.PrimaryKeyConstraint("token_hash", name="pk_staff_challenge"),
    )
    op.create_index("ix_staff_challenge_staff_id", "staff_challenge", ["staff_id"], unique=False)
    op.create_table(
        "staff_recovery_code",
        sa.Column("staff_id", types.Id(), nullable=False),
        sa.Column("code_hash", types.Bytes(), nullable=False),
        sa.Column("used_at", types.UtcDateTime(), nullable=True),
        sa.ForeignKeyConstraint(["staff_id"], ["staff.id"], name="fk_staff_recovery_code_staff_id"),
        sa.PrimaryKeyConstraint("staff_id", "code_hash", name="pk_staff_recovery_code"),
    )
    op.create_table(
        "passkey",
        sa.Column("id", types.Id(), nullable=False),
        sa.Column("staff_id", types.Id(), nullable=False),
        sa.Column("credential_id", types.Bytes(), nullable=False),
        sa.Column("public_key", types.Bytes(), nullable=False),
        sa.Column("sign_count", types.Integer, nullable=False),
        sa.Column("transports", sa.Text(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("created_at", types.UtcDateTime(), nullable=False),
        sa.Column("last_used_at", types.UtcDateTime(), nullable=True),
        sa.ForeignKeyConstraint(["staff_id"], ["staff.id"], name="fk_passkey_staff_id"),
        sa.PrimaryKeyConstraint("id", name="pk_passkey"),
        sa.UniqueConstraint("credential_id", name="uq_passkey_credential_id"),
    )
    op.create_index("ix_passkey_staff_id", "passkey", ["staff_id"], unique=False)
    op.create_table(
        "saved_view",
        sa.Column("id", types.Id(), nullable=False),
        sa.Column("staff_id", types.Id(), nullable=False),
        sa.Column("page", sa.Text(), nullable=False),
        sa.Column("name", types.KeyText, nullable=False),
        sa.Column("query", sa.Text(), nullable=False),
        sa.Column("shared", sa.Boolean(), nullable=False),
        sa.Column("created_at", types.UtcDateTime(), nullable=False),
        sa.CheckConstraint("page IN ('orders', 'events', 'exceptions', 'calls')", name="ck_saved_view_page_known"),
        sa.ForeignKeyConstraint(["staff_id"], ["staff.id"], name="fk_saved_view_staff_id"),
        sa.PrimaryKeyConstraint("id", name="pk_saved_view"),
        sa.UniqueConstraint("staff_id", "page", "name", name="uq_saved_view_staff_id_page_name"),
    )
    op.create_index("ix_saved_view_page", "saved_view", ["page", "shared"], unique=False)
    op.create_table(
        "passkey_challenge",
        sa.Column("challenge", types.Bytes(), nullable=False),
        sa.Column("purpose", sa.Text(), nullable=False),
        sa.Column("staff_id", types.Id(), nullable=True),
        sa.Column("expires_at", types.UtcDateTime(), nullable=False),
        sa.CheckConstraint("purpose IN ('add', 'sign_in', 'confirm')", name="ck_passkey_challenge_purpose_known"),
        sa.ForeignKeyConstraint(["staff_id"], ["staff.id"], name="fk_passkey_challenge_staff_id"),
        sa.PrimaryKeyConstraint("challenge", name="pk_passkey_challenge"),
    )
    op.create_index("ix_passkey_challenge_expires_at", "passkey_challenge", ["expires_at"], unique=False)
    op.create_index("ix_passkey_challenge_staff_id", "passkey_challenge", ["staff_id"], unique=False)
    op.create_table(
        "sign_in_tries",
        sa.Column("kind", types.KeyText, nullable=False),
        sa.Column("subject", types.KeyText, nullable=False),
        sa.Column("failed", types.Integer, nullable=False),
        sa.Column("last_failed_at", types.UtcDateTime(), nullable=False),
        sa.PrimaryKeyConstraint("kind", "subject", name="pk_sign_in_tries"),
    )
    op.create_table(
        "auth_token",
        sa.Column("id", types.Id(), nullable=False),
        sa.Column("connector", types.KeyText, nullable=False),
        sa.Column("environment", types.EnvironmentType(), nullable=False),
        sa.Column("shop_id", types.KeyText, nullable=False),
        sa.Column("partner_id", types.KeyText, nullable=False),
        sa.Column("granted_at", types.UtcDateTime(), nullable=False),
        sa.Column("access_token_encrypted", sa.Text(), nullable=False),
        sa.Column("refresh_token_encrypted", sa.Text(), nullable=False),
        sa.Column("access_expires_at", types.UtcDateTime(), nullable=False),
        sa.Column("refresh_expires_at", types.UtcDateTime(), nullable=False),
        sa.Column("generation", types.Integer, nullable=False),
        sa.Column("shared_generation", types.Integer, nullable=True),
        sa.Column("updated_at", types.UtcDateTime(), nullable=False),
        sa.Column("lease_by", types.KeyText, nullable=True),
        sa.Column("lease_until", types.UtcDateTime(), nullable=True),
        sa.Column("refresh_intent_by", sa.Text(), nullable=True),
        sa.Column("refresh_intent_at", types.UtcDateTime(), nullable=True),
        sa.Column("refresh_intent_generation", types.Integer, nullable=True),
        sa.CheckConstraint("environment IN ('sandbox', 'live')", name="ck_auth_token_environment_known"),
        sa.ForeignKeyConstraint(
            ["connector", "environment", "shop_id"],
            ["shop.connector", "shop.environment", "shop.shop_id"],
            name="fk_auth_token_connector_environment_shop_id",
        ),
        sa.PrimaryKeyConstraint("id", name="pk_auth_token"),
        sa.UniqueConstraint("connector", "environment", "shop_id", name="uq_auth_token_connector_environment_shop_id"),
    )
    op.create_table(
        "merchant",
        sa.Column("connector", types.KeyText, nullable=False),
        sa.Column("environment", types.EnvironmentType(), nullable=False),
        sa.Column("merchant_id", types.KeyText, nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("region", sa.Text(), nullable=False),
        sa.Column("main_account_id", types.KeyText, nullable=True),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("state_reason", sa.Text(), nullable=False),
        sa.Column("authorized_at", types.UtcDateTime(), nullable=True),
        sa.Column("authorized_until", types.UtcDateTime(), nullable=True),
        sa.Column("connected_at", types.UtcDateTime(), nullable=True),
        sa.Column("last_call_at", types.UtcDateTime(), nullable=True),
        sa.Column("last_call_problem", sa.Text(), server_default="", nullable=False),
        sa.Column("updated_at", types.UtcDateTime(), nullable=False),
        sa.CheckConstraint("environment IN ('sandbox', 'live')", name="ck_merchant_environment_known"),
        sa.CheckConstraint(
            "state IN ('connected', 'pending', 'paused', 'needs_reauth', 'disconnected')",
            name="ck_merchant_state_known",
        ),
        sa.ForeignKeyConstraint(
            ["connector", "environment"],
            ["environment_credentials.connector", "environment_credentials.environment"],
            name="fk_merchant_connector_environment",
        ),
        sa.PrimaryKeyConstraint("connector", "environment", "merchant_id", name="pk_merchant"),
    )
    op.create_table(
        "merchant_token",
        sa.Column("id", types.Id(), nullable=False),
        sa.Column("connector", types.KeyText, nullable=False),
        sa.Column("environment", types.EnvironmentType(), nullable=False),
        sa.Column("merchant_id", types.KeyText, nullable=False),
        sa.Column("partner_id", types.KeyText, nullable=False),
        sa.Column("granted_at", types.UtcDateTime(), nullable=False),
        sa.Column("access_token_encrypted", sa.Text(), nullable=False),
        sa.Column("refresh_token_encrypted", sa.Text(), nullable=False),
        sa.Column("access_expires_at", types.UtcDateTime(), nullable=False),
        sa.Column("refresh_expires_at", types.UtcDateTime(), nullable=False),
        sa.Column("generation", types.Integer, nullable=False),
        sa.Column("shared_generation", types.Integer, nullable=True),
        sa.Column("updated_at", types.UtcDateTime(), nullable=False),
        sa.Column("lease_by", types.KeyText, nullable=True),
        sa.Column("lease_until", types.UtcDateTime(), nullable=True),
        sa.Column("refresh_intent_by", sa.Text(), nullable=True),
        sa.Column("refresh_intent_at", types.UtcDateTime(), nullable=True),
        sa.Column("refresh_intent_generation", types.Integer, nullable=True),
        sa.CheckConstraint("environment IN ('sandbox', 'live')", name="ck_merchant_token_environment_known"),
        sa.ForeignKeyConstraint(
            ["connector", "environment", "merchant_id"],
            ["merchant.connector", "merchant.environment", "merchant.merchant_id"],
            name="fk_merchant_token_connector_environment_merchant_id",
        ),
        sa.PrimaryKeyConstraint("id", name="pk_merchant_token"),
        sa.UniqueConstraint(
            "connector", "environment", "merchant_id", name="uq_merchant_token_connector_environment_merchant_id"
        ),
    )
    op.create_table(
        "held_token",
        sa.Column("connector", types.KeyText, nullable=False),
        sa.Column("environment", types.EnvironmentType(), nullable=False),
        sa.Column("account", types.KeyText, nullable=False),
        sa.Column("partner_id", types.KeyText, nullable=False),
        sa.Column("main_account_id", types.KeyText, nullable=True),
        sa.Column("access_token_encrypted", sa.Text(), nullable=False),
        sa.Column("refresh_token_encrypted", sa.Text(), nullable=False),
        sa.Column("access_expires_at", types.UtcDateTime(), nullable=False),
        sa.Column("refresh_expires_at", types.UtcDateTime(), nullable=False),
        sa.Column("held_at", types.UtcDateTime(), nullable=False),
        sa.CheckConstraint("environment IN ('sandbox', 'live')", name="ck_held_token_environment_known"),
        sa.ForeignKeyConstraint(
            ["connector", "environment"],
            ["environment_credentials.connector", "environment_credentials.environment"],
            name="fk_held_token_connector_environment",
        ),
        sa.PrimaryKeyConstraint("connector", "environment", "account", name="pk_held_token"),
    )
    op.create_table(
        "covered_interval",
        sa.Column("id", types.Id(), nullable=False),
        sa.Column("connector", types.KeyText, nullable=False),
        sa.Column("environment", types.EnvironmentType(), nullable=False),
        sa.Column("shop_id", types.KeyText, nullable=False),
        sa.Column("source", sa.Text(), nullable=False),
        sa.Column("covered_from", types.UtcDateTime(), nullable=False),
        sa.Column("covered_until", types.UtcDateTime(), nullable=False),
        sa.Column("run_id", types.Id(), nullable=True),
        sa.Column("recorded_at", types.UtcDateTime(), nullable=False),
        sa.CheckConstraint("environment IN ('sandbox', 'live')", name="ck_covered_interval_environment_known"),
        sa.CheckConstraint(
            "source IN ('push', 'lost_push', 'reconcile', 'backfill', 'catch_up')",
            name="ck_covered_interval_source_known",
        ),
        sa.CheckConstraint("covered_from < covered_until", name="ck_covered_interval_not_empty"),
        sa.ForeignKeyConstraint(
            ["connector", "environment", "shop_id"],
            ["shop.connector", "shop.environment", "shop.shop_id"],
            name="fk_covered_interval_connector_environment_shop_id",
        ),
        sa.PrimaryKeyConstraint("id", name="pk_covered_interval"),
    )
    op.create_index(
        "ix_covered_interval_shop",
        "covered_interval",
        ["connector", "environment", "shop_id", "source", "covered_until"],
        unique=False,
    )
    op.create_table(
        "push_health",
        sa.Column("connector", types.KeyText, nullable=False),
        sa.Column("environment", types.EnvironmentType(), nullable=False),
        sa.Column("status", sa.Text(), nullable=False),
        sa.Column("since", types.UtcDateTime(), nullable=False),
        sa.Column("sound_until", types.UtcDateTime(), nullable=False),
        sa.Column("reaches_us", sa.Boolean(), nullable=False),
        sa.Column("checked_at", types.UtcDateTime(), nullable=False),
        sa.CheckConstraint("environment IN ('sandbox', 'live')", name="ck_push_health_environment_known"),
        sa.CheckConstraint(
            "status IN ('normal', 'warning', 'suspended', 'unknown')", name="ck_push_health_status_known"
        ),
        sa.ForeignKeyConstraint(
            ["connector", "environment"],
            ["environment_credentials.connector", "environment_credentials.environment"],
            name="fk_push_health_connector_environment",
        ),
        sa.PrimaryKeyConstraint("connector", "environment", name="pk_push_health"),
    )
    op.create_table(
        "sku_map",
        sa.Column("connector", types.KeyText, nullable=False),
        sa.Column("environment", types.EnvironmentType(), nullable=False),
        sa.Column("demanded", sa.Boolean(), nullable=False),
        sa.Column("version", types.Integer, nullable=False),
        sa.Column("updated_at", types.UtcDateTime(), nullable=False),
        sa.Column("updated_by", sa.Text(), nullable=False),
        sa.CheckConstraint("environment IN ('sandbox', 'live')", name="ck_sku_map_environment_known"),
        sa.ForeignKeyConstraint(
            ["connector", "environment"],
            ["environment_credentials.connector", "environment_credentials.environment"],
            name="fk_sku_map_connector_environment",
        ),
        sa.PrimaryKeyConstraint("connector", "environment", name="pk_sku_map"),
    )
    op.create_table(
        "channel_listing",
        sa.Column("id", types.Id(), nullable=False),
        sa.Column("connector", types.KeyText, nullable=False),
        sa.Column("environment", types.EnvironmentType(), nullable=False),
        sa.Column("shop_id", types.KeyText, nullable=False),
        sa.Column("item_id", types.KeyText, nullable=False),
        sa.Column("model_id", types.KeyText, nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("model_name", sa.Text(), nullable=False),
        sa.Column("channel_sku", sa.Text(), nullable=False),
        sa.Column("first_seen_at", types.UtcDateTime(), nullable=False),
        sa.Column("last_seen_at", types.UtcDateTime(), nullable=True),
        sa.Column("sku", sa.Text(), nullable=True),
        sa.Column("sku_version", types.Integer, nullable=False),
        sa.Column("sku_set_at", types.UtcDateTime(), nullable=True),
        sa.Column("sku_set_by", sa.Text(), nullable=True),
        sa.CheckConstraint("environment IN ('sandbox', 'live')", name="ck_channel_listing_environment_known"),
        sa.CheckConstraint("sku IS NULL OR sku <> ''", name="ck_channel_listing_sku_not_blank"),
        sa.ForeignKeyConstraint(
            ["connector", "environment", "shop_id"],
            ["shop.connector", "shop.environment", "shop.shop_id"],
            name="fk_channel_listing_connector_environment_shop_id",
        ),
        sa.PrimaryKeyConstraint("id", name="pk_channel_listing"),
        sa.UniqueConstraint(
            "connector", "environment", "shop_id", "item_id", "model_id", name="uq_channel_listing_key"
        ),
    )
    for name, filled in (("unmapped", "sku IS NULL"), ("mapped", "sku IS NOT NULL")):
        op.create_index(
            f"ix_channel_listing_{name}",
            "channel_listing",
            ["environment", "id"],
            unique=False,
            sqlite_where=sa.text(filled),
            postgresql_where=sa.text(filled),
        )
    op.create_table(
        "unmapped_order",
        sa.Column("connector", types.KeyText, nullable=False),
        sa.Column("environment", types.EnvironmentType(), nullable=False),
        sa.Column("shop_id", types.KeyText, nullable=False),
        sa.Column("item_id", types.KeyText, nullable=False),
        sa.Column("model_id", types.KeyText, nullable=False),
        sa.Column("order_sn", types.KeyText, nullable=False),
        sa.Column("noted_at", types.UtcDateTime(), nullable=False),
        sa.CheckConstraint("environment IN ('sandbox', 'live')", name="ck_unmapped_order_environment_known"),
        sa.ForeignKeyConstraint(
            ["connector", "environment", "shop_id", "item_id", "model_id"],
            [
                "channel_listing.connector",
                "channel_listing.environment",
                "channel_listing.shop_id",
                "channel_listing.item_id",
                "channel_listing.model_id",
            ],
            name="fk_unmapped_order_listing",
        ),
        sa.PrimaryKeyConstraint(
            "connector", "environment", "shop_id", "item_id", "model_id", "order_sn", name="pk_unmapped_order"
        ),
    )
    op.create_table(
        "order_answer",
        sa.Column("connector", types.KeyText, nullable=False),
        sa.Column("environment", types.EnvironmentType(), nullable=False),
        sa.Column("shop_id", types.KeyText, nullable=False),
        sa.Column("order_sn", types.KeyText, nullable=False),
        sa.Column("kind", types.KeyText, nullable=False),
        sa.Column("hash", types.Bytes(), nullable=False),
        sa.Column("body", types.Bytes(), nullable=False),
        sa.Column("remote_updated_at", types.UtcDateTime(), nullable=False),
        sa.Column("read_started_at", types.UtcDateTime(), nullable=False),
        sa.CheckConstraint("environment IN ('sandbox', 'live')", name="ck_order_answer_environment_known"),
        sa.ForeignKeyConstraint(
            ["connector", "environment", "shop_id"],
            ["shop.connector", "shop.environment", "shop.shop_id"],
            name="fk_order_answer_connector_environment_shop_id",
        ),
        sa.PrimaryKeyConstraint(
            "connector", "environment", "shop_id", "order_sn", "kind", "hash", name="pk_order_answer"
        ),
    )
    op.create_table(
        "order_sync",
        sa.Column("id", types.Id(), nullable=False),
        sa.Column("connector", types.KeyText, nullable=False),
        sa.Column("environment", types.EnvironmentType(), nullable=False),
        sa.Column("shop_id", types.KeyText, nullable=False),
        sa.Column("order_sn", types.KeyText, nullable=False),
        sa.Column("status", sa.Text(), nullable=False),
        sa.Column("currency", sa.Text(), nullable=False),
        sa.Column("total_amount", types.Amount(), nullable=True),
        sa.Column("booking_sn", types.KeyText, nullable=True),
        sa.Column("buyer_username", sa.Text(), nullable=True),
        sa.Column("recipient_name", sa.Text(), nullable=True),
        sa.Column("recipient_phone", sa.Text(), nullable=True),
        sa.Column("recipient_address", sa.Text(), nullable=True),
        sa.Column("buyer_message", sa.Text(), nullable=True),
        sa.Column("tracking_number", sa.Text(), nullable=True),
        sa.Column("shipping_carrier", sa.Text(), nullable=True),
        sa.Column("payment_method", sa.Text(), nullable=True),
        sa.Column("line_count", types.Integer, nullable=False),
        sa.Column("ship_by_at", types.UtcDateTime(), nullable=True),
        sa.Column("remote_created_at", types.UtcDateTime(), nullable=False),
        sa.Column("remote_updated_at", types.UtcDateTime(), nullable=False),
        sa.Column("read_started_at", types.UtcDateTime(), nullable=False),
        sa.Column("answer_hash", types.Bytes(), nullable=False),
        sa.Column("first_seen_at", types.UtcDateTime(), nullable=False),
        sa.Column("synced_at", types.UtcDateTime(), nullable=False),
        sa.CheckConstraint("environment IN ('sandbox', 'live')", name="ck_order_sync_environment_known"),
        sa.ForeignKeyConstraint(
            ["connector", "environment", "shop_id"],
            ["shop.connector", "shop.environment", "shop.shop_id"],
            name="fk_order_sync_connector_environment_shop_id",
        ),
        sa.PrimaryKeyConstraint("id", name="pk_order_sync"),
        sa.UniqueConstraint(
            "connector",
            "environment",
            "shop_id",
            "order_sn",
            name="uq_order_sync_connector_environment_shop_id_order_sn",
        ),
    )
    op.create_index("ix_order_sync_list", "order_sync", ["environment", "remote_updated_at", "id"], unique=False)
    op.create_index(
        "ix_order_sync_shop", "order_sync", ["environment", "shop_id", "remote_updated_at", "id"], unique=False
    )
    op.create_index(
        "ix_order_sync_status", "order_sync", ["environment", "status", "remote_updated_at", "id"], unique=False
    )
    op.create_index(
        "ix_order_sync_booking",
        "order_sync",
        ["booking_sn", "shop_id"],
        unique=False,
        sqlite_where=sa.text("booking_sn IS NOT NULL"),
        postgresql_where=sa.text("booking_sn IS NOT NULL"),
    )
    op.create_table(
        "order_item",
        sa.Column("connector", types.KeyText, nullable=False),
        sa.Column("environment", types.EnvironmentType(), nullable=False),
        sa.Column("shop_id", types.KeyText, nullable=False),
        sa.Column("order_sn", types.KeyText, nullable=False),
        sa.Column("line", types.Integer, autoincrement=False, nullable=False),
        sa.Column("item_id", types.KeyText, nullable=False),
        sa.Column("model_id", types.KeyText, nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("model_name", sa.Text(), nullable=False),
        sa.Column("sku", sa.Text(), nullable=False),
        sa.Column("quantity", types.Integer, nullable=False),
        sa.Column("unit_price", types.Amount(), nullable=True),
        sa.CheckConstraint("environment IN ('sandbox', 'live')", name="ck_order_item_environment_known"),
        sa.ForeignKeyConstraint(
            ["connector", "environment", "shop_id", "order_sn"],
            ["order_sync.connector", "order_sync.environment", "order_sync.shop_id", "order_sync.order_sn"],
            name="fk_order_item_connector_environment_shop_id_order_sn",
        ),
        sa.PrimaryKeyConstraint("connector", "environment", "shop_id", "order_sn", "line", name="pk_order_item"),
    )
    op.create_table(
        "order_timeline",
        sa.Column("id", types.Id(), nullable=False),
        sa.Column("connector", types.KeyText, nullable=False),
        sa.Column("environment", types.EnvironmentType(), nullable=False),
        sa.Column("shop_id", types.KeyText, nullable=False),
        sa.Column("order_sn", types.KeyText, nullable=False),
        sa.Column("previous_status", sa.Text(), nullable=True),
        sa.Column("status", sa.Text(), nullable=False),
        sa.Column("unexpected", sa.Boolean(), server_default=sa.false(), nullable=False),
        sa.Column("remote_updated_at", types.UtcDateTime(), nullable=False),
        sa.Column("recorded_at", types.UtcDateTime(), nullable=False),
        sa.CheckConstraint("environment IN ('sandbox', 'live')", name="ck_order_timeline_environment_known"),
        sa.ForeignKeyConstraint(
            ["connector", "environment", "shop_id", "order_sn"],
            ["order_sync.connector", "order_sync.environment", "order_sync.shop_id", "order_sync.order_sn"],
            name="fk_order_timeline_connector_environment_shop_id_order_sn",
        ),
        sa.PrimaryKeyConstraint("id", name="pk_order_timeline"),
        sa.UniqueConstraint(
            "connector",
            "environment",
            "shop_id",
            "order_sn",
            "remote_updated_at",
            "status",
            name="uq_order_timeline_change",
        ),
    )
    op.create_table(
        "order_shadow",
        sa.Column("run_id", types.Id(), nullable=False),
        sa.Column("connector", types.KeyText, nullable=False),
        sa.Column("environment", types.EnvironmentType(), nullable=False),
        sa.Column("shop_id", types.KeyText, nullable=False),
        sa.Column("order_sn", types.KeyText, nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("answer_hash", types.Bytes(), nullable=True),
        sa.Column("standing_hash", types.Bytes(), nullable=False),
        sa.Column("events", types.Integer, nullable=False),
        sa.Column("differences", types.JsonText(), nullable=False),
        sa.CheckConstraint("environment IN ('sandbox', 'live')", name="ck_order_shadow_environment_known"),
        sa.CheckConstraint(
            "state IN ('differs', 'unknown_then', 'unreadable', 'applied', 'moved_on', 'discarded')",
            name="ck_order_shadow_state_known",
        ),
        sa.ForeignKeyConstraint(
            ["connector", "environment", "shop_id", "order_sn"],
            ["order_sync.connector", "order_sync.environment", "order_sync.shop_id", "order_sync.order_sn"],
            name="fk_order_shadow_connector_environment_shop_id_order_sn",
        ),
        sa.PrimaryKeyConstraint("run_id", "connector", "environment", "shop_id", "order_sn", name="pk_order_shadow"),
    )
    op.create_table(
        "order_package",
        sa.Column("connector", types.KeyText, nullable=False),
        sa.Column("environment", types.EnvironmentType(), nullable=False),
        sa.Column("shop_id", types.KeyText, nullable=False),
        sa.Column("order_sn", types.KeyText, nullable=False),
        sa.Column("package_number", types.KeyText, nullable=False),
        sa.Column("status", sa.Text(), nullable=False),
        sa.Column("carrier", sa.Text(), nullable=True),
        sa.Column("tracking_number", sa.Text(), nullable=True),
        sa.Column("tracked_at", types.UtcDateTime(), nullable=True),
        sa.Column("document_status", sa.Text(), nullable=True),
        sa.Column("documented_at", types.UtcDateTime(), nullable=True),
        sa.Column("items", types.JsonText(), nullable=False),
        sa.CheckConstraint("environment IN ('sandbox', 'live')", name="ck_order_package_environment_known"),
        sa.ForeignKeyConstraint(
            ["connector", "environment", "shop_id", "order_sn"],
            ["order_sync.connector", "order_sync.environment", "order_sync.shop_id", "order_sync.order_sn"],
            name="fk_order_package_connector_environment_shop_id_order_sn",
        ),
        sa.PrimaryKeyConstraint(
            "connector", "environment", "shop_id", "order_sn", "package_number", name="pk_order_package"
        ),
    )
    op.create_table(
        "order_package_change",
        sa.Column("id", types.Id(), nullable=False),
        sa.Column("connector", types.KeyText, nullable=False),
        sa.Column("environment", types.EnvironmentType(), nullable=False),
        sa.Column("shop_id", types.KeyText, nullable=False),
        sa.Column("order_sn", types.KeyText, nullable=False),
        sa.Column("package_number", types.KeyText, nullable=False),
        sa.Column("field", sa.Text(), nullable=False),
        sa.Column("before", sa.Text(), nullable=True),
        sa.Column("after", sa.Text(), nullable=True),
        sa.Column("changed_at", types.UtcDateTime(), nullable=False),
        sa.Column("recorded_at", types.UtcDateTime(), nullable=False),
        sa.CheckConstraint("environment IN ('sandbox', 'live')", name="ck_order_package_change_environment_known"),
        sa.ForeignKeyConstraint(
            ["connector", "environment", "shop_id", "order_sn"],
            ["order_sync.connector", "order_sync.environment", "order_sync.shop_id", "order_sync.order_sn"],
            name="fk_order_package_change_connector_environment_shop_id_order_sn",
        ),
        sa.PrimaryKeyConstraint("id", name="pk_order_package_change"),
    )
    op.create_index(
        "ix_order_package_change_order",
        "order_package_change",
        ["connector", "environment", "shop_id", "order_sn", "id"],
        unique=False,
    )
    op.create_table(
        "order_escrow",
        sa.Column("connector", types.KeyText, nullable=False),
        sa.Column("environment", types.EnvironmentType(), nullable=False),
        sa.Column("shop_id", types.KeyText, nullable=False),
        sa.Column("order_sn", types.KeyText, nullable=False),
        sa.Column("currency", sa.Text(), nullable=False),
        sa.Column("payout", types.Amount(), nullable=True),
        sa.Column("released_at", types.UtcDateTime(), nullable=True),
        sa.Column("captured_at", types.UtcDateTime(), nullable=False),
        sa.Column("read_started_at", types.UtcDateTime(), nullable=False),
        sa.Column("answer_hash", types.Bytes(), nullable=False),
        sa.Column("goods", types.Amount(), nullable=True),
        sa.Column("vouchers", types.Amount(), nullable=True),
        sa.Column("shipping", types.Amount(), nullable=True),
        sa.Column("refunds", types.Amount(), nullable=True),
        sa.Column("commission_fee", types.Amount(), nullable=True),
        sa.Column("service_fee", types.Amount(), nullable=True),
        sa.Column("transaction_fee", types.Amount(), nullable=True),
        sa.Column("adjustments", types.Amount(), nullable=True),
        sa.Column("other", types.Amount(), nullable=True),
        sa.Column("earned", types.Amount(), nullable=True),
        sa.CheckConstraint("environment IN ('sandbox', 'live')", name="ck_order_escrow_environment_known"),
        sa.ForeignKeyConstraint(
            ["connector", "environment", "shop_id", "order_sn"],
            ["order_sync.connector", "order_sync.environment", "order_sync.shop_id", "order_sync.order_sn"],
            name="fk_order_escrow_connector_environment_shop_id_order_sn",
        ),
        sa.PrimaryKeyConstraint("connector", "environment", "shop_id", "order_sn", name="pk_order_escrow"),
    )
    op.create_table(
        "order_escrow_line",
        sa.Column("connector", types.KeyText, nullable=False),
        sa.Column("environment", types.EnvironmentType(), nullable=False),
        sa.Column("shop_id", types.KeyText, nullable=False),
        sa.Column("order_sn", types.KeyText, nullable=False),
        sa.Column("line", types.Integer, autoincrement=False, nullable=False),
        sa.Column("item_id", types.KeyText, nullable=False),
        sa.Column("model_id", types.KeyText, nullable=False),
        sa.Column("sku", sa.Text(), nullable=False),
        sa.Column("quantity", types.Integer, nullable=False),
        sa.Column("goods", types.Amount(), nullable=True),
        sa.Column("vouchers", types.Amount(), nullable=True),
        sa.Column("shipping", types.Amount(), nullable=True),
        sa.Column("refunds", types.Amount(), nullable=True),
        sa.Column("commission_fee", types.Amount(), nullable=True),
        sa.Column("service_fee", types.Amount(), nullable=True),
        sa.Column("transaction_fee", types.Amount(), nullable=True),
        sa.Column("adjustments", types.Amount(), nullable=True),
        sa.Column("other", types.Amount(), nullable=True),
        sa.Column("earned", types.Amount(), nullable=True),
        sa.CheckConstraint("environment IN ('sandbox', 'live')", name="ck_order_escrow_line_environment_known"),
        sa.ForeignKeyConstraint(
            ["connector", "environment", "shop_id", "order_sn"],
            ["order_escrow.connector", "order_escrow.environment", "order_escrow.shop_id", "order_escrow.order_sn"],
            name="fk_order_escrow_line_connector_environment_shop_id_order_sn",
        ),
        sa.PrimaryKeyConstraint("connector", "environment", "shop_id", "order_sn", "line", name="pk_order_escrow_line"),
    )
    op.create_table(
        "notice",
        sa.Column("id", types.Id(), nullable=False),
        sa.Column("connector", types.KeyText, nullable=False),
        sa.Column("environment", types.EnvironmentType(), nullable=False),
        sa.Column("event_id", types.Id(), nullable=False),
        sa.Column("number", types.Integer, nullable=False),
        sa.Column("shop_id", types.KeyText, nullable=True),
        sa.Column("title", sa.Text(), nullable=False),
        sa.Column("content", sa.Text(), nullable=False),
        sa.Column("url", sa.Text(), nullable=True),
        sa.Column("stated_at", types.UtcDateTime(), nullable=True),
        sa.Column("received_at", types.UtcDateTime(), nullable=False),
        sa.Column("seen_at", types.UtcDateTime(), nullable=True),
        sa.Column("seen_by", sa.Text(), nullable=True),
        sa.CheckConstraint("environment IN ('sandbox', 'live')", name="ck_notice_environment_known"),
        sa.ForeignKeyConstraint(
            ["connector", "environment"],
            ["environment_credentials.connector", "environment_credentials.environment"],
            name="fk_notice_connector_environment",
        ),
        sa.PrimaryKeyConstraint("id", name="pk_notice"),
        sa.UniqueConstraint(
            "connector", "environment", "event_id", "number", name="uq_notice_connector_environment_event_id_number"
        ),
    )
    op.create_index("ix_notice_list", "notice", ["environment", "id"], unique=False)
    op.create_index(
        "ix_notice_unseen",
        "notice",
        ["environment", "id"],
        unique=False,
        sqlite_where=sa.text("seen_at IS NULL"),
        postgresql_where=sa.text("seen_at IS NULL"),
    )
    op.create_table(
        "notification_channel",
        sa.Column("id", types.Id(), nullable=False),
        sa.Column("name", types.KeyText, nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("environments", types.JsonText(), nullable=False),
        sa.Column("topics", types.JsonText(), nullable=False),
        sa.Column("settings", types.JsonText(), nullable=False),
        sa.Column("secret_encrypted", sa.Text(), nullable=True),
        sa.Column("created_at", types.UtcDateTime(), nullable=False),
        sa.Column("created_by", sa.Text(), nullable=False),
        sa.Column("paused_at", types.UtcDateTime(), nullable=True),
        sa.Column("paused_by", sa.Text(), nullable=True),
        sa.Column("last_sent_at", types.UtcDateTime(), nullable=True),
        sa.Column("last_failed_at", types.UtcDateTime(), nullable=True),
        sa.Column("last_error", sa.Text(), server_default="", nullable=False),
        sa.Column("failures", types.Integer, server_default="0", nullable=False),
        sa.CheckConstraint(
            "kind IN ('webhook', 'email', 'chat', 'telegram')", name="ck_notification_channel_kind_known"
        ),
        sa.PrimaryKeyConstraint("id", name="pk_notification_channel"),
        sa.UniqueConstraint("name", name="uq_notification_channel_name"),
    )
    op.create_table(
        "notification_condition",
        sa.Column("environment", types.EnvironmentType(), nullable=False),
        sa.Column("kind", types.KeyText, nullable=False),
        sa.Column("subject", types.KeyText, nullable=False),
        sa.Column("level", sa.Text(), nullable=False),
        sa.Column("title", sa.Text(), nullable=False),
        sa.Column("path", sa.Text(), nullable=False),
        sa.Column("began_at", types.UtcDateTime(), nullable=False),
        sa.Column("ended_at", types.UtcDateTime(), nullable=True),
        sa.CheckConstraint("environment IN ('sandbox', 'live')", name="ck_notification_condition_environment_known"),
        sa.CheckConstraint("level IN ('warn', 'bad')", name="ck_notification_condition_level_known"),
        sa.PrimaryKeyConstraint("environment", "kind", "subject", name="pk_notification_condition"),
    )
    op.create_index(
        "ix_notification_condition_open",
        "notification_condition",
        ["environment", "kind"],
        unique=False,
        sqlite_where=sa.text("ended_at IS NULL"),
        postgresql_where=sa.text("ended_at IS NULL"),
    )
    op.create_table(
        "notification_delivery",
        sa.Column("id", types.Id(), nullable=False),
        sa.Column("channel_id", types.Id(), nullable=False),
        sa.Column("environment", types.EnvironmentType(), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("entries", types.JsonText(), nullable=False),
        sa.Column("left_out", types.Integer, server_default="0", nullable=False),
        sa.Column("tells_of_seal", sa.Boolean(), nullable=False),
        sa.Column("attempts", types.Integer, nullable=False),
        sa.Column("planned_at", types.UtcDateTime(), nullable=False),
        sa.Column("due_at", types.UtcDateTime(), nullable=False),
        sa.Column("last_error", sa.Text(), server_default="", nullable=False),
        sa.Column("created_at", types.UtcDateTime(), nullable=False),
        sa.Column("ended_at", types.UtcDateTime(), nullable=True),
        sa.Column("lease_by", types.KeyText, nullable=True),
        sa.Column("lease_until", types.UtcDateTime(), nullable=True),
        sa.CheckConstraint("environment IN ('sandbox', 'live')", name="ck_notification_delivery_environment_known"),
        sa.CheckConstraint("state IN ('waiting', 'sent', 'dead')", name="ck_notification_delivery_state_known"),
        sa.ForeignKeyConstraint(
            ["channel_id"], ["notification_channel.id"], name="fk_notification_delivery_channel_id"
        ),
        sa.PrimaryKeyConstraint("id", name="pk_notification_delivery"),
    )
    op.create_index(
        "ix_notification_delivery_waiting",
        "notification_delivery",
        ["due_at", "id"],
        unique=False,
        sqlite_where=sa.text("state = 'waiting'"),
        postgresql_where=sa.text("state = 'waiting'"),
    )
    op.create_index(
        "ix_notification_delivery_channel",
        "notification_delivery",
        ["channel_id", "environment", "id"],
        unique=False,
    )


def downgrade() -> None:
    for table in TABLES_IN_REVERSE:
        op.drop_table(table)
    if op.get_context().dialect.name == "postgresql":
        op.execute("DROP FUNCTION kedai_refuse()")
