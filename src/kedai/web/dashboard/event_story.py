"""What happened to one push, from its sending to where it stands, the newest first: what the page of an event tells."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING

from kedai.inbox.tries import PUT_BACK, read_tries
from kedai.values.event import EventState
from kedai.values.wording import N_
from kedai.web.dashboard.words import EVENT_STATE, Level

if TYPE_CHECKING:
    from kedai.inbox.models import RawEvent

_ARRIVED = {
    "imported": N_("Came with an import, not verified"),
    "lost_push": N_("Fetched from the marketplace's list of lost pushes"),
}
_TRIED = {
    EventState.RECEIVED.value: (N_("A try failed"), "warn"),
    EventState.PARKED.value: (N_("A try failed, and it was parked"), "warn"),
    EventState.DEAD.value: (N_("A try failed, and it was given up"), "bad"),
    PUT_BACK: (N_("Put back in the queue"), "info"),
}


@dataclass(frozen=True, slots=True)
class Step:
    """One thing that happened, or that is to come."""

    at: datetime
    title: str
    level: Level | str
    note: str = ""


def list_steps(event: RawEvent) -> list[Step]:
    """Every step that is known; a try that was interrupted left no time, and is only counted."""
    return [*_steps(event)][::-1]


def _steps(event: RawEvent) -> Iterator[Step]:
    if event.pushed_at is not None:
        yield Step(event.pushed_at, N_("Sent by the marketplace"), "quiet")
    arrived = _ARRIVED.get(event.matched_key, N_("Received, and its signature verified"))
    yield Step(event.received_at, arrived, "good")
    tries = read_tries(event.tries)
    for one in tries:
        title, level = _TRIED.get(one.state, (one.state, "quiet"))
        yield Step(one.at, title, level, one.note)
    if event.state == EventState.RECEIVED:
        yield Step(event.due_at, N_("Next try") if tries else N_("Waits to be worked on"), "info")
    elif event.finished_at is not None and event.finished_at not in {one.at for one in tries}:
        title, level, _ = EVENT_STATE[event.state]
        yield Step(event.finished_at, title, level)
