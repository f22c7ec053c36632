"""What Home's charts show: figures over time, as rows that a person can read without any chart. Draws nothing."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Final

from babel.dates import format_datetime
from sqlalchemy.orm import Session

from kedai.inbox.figures import BOUNDS_MS, HOUR, MINUTE, Figure, floor_to, list_figures
from kedai.kit.zones import at_place
from kedai.values.environment import Environment
from kedai.values.wording import N_
from kedai.web.dashboard.formats import took


@dataclass(frozen=True, slots=True)
class Span:
    """How far back a chart goes, and in which steps."""

    key: str
    label: str
    length: timedelta
    step: timedelta


@dataclass(frozen=True, slots=True)
class Point:
    """One step of time. What nobody measured, or what nothing can be said of, is ``None``."""

    at: datetime
    received: int | None = None
    failed: int | None = None
    success: float | None = None
    half_ms: int | None = None
    most_ms: int | None = None
    oldest_ms: int | None = None


@dataclass(frozen=True, slots=True)
class Chart:
    """One drawing: which columns of the table it takes, how its numbers are called, and what it shows in words."""

    key: str
    title: str
    columns: tuple[str, ...]
    unit: str
    summary: str


SPANS: Final = (
    Span("hour", N_("Last hour"), timedelta(hours=1), timedelta(minutes=1)),
    Span("day", N_("Last 24 hours"), timedelta(days=1), timedelta(minutes=30)),
    Span("week", N_("Last 7 days"), timedelta(days=7), timedelta(hours=3)),
)
USUAL: Final = SPANS[1]


def find_span(key: str | None) -> Span:
    """The span of an address; the usual one for what is none."""
    return next((one for one in SPANS if one.key == key), USUAL)


def read_points(db: Session, span: Span, *, environments: Collection[Environment], now: datetime) -> list[Point]:
    """Every step of the span, oldest first, also those of which nothing is known."""
    seconds = HOUR if span.step >= timedelta(hours=1) else MINUTE
    step = int(span.step.total_seconds())
    until = floor_to(now, step) + span.step
    steps = [until - span.step * one for one in range(int(span.length / span.step), 0, -1)]
    figures = list_figures(db, environments=environments, seconds=seconds, since=steps[0], until=until)
    by_step: dict[datetime, list[Figure]] = {}
    for one in figures:
        by_step.setdefault(floor_to(one.starts_at, step), []).append(one)
    return [_point(at, by_step.get(at, ())) for at in steps]


def list_charts(points: Sequence[Point], *, zone: str, locale: str) -> list[Chart]:
    """The four charts, each with its words."""
    return [
        Chart("events", N_("Events"), ("received", "failed"), "", _tell_events(points, zone, locale)),
        Chart("success", N_("Success"), ("success",), "%", _tell_success(points)),
        Chart(
            "latency", N_("From receipt to applied"), ("half_ms", "most_ms"), "s", _tell_latency(points, zone, locale)
        ),
        Chart("queue", N_("Age of the oldest waiting event"), ("oldest_ms",), "s", _tell_queue(points)),
    ]


def _point(at: datetime, figures: Sequence[Figure]) -> Point:
    if not figures:
        return Point(at)
    applied, failed = sum(one.applied for one in figures), sum(one.failed for one in figures)
    ended = applied + failed + sum(one.skipped for one in figures)
    within = [sum(one.within[number] for one in figures) for number in range(len(BOUNDS_MS))]
    return Point(
        at,
        received=sum(one.received for one in figures),
        failed=failed,
        success=None if not ended else 100 * (ended - failed) / ended,
        half_ms=_quantile(within, applied, 0.5),
        most_ms=_quantile(within, applied, 0.95),
        oldest_ms=max((one.oldest_ms for one in figures if one.oldest_ms is not None), default=None),
    )


def _quantile(within: Sequence[int], total: int, share: float) -> int | None:
    """About how long that share took at most, between two bounds as if evenly spread; the last bound at most."""
    if not total:
        return None
    wanted, below, low = total * share, 0, 0
    for bound, count in zip(BOUNDS_MS.values(), within, strict=True):
        if count >= wanted:
            return round(low + (bound - low) * (wanted - below) / (count - below))
        below, low = count, bound
    return low


def _tell_events(points: Sequence[Point], zone: str, locale: str) -> str:
    received = sum(one.received or 0 for one in points)
    busiest = max(points, key=lambda one: one.received or 0)
    if not received:
        return N_("No event arrived in this time.")
    return N_(
        "%(received)s arrived, %(most)s of them in the busiest step, %(at)s.",
        received=received,
        most=busiest.received,
        at=_clock(busiest.at, zone, locale),
    )


def _tell_success(points: Sequence[Point]) -> str:
    known = [one.success for one in points if one.success is not None]
    if not known:
        return N_("No event was finished in this time.")
    failed = sum(one.failed or 0 for one in points)
    return (
        N_(
            "%(failed)s could not be applied; at worst %(share)s %% succeeded.",
            failed=failed,
            share=Decimal(f"{min(known):.1f}"),
        )
        if failed
        else N_("All succeeded.")
    )


def _tell_latency(points: Sequence[Point], zone: str, locale: str) -> str:
    known = list(_known(points))
    if not known:
        return N_("No event was applied in this time.")
    at, most = max(known, key=lambda one: one[1])
    return N_(
        "At the slowest, %(at)s, 95 of 100 were applied within %(most)s.", at=_clock(at, zone, locale), most=_told(most)
    )


def _tell_queue(points: Sequence[Point]) -> str:
    oldest = max((one.oldest_ms or 0 for one in points), default=0)
    if not oldest:
        return N_("Nothing had to wait for long.")
    return N_("The oldest one waited for %(oldest)s at most.", oldest=took(oldest / 1000))


def _known(points: Sequence[Point]) -> Iterator[tuple[datetime, int]]:
    return ((one.at, one.most_ms) for one in points if one.most_ms is not None)


def _told(milliseconds: int) -> str:
    longest = max(BOUNDS_MS.values())
    return (
        N_("more than %(longest)s", longest=took(longest / 1000))
        if milliseconds >= longest
        else took(milliseconds / 1000)
    )


def _clock(at: datetime, zone: str, locale: str) -> str:
    there, name = at_place(at, zone)
    return f"{format_datetime(there, 'd MMM HH:mm', locale=locale)} {name}"
