"""The words of the pages: labels, explanations and notices, each looked up by a code, never taken from a request."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from kedai.sync.runner import PLANS

Level = Literal["good", "info", "warn", "bad"]


@dataclass(frozen=True, slots=True)
class Notice:
    """A line at the top of a page: how it went, and what to do next."""

    level: Level
    title: str
    detail: str = ""


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
    Tab("to_ship", "To ship", ("READY_TO_SHIP", "PROCESSED", "RETRY_SHIP")),
    Tab("shipping", "Shipping", ("SHIPPED", "TO_CONFIRM_RECEIVE")),
    Tab("completed", "Completed", ("COMPLETED",)),
    Tab("cancelled", "Cancelled", ("IN_CANCEL", "CANCELLED")),
    Tab("other", "Other", ()),
)
KNOWN_STATUSES = frozenset(status for tab in ORDER_TABS for status in tab.statuses or ())

ORDER_STATUS: dict[str, tuple[str, Level | Literal["quiet"]]] = {
    "UNPAID": ("Unpaid", "warn"),
    "READY_TO_SHIP": ("Ready to ship", "info"),
    "PROCESSED": ("Processed", "info"),
    "RETRY_SHIP": ("Retry shipping", "warn"),
    "SHIPPED": ("Shipped", "info"),
    "TO_CONFIRM_RECEIVE": ("Awaiting receipt", "info"),
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
    "rewrap": "Rewrap secrets",
    "main_account": "Set up what was granted",
    "replay_events": "Replay events",
    "rebuild_orders": "Rebuild orders",
    "apply_rebuild": "Apply a rebuild",
    "discard_rebuild": "Discard a rebuild",
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

NOTICES: dict[str, Notice] = {
    "rebuild_applied": Notice("good", "The rebuild is being applied.", "Refresh to see how far it is."),
    "rebuild_discarded": Notice("good", "The orders stay as they are."),
    "connected": Notice("good", "The shop is connected.", "New pushes about it are worked on from now on."),
    "pending_confirmation": Notice(
        "warn",
        "Another shop than expected came back.",
        "No connection was changed. Look at what waits below: if it is yours, confirm it by typing its ID.",
    ),
    "denied": Notice("warn", "The shop was not connected.", "Access was refused on the marketplace's page."),
    "state_invalid": Notice(
        "bad",
        "The shop was not connected.",
        "This sign-in was not started here, or was started in another browser. Press Connect and try again.",
    ),
    "state_expired": Notice(
        "warn", "The sign-in took too long.", "It must be finished within ten minutes. Press Connect and try again."
    ),
    "code_invalid": Notice(
        "bad",
        "The marketplace's answer was not usable.",
        "Its code was used before, or is too old. Press Connect again.",
    ),
    "not_configured": Notice("warn", "Something is still missing here.", "Fill in the fields that are marked below."),
    "remote_error": Notice(
        "bad",
        "The marketplace could not be reached, or refused.",
        "Nothing was changed. Wait a minute, check partner ID and key, and try again.",
    ),
    "cannot_keep": Notice(
        "bad",
        "This server could not keep a new permission, so none was asked for.",
        "Its disk is full or cannot be written, or its master keys do not fit: the log says which. Then press Connect.",
    ),
    "already_connected": Notice(
        "info",
        "This shop is connected already.",
        "Its connection was left as it is. The new permission is kept aside: see below.",
    ),
    "saved": Notice("good", "Saved."),
    "unchanged": Notice("info", "Nothing was different, so nothing was changed."),
    "old_push_key_ended": Notice("good", "The old push key is no longer accepted."),
    "secret_removed": Notice("good", "The secret was removed."),
    "shop_confirmed": Notice("good", "The shop is connected.", "You confirmed it by its ID."),
    "switched": Notice("good", "You are signed in here now.", "Orders of this environment are worked on from now on."),
    "already_active": Notice("info", "This environment was active already.", "Nothing was changed."),
    "pushes_registered": Notice("good", "The pushes are registered.", "Run the checks to see that they stand."),
    "replay_queued": Notice(
        "good", "The replay has been queued.", "It goes on by itself, also when you leave this page."
    ),
    "backfill_queued": Notice(
        "good", "The back-fill has been queued.", "It goes on by itself, also when you leave this page."
    ),
    "discard_queued": Notice(
        "good", "The discarding has been queued.", "Nothing is deleted: each event stays and can be replayed."
    ),
    "event_discarded": Notice("good", "The event was discarded.", "It stays, and can be replayed."),
    "shop_paused": Notice("good", "The shop is paused.", "Its events are kept and wait until you resume it."),
    "shop_resumed": Notice("good", "The shop goes on.", "What waited is worked on now."),
    "shop_disconnected": Notice(
        "good", "The shop is disconnected.", "Its tokens are gone; its orders and events stay."
    ),
    "merchant_confirmed": Notice("good", "The merchant is connected.", "You confirmed it by its ID."),
    "merchant_paused": Notice(
        "good", "The merchant is paused.", "Its tokens are kept and renewed. Its shops go on as they are."
    ),
    "merchant_resumed": Notice("good", "The merchant goes on."),
    "merchant_disconnected": Notice("good", "The merchant is disconnected.", "Its tokens are gone."),
    "event_replayed": Notice("good", "The event is back in the queue.", "It is worked on again within seconds."),
    "unsealed": Notice(
        "good",
        "Confirmed.",
        "This environment is worked on again from now on. Pushes that were parked meanwhile can be replayed.",
    ),
    "copied": Notice("good", "Copied.", "Both environments are compared below as they stand now."),
    "cancel_requested": Notice("info", "The run was asked to stop.", "It stops before its next step."),
    "run_queued": Notice("good", "It runs now.", "This page says how far it is; it goes on though you leave."),
    "run_paused": Notice("info", "The run is paused.", "It rests before its next step, until somebody resumes it."),
    "run_resumed": Notice("good", "The run goes on.", "It goes on where it was."),
    "schedule_paused": Notice("info", "The schedule is paused.", "It does not come round until somebody resumes it."),
    "schedule_resumed": Notice("good", "The schedule goes on.", "If it missed its time, it runs once now."),
    "key_added": Notice("good", "The key joined the ring.", "Nothing is sealed with it until you promote it."),
    "key_promoted": Notice(
        "good",
        "The key is the primary now.",
        "What is stored from now on is sealed with it. Rewrap what was stored before.",
    ),
    "rewrap_started": Notice("good", "The rewrap has begun.", "It goes on by itself, also when you leave this page."),
    "rewrap_needless": Notice("info", "Everything was sealed with the primary key already."),
    "key_retired": Notice("good", "The key is retired.", "It may leave the key file now."),
    "signed_out": Notice("info", "You are signed out."),
    "challenge_ended": Notice("warn", "This sign-in took too long, or had too many tries.", "Start again."),
    "password_changed": Notice("good", "Your password was changed.", "All your other sessions were ended."),
    "session_ended": Notice("good", "The session was ended."),
    "sessions_ended": Notice("good", "The sessions were ended."),
    "totp_off": Notice("info", "The second factor is off.", "Signing in asks for a password alone now."),
    "passkey_added": Notice("good", "The passkey was added.", "From now on you can sign in with it."),
    "passkey_removed": Notice("good", "The passkey was removed.", "Nobody can sign in with it any more."),
    "last_passkey_removed": Notice(
        "info", "Your last passkey was removed.", "Signing in asks for a password alone now."
    ),
    "passkeys_removed": Notice("good", "The person's passkeys were removed."),
    "role_changed": Notice("good", "The role was changed.", "The person signs in again with the new role."),
    "person_disabled": Notice("good", "The person was disabled.", "All their sessions were ended."),
    "person_enabled": Notice("good", "The person can sign in again."),
    "token_revoked": Notice("good", "The token was revoked.", "Whoever uses it is refused from now on."),
}
UNKNOWN_NOTICE = Notice("info", "Back at the connection page.", "How it stands is shown below.")


def find_notice(code: str | None) -> Notice | None:
    """The notice of a status code from an address; an unknown code gets a neutral one."""
    if not code:
        return None
    return NOTICES.get(code, UNKNOWN_NOTICE)
