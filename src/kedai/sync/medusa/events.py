"""Old pushes: kept with what became of them, read anew from their bytes, never worked on by themselves."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final

from sqlalchemy.orm import Session

from kedai.inbox.adopt import AdoptedEvent, adopt, find_adopted
from kedai.sync.medusa.fields import Fields, RefusedRow
from kedai.sync.medusa.job import SHOPEE, Job, Tally
from kedai.values.event import EventState, Topic

MAX_BODY: Final = 1024 * 1024
_STATES: Final[Mapping[str, EventState]] = {
    **dict.fromkeys(
        ("applied", "processed", "done", "completed", "complete", "success", "succeeded", "handled", "ok", "synced"),
        EventState.APPLIED,
    ),
    **dict.fromkeys(("skipped", "ignored", "duplicate", "noop"), EventState.SKIPPED),
    **dict.fromkeys(
        ("received", "pending", "new", "queued", "processing", "retrying", "retry", "parked", "deferred"),
        EventState.PARKED,
    ),
    **dict.fromkeys(("dead", "failed", "error", "errored", "dead_letter"), EventState.DEAD),
    **dict.fromkeys(("discarded", "dropped"), EventState.DISCARDED),
}
"""The old words. One that is not known here counts as given up: a person may look, and replay it."""


def read_event(job: Job, fields: Fields) -> AdoptedEvent:
    """Understand a push by its body, as if it came today; only its fate is taken from the old columns."""
    environment, body = fields.environment(), _body(fields)
    event = job.shopee.parse_push(body)
    finished_at = fields.instant("finished_at")
    received_at = fields.instant("received_at") or event.pushed_at
    if received_at is None:
        raise RefusedRow("it does not say when it came")
    status = (fields.short("status") or "").lower()
    state = _STATES.get(status, EventState.DEAD) if status else _state_without_word(fields)
    if state is EventState.PARKED and event.topic is not Topic.ORDER:
        state = EventState.SKIPPED  # news of long ago about anything but an order is nothing to act on
    was = status if status in _STATES else "in a state that is not known here" if status else "in no named state"
    note = f"From the old system, where it was {was}."
    return AdoptedEvent(environment, event, body, received_at, finished_at, state, note)


def write_events(job: Job, db: Session, rows: Sequence[AdoptedEvent]) -> Tally:
    """One push is one row, however often the old system held it or Shopee sends it again."""
    known = find_adopted(db, SHOPEE, rows)
    new = {one.key: one for one in reversed(rows) if one.key not in known}
    if job.apply:
        adopt(db, SHOPEE, list(new.values()))
    return Tally(new=len(new), present=len(rows) - len(new))


def _body(fields: Fields) -> bytes:
    stored = fields.raw("body")
    if stored is None:
        raise RefusedRow("it has no body")
    text = stored[1]
    if text.startswith("\\x"):  # a column of bytes
        try:
            body = bytes.fromhex(text[2:])
        except ValueError:
            raise RefusedRow("its body is no text and no bytes") from None
    else:
        body = text.encode()
    if len(body) > MAX_BODY:
        raise RefusedRow("its body is larger than any push")
    return body


def _state_without_word(fields: Fields) -> EventState:
    """By what else the row tells: that it was dealt with, or what went wrong."""
    if fields.instant("finished_at") is not None or (fields.text("processed") or "").lower() in {"t", "true", "1"}:
        return EventState.APPLIED
    return EventState.PARKED if fields.text("error") is None else EventState.DEAD
