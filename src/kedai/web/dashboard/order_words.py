"""The words of one order's page: packages, earnings and the timeline, each looked up by a code."""

from __future__ import annotations

from typing import Literal

from kedai.orders.people import REVEALED
from kedai.sync.fetching import FETCHED
from kedai.web.dashboard.words import Level

PACKAGE_STATUS: dict[str, tuple[str, Level | Literal["quiet"]]] = {
    "LOGISTICS_NOT_START": ("Not started", "quiet"),
    "LOGISTICS_PENDING_ARRANGE": ("Waits to be arranged", "warn"),
    "LOGISTICS_COD_REJECTED": ("Cash on delivery refused", "bad"),
    "LOGISTICS_READY": ("Ready to arrange", "info"),
    "LOGISTICS_REQUEST_CREATED": ("Arranged", "info"),
    "LOGISTICS_PICKUP_DONE": ("Picked up", "info"),
    "LOGISTICS_DELIVERY_DONE": ("Delivered", "good"),
    "LOGISTICS_INVALID": ("Cancelled", "quiet"),
    "LOGISTICS_REQUEST_CANCELED": ("Cancelled", "quiet"),
    "LOGISTICS_PICKUP_FAILED": ("Pickup failed", "bad"),
    "LOGISTICS_PICKUP_RETRY": ("Pickup is tried again", "warn"),
    "LOGISTICS_DELIVERY_FAILED": ("Delivery failed", "bad"),
    "LOGISTICS_LOST": ("Lost", "bad"),
}
"""A status that is not here is shown as it is."""

DOCUMENT_STATUS = {"READY": "ready to print", "FAILED": "could not be made"}

PACKAGE_CHANGE = {
    "added": "was added",
    "removed": "is no longer part of the order",
    "status": "changed its state",
    "carrier": "changed its carrier",
    "tracking_number": "got a tracking number",
    "document_status": "changed its shipping document",
}

EARNINGS = (
    ("goods", "Goods"),
    ("vouchers", "Vouchers and coins you gave"),
    ("shipping", "Shipping, after what the buyer and the marketplace paid"),
    ("refunds", "Refunds"),
    ("commission_fee", "Commission"),
    ("service_fee", "Service fee"),
    ("transaction_fee", "Transaction fee"),
    ("adjustments", "Adjustments"),
    ("other", "Other fees, taxes and discounts"),
)

DEED = {REVEALED: "showed the personal data", FETCHED: "had it fetched again"}
