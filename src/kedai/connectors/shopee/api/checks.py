"""Refuses what Shopee surely would refuse, before it is sent; raised errors name the parameter."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Final

from kedai.connectors.shopee.api.paging import LONGEST_WINDOW
from kedai.connectors.shopee.mapping import ORDER_NUMBER
from kedai.errors import Invalid

MOST_ORDERS: Final = 50
LARGEST_PAGE: Final = 100
_UINT63_MAX: Final = 2**63 - 1


def check_number(number: str, name: str) -> str:
    """Pass an order, package or return number; they are opaque, but of letters and digits (contract §7.1)."""
    if not ORDER_NUMBER.fullmatch(number):
        raise Invalid("This is no number of Shopee's: letters and digits, at most 64.", field=name)
    return number


def check_numbers(numbers: Sequence[str], name: str, most: int = MOST_ORDERS) -> list[str]:
    """Pass between 1 and ``most`` numbers; one that is none would make Shopee refuse all of them."""
    check_count(numbers, most, name)
    return [check_number(number, name) for number in numbers]


def check_id(number: int, name: str) -> int:
    """Pass the id of a product, variant, address or the like (contract §7.1); 0 is a product without variants."""
    if not 0 <= number <= _UINT63_MAX:
        raise Invalid("This is no id of Shopee's.", field=name)
    return number


def check_count(values: Sequence[object], most: int, name: str) -> None:
    """Refuse a list that is empty or holds more than ``most``."""
    if not 1 <= len(values) <= most:
        raise Invalid(f"Between 1 and {most} in one call.", field=name)


def check_page_size(size: int, most: int = LARGEST_PAGE) -> int:
    """Pass the size of a page: 100 rows nearly everywhere (contract §5)."""
    if not 1 <= size <= most:
        raise Invalid(f"A page holds between 1 and {most} rows.", field="page_size")
    return size


def check_window(begins_at: datetime, ends_at: datetime, name: str, longest: timedelta = LONGEST_WINDOW) -> None:
    """Refuse a window that is empty, longer than Shopee reads at once, or of instants without a time zone."""
    if begins_at.tzinfo is None or ends_at.tzinfo is None:
        raise Invalid("An instant needs its time zone.", field=name)
    if not timedelta() < ends_at - begins_at <= longest:
        raise Invalid(f"A window is longer than nothing and at most {longest.days} days.", field=name)
