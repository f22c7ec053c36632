"""The old tables: what each of their columns may be called, and which a table cannot do without."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

CREDENTIALS: Final = "shopee_environment_credentials"
ACTIVE: Final = "shopee_active_environment"
TOKENS: Final = "shopee_auth_token"
EVENTS: Final = "shopee_raw_event"
ORDERS: Final = "shopee_order_sync"
EXCEPTIONS: Final = "connector_exception"


@dataclass(frozen=True, slots=True)
class Layout:
    """A table's fields: ours, and the names a column may have for it, the best one first."""

    table: str
    fields: Mapping[str, tuple[str, ...]]
    needed: tuple[str, ...] = ()
    ignored: tuple[str, ...] = ("created_at", "updated_at")

    def match(self, columns: Sequence[str]) -> dict[str, tuple[str, ...]]:
        """Which columns hold each field, the best one first."""
        there = set(columns)
        found = {name: tuple(one for one in names if one in there) for name, names in self.fields.items()}
        return {name: names for name, names in found.items() if names}

    def lacking(self, columns: Sequence[str]) -> list[str]:
        """What the table cannot do without, in words."""
        found = self.match(columns)
        return [f"{name} (a column {' or '.join(self.fields[name])})" for name in self.needed if name not in found]

    def unread(self, columns: Sequence[str]) -> list[str]:
        """Columns nothing is taken from."""
        read = {one for names in self.fields.values() for one in names}
        return [name for name in columns if name not in read and name not in self.ignored]


_ROW: Final[Mapping[str, tuple[str, ...]]] = {
    "id": ("id",),
    "environment": ("environment", "env"),
    "deleted_at": ("deleted_at",),
}

LAYOUTS: Final[Mapping[str, Layout]] = {
    layout.table: layout
    for layout in (
        Layout(
            CREDENTIALS,
            {
                **_ROW,
                "partner_id": ("partner_id",),
                "shop_id": ("shop_id", "shopee_shop_id"),
                "region": ("region",),
                "host": ("host",),
                "default_location_id": ("default_location_id",),
                "default_shipping_option_id": ("default_shipping_option_id",),
                "partner_key": ("partner_key_encrypted", "partner_key"),
                "push_partner_key": ("push_partner_key_encrypted", "push_partner_key"),
            },
        ),
        Layout(ACTIVE, {**_ROW, "environment": ("environment", "active_environment")}, needed=("environment",)),
        Layout(
            TOKENS,
            {
                **_ROW,
                "shop_id": ("shop_id", "shopee_shop_id"),
                "partner_id": ("partner_id",),
                "access_token": ("access_token_encrypted", "access_token"),
                "refresh_token": ("refresh_token_encrypted", "refresh_token"),
                "access_expires_at": ("access_expires_at", "access_token_expires_at", "expires_at", "expire_at"),
                "refresh_expires_at": ("refresh_expires_at", "refresh_token_expires_at"),
                "issued_at": ("issued_at", "obtained_at", "refreshed_at", "updated_at", "created_at"),
            },
            needed=("access_token", "refresh_token"),
        ),
        Layout(
            EVENTS,
            {
                **_ROW,
                "body": ("raw_body", "body", "raw", "payload"),
                "status": ("status", "state", "processing_status"),
                "processed": ("processed", "is_processed"),
                "error": ("error", "error_message", "last_error"),
                "received_at": ("received_at", "created_at"),
                "finished_at": ("processed_at", "handled_at", "finished_at", "applied_at"),
            },
            needed=("body",),
        ),
        Layout(
            ORDERS,
            {
                **_ROW,
                "shop_id": ("shop_id", "shopee_shop_id"),
                "order_sn": ("order_sn", "ordersn", "shopee_order_sn"),
                "status": ("order_status", "shopee_status", "status"),
                "currency": ("currency", "currency_code"),
                "total_amount": ("total_amount", "total"),
                "buyer_username": ("buyer_username",),
                "tracking_number": ("tracking_number", "tracking_no"),
                "shipping_carrier": ("shipping_carrier",),
                "payment_method": ("payment_method",),
                "ship_by_at": ("ship_by_at", "ship_by_date"),
                "remote_created_at": ("remote_created_at", "create_time", "order_created_at"),
                "remote_updated_at": ("remote_updated_at", "update_time", "last_update_time", "order_updated_at"),
            },
            needed=("order_sn",),
        ),
        Layout(
            EXCEPTIONS,
            {
                **_ROW,
                "connector": ("connector", "provider"),
                "shop_id": ("shop_id", "shopee_shop_id"),
                "order_sn": ("order_sn", "last_order_sn"),
                "code": ("code", "error_code", "type", "kind"),
                "title": ("title", "message", "error_message", "summary", "reason"),
                "status": ("status", "state"),
                "count": ("count", "occurrences", "occurrence_count"),
                "first_seen_at": ("first_seen_at", "occurred_at", "created_at"),
                "last_seen_at": ("last_seen_at", "last_occurred_at", "updated_at", "created_at"),
                "resolved_at": ("resolved_at",),
            },
            needed=("id",),
        ),
    )
}
"""In the order in which they are taken over: tokens and orders need to know the credentials."""
