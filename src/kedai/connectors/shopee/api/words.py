"""Shopee's closed vocabularies. A word that is not in them becomes ``UNKNOWN``; the word itself stays in ``raw``."""

from __future__ import annotations

from enum import IntEnum, StrEnum


class Word(StrEnum):
    """A word of Shopee's, compared without regard to case and surrounding spaces."""

    @classmethod
    def _missing_(cls, value: object) -> Word | None:
        wanted = value.strip().upper() if isinstance(value, str) else ""
        return next((one for one in cls if one.value == wanted), cls.__members__.get("UNKNOWN"))


class Number(IntEnum):
    """A number that stands for a word; unknown ones become -1."""

    @classmethod
    def _missing_(cls, _value: object) -> Number | None:
        return cls.__members__.get("UNKNOWN")


class OrderStatus(Word):
    """Where an order stands (contract §5.1)."""

    UNPAID = "UNPAID"
    PENDING = "PENDING"
    READY_TO_SHIP = "READY_TO_SHIP"
    PROCESSED = "PROCESSED"
    RETRY_SHIP = "RETRY_SHIP"
    SHIPPED = "SHIPPED"
    TO_CONFIRM_RECEIVE = "TO_CONFIRM_RECEIVE"
    IN_CANCEL = "IN_CANCEL"
    CANCELLED = "CANCELLED"
    TO_RETURN = "TO_RETURN"
    COMPLETED = "COMPLETED"
    INVOICE_PENDING = "INVOICE_PENDING"
    UNKNOWN = "UNKNOWN"


FILTERABLE_STATUSES = frozenset(
    {
        OrderStatus.UNPAID,
        OrderStatus.READY_TO_SHIP,
        OrderStatus.PROCESSED,
        OrderStatus.SHIPPED,
        OrderStatus.COMPLETED,
        OrderStatus.IN_CANCEL,
        OrderStatus.CANCELLED,
        OrderStatus.INVOICE_PENDING,
    }
)
"""What ``get_order_list`` can be filtered by; the other statuses are refused (contract §5.1)."""


class PackageStatus(Word):
    """Where a package stands (contract §5.1); two of them are said of orders only."""

    LOGISTICS_NOT_START = "LOGISTICS_NOT_START"
    LOGISTICS_PENDING_ARRANGE = "LOGISTICS_PENDING_ARRANGE"
    LOGISTICS_COD_REJECTED = "LOGISTICS_COD_REJECTED"
    LOGISTICS_READY = "LOGISTICS_READY"
    LOGISTICS_REQUEST_CREATED = "LOGISTICS_REQUEST_CREATED"
    LOGISTICS_PICKUP_DONE = "LOGISTICS_PICKUP_DONE"
    LOGISTICS_DELIVERY_DONE = "LOGISTICS_DELIVERY_DONE"
    LOGISTICS_INVALID = "LOGISTICS_INVALID"
    LOGISTICS_REQUEST_CANCELED = "LOGISTICS_REQUEST_CANCELED"
    LOGISTICS_PICKUP_FAILED = "LOGISTICS_PICKUP_FAILED"
    LOGISTICS_PICKUP_RETRY = "LOGISTICS_PICKUP_RETRY"
    LOGISTICS_DELIVERY_FAILED = "LOGISTICS_DELIVERY_FAILED"
    LOGISTICS_LOST = "LOGISTICS_LOST"
    UNKNOWN = "UNKNOWN"


class TimeRangeField(Word):
    """By which instant ``get_order_list`` looks (contract §5.1)."""

    CREATE_TIME = "create_time"
    UPDATE_TIME = "update_time"


class CancelReason(Word):
    """Why a seller cancels (contract §5.1): the first needs the items, the third is for TW and MY."""

    OUT_OF_STOCK = "OUT_OF_STOCK"
    CUSTOMER_REQUEST = "CUSTOMER_REQUEST"
    UNDELIVERABLE_AREA = "UNDELIVERABLE_AREA"
    COD_NOT_SUPPORTED = "COD_NOT_SUPPORTED"


class BuyerCancellation(Word):
    """What a seller says to a buyer's wish to cancel (contract §5.1)."""

    ACCEPT = "ACCEPT"
    REJECT = "REJECT"


class PackageFilter(Number):
    """Which packages ``search_package_list`` looks for (contract §5.1)."""

    ALL = 0
    PENDING = 1
    TO_PROCESS = 2
    PROCESSED = 3


class PackageSort(Number):
    """What ``search_package_list`` sorts by (contract §5.1)."""

    SHIP_BY_DATE = 1
    CREATE_TIME = 2
    CONFIRM_TIME = 3


class DocumentType(Word):
    """Kinds of shipping documents (contract §5.2)."""

    NORMAL_AIR_WAYBILL = "NORMAL_AIR_WAYBILL"
    THERMAL_AIR_WAYBILL = "THERMAL_AIR_WAYBILL"
    NORMAL_JOB_AIR_WAYBILL = "NORMAL_JOB_AIR_WAYBILL"
    THERMAL_JOB_AIR_WAYBILL = "THERMAL_JOB_AIR_WAYBILL"
    THERMAL_UNPACKAGED_LABEL = "THERMAL_UNPACKAGED_LABEL"
    UNKNOWN = "UNKNOWN"


class DocumentStatus(Word):
    """Whether a shipping document can be downloaded (contract §5.2)."""

    READY = "READY"
    FAILED = "FAILED"
    PROCESSING = "PROCESSING"
    UNKNOWN = "UNKNOWN"


class ShopStatus(Word):
    """How Shopee regards a shop (contract §5.5)."""

    NORMAL = "NORMAL"
    BANNED = "BANNED"
    FROZEN = "FROZEN"
    UNKNOWN = "UNKNOWN"


class IncomeStatus(Number):
    """Which income is asked for (contract §5.3); the first is for cross-border shops only."""

    TO_RELEASE = 0
    RELEASED = 1
    PENDING = 2


class ReportStatus(Number):
    """Whether an income report or statement can be fetched (contract §5.3)."""

    INVALID = 0
    PROCESSING = 1
    DOWNLOADABLE = 2
    DOWNLOADED = 3
    FAILED = 4
    UNKNOWN = -1


class ItemStatus(Word):
    """Where a product stands (contract §5.4)."""

    NORMAL = "NORMAL"
    BANNED = "BANNED"
    UNLIST = "UNLIST"
    REVIEWING = "REVIEWING"
    SELLER_DELETE = "SELLER_DELETE"
    SHOPEE_DELETE = "SHOPEE_DELETE"
    UNKNOWN = "UNKNOWN"


class ReturnStatus(Word):
    """Where a return stands (contract §5.6)."""

    REQUESTED = "REQUESTED"
    ACCEPTED = "ACCEPTED"
    CANCELLED = "CANCELLED"
    JUDGING = "JUDGING"
    CLOSED = "CLOSED"
    PROCESSING = "PROCESSING"
    SELLER_DISPUTE = "SELLER_DISPUTE"
    UNKNOWN = "UNKNOWN"


class SellerProofStatus(Word):
    """Whether the seller must prove something (contract §5.6)."""

    NOT_NEEDED = "NOT_NEEDED"
    PENDING = "PENDING"
    UPLOADED = "UPLOADED"
    OVERDUE = "OVERDUE"
    UNKNOWN = "UNKNOWN"


class NegotiationStatus(Word):
    """Whose turn it is in a return's negotiation (contract §5.6)."""

    PENDING_RESPOND = "PENDING_RESPOND"
    PENDING_BUYER_RESPOND = "PENDING_BUYER_RESPOND"
    TERMINATED = "TERMINATED"
    UNKNOWN = "UNKNOWN"


class CompensationStatus(Word):
    """Where a seller's compensation for a return stands (contract §5.6)."""

    NOT_APPLICABLE = "COMPENSATION_NOT_APPLICABLE"
    INITIAL_STAGE = "COMPENSATION_INITIAL_STAGE"
    PENDING_REQUEST = "COMPENSATION_PENDING_REQUEST"
    NOT_REQUIRED = "COMPENSATION_NOT_REQUIRED"
    REQUESTED = "COMPENSATION_REQUESTED"
    APPROVED = "COMPENSATION_APPROVED"
    REJECTED = "COMPENSATION_REJECTED"
    CANCELLED = "COMPENSATION_CANCELLED"
    NOT_ELIGIBLE = "COMPENSATION_NOT_ELIGIBLE"
    UNKNOWN = "UNKNOWN"


class ReturnSolution(Word):
    """What a seller offers (contract §5.6)."""

    RETURN_REFUND = "RETURN_REFUND"
    REFUND = "REFUND"
