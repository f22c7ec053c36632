"""Instants as people and programs write them: RFC 3339, with a zone, within the years that databases keep."""

from __future__ import annotations

from datetime import UTC, datetime

from kedai.errors import Invalid
from kedai.values.wording import N_

_YEARS = range(1970, 2200)


def parse_instant(text: str, *, field: str, zone_given: bool = True) -> datetime:
    """An instant in UTC; where ``zone_given`` is false, a text without a zone is meant in UTC (a form says so).

    Raises:
        Invalid: no such day or hour, no zone, or a year that cannot be meant.
    """
    try:
        found = datetime.fromisoformat(text.strip())
    except ValueError:
        raise Invalid(N_("There is no such date and time: write it as 2026-01-31T08:00:00Z."), field=field) from None
    if found.tzinfo is None:
        if zone_given:
            raise Invalid(N_("Say the zone too: write it as 2026-01-31T08:00:00Z."), field=field)
        found = found.replace(tzinfo=UTC)
    try:
        instant = found.astimezone(UTC)
    except OverflowError:
        raise Invalid(N_("That year cannot be meant."), field=field) from None
    if instant.year not in _YEARS:
        raise Invalid(N_("That year cannot be meant."), field=field)
    return instant
