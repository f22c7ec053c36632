"""How values read on a page: time, money, names that are masked, counts that are capped. Knows no page."""

from __future__ import annotations

from datetime import datetime, timedelta
from decimal import Decimal

_MINUTE, _HOUR, _DAY = 60, 3600, 86400
_WITHOUT_CENTS = frozenset({"IDR", "VND", "JPY", "KRW", "CLP", "TWD"})
_JUST_NOW_SECONDS = 10
_MANY_DAYS = 60


def ago(at: datetime, now: datetime) -> str:
    """``3 min ago``, ``in 4 h``; a plain date for what is far away."""
    seconds = int((now - at).total_seconds())
    if abs(seconds) < _JUST_NOW_SECONDS:
        return "just now"
    if abs(seconds) > _MANY_DAYS * _DAY:
        return at.strftime("%-d %b %Y")
    text = span(timedelta(seconds=abs(seconds)))
    return f"{text} ago" if seconds > 0 else f"in {text}"


def span(length: timedelta) -> str:
    """A length of time in its largest unit: ``45 s``, ``3 min``, ``4 h``, ``2 days``."""
    seconds = int(length.total_seconds())
    if seconds < _MINUTE:
        return f"{seconds} s"
    if seconds < _HOUR:
        return f"{seconds // _MINUTE} min"
    if seconds < 2 * _DAY:
        return f"{seconds // _HOUR} h"
    return f"{seconds // _DAY} days"


def took(seconds: float) -> str:
    """How long something took: ``0.4 s``, ``12 s``, ``3 min``."""
    return f"{seconds:.1f} s" if seconds < 10 else span(timedelta(seconds=seconds))


def stamp(at: datetime) -> str:
    """The absolute instant with its zone: ``2026-11-22 21:55:03 UTC``."""
    return at.strftime("%Y-%m-%d %H:%M:%S UTC")


def iso(at: datetime) -> str:
    """The machine's form, for ``<time datetime>``."""
    return at.strftime("%Y-%m-%dT%H:%M:%SZ")


def money(amount: Decimal | None, currency: str) -> str:
    """``SGD 1,234.50``; more digits only where there are more, none for currencies without cents."""
    if amount is None:
        return "—"
    if currency in _WITHOUT_CENTS and amount == amount.to_integral_value():
        return f"{currency} {amount:,.0f}"
    digits = max(2, -int(amount.normalize().as_tuple().exponent))
    return f"{currency} {amount:,.{digits}f}".strip()


def masked(name: str | None) -> str:
    """A person's name with only its first letter left."""
    return f"{name[0]}****" if name else "—"


def counted(number: int, at_most: int) -> str:
    """A count that stopped at ``at_most``: ``10,000+``."""
    return f"{at_most:,}+" if number >= at_most else f"{number:,}"


def plural(number: int, one: str, many: str) -> str:
    """``1 event``, ``3 events``."""
    return f"{number:,} {one if number == 1 else many}"


def size(number: int) -> str:
    """Bytes as people read them."""
    return f"{number:,} bytes" if number < 10_000 else f"{number / 1024:,.0f} KiB"
