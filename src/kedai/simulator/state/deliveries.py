"""Remembers pushes and every attempt to deliver them, within a bound (rules of contract §4.2)."""

from __future__ import annotations

from collections import Counter, OrderedDict
from dataclasses import dataclass, field
from heapq import nsmallest
from itertools import islice
from typing import Any, Literal

DELIVERY_LIMIT = 50_000
SUCCESS_CLASS = 2

# not_sent: no callback URL was set when it arose; evicted: pushed out of memory before it was over.
DeliveryState = Literal["pending", "delivered", "waiting_retry", "failed", "not_sent", "evicted"]


@dataclass(slots=True)
class Attempt:
    """One try: when (simulated), how long it took, and what came back."""

    at: float
    seconds: float
    status: int | None
    error: str | None
    body_sample: str

    @property
    def is_accepted(self) -> bool:
        """Whether the receiver took it: 2xx and an empty body; ``OK`` is a failure."""
        accepted = self.status is not None and self.status // 100 == SUCCESS_CLASS
        return accepted and self.error is None and not self.body_sample

    def to_json(self) -> dict[str, Any]:
        """Return it as the control API shows it."""
        return {
            "at": self.at,
            "seconds": self.seconds,
            "status": self.status,
            "error": self.error,
            "body_sample": self.body_sample,
        }


@dataclass(slots=True)
class Delivery:
    """One push on its way to the app."""

    delivery_id: int
    partner_id: int
    code: int
    shop_id: int | None
    order_sn: str | None
    url: str | None
    body: bytes
    authorization: str
    created_at: float
    state: DeliveryState = "pending"
    next_attempt_at: float | None = None
    duplicate_of: int | None = None
    attempts: list[Attempt] = field(default_factory=list)

    def to_json(self) -> dict[str, Any]:
        """Return it as the control API shows it."""
        return {
            "id": self.delivery_id,
            "partner_id": self.partner_id,
            "code": self.code,
            "shop_id": self.shop_id,
            "order_sn": self.order_sn,
            "url": self.url,
            "body": self.body.decode(errors="replace"),
            "authorization": self.authorization,
            "state": self.state,
            "created_at": self.created_at,
            "next_attempt_at": self.next_attempt_at,
            "duplicate_of": self.duplicate_of,
            "attempts": [attempt.to_json() for attempt in self.attempts],
        }


class DeliveryLog:
    """The last deliveries, by id, oldest first."""

    def __init__(self, limit: int = DELIVERY_LIMIT) -> None:
        """Start empty."""
        self._limit = limit
        self._by_id: OrderedDict[int, Delivery] = OrderedDict()
        self.issued = 0

    def next_id(self) -> int:
        """Return a fresh id, counting from 1."""
        self.issued += 1
        return self.issued

    def add(self, delivery: Delivery) -> None:
        """Keep the delivery; the oldest goes when there are too many, and is not tried again."""
        self._by_id[delivery.delivery_id] = delivery
        if len(self._by_id) > self._limit:
            _, oldest = self._by_id.popitem(last=False)
            if oldest.state in ("pending", "waiting_retry"):
                oldest.state = "evicted"
                # A timer may hold the record for hours yet; it need not hold the bytes.
                oldest.body = b""

    def find(self, delivery_id: int) -> Delivery | None:
        """Return one delivery."""
        return self._by_id.get(delivery_id)

    def all(self) -> list[Delivery]:
        """Return every delivery that is remembered, oldest first."""
        return list(self._by_id.values())

    def restore(self, deliveries: list[Delivery], issued: int) -> None:
        """Forget what there was, none of which is tried again, and remember these."""
        for delivery in self._by_id.values():
            delivery.state = "evicted"
        self._by_id = OrderedDict((delivery.delivery_id, delivery) for delivery in deliveries)
        self.issued = issued

    def after(self, delivery_id: int, limit: int) -> list[Delivery]:
        """Return the first deliveries with a greater id, by id: shuffled ones were not added in that order."""
        later = (number for number in self._by_id if number > delivery_id)
        return [self._by_id[number] for number in nsmallest(limit, later)]

    def latest(self, limit: int) -> list[Delivery]:
        """Return the newest deliveries, oldest of them first."""
        newest = list(islice(reversed(self._by_id.values()), limit))
        newest.reverse()
        return newest

    def counts(self) -> dict[str, int]:
        """Return how many deliveries are in each state."""
        return dict(Counter(delivery.state for delivery in self._by_id.values()))
