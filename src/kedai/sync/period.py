"""A period that a person or a program named in words: days, or instants with their zone."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from kedai.errors import Invalid
from kedai.kit.instants import parse_instant
from kedai.values.wording import N_

LONGEST = timedelta(days=366)
EARLIEST = datetime(2015, 1, 1, tzinfo=UTC)

_DAY = re.compile(r"\d{4}-\d{2}-\d{2}")


@dataclass(frozen=True, slots=True)
class Period:
    """From its beginning up to, and without, its end; both UTC, and longer than nothing."""

    since: datetime
    until: datetime


def parse_period(since: str, until: str, *, now: datetime) -> Period:
    """Days are days of UTC, and the last one belongs to the period as far as it is over.

    Raises:
        Invalid: no such day or instant, one without a zone, the wrong way round, too long, too old, or yet to come.
    """
    first, last = _instant(since, "since"), _instant(until, "until")
    if first < EARLIEST:
        raise Invalid(
            N_(
                "The period begins before %(earliest)s: there was nothing to read then.",
                earliest=f"{EARLIEST:%Y-%m-%d}",
            ),
            field="since",
        )
    if first > now:
        raise Invalid(N_("The period begins in the future."), field="since")
    if last > now:
        raise Invalid(N_("The period ends in the future."), field="until")
    if _DAY.fullmatch(until.strip()):
        last = min(last + timedelta(days=1), now)
    if first >= last:
        raise Invalid(N_("The period ends before it begins."), field="until")
    if last - first > LONGEST:
        raise Invalid(
            N_("The period is longer than %(days)s days: take it in parts.", days=LONGEST.days), field="until"
        )
    return Period(first, last)


def _instant(text: str, field: str) -> datetime:
    is_day = _DAY.fullmatch(text.strip()) is not None
    return parse_instant(text, field=field, zone_given=not is_day).replace(microsecond=0)
