"""Walks Shopee's paging styles (contract §5.7) as async iterators, none of which can go on for ever."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Sequence
from datetime import datetime, timedelta
from typing import Final, TypeVar

from kedai.errors import Invalid, RemoteUnreadable

LONGEST_WINDOW: Final = timedelta(days=15)
MOST_PAGES: Final = 100_000

Row = TypeVar("Row")
Place = TypeVar("Place", str, int)


async def walk(
    read: Callable[[Place], Awaitable[tuple[Sequence[Row], Place | None]]], start: Place
) -> AsyncIterator[Row]:
    """Every row of a list. ``read`` takes a place and gives that page's rows and the next place, None after the last.

    Raises:
        RemoteUnreadable: a page leads back to a place that was read already: it would never end.
    """
    place, seen = start, {start}
    for _ in range(MOST_PAGES):
        rows, following = await read(place)
        for row in rows:
            yield row
        if following is None:
            return
        if following in seen:
            raise RemoteUnreadable("Shopee's list leads back to a page that was read already.")
        place = following
        seen.add(place)
    raise RemoteUnreadable("Shopee's list has more pages than any real one.")


def after_cursor(more: bool | None, cursor: str | None) -> str | None:
    """The next place of a list with a cursor: only ``more`` says whether it goes on (contract §5.1).

    Raises:
        RemoteUnreadable: it goes on, but does not say from where.
    """
    if not more:
        return None
    if not cursor:
        raise RemoteUnreadable("Shopee's list goes on, but does not say from where.")
    return cursor


def after_page(more: bool | None, page_no: int) -> int | None:
    """The next place of a list with page numbers."""
    return page_no + 1 if more else None


def split_window(
    begins_at: datetime, ends_at: datetime, longest: timedelta = LONGEST_WINDOW
) -> Iterator[tuple[datetime, datetime]]:
    """Windows of at most ``longest``, in their order; neighbours share their edge, so that no second is left out.

    A row that lies exactly on an edge may therefore come twice.

    Raises:
        Invalid: it is empty, or an instant has no time zone.
    """
    if begins_at.tzinfo is None or ends_at.tzinfo is None:
        raise Invalid("An instant needs its time zone.")
    if ends_at <= begins_at:
        raise Invalid("The window ends before it begins.")
    return _windows(begins_at, ends_at, longest)


def _windows(begins_at: datetime, ends_at: datetime, longest: timedelta) -> Iterator[tuple[datetime, datetime]]:
    while begins_at < ends_at:
        edge = min(begins_at + longest, ends_at)
        yield begins_at, edge
        begins_at = edge
