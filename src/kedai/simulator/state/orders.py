"""What an order is: plain records in minor units, and its JSON as the marketplace writes it (contract §5.1)."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from kedai.simulator.state.money import to_number

MASK = "****"
_NOT_ARRANGED = ("LOGISTICS_NOT_START", "LOGISTICS_READY", "LOGISTICS_INVALID", "LOGISTICS_REQUEST_CANCELED")


@dataclass(slots=True)
class Line:
    """One item of an order; prices are per unit, in minor units."""

    item_id: int
    item_name: str
    item_sku: str
    model_id: int
    model_name: str
    model_sku: str
    quantity: int
    original_minor: int
    discounted_minor: int
    grams: int
    cancelled: int = 0

    @property
    def active(self) -> int:
        """How many of it are still wanted."""
        return self.quantity - self.cancelled


@dataclass(slots=True)
class Portion:
    """How many of an order's line (by its place) are in a package."""

    line: int
    quantity: int


@dataclass(slots=True)
class Document:
    """A waybill: PROCESSING until its moment, then READY or FAILED for the reason that was decided at its start."""

    kind: str
    status: str
    due_at: float
    fails: bool = False


@dataclass(slots=True)
class Package:
    """What the courier carries; `method` is how it was handed over, empty until that was arranged."""

    package_number: str
    channel_id: int
    carrier: str
    logistics_status: str
    tracking_number: str = ""
    portions: list[Portion] = field(default_factory=list)
    method: str = ""
    pickup_time_id: str = ""
    pickup_done_time: int = 0
    update_time: int = 0
    # When the tracking number comes, while it has not.
    tracking_due_at: float | None = None
    events: list[tuple[int, str]] = field(default_factory=list)
    documents: dict[str, Document] = field(default_factory=dict)

    @property
    def is_arranged(self) -> bool:
        """Whether shipping was arranged and holds."""
        return self.logistics_status not in _NOT_ARRANGED

    @property
    def awaits_tracking(self) -> bool:
        """Whether a tracking number is to come."""
        return self.is_arranged and not self.tracking_number


@dataclass(slots=True)
class Order:
    """One order; change it only through the order book, which keeps the time indexes true."""

    order_sn: str
    shop_id: int
    region: str
    currency: str
    decimals: int
    status: str
    create_time: int
    update_time: int
    days_to_ship: int
    buyer_user_id: int
    buyer_username: str
    payment_method: str
    cod: bool
    phone_end: str
    message_to_seller: str
    shipping_minor: int
    location_id: str
    lines: list[Line]
    packages: list[Package]
    pay_time: int | None = None
    ship_by_date: int = 0
    pickup_done_time: int = 0
    completed_scenario: str = ""
    cancel_by: str = ""
    cancel_reason: str = ""
    buyer_cancel_reason: str = ""
    note: str = ""
    note_update_time: int = 0
    complete_time: int = 0
    status_before_cancel: str = ""
    status_before_return: str = ""
    # The rendered order; None after every change.
    rendered: dict[str, Any] | None = field(default=None, repr=False)

    @property
    def total_minor(self) -> int:
        """What the buyer pays, in minor units."""
        return self.shipping_minor + sum(line.discounted_minor * line.active for line in self.lines)

    def find_package(self, package_number: str) -> Package | None:
        """Return one of its packages."""
        return next((package for package in self.packages if package.package_number == package_number), None)


def render(order: Order) -> dict[str, Any]:
    """Return every field of the order under its wire name; rendered once per change, so do not write into it."""
    if order.rendered is None:
        order.rendered = {**_always(order), **_people(order), **_trade(order)}
    return order.rendered


def _always(order: Order) -> dict[str, Any]:
    return {
        "order_sn": order.order_sn,
        "region": order.region,
        "currency": order.currency,
        "cod": order.cod,
        "order_status": order.status,
        "message_to_seller": order.message_to_seller,
        "create_time": order.create_time,
        "update_time": order.update_time,
        "days_to_ship": order.days_to_ship,
        "ship_by_date": order.ship_by_date,
    }


def _people(order: Order) -> dict[str, Any]:
    # Zeros and nulls stand for "none", as on the wire; invoice, payment and CPF exist in Brazil only.
    return {
        "buyer_user_id": order.buyer_user_id,
        "buyer_username": order.buyer_username,
        "recipient_address": {
            "name": MASK,
            "phone": MASK + order.phone_end,
            "town": "",
            "district": "",
            "city": MASK,
            "state": MASK,
            "region": order.region,
            "zipcode": MASK,
            "full_address": MASK,
        },
        "dropshipper": None,
        "dropshipper_phone": None,
        "buyer_cpf_id": None,
        "invoice_data": None,
        "payment_info": None,
        "buyer_cancel_reason": order.buyer_cancel_reason,
        "cancel_by": order.cancel_by,
        "cancel_reason": order.cancel_reason,
        "note": order.note,
        "note_update_time": order.note_update_time,
    }


def _trade(order: Order) -> dict[str, Any]:
    return {
        "total_amount": to_number(order.total_minor, order.decimals),
        "payment_method": order.payment_method,
        "pay_time": order.pay_time,
        "estimated_shipping_fee": to_number(order.shipping_minor, order.decimals),
        "actual_shipping_fee": 0,
        "actual_shipping_fee_confirmed": False,
        "goods_to_declare": False,
        "split_up": len(order.packages) > 1,
        "fulfillment_flag": "fulfilled_by_local_seller",
        "pickup_done_time": order.pickup_done_time,
        "shipping_carrier": order.packages[0].carrier,
        "order_chargeable_weight_gram": sum(line.grams * line.quantity for line in order.lines),
        "return_request_due_date": 0,
        "edt_from": 0,
        "edt_to": 0,
        "is_international": False,
        "item_list": [_item(order, line) for line in order.lines],
        "package_list": [_package(order, package) for package in order.packages],
    }


def _item(order: Order, line: Line) -> dict[str, Any]:
    return {
        "item_id": line.item_id,
        "item_name": line.item_name,
        "item_sku": line.item_sku,
        "model_id": line.model_id,
        "model_name": line.model_name,
        "model_sku": line.model_sku,
        "model_quantity_purchased": line.quantity,
        "model_original_price": to_number(line.original_minor, order.decimals),
        "model_discounted_price": to_number(line.discounted_minor, order.decimals),
        "wholesale": False,
        "weight": line.grams / 1000,
        "add_on_deal": False,
        "main_item": False,
        "add_on_deal_id": 0,
        "promotion_type": "",
        "promotion_id": 0,
        "order_item_id": line.item_id,
        "line_item_id": line.item_id * 100 + line.model_id % 100,
        "promotion_group_id": 0,
        "image_info": {"image_url": f"https://images.simulator.test/{line.item_id}.png"},
        # An array in the documents' sample, though typed as text; in package_list it is text.
        "product_location_id": [order.location_id],
        "is_prescription_item": False,
        "is_b2c_owned_item": False,
        "promotion_list": [],
        "hot_listing_item": False,
        "active_qty": line.active,
        "cancel_requested_qty": 0,
        "cancelled_qty": line.cancelled,
        "return_requested_qty": 0,
        "returned_qty": 0,
    }


def _package(order: Order, package: Package) -> dict[str, Any]:
    return {
        "package_number": package.package_number,
        "logistics_status": package.logistics_status,
        "logistics_channel_id": package.channel_id,
        "shipping_carrier": package.carrier,
        "allow_self_design_awb": False,
        "item_list": package_items(order, package),
        # The wire's key; the documents' table drops the suffix.
        "parcel_chargeable_weight_gram": package_grams(order, package),
        "group_shipment_id": None,
        "virtual_contact_number": "",
        "package_query_number": "",
        "sorting_group": "",
    }


def package_items(order: Order, package: Package) -> list[dict[str, Any]]:
    """Return what is in a package, as the wire lists it."""
    return [
        {
            "item_id": order.lines[portion.line].item_id,
            "model_id": order.lines[portion.line].model_id,
            "model_quantity": portion.quantity,
            "order_item_id": order.lines[portion.line].item_id,
            "promotion_group_id": 0,
            "product_location_id": order.location_id,
        }
        for portion in package.portions
    ]


def package_grams(order: Order, package: Package) -> int:
    """Return a package's weight."""
    return sum(order.lines[portion.line].grams * portion.quantity for portion in package.portions)
