"""How values read on a page: time, money, names that are masked, counts that are capped. Knows no page."""

from __future__ import annotations

from datetime import datetime, timedelta
from decimal import Decimal

from babel.dates import format_datetime

from kedai.kit.zones import at_place
from kedai.values.money import decimals
from kedai.values.wording import N_, NP_, joined, numeral

_MINUTE, _HOUR, _DAY = 60, 3600, 86400
_JUST_NOW_SECONDS = 10
_MANY_DAYS = 60
_BROWSERS = (
    ("Edg", "Edge"),
    ("OPR/", "Opera"),
    ("SamsungBrowser/", "Samsung Internet"),
    ("Firefox/", "Firefox"),
    ("FxiOS/", "Firefox"),
    ("CriOS/", "Chrome"),
    ("Chrome/", "Chrome"),
    ("Safari/", "Safari"),
)
_SYSTEMS = (
    ("Android", "Android"),
    ("iPhone", "iPhone"),
    ("iPad", "iPad"),
    ("Windows", "Windows"),
    ("Mac OS X", "macOS"),
    ("CrOS", "ChromeOS"),
    ("Linux", "Linux"),
)
"""The first that fits counts: most browsers name others too, and Android names Linux."""


def ago(at: datetime, now: datetime, *, zone: str, locale: str) -> str:
    """``3 min ago``, ``in 4 h``; a plain date (of that zone) for what is far away."""
    seconds = int((now - at).total_seconds())
    if abs(seconds) < _JUST_NOW_SECONDS:
        return N_("just now")
    if abs(seconds) > _MANY_DAYS * _DAY:
        return format_datetime(at_place(at, zone)[0], "d MMM yyyy", locale=locale)
    text = span(timedelta(seconds=abs(seconds)))
    return N_("%(span)s ago", span=text) if seconds > 0 else N_("in %(span)s", span=text)


def span(length: timedelta) -> str:
    """A length of time in its largest unit: ``45 s``, ``3 min``, ``4 h``, ``2 days``."""
    seconds = int(length.total_seconds())
    if seconds < _MINUTE:
        return N_("%(number)s s", number=seconds)
    if seconds < _HOUR:
        return N_("%(number)s min", number=seconds // _MINUTE)
    if seconds < 2 * _DAY:
        return N_("%(number)s h", number=seconds // _HOUR)
    return N_("%(number)s days", number=seconds // _DAY)


def took(seconds: float) -> str:
    """How long something took: ``0.4 s``, ``12 s``, ``3 min``."""
    return N_("%(number)s s", number=Decimal(f"{seconds:.1f}")) if seconds < 10 else span(timedelta(seconds=seconds))


def stamp(at: datetime, *, zone: str) -> str:
    """The absolute instant with its zone: ``2026-11-22 21:55:03 UTC``, ``2026-11-23 04:55:03 Asia/Jakarta``."""
    there, name = at_place(at, zone)
    return f"{there:%Y-%m-%d %H:%M:%S} {name}"


def minute(at: datetime, *, zone: str, locale: str) -> str:
    """The minute in a table that names its zone once: ``22 Nov 21:55``; only the month's name is the language's."""
    return format_datetime(at_place(at, zone)[0], "dd MMM HH:mm", locale=locale)


def iso(at: datetime) -> str:
    """The machine's form, for ``<time datetime>``."""
    return at.strftime("%Y-%m-%dT%H:%M:%SZ")


def money(amount: Decimal | None, currency: str) -> str:
    """``SGD 1,234.50``; more digits only where there are more, none for currencies without cents."""
    if amount is None:
        return "—"
    number = numeral(Decimal(f"{amount:.{decimals(amount, currency)}f}"))
    return joined(" ", [currency, number]) if currency else number


def percent(value: float) -> str:
    """A share of a hundred: ``97.5 %``."""
    return N_("%(number)s %%", number=Decimal(f"{value:.1f}"))


def browser(user_agent: str) -> str:
    """What a browser calls itself, as people call it: ``Firefox on Windows``; as it came where that is not known."""
    name = next((name for mark, name in _BROWSERS if mark in user_agent), None)
    system = next((name for mark, name in _SYSTEMS if mark in user_agent), None)
    return N_("%(browser)s on %(system)s", browser=name, system=system) if name and system else user_agent


def masked(name: str | None) -> str:
    """A person's name with only its first letter left."""
    return f"{name[0]}****" if name else "—"


def counted(number: int, at_most: int) -> str:
    """A count that stopped at ``at_most``: ``10,000+``."""
    return N_("%(number)s+", number=at_most) if number >= at_most else numeral(number)


def size(number: int) -> str:
    """Bytes as people read them."""
    return (
        NP_("%(num)s byte", "%(num)s bytes", number)
        if number < 10_000
        else N_("%(number)s KiB", number=round(number / 1024))
    )
