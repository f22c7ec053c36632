"""Dividing money: what is divided adds up again, to the last unit, in every currency."""

from __future__ import annotations

from datetime import UTC, datetime
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kedai.values.money import decimals, split
from kedai.values.settlement import AMOUNTS, PARTS, Amounts, SettledLine, Settlement, spread

NOW = datetime(2026, 9, 1, tzinfo=UTC)
MONEY = st.decimals(min_value=Decimal(-(10**9)), max_value=Decimal(10**9), places=2)
WEIGHTS = st.lists(st.decimals(min_value=0, max_value=10**7, places=2), min_size=1, max_size=8)
CURRENCIES = st.sampled_from(["SGD", "BRL", "IDR", "VND", "TWD"])


def settlement(amounts: Amounts, *weights: str | None, quantity: int = 1) -> Settlement:
    lines = tuple(
        SettledLine(str(number), "0", f"SKU{number}", quantity, None if weight is None else Decimal(weight))
        for number, weight in enumerate(weights)
    )
    return Settlement("O1", amounts, lines, NOW, b"{}")


@given(MONEY, WEIGHTS, CURRENCIES)
def test_parts_add_up_and_none_is_more_than_a_unit_off(amount: Decimal, weights: list[Decimal], currency: str) -> None:
    parts = split(amount, weights, currency)
    assert sum(parts) == amount
    assert len(parts) == len(weights)
    total = sum(weights)
    for part, weight in zip(parts, weights, strict=True):
        exact = amount * weight / total if total else amount / len(weights)
        assert abs(part - exact) < Decimal("1.01")
        assert part == 0 or (part < 0) == (amount < 0)


@pytest.mark.parametrize(
    ("amount", "weights", "currency", "expected"),
    [
        ("10.00", "1 1 1", "SGD", "3.34 3.33 3.33"),
        ("-10.00", "1 1 1", "SGD", "-3.34 -3.33 -3.33"),
        ("0.01", "1 1", "SGD", "0.01 0.00"),
        ("100", "1 1 1", "IDR", "34 33 33"),
        ("100000", "3 3 1", "VND", "42857 42857 14286"),
        ("100.50", "1 1", "IDR", "50.25 50.25"),
        ("0.0003", "1 1", "SGD", "0.0002 0.0001"),
        ("9.99", "0 0", "SGD", "5.00 4.99"),
        ("9.99", "-5 1", "SGD", "0 9.99"),
        ("0", "1 2", "SGD", "0 0"),
    ],
)
def test_units_left_over_go_to_the_largest_remainders(amount: str, weights: str, currency: str, expected: str) -> None:
    assert split(Decimal(amount), [Decimal(one) for one in weights.split()], currency) == [
        Decimal(one) for one in expected.split()
    ]


def test_nothing_can_be_divided_among_none() -> None:
    with pytest.raises(ValueError, match="among none"):
        split(Decimal(1), [], "SGD")


@pytest.mark.parametrize(
    ("amount", "currency", "places"),
    [("150000", "IDR", 0), ("150000.5", "VND", 2), ("1.5", "SGD", 2), ("0.125", "SGD", 3)],
)
def test_amounts_are_written_with_their_currencys_decimals(amount: str, currency: str, places: int) -> None:
    assert decimals(Decimal(amount), currency) == places


@given(st.lists(MONEY, min_size=len(PARTS), max_size=len(PARTS)), WEIGHTS, CURRENCIES)
def test_shares_add_up_over_the_lines_and_within_each_line(
    parts: list[Decimal], weights: list[Decimal], currency: str
) -> None:
    amounts = Amounts(**dict(zip(PARTS, parts, strict=True)), earned=sum(parts, Decimal()))
    shares = spread(settlement(amounts, *map(str, weights)), currency)
    for name in AMOUNTS:
        assert sum(getattr(one, name) for one in shares) == getattr(amounts, name)
    for one in shares:
        assert one.earned == sum(getattr(one, name) for name in PARTS)


def test_what_is_not_known_stays_unknown_in_every_line() -> None:
    shares = spread(settlement(Amounts(earned=Decimal("9.01")), "2.00", "1.00"), "SGD")
    assert [one.earned for one in shares] == [Decimal("6.01"), Decimal("3.00")]
    assert {getattr(one, name) for one in shares for name in PARTS} == {None}


def test_lines_without_a_price_share_by_the_piece_and_no_lines_share_nothing() -> None:
    amounts = Amounts(earned=Decimal("1.00"))
    assert [one.earned for one in spread(settlement(amounts, None, None), "SGD")] == [Decimal("0.50")] * 2
    assert spread(settlement(amounts), "SGD") == []
