"""An order as the JSON routes answer it: personal data masked, amounts as text with their currency."""

from __future__ import annotations

from dataclasses import asdict
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from sqlalchemy.orm import Session

from kedai.kit.ids import show_id
from kedai.orders import details, escrow, people
from kedai.orders.people import Person
from kedai.orders.queries import OrderRow
from kedai.sync.timeline import Entry, read_timeline
from kedai.values.money import decimals
from kedai.values.settlement import AMOUNTS
from kedai.web.api.shown import plain

if TYPE_CHECKING:
    from kedai.orders.models import OrderSync


def shown_money(amount: Decimal | None, currency: str) -> dict[str, str] | None:
    """An amount in major units, and its currency; null is what the marketplace did not say."""
    return None if amount is None else {"amount": f"{amount:.{decimals(amount, currency)}f}", "currency": currency}


def shown_row(row: OrderRow | OrderSync) -> dict[str, Any]:
    """What a list says of an order."""
    body = {
        "id": show_id("ord", row.id),
        "connector": row.connector,
        "environment": row.environment.value,
        "shop_id": row.shop_id,
        "order_sn": row.order_sn,
        "status": row.status,
        "total": shown_money(row.total_amount, row.currency),
        "line_count": row.line_count,
        "ship_by_at": row.ship_by_at,
        "placed_at": row.remote_created_at,
        "changed_at": row.remote_updated_at,
    }
    shown: dict[str, Any] = plain(body)
    return shown


def shown_person(person: Person) -> dict[str, Any]:
    """The personal data; ``masked`` says whether only first letters are left."""
    return asdict(person)


def shown_order(db: Session, order: OrderSync) -> dict[str, Any]:
    """One order with all that belongs to it, and its timeline, latest first."""
    timeline = read_timeline(db, order)
    body = {
        **shown_row(order),
        "payment_method": order.payment_method,
        "shipping_carrier": order.shipping_carrier,
        "booking_sn": order.booking_sn,
        "read_at": order.read_started_at,
        "person": shown_person(people.get_masked(db, order.id)),
        "items": [
            {
                "item_id": one.item_id,
                "model_id": one.model_id,
                "name": one.name,
                "model_name": one.model_name,
                "sku": one.sku,
                "quantity": one.quantity,
                "unit_price": shown_money(one.unit_price, order.currency),
            }
            for one in details.list_items(db, order)
        ],
        "packages": [
            {
                "package_number": one.package_number,
                "status": one.status,
                "carrier": one.carrier,
                "tracking_number": one.tracking_number,
                "document_status": one.document_status,
                "items": [
                    {"item_id": item_id, "model_id": model_id, "quantity": quantity}
                    for item_id, model_id, quantity in one.items
                ],
            }
            for one in details.list_packages(db, order)
        ],
        "earnings": _earnings(escrow.find_escrow(db, order)),
        "timeline": [_entry(one) for one in timeline.entries],
        "timeline_cut": timeline.cut,
    }
    shown: dict[str, Any] = plain(body)
    return shown


def _earnings(found: escrow.Escrow | None) -> dict[str, Any] | None:
    """Null until the marketplace has paid the order out."""
    if found is None:
        return None
    currency = found.total.currency
    return {
        "released_at": found.total.released_at,
        "captured_at": found.total.captured_at,
        "payout": shown_money(found.total.payout, currency),
        **{name: shown_money(getattr(found.total, name), currency) for name in AMOUNTS},
        "lines": [
            {
                "item_id": one.item_id,
                "model_id": one.model_id,
                "sku": one.sku,
                "quantity": one.quantity,
                **{name: shown_money(getattr(one, name), currency) for name in AMOUNTS},
            }
            for one in found.lines
        ],
    }


def _entry(one: Entry) -> dict[str, Any]:
    """What happened and when; each kind has its own further fields."""
    body: dict[str, Any] = {"at": one.at, "kind": one.kind, "stated_at": one.stated_at}
    if one.event is not None:
        body |= {"event_id": show_id("evt", one.event.id), "code": one.event.code, "state": one.event.state}
    if one.answer is not None:
        body |= {"answer": one.answer}
    if one.change is not None:
        change = one.change
        body |= {"before": change.previous_status, "after": change.status, "unexpected": change.unexpected}
    if one.package is not None:
        told = one.package
        body |= {"package_number": told.package_number, "field": told.field, "before": told.before, "after": told.after}
    if one.action is not None:
        body |= {"action": one.action, "who": one.who}
    return body
