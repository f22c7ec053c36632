"""An amount of money and its currency, never a float."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Context, Decimal

WITHOUT_CENTS = frozenset({"IDR", "VND", "JPY", "KRW", "CLP", "TWD"})
"""Currencies that are written and divided in whole units."""

_CENT = Decimal("0.01")
_FINEST = Decimal("0.0001")
_EXACT = Context(prec=60)


@dataclass(frozen=True, slots=True)
class Money:
    """``amount`` in major units (12.50 is twelve and a half), ``currency`` as ISO 4217."""

    amount: Decimal
    currency: str

    def __str__(self) -> str:
        return f"{self.currency} {self.amount:,f}"


def decimals(amount: Decimal, currency: str) -> int:
    """How many decimals an amount is written with: those of its currency, more only where it has more."""
    if currency in WITHOUT_CENTS and amount == amount.to_integral_value():
        return 0
    return max(2, -int(amount.normalize().as_tuple().exponent))


def smallest_unit(currency: str, amount: Decimal) -> Decimal:
    """What an amount may be divided into: a whole unit or a cent, or finer where the amount itself is finer."""
    for unit in (Decimal(1) if currency in WITHOUT_CENTS else _CENT, _CENT, _FINEST):
        if amount == amount.quantize(unit, context=_EXACT):
            return unit
    raise ValueError("an amount has at most four decimals")


def split(amount: Decimal, weights: Sequence[Decimal], currency: str) -> list[Decimal]:
    """Divide by weight so that the parts add up exactly: the units left over go to the largest remainders.

    Of equal remainders the first gets one. Weights below zero count as none; without any, all count alike.

    Raises:
        ValueError: there is nobody to give to, or the amount has more than four decimals.
    """
    if not weights:
        raise ValueError("an amount cannot be divided among none")
    unit = smallest_unit(currency, amount)
    units = int(_EXACT.divide(abs(amount), unit))
    usable = [max(weight, Decimal()) for weight in weights]
    if not any(usable):
        usable = [Decimal(1)] * len(weights)
    shares = _largest_remainder(units, usable)
    sign = -1 if amount < 0 else 1
    return [sign * share * unit for share in shares]


def _largest_remainder(units: int, weights: Sequence[Decimal]) -> list[int]:
    scale = min(int(weight.as_tuple().exponent) for weight in weights)  # whole numbers: no rounding anywhere
    whole = [int(weight.scaleb(-min(scale, 0), context=_EXACT)) for weight in weights]
    total = sum(whole)
    shares = [units * weight // total for weight in whole]
    remainders = sorted(range(len(whole)), key=lambda at: (-(units * whole[at] % total), at))
    for at in remainders[: units - sum(shares)]:
        shares[at] += 1
    return shares
