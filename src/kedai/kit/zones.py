"""Time zones by their IANA names: which may be chosen, and an instant as a clock there shows it. Knows no page."""

from __future__ import annotations

from datetime import UTC, datetime
from functools import cache
from typing import Final
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError, available_timezones

DEFAULT: Final = "UTC"
_AREAS: Final = frozenset(
    ("Africa", "America", "Antarctica", "Arctic", "Asia", "Atlantic", "Australia", "Europe", "Indian", "Pacific")
)
"""What else there is are older names and plain offsets, which say nothing of a place."""


@cache
def list_zones() -> tuple[str, ...]:
    """`UTC`, then every zone of an area, by name; where the system knows none, `UTC` alone."""
    return (DEFAULT, *sorted(name for name in available_timezones() if name.partition("/")[0] in _AREAS))


def at_place(at: datetime, name: str) -> tuple[datetime, str]:
    """The instant there, and the zone's name; in UTC where the system does not know the zone (any more)."""
    zone = _find(name)
    return (at.astimezone(UTC), DEFAULT) if zone is None else (at.astimezone(zone), name)


@cache
def _find(name: str) -> ZoneInfo | None:
    try:
        return None if name == DEFAULT else ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        return None
