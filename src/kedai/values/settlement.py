"""What a shop earned with an order, as the marketplace settled it; and how it is spread over the order's lines."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal

from kedai.values.money import split


@dataclass(frozen=True, slots=True)
class Amounts:
    """What makes up the earnings, as the shop sees it: what it gets is positive, what it pays is negative.

    In major units of the order's currency; ``None`` is what the marketplace did not say, and never zero. ``other`` is
    what is left of ``earned`` when all the rest is taken off, so that the parts always add up.
    """

    goods: Decimal | None = None
    vouchers: Decimal | None = None
    shipping: Decimal | None = None
    refunds: Decimal | None = None
    commission_fee: Decimal | None = None
    service_fee: Decimal | None = None
    transaction_fee: Decimal | None = None
    adjustments: Decimal | None = None
    other: Decimal | None = None
    earned: Decimal | None = None


AMOUNTS = tuple(Amounts.__dataclass_fields__)
PARTS = AMOUNTS[:-1]
"""Everything but the sum."""


@dataclass(frozen=True, slots=True)
class SettledLine:
    """One line as the settlement names it; ``weight`` is the line's own total, by which the rest is spread."""

    item_id: str
    model_id: str
    sku: str
    quantity: int
    weight: Decimal | None


@dataclass(frozen=True, slots=True)
class ReleasedOrder:
    """One row of a marketplace's list of what it paid out."""

    order_sn: str
    payout: Decimal | None
    released_at: datetime | None


@dataclass(frozen=True, slots=True)
class Settlement:
    """What an order earned at one reading. ``answer`` is its part of the exact answer, as bytes."""

    order_sn: str
    amounts: Amounts
    lines: tuple[SettledLine, ...]
    read_started_at: datetime
    answer: bytes


def spread(settlement: Settlement, currency: str) -> list[Amounts]:
    """The amounts of each line: every part adds up over the lines to the whole order's, to the last unit.

    A line's ``earned`` is the sum of its own parts, so that it adds up both ways.
    """
    if not settlement.lines:
        return []
    weights = [line.weight or Decimal() for line in settlement.lines]
    if not any(weight > 0 for weight in weights):  # nothing was paid for them: by the piece
        weights = [Decimal(line.quantity) for line in settlement.lines]
    columns = {name: _spread(getattr(settlement.amounts, name), weights, currency) for name in PARTS}
    lines = [{name: columns[name][at] for name in PARTS} for at in range(len(weights))]
    if settlement.amounts.other is not None:
        return [Amounts(**parts, earned=_sum(parts.values())) for parts in lines]
    earned = _spread(settlement.amounts.earned, weights, currency)
    return [Amounts(**parts, earned=one) for parts, one in zip(lines, earned, strict=True)]


def _spread(amount: Decimal | None, weights: list[Decimal], currency: str) -> list[Decimal | None]:
    return [None] * len(weights) if amount is None else list(split(amount, weights, currency))


def _sum(amounts: object) -> Decimal:
    return sum((one for one in amounts if one is not None), Decimal())  # type: ignore[attr-defined]
