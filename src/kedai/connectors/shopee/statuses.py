"""An order's life in Shopee's words (contract §5.1): which status can come after which, directly or by others."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

_NEXT: Final[Mapping[str, tuple[str, ...]]] = {
    "UNPAID": ("PENDING", "INVOICE_PENDING", "READY_TO_SHIP", "CANCELLED"),
    "PENDING": ("INVOICE_PENDING", "READY_TO_SHIP", "CANCELLED"),
    "INVOICE_PENDING": ("READY_TO_SHIP", "CANCELLED"),
    "READY_TO_SHIP": ("PROCESSED", "IN_CANCEL", "CANCELLED"),
    "PROCESSED": ("SHIPPED", "RETRY_SHIP", "IN_CANCEL", "CANCELLED"),
    "RETRY_SHIP": ("PROCESSED", "IN_CANCEL", "CANCELLED"),
    "IN_CANCEL": ("READY_TO_SHIP", "PROCESSED", "RETRY_SHIP", "CANCELLED"),
    "SHIPPED": ("TO_CONFIRM_RECEIVE", "TO_RETURN"),
    "TO_CONFIRM_RECEIVE": ("COMPLETED", "TO_RETURN"),
    "TO_RETURN": ("SHIPPED", "TO_CONFIRM_RECEIVE", "COMPLETED"),
    "COMPLETED": ("TO_RETURN",),
    "CANCELLED": (),
}
"""One step; between two readings an order may have taken several. A return may be raised late, and be refused."""

STATUSES: Final = frozenset(_NEXT)


def _reachable(status: str) -> frozenset[str]:
    found: set[str] = set()
    waiting = list(_NEXT[status])
    while waiting:
        one = waiting.pop()
        if one not in found:
            found.add(one)
            waiting += _NEXT[one]
    return frozenset(found)


_LATER: Final = {status: _reachable(status) for status in _NEXT}
_SURPRISING_AFTER: Final = {
    status: frozenset(one for one in STATUSES if one != status and status not in _LATER[one]) for status in _NEXT
}


def surprising_after(status: str) -> frozenset[str]:
    """The known statuses after which this one cannot come; none for a status that we do not know."""
    return _SURPRISING_AFTER.get(status, frozenset())
