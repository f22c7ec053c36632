"""The words of the pages: labels and explanations, each looked up by a code, never taken from a request."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import Literal

from kedai.sync.runner import PLANS
from kedai.values.console import Place
from kedai.values.wording import N_

Level = Literal["good", "info", "warn", "bad"]


@dataclass(frozen=True, slots=True)
class Tab:
    """A tab of the orders page; ``statuses`` is ``None`` for all of them and empty for those in no other tab."""

    key: str
    label: str
    statuses: tuple[str, ...] | None


SCOPES = {"sandbox": N_("Sandbox"), "live": N_("Live"), "all": N_("All environments")}

ORDER_TABS = (
    Tab("all", N_("All"), None),
    Tab("unpaid", N_("Unpaid"), ("UNPAID",)),
    Tab("to_ship", N_("To ship"), ("PENDING", "INVOICE_PENDING", "READY_TO_SHIP", "PROCESSED", "RETRY_SHIP")),
    Tab("shipping", N_("Shipping"), ("SHIPPED", "TO_CONFIRM_RECEIVE")),
    Tab("returning", N_("To return"), ("TO_RETURN",)),
    Tab("completed", N_("Completed"), ("COMPLETED",)),
    Tab("cancelled", N_("Cancelled"), ("IN_CANCEL", "CANCELLED")),
    Tab("other", N_("Other"), ()),
)
TO_SHIP = next(tab.statuses for tab in ORDER_TABS if tab.key == "to_ship") or ()
KNOWN_STATUSES = frozenset(status for tab in ORDER_TABS for status in tab.statuses or ())

ORDER_STATUS: dict[str, tuple[str, Level | Literal["quiet"]]] = {
    "UNPAID": (N_("Unpaid"), "warn"),
    "PENDING": (N_("Pending"), "warn"),
    "INVOICE_PENDING": (N_("Invoice needed"), "warn"),
    "READY_TO_SHIP": (N_("Ready to ship"), "info"),
    "PROCESSED": (N_("Processed"), "info"),
    "RETRY_SHIP": (N_("Retry shipping"), "warn"),
    "SHIPPED": (N_("Shipped"), "info"),
    "TO_CONFIRM_RECEIVE": (N_("Awaiting receipt"), "info"),
    "TO_RETURN": (N_("To return"), "warn"),
    "COMPLETED": (N_("Completed"), "good"),
    "IN_CANCEL": (N_("Cancelling"), "warn"),
    "CANCELLED": (N_("Cancelled"), "quiet"),
}

EVENT_STATE: dict[str, tuple[str, Level | Literal["quiet"], str]] = {
    "received": (N_("Received"), "info", N_("Stored; waits to be worked on.")),
    "applied": (N_("Applied"), "good", N_("Dealt with: what it announced was read and stored.")),
    "parked": (N_("Parked"), "warn", N_("Kept, but not worked on until you replay it.")),
    "skipped": (N_("Skipped"), "quiet", N_("Nothing had to be done.")),
    "dead": (N_("Dead"), "bad", N_("Given up after many tries. Mend the cause, then replay it.")),
    "discarded": (N_("Discarded"), "quiet", N_("A person said that it is not needed.")),
}

CALL_TROUBLE = {
    "certificate": N_("The marketplace's certificate is not valid."),
    "tls": N_("No secure connection could be made."),
    "dns": N_("Its host name cannot be resolved."),
    "connect": N_("It cannot be connected to."),
    "connect_timeout": N_("It took too long to accept a connection."),
    "url": N_("Its address is not valid."),
    "timeout": N_("It took too long to answer."),
    "lost": N_("The connection was lost before the whole answer came."),
    "encoding": N_("The answer was damaged."),
    "too_large": N_("The answer was larger than any real one."),
    "cancelled": N_("Kedai gave the call up, for example because it was stopped."),
}

PARKED_REASON = {
    "inactive_environment": N_("Its environment is not the active one, so its orders are not worked on."),
    "unknown_shop": N_("It names a shop that is not connected here."),
    "order_not_found": N_("The marketplace does not know the order that it names."),
}

PARKED_WHY = {
    "inactive_environment": N_("Reason: this environment was not the active one."),
    "unknown_shop": N_("Reason: a shop that was not connected here."),
    "order_not_found": N_("Reason: an order that the marketplace did not know."),
}

SHOP_STATE: dict[str, tuple[str, Level | Literal["quiet"]]] = {
    "connected": (N_("Connected"), "good"),
    "pending": (N_("Waits for you"), "warn"),
    "paused": (N_("Paused"), "quiet"),
    "needs_reauth": (N_("Reconnect needed"), "bad"),
    "disconnected": (N_("Disconnected"), "quiet"),
}

TOKEN_STATE: dict[str, tuple[str, Level | Literal["quiet"], str]] = {
    "valid": (N_("Valid"), "good", N_("Renewed by itself before it ends.")),
    "expired": (
        N_("Renews on next use"),
        "info",
        N_("The short-lived part has ended; it is renewed when it is needed."),
    ),
    "dead": (N_("Ended"), "bad", N_("Too old to be renewed: connect the shop again.")),
    "foreign": (
        N_("Belongs to another app"),
        "bad",
        N_("It was issued for another partner ID: connect the shop again."),
    ),
    "unreadable": (N_("Cannot be read"), "bad", N_("It was stored with a key that is not here.")),
}

AUTHORIZATION: dict[str, tuple[str, Level | Literal["quiet"], str]] = {
    "valid": (N_("Valid"), "good", ""),
    "ends_soon": (
        N_("Ends soon"),
        "warn",
        N_("Connect the shop again before it ends; nothing is lost by doing so early."),
    ),
    "urgent": (
        N_("Ends in days"),
        "bad",
        N_("Connect the shop again before it ends; nothing is lost by doing so early."),
    ),
    "ended": (N_("Ended"), "bad", N_("The marketplace lets nobody in until the shop is connected again.")),
    "unknown": (N_("Not known"), "quiet", N_("The marketplace did not say until when.")),
}

EXCEPTION_STATE: dict[str, tuple[str, Level | Literal["quiet"]]] = {
    "new": (N_("New"), "bad"),
    "ongoing": (N_("Ongoing"), "warn"),
    "regressed": (N_("Came back"), "bad"),
    "snoozed": (N_("Snoozed"), "quiet"),
    "resolved": (N_("Resolved"), "good"),
}

SNOOZES: dict[str, tuple[str, timedelta]] = {
    "hour": (N_("an hour"), timedelta(hours=1)),
    "day": (N_("a day"), timedelta(days=1)),
    "week": (N_("a week"), timedelta(days=7)),
    "month": (N_("30 days"), timedelta(days=30)),
}

DEEDS = {
    "exception.resolve": N_("resolved it"),
    "exception.reopen": N_("opened it again"),
    "exception.snooze": N_("snoozed it"),
    "exception.assign": N_("assigned it"),
    "exception.note": N_("changed the note"),
    "exception.retry": N_("retried an order"),
    "exception.cleared": N_("found that its cause had ended"),
    "exception.resolve.undone": N_("took back that it is resolved"),
    "exception.reopen.undone": N_("took back that it is open again"),
    "exception.snooze.undone": N_("took back the snooze"),
    "exception.assign.undone": N_("took back the assignment"),
    "exception.note.undone": N_("took back the change of the note"),
}
"""What was done about an exception, by the action's name in the audit trail."""

PARITY: dict[str, tuple[str, Level | Literal["quiet"]]] = {
    "same": (N_("Same"), "good"),
    "different": (N_("Different"), "warn"),
    "differs_as_it_should": (N_("Different, as it should be"), "good"),
    "same_but_should_differ": (N_("Same, but should differ"), "bad"),
    "only_in_sandbox": (N_("Only in Sandbox"), "warn"),
    "only_in_live": (N_("Only in Live"), "warn"),
    "in_neither": (N_("Not set"), "quiet"),
    "cannot_be_read": (N_("Cannot be read"), "bad"),
}

CHECK_STATE: dict[str, tuple[str, Level | Literal["quiet"]]] = {
    "passed": (N_("Passed"), "good"),
    "warning": (N_("Look at it"), "warn"),
    "failed": (N_("Failed"), "bad"),
    "not_applicable": (N_("Not asked"), "quiet"),
}

CHECK_PLACE: dict[str, Place] = {
    "configuration": Place.APP,
    "signature": Place.APP,
    "token": Place.APP,
    "authorization": Place.CONSENT_GUIDE,
    "push_config": Place.PUSHES,
    "push_status": Place.PUSHES,
    "loopback": Place.PUSHES,
}
"""Where in the marketplace's console to look after a check that found something."""

DOCTOR_STATE: dict[str, tuple[str, Level | Literal["quiet"]]] = {
    "pass": (N_("Good"), "good"),
    "warn": (N_("Look at it"), "warn"),
    "fail": (N_("Failed"), "bad"),
    "skipped": (N_("Not looked at"), "quiet"),
}

VIEWED_LISTS: dict[str, str] = {
    "orders": N_("Orders"),
    "events": N_("Events"),
    "exceptions": N_("Exceptions"),
    "calls": N_("API calls"),
}

HIT_KIND: dict[str, str] = {
    "order": N_("Order"),
    "events": N_("Events about an order that is not stored yet"),
    "event": N_("Event"),
    "exception": N_("Exception"),
    "rejected": N_("Rejected delivery"),
    "run": N_("Run"),
    "shop": N_("Shop"),
}

RUN_STATE: dict[str, tuple[str, Level | Literal["quiet"]]] = {
    "queued": (N_("Queued"), "info"),
    "running": (N_("Running"), "info"),
    "succeeded": (N_("Succeeded"), "good"),
    "failed": (N_("Failed"), "bad"),
    "cancelled": (N_("Cancelled"), "quiet"),
}

PUSH_STATUS: dict[str, tuple[str, Level | Literal["quiet"]]] = {
    "normal": (N_("Normal"), "good"),
    "warning": (N_("Warning"), "warn"),
    "suspended": (N_("Suspended"), "bad"),
    "unknown": (N_("Unknown"), "warn"),
}

SOURCE = {
    "push": N_("Pushes"),
    "lost_push": N_("Lost pushes"),
    "reconcile": N_("Reconciling"),
    "backfill": N_("Back-fills"),
    "catch_up": N_("Catching up"),
}

DIFFERENCE: dict[str, tuple[str, Level | Literal["quiet"]]] = {
    "missing": (N_("Missing here"), "bad"),
    "older": (N_("Older here"), "bad"),
    "not_listed": (N_("Not listed there"), "bad"),
    "later": (N_("Changed since"), "quiet"),
}

ROLE = {
    "viewer": N_("Viewer: sees orders, events and connections"),
    "operator": N_("Operator: also connects, switches and replays"),
    "admin": N_("Administrator: also credentials, keys and people"),
}

ROLE_NAME = {"viewer": N_("Viewer"), "operator": N_("Operator"), "admin": N_("Admin")}

TOKEN_SCOPE = {"activate:live": N_("May switch to Live")}

RUN_KIND = {
    "replay_parked": N_("Replay parked events"),
    "discard_parked": N_("Discard parked events"),
    "catch_up": N_("Catch up on orders"),
    "backfill": N_("Back-fill orders"),
    "escrow_span": N_("Capture earnings of a period"),
    "rewrap": N_("Rewrap secrets"),
    "main_account": N_("Set up what was granted"),
    "listings": N_("Fetch listings"),
    "replay_events": N_("Replay events"),
    "rebuild_orders": N_("Rebuild orders"),
    "apply_rebuild": N_("Apply a rebuild"),
    "discard_rebuild": N_("Discard a rebuild"),
    "retry_exception": N_("Retry what an exception stopped"),
    **{one.kind: one.label for one in PLANS.values()},
}

RUN_SCOPE = {
    "shop_id": N_("shop"),
    "main_account_id": N_("main account"),
    "since": N_("from"),
    "until": N_("until"),
    "as_of": N_("as of"),
    "order_sn": N_("order"),
    "subject": N_("only"),
    "code": N_("push code"),
    "placed_from": N_("placed from"),
    "placed_until": N_("placed before"),
}
"""What stands before each part of a run's scope."""

SCHEDULE_STATE: dict[str, tuple[str, Level | Literal["quiet"], str]] = {
    "new": (N_("New"), "info", N_("It has not succeeded yet, and is not overdue.")),
    "up": (N_("Up"), "good", N_("It succeeded when it should have.")),
    "running": (N_("Running"), "info", N_("It is going on right now.")),
    "late": (N_("Late"), "warn", N_("Its next success is overdue, but still within the time that it is given.")),
    "down": (N_("Down"), "bad", N_("It has not succeeded for too long. Read what its last run says.")),
    "paused": (N_("Paused"), "quiet", N_("Somebody paused it: it does not come round.")),
    "resting": (N_("Resting"), "quiet", N_("It has nothing to do in this environment now.")),
}

SHADOW_STATE: dict[str, tuple[str, Level | Literal["quiet"], str]] = {
    "differs": (N_("Would differ"), "warn", ""),
    "unknown_then": (N_("Not known then"), "quiet", N_("No answer about it had been read by then.")),
    "unreadable": (N_("Cannot be read"), "bad", N_("The stored answer of that time cannot be read any more.")),
    "applied": (N_("Applied"), "good", ""),
    "moved_on": (N_("Changed since"), "info", N_("It was left alone.")),
    "discarded": (N_("Left as it is"), "quiet", ""),
}

KEY_STATE: dict[str, tuple[str, Level | Literal["quiet"]]] = {
    "primary": (N_("Primary"), "good"),
    "active": (N_("Opens only"), "info"),
    "retired": (N_("Retired"), "quiet"),
    "readable": (N_("Still read"), "warn"),
    "refused": (N_("Refused for good"), "quiet"),
}


REJECTED_REASON = {
    "no_key": N_("No push key is set for this environment, so no push can be trusted."),
    "missing": N_("The Authorization header is missing."),
    "two_headers": N_("There are two Authorization headers."),
    "empty": N_("The Authorization header is empty."),
    "scheme": N_("The Authorization header holds a scheme word where the bare signature belongs."),
    "length": N_("The signature does not have the right length."),
    "upper_case": N_("The signature is in upper case."),
    "characters": N_("The signature holds characters that are no hexadecimal digits."),
    "mismatch": N_("The signature fits none of this environment's push keys and URLs."),
}
"""A code in neither this table nor a page is shown as it is."""

STORAGE = {
    "full": (
        N_("Storage: the database has no room left"),
        N_("Make room on its disk. Pushes are answered 503 meanwhile, and the marketplace sends them again."),
    ),
    "read_only": (
        N_("Storage: the database may only be read"),
        N_("Point KEDAI_DATABASE_URL at the server that takes writes, or let its disk be written again."),
    ),
    "broken": (
        N_("Storage: the database's disk reports errors"),
        N_("Look at the database's log and at its disk before anything else."),
    ),
}
"""What keeps the database from storing, and what to do; pages can still be read."""
