"""The words of the pages: labels and explanations, each looked up by a code, never taken from a request."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import Literal

from kedai.sync.runner import PLANS

Level = Literal["good", "info", "warn", "bad"]


@dataclass(frozen=True, slots=True)
class Tab:
    """A tab of the orders page; ``statuses`` is ``None`` for all of them and empty for those in no other tab."""

    key: str
    label: str
    statuses: tuple[str, ...] | None


SCOPES = {"sandbox": "Sandbox", "live": "Live", "all": "All environments"}

ORDER_TABS = (
    Tab("all", "All", None),
    Tab("unpaid", "Unpaid", ("UNPAID",)),
    Tab("to_ship", "To ship", ("PENDING", "INVOICE_PENDING", "READY_TO_SHIP", "PROCESSED", "RETRY_SHIP")),
    Tab("shipping", "Shipping", ("SHIPPED", "TO_CONFIRM_RECEIVE")),
    Tab("returning", "To return", ("TO_RETURN",)),
    Tab("completed", "Completed", ("COMPLETED",)),
    Tab("cancelled", "Cancelled", ("IN_CANCEL", "CANCELLED")),
    Tab("other", "Other", ()),
)
KNOWN_STATUSES = frozenset(status for tab in ORDER_TABS for status in tab.statuses or ())

ORDER_STATUS: dict[str, tuple[str, Level | Literal["quiet"]]] = {
    "UNPAID": ("Unpaid", "warn"),
    "PENDING": ("Pending", "warn"),
    "INVOICE_PENDING": ("Invoice needed", "warn"),
    "READY_TO_SHIP": ("Ready to ship", "info"),
    "PROCESSED": ("Processed", "info"),
    "RETRY_SHIP": ("Retry shipping", "warn"),
    "SHIPPED": ("Shipped", "info"),
    "TO_CONFIRM_RECEIVE": ("Awaiting receipt", "info"),
    "TO_RETURN": ("To return", "warn"),
    "COMPLETED": ("Completed", "good"),
    "IN_CANCEL": ("Cancelling", "warn"),
    "CANCELLED": ("Cancelled", "quiet"),
}

EVENT_STATE: dict[str, tuple[str, Level | Literal["quiet"], str]] = {
    "received": ("Received", "info", "Stored; waits to be worked on."),
    "applied": ("Applied", "good", "Dealt with: what it announced was read and stored."),
    "parked": ("Parked", "warn", "Kept, but not worked on until you replay it."),
    "skipped": ("Skipped", "quiet", "Nothing had to be done."),
    "dead": ("Dead", "bad", "Given up after many tries. Mend the cause, then replay it."),
    "discarded": ("Discarded", "quiet", "A person said that it is not needed."),
}

CALL_TROUBLE = {
    "certificate": "The marketplace's certificate is not valid.",
    "tls": "No secure connection could be made.",
    "dns": "Its host name cannot be resolved.",
    "connect": "It cannot be connected to.",
    "connect_timeout": "It took too long to accept a connection.",
    "url": "Its address is not valid.",
    "timeout": "It took too long to answer.",
    "lost": "The connection was lost before the whole answer came.",
    "encoding": "The answer was damaged.",
    "too_large": "The answer was larger than any real one.",
    "cancelled": "Kedai gave the call up, for example because it was stopped.",
}

PARKED_REASON = {
    "inactive_environment": "Its environment is not the active one, so its orders are not worked on.",
    "unknown_shop": "It names a shop that is not connected here.",
    "order_not_found": "The marketplace does not know the order that it names.",
}

PARKED_WHY = {
    "inactive_environment": "Reason: this environment was not the active one.",
    "unknown_shop": "Reason: a shop that was not connected here.",
    "order_not_found": "Reason: an order that the marketplace did not know.",
}

SHOP_STATE: dict[str, tuple[str, Level | Literal["quiet"]]] = {
    "connected": ("Connected", "good"),
    "pending": ("Waits for you", "warn"),
    "paused": ("Paused", "quiet"),
    "needs_reauth": ("Reconnect needed", "bad"),
    "disconnected": ("Disconnected", "quiet"),
}

TOKEN_STATE: dict[str, tuple[str, Level | Literal["quiet"], str]] = {
    "valid": ("Valid", "good", "Renewed by itself before it ends."),
    "expired": ("Renews on next use", "info", "The short-lived part has ended; it is renewed when it is needed."),
    "dead": ("Ended", "bad", "Too old to be renewed: connect the shop again."),
    "foreign": ("Belongs to another app", "bad", "It was issued for another partner ID: connect the shop again."),
    "unreadable": ("Cannot be read", "bad", "It was stored with a key that is not here."),
}

AUTHORIZATION: dict[str, tuple[str, Level | Literal["quiet"], str]] = {
    "valid": ("Valid", "good", ""),
    "ends_soon": ("Ends soon", "warn", "Connect the shop again before it ends; nothing is lost by doing so early."),
    "urgent": ("Ends in days", "bad", "Connect the shop again before it ends; nothing is lost by doing so early."),
    "ended": ("Ended", "bad", "The marketplace lets nobody in until the shop is connected again."),
    "unknown": ("Not known", "quiet", "The marketplace did not say until when."),
}

EXCEPTION_STATE: dict[str, tuple[str, Level | Literal["quiet"]]] = {
    "new": ("New", "bad"),
    "ongoing": ("Ongoing", "warn"),
    "regressed": ("Came back", "bad"),
    "snoozed": ("Snoozed", "quiet"),
    "resolved": ("Resolved", "good"),
}

SNOOZES: dict[str, tuple[str, timedelta]] = {
    "hour": ("an hour", timedelta(hours=1)),
    "day": ("a day", timedelta(days=1)),
    "week": ("a week", timedelta(days=7)),
    "month": ("30 days", timedelta(days=30)),
}

DEEDS = {
    "exception.resolve": "resolved it",
    "exception.reopen": "opened it again",
    "exception.snooze": "snoozed it",
    "exception.assign": "assigned it",
    "exception.note": "changed the note",
    "exception.retry": "retried an order",
    "exception.cleared": "found that its cause had ended",
}
"""What was done about an exception, by the action's name in the audit trail."""

PARITY: dict[str, tuple[str, Level | Literal["quiet"]]] = {
    "same": ("Same", "good"),
    "different": ("Different", "warn"),
    "differs_as_it_should": ("Different, as it should be", "good"),
    "same_but_should_differ": ("Same, but should differ", "bad"),
    "only_in_sandbox": ("Only in Sandbox", "warn"),
    "only_in_live": ("Only in Live", "warn"),
    "in_neither": ("Not set", "quiet"),
    "cannot_be_read": ("Cannot be read", "bad"),
}

CHECK_STATE: dict[str, tuple[str, Level | Literal["quiet"]]] = {
    "passed": ("Passed", "good"),
    "warning": ("Look at it", "warn"),
    "failed": ("Failed", "bad"),
    "not_applicable": ("Not asked", "quiet"),
}

RUN_STATE: dict[str, tuple[str, Level | Literal["quiet"]]] = {
    "queued": ("Queued", "info"),
    "running": ("Running", "info"),
    "succeeded": ("Succeeded", "good"),
    "failed": ("Failed", "bad"),
    "cancelled": ("Cancelled", "quiet"),
}

PUSH_STATUS: dict[str, tuple[str, Level | Literal["quiet"]]] = {
    "normal": ("Normal", "good"),
    "warning": ("Warning", "warn"),
    "suspended": ("Suspended", "bad"),
    "unknown": ("Unknown", "warn"),
}

SOURCE = {
    "push": "Pushes",
    "lost_push": "Lost pushes",
    "reconcile": "Reconciling",
    "backfill": "Back-fills",
    "catch_up": "Catching up",
}

DIFFERENCE: dict[str, tuple[str, Level | Literal["quiet"]]] = {
    "missing": ("Missing here", "bad"),
    "older": ("Older here", "bad"),
    "not_listed": ("Not listed there", "bad"),
    "later": ("Changed since", "quiet"),
}

ROLE = {
    "viewer": "Viewer: sees orders, events and connections",
    "operator": "Operator: also connects, switches and replays",
    "admin": "Administrator: also credentials, keys and people",
}

TOKEN_SCOPE = {"activate:live": "May switch to Live"}

RUN_KIND = {
    "replay_parked": "Replay parked events",
    "discard_parked": "Discard parked events",
    "catch_up": "Catch up on orders",
    "backfill": "Back-fill orders",
    "escrow_span": "Capture earnings of a period",
    "rewrap": "Rewrap secrets",
    "main_account": "Set up what was granted",
    "listings": "Fetch listings",
    "replay_events": "Replay events",
    "rebuild_orders": "Rebuild orders",
    "apply_rebuild": "Apply a rebuild",
    "discard_rebuild": "Discard a rebuild",
    "retry_exception": "Retry what an exception stopped",
    **{one.kind: one.label for one in PLANS.values()},
}

SCHEDULE_STATE: dict[str, tuple[str, Level | Literal["quiet"], str]] = {
    "new": ("New", "info", "It has not succeeded yet, and is not overdue."),
    "up": ("Up", "good", "It succeeded when it should have."),
    "running": ("Running", "info", "It is going on right now."),
    "late": ("Late", "warn", "Its next success is overdue, but still within the time that it is given."),
    "down": ("Down", "bad", "It has not succeeded for too long. Read what its last run says."),
    "paused": ("Paused", "quiet", "Somebody paused it: it does not come round."),
    "resting": ("Resting", "quiet", "It has nothing to do in this environment now."),
}

SHADOW_STATE: dict[str, tuple[str, Level | Literal["quiet"], str]] = {
    "differs": ("Would differ", "warn", ""),
    "unknown_then": ("Not known then", "quiet", "No answer about it had been read by then."),
    "unreadable": ("Cannot be read", "bad", "The stored answer of that time cannot be read any more."),
    "applied": ("Applied", "good", ""),
    "moved_on": ("Changed since", "info", "It was left alone."),
    "discarded": ("Left as it is", "quiet", ""),
}

KEY_STATE: dict[str, tuple[str, Level | Literal["quiet"]]] = {
    "primary": ("Primary", "good"),
    "active": ("Opens only", "info"),
    "retired": ("Retired", "quiet"),
    "readable": ("Still read", "warn"),
    "refused": ("Refused for good", "quiet"),
}


REJECTED_REASON = {
    "no_key": "No push key is set for this environment, so no push can be trusted.",
    "missing": "The Authorization header is missing.",
    "two_headers": "There are two Authorization headers.",
    "empty": "The Authorization header is empty.",
    "scheme": "The Authorization header holds a scheme word where the bare signature belongs.",
    "length": "The signature does not have the right length.",
    "upper_case": "The signature is in upper case.",
    "characters": "The signature holds characters that are no hexadecimal digits.",
    "mismatch": "The signature fits none of this environment's push keys and URLs.",
}
"""A code in neither this table nor a page is shown as it is."""
