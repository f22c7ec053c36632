"""What the line at the top of a page says after a deed: looked up by a code, never taken from a request."""

from __future__ import annotations

from dataclasses import dataclass

from kedai.web.dashboard.words import Level


@dataclass(frozen=True, slots=True)
class Notice:
    """A line at the top of a page: how it went, and what to do next."""

    level: Level
    title: str
    detail: str = ""


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
    "exception_resolved": Notice(
        "good", "The exception is resolved.", "Should it happen again, it comes back by itself, marked as such."
    ),
    "exception_reopened": Notice("good", "The exception is open again."),
    "exception_snoozed": Notice(
        "good", "The exception is snoozed.", "It goes on counting, and is open again after that time."
    ),
    "exception_assigned": Notice("good", "It is noted who looks after this."),
    "exception_noted": Notice("good", "The note was saved."),
    "exception_retried": Notice(
        "good", "It is being tried again.", "Whatever still fails raises this exception once more."
    ),
    "delivery_admitted": Notice(
        "good", "The delivery verified and was admitted.", "It is worked on now like any other push."
    ),
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
    "order_fetched": Notice("good", "Fetched again.", "The marketplace says something new: it stands below."),
    "order_same": Notice("info", "Fetched again.", "The marketplace says the same as before."),
    "notice_seen": Notice("good", "Marked as read."),
    "unsealed": Notice(
        "good",
        "Confirmed.",
        "This environment is worked on again from now on. Pushes that were parked meanwhile can be replayed.",
    ),
    "copied": Notice("good", "Copied.", "Both environments are compared below as they stand now."),
    "skus_saved": Notice("good", "Saved.", "Exceptions about products that are mapped now have ended by themselves."),
    "skus_imported": Notice(
        "good", "The file was imported.", "Exceptions about products that are mapped now have ended by themselves."
    ),
    "skus_copied": Notice("good", "Copied.", "Products that did not match are still without a SKU."),
    "sku_map_on": Notice("good", "Orders need the SKU map now.", "An order with a product that lacks a SKU is told."),
    "sku_map_off": Notice("info", "Orders do not need the SKU map any more.", "Open exceptions about it have ended."),
    "listings_queued": Notice(
        "good", "The listings are being fetched.", "It goes on by itself; look at this page again in a minute."
    ),
    "skus_complete": Notice("good", "Every product of this order is in the SKU map."),
    "skus_lacking": Notice(
        "warn", "Some products of this order are not in the SKU map.", "Enter your SKU on the page SKU map."
    ),
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
