"""What the inbox forgets: finished pushes, notices that were read, and rejected deliveries, once they are old."""

from __future__ import annotations

from kedai.db.sweep import SweepById
from kedai.inbox.models import Notice, RawEvent, RejectedDelivery
from kedai.values.event import EventState

_FINISHED = (EventState.APPLIED, EventState.SKIPPED, EventState.DISCARDED)

sweep_events = SweepById(
    RawEvent,
    old=lambda before: RawEvent.received_at < before,
    doomed=lambda _before: RawEvent.state.in_(_FINISHED),
)
"""Pushes that arrived before that and are finished; what waits, is parked or is dead stays."""

sweep_notices = SweepById(
    Notice,
    old=lambda before: Notice.received_at < before,
    doomed=lambda _before: Notice.seen_at.is_not(None),
)
"""Notices that came before that and were read; the others wait for a person."""

sweep_rejected = SweepById(RejectedDelivery, old=lambda before: RejectedDelivery.received_at < before)
"""Rejected deliveries that arrived before that; their counters stay."""
