"""The words of one order's page: packages, earnings and the timeline, each looked up by a code."""

from __future__ import annotations

from typing import Literal

from kedai.orders.people import REVEALED
from kedai.sync.fetching import FETCHED
from kedai.values.wording import N_
from kedai.web.dashboard.words import Level

PACKAGE_STATUS: dict[str, tuple[str, Level | Literal["quiet"]]] = {
    "LOGISTICS_NOT_START": (N_("Not started"), "quiet"),
    "LOGISTICS_PENDING_ARRANGE": (N_("Waits to be arranged"), "warn"),
    "LOGISTICS_COD_REJECTED": (N_("Cash on delivery refused"), "bad"),
    "LOGISTICS_READY": (N_("Ready to arrange"), "info"),
    "LOGISTICS_REQUEST_CREATED": (N_("Arranged"), "info"),
    "LOGISTICS_PICKUP_DONE": (N_("Picked up"), "info"),
    "LOGISTICS_DELIVERY_DONE": (N_("Delivered"), "good"),
    "LOGISTICS_INVALID": (N_("Cancelled"), "quiet"),
    "LOGISTICS_REQUEST_CANCELED": (N_("Cancelled"), "quiet"),
    "LOGISTICS_PICKUP_FAILED": (N_("Pickup failed"), "bad"),
    "LOGISTICS_PICKUP_RETRY": (N_("Pickup is tried again"), "warn"),
    "LOGISTICS_DELIVERY_FAILED": (N_("Delivery failed"), "bad"),
    "LOGISTICS_LOST": (N_("Lost"), "bad"),
}
"""A status that is not here is shown as it is."""

DOCUMENT_STATUS = {"READY": N_("ready to print"), "FAILED": N_("could not be made")}

PACKAGE_CHANGE = {
    "added": N_("was added"),
    "removed": N_("is no longer part of the order"),
    "status": N_("changed its state"),
    "carrier": N_("changed its carrier"),
    "tracking_number": N_("got a tracking number"),
    "document_status": N_("changed its shipping document"),
}

EARNINGS = (
    ("goods", N_("Goods")),
    ("vouchers", N_("Vouchers and coins you gave")),
    ("shipping", N_("Shipping, after what the buyer and the marketplace paid")),
    ("refunds", N_("Refunds")),
    ("commission_fee", N_("Commission")),
    ("service_fee", N_("Service fee")),
    ("transaction_fee", N_("Transaction fee")),
    ("adjustments", N_("Adjustments")),
    ("other", N_("Other fees, taxes and discounts")),
)

DEED = {REVEALED: N_("showed the personal data"), FETCHED: N_("had it fetched again")}
