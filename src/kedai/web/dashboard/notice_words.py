"""What the line at the top of a page says after a deed: looked up by a code, never taken from a request."""

from __future__ import annotations

from dataclasses import dataclass

from kedai.values.wording import N_
from kedai.web.dashboard.words import Level


@dataclass(frozen=True, slots=True)
class Notice:
    """A line at the top of a page: how it went, and what to do next."""

    level: Level
    title: str
    detail: str = ""


NOTICES: dict[str, Notice] = {
    "rebuild_applied": Notice("good", N_("The rebuild is being applied."), N_("Refresh to see how far it is.")),
    "rebuild_discarded": Notice("good", N_("The orders stay as they are.")),
    "connected": Notice("good", N_("The shop is connected."), N_("New pushes about it are worked on from now on.")),
    "pending_confirmation": Notice(
        "warn",
        N_("Another shop than expected came back."),
        N_("No connection was changed. Look at what waits below: if it is yours, confirm it by typing its ID."),
    ),
    "denied": Notice("warn", N_("The shop was not connected."), N_("Access was refused on the marketplace's page.")),
    "state_invalid": Notice(
        "bad",
        N_("The shop was not connected."),
        N_("This sign-in was not started here, or was started in another browser. Press Connect and try again."),
    ),
    "state_expired": Notice(
        "warn",
        N_("The sign-in took too long."),
        N_("It must be finished within ten minutes. Press Connect and try again."),
    ),
    "code_invalid": Notice(
        "bad",
        N_("The marketplace's answer was not usable."),
        N_("Its code was used before, or is too old. Press Connect again."),
    ),
    "not_configured": Notice(
        "warn", N_("Something is still missing here."), N_("Fill in the fields that are marked below.")
    ),
    "remote_error": Notice(
        "bad",
        N_("The marketplace could not be reached, or refused."),
        N_("Nothing was changed. Wait a minute, check partner ID and key, and try again."),
    ),
    "cannot_keep": Notice(
        "bad",
        N_("This server could not keep a new permission, so none was asked for."),
        N_(
            "Its disk is full or cannot be written, or its master keys do not fit: the log says which. Then "
            "press Connect."
        ),
    ),
    "already_connected": Notice(
        "info",
        N_("This shop is connected already."),
        N_("Its connection was left as it is. The new permission is kept aside: see below."),
    ),
    "undone": Notice("good", N_("Undone."), N_("It stands as it did before.")),
    "not_undone": Notice(
        "warn",
        N_("It was not undone."),
        N_("It has been changed since, or cannot be set back any more. Nothing was changed now: see how it stands."),
    ),
    "saved": Notice("good", N_("Saved.")),
    "time_zone": Notice("good", N_("Times are shown in your time zone now.")),
    "view_removed": Notice("good", N_("The view was removed.")),
    "unchanged": Notice("info", N_("Nothing was different, so nothing was changed.")),
    "old_push_key_ended": Notice("good", N_("The old push key is no longer accepted.")),
    "secret_removed": Notice("good", N_("The secret was removed.")),
    "shop_confirmed": Notice("good", N_("The shop is connected."), N_("You confirmed it by its ID.")),
    "switched": Notice(
        "good", N_("You are signed in here now."), N_("Orders of this environment are worked on from now on.")
    ),
    "already_active": Notice("info", N_("This environment was active already."), N_("Nothing was changed.")),
    "pushes_registered": Notice("good", N_("The pushes are registered."), N_("Run the checks to see that they stand.")),
    "replay_queued": Notice(
        "good", N_("The replay has been queued."), N_("It goes on by itself, also when you leave this page.")
    ),
    "backfill_queued": Notice(
        "good", N_("The back-fill has been queued."), N_("It goes on by itself, also when you leave this page.")
    ),
    "discard_queued": Notice(
        "good", N_("The discarding has been queued."), N_("Nothing is deleted: each event stays and can be replayed.")
    ),
    "event_discarded": Notice("good", N_("The event was discarded."), N_("It stays, and can be replayed.")),
    "exception_resolved": Notice(
        "good", N_("The exception is resolved."), N_("Should it happen again, it comes back by itself, marked as such.")
    ),
    "exception_reopened": Notice("good", N_("The exception is open again.")),
    "exception_snoozed": Notice(
        "good", N_("The exception is snoozed."), N_("It goes on counting, and is open again after that time.")
    ),
    "exception_assigned": Notice("good", N_("It is noted who looks after this.")),
    "exception_noted": Notice("good", N_("The note was saved.")),
    "exception_retried": Notice(
        "good", N_("It is being tried again."), N_("Whatever still fails raises this exception once more.")
    ),
    "delivery_admitted": Notice(
        "good", N_("The delivery verified and was admitted."), N_("It is worked on now like any other push.")
    ),
    "shop_paused": Notice("good", N_("The shop is paused."), N_("Its events are kept and wait until you resume it.")),
    "shop_resumed": Notice("good", N_("The shop goes on."), N_("What waited is worked on now.")),
    "shop_disconnected": Notice(
        "good", N_("The shop is disconnected."), N_("Its tokens are gone; its orders and events stay.")
    ),
    "merchant_confirmed": Notice("good", N_("The merchant is connected."), N_("You confirmed it by its ID.")),
    "merchant_paused": Notice(
        "good", N_("The merchant is paused."), N_("Its tokens are kept and renewed. Its shops go on as they are.")
    ),
    "merchant_resumed": Notice("good", N_("The merchant goes on.")),
    "merchant_disconnected": Notice("good", N_("The merchant is disconnected."), N_("Its tokens are gone.")),
    "event_replayed": Notice(
        "good", N_("The event is back in the queue."), N_("It is worked on again within seconds.")
    ),
    "order_fetched": Notice("good", N_("Fetched again."), N_("The marketplace says something new: it stands below.")),
    "order_same": Notice("info", N_("Fetched again."), N_("The marketplace says the same as before.")),
    "notice_seen": Notice("good", N_("Marked as read.")),
    "unsealed": Notice(
        "good",
        N_("Confirmed."),
        N_("This environment is worked on again from now on. Pushes that were parked meanwhile can be replayed."),
    ),
    "copied": Notice("good", N_("Copied."), N_("Both environments are compared below as they stand now.")),
    "skus_saved": Notice(
        "good", N_("Saved."), N_("Exceptions about products that are mapped now have ended by themselves.")
    ),
    "skus_imported": Notice(
        "good",
        N_("The file was imported."),
        N_("Exceptions about products that are mapped now have ended by themselves."),
    ),
    "skus_copied": Notice("good", N_("Copied."), N_("Products that did not match are still without a SKU.")),
    "sku_map_on": Notice(
        "good", N_("Orders need the SKU map now."), N_("An order with a product that lacks a SKU is told.")
    ),
    "sku_map_off": Notice(
        "info", N_("Orders do not need the SKU map any more."), N_("Open exceptions about it have ended.")
    ),
    "listings_queued": Notice(
        "good", N_("The listings are being fetched."), N_("It goes on by itself; look at this page again in a minute.")
    ),
    "skus_complete": Notice("good", N_("Every product of this order is in the SKU map.")),
    "skus_lacking": Notice(
        "warn", N_("Some products of this order are not in the SKU map."), N_("Enter your SKU on the page SKU map.")
    ),
    "cancel_requested": Notice("info", N_("The run was asked to stop."), N_("It stops before its next step.")),
    "run_queued": Notice("good", N_("It runs now."), N_("This page says how far it is; it goes on though you leave.")),
    "run_paused": Notice(
        "info", N_("The run is paused."), N_("It rests before its next step, until somebody resumes it.")
    ),
    "run_resumed": Notice("good", N_("The run goes on."), N_("It goes on where it was.")),
    "schedule_paused": Notice(
        "info", N_("The schedule is paused."), N_("It does not come round until somebody resumes it.")
    ),
    "schedule_resumed": Notice("good", N_("The schedule goes on."), N_("If it missed its time, it runs once now.")),
    "key_added": Notice("good", N_("The key joined the ring."), N_("Nothing is sealed with it until you promote it.")),
    "key_promoted": Notice(
        "good",
        N_("The key is the primary now."),
        N_("What is stored from now on is sealed with it. Rewrap what was stored before."),
    ),
    "rewrap_started": Notice(
        "good", N_("The rewrap has begun."), N_("It goes on by itself, also when you leave this page.")
    ),
    "rewrap_needless": Notice("info", N_("Everything was sealed with the primary key already.")),
    "key_retired": Notice("good", N_("The key is retired."), N_("It may leave the key file now.")),
    "signed_out": Notice("info", N_("You are signed out.")),
    "challenge_ended": Notice("warn", N_("This sign-in took too long, or had too many tries."), N_("Start again.")),
    "password_changed": Notice("good", N_("Your password was changed."), N_("All your other sessions were ended.")),
    "session_ended": Notice("good", N_("The session was ended.")),
    "sessions_ended": Notice("good", N_("The sessions were ended.")),
    "totp_off": Notice("info", N_("The second factor is off."), N_("Signing in asks for a password alone now.")),
    "passkey_added": Notice("good", N_("The passkey was added."), N_("From now on you can sign in with it.")),
    "passkey_removed": Notice("good", N_("The passkey was removed."), N_("Nobody can sign in with it any more.")),
    "last_passkey_removed": Notice(
        "info", N_("Your last passkey was removed."), N_("Signing in asks for a password alone now.")
    ),
    "passkeys_removed": Notice("good", N_("The person's passkeys were removed.")),
    "role_changed": Notice("good", N_("The role was changed."), N_("The person signs in again with the new role.")),
    "person_disabled": Notice("good", N_("The person was disabled."), N_("All their sessions were ended.")),
    "person_enabled": Notice("good", N_("The person can sign in again.")),
    "channel_added": Notice("good", N_("The channel was added."), N_("Send a test, so that you know that it works.")),
    "channel_saved": Notice("good", N_("Saved."), N_("Send a test, so that you know that it works.")),
    "channel_paused": Notice(
        "info", N_("The channel is paused."), N_("Nobody is told by it until somebody resumes it.")
    ),
    "channel_resumed": Notice("good", N_("The channel goes on."), N_("It is told of what begins from now on.")),
    "channel_removed": Notice("good", N_("The channel was removed.")),
    "test_sent": Notice("good", N_("The test was taken."), N_("Look whether it arrived where you expect it.")),
    "test_failed": Notice("bad", N_("The test was not taken."), N_("The channel says why.")),
    "token_revoked": Notice("good", N_("The token was revoked."), N_("Whoever uses it is refused from now on.")),
}
UNKNOWN_NOTICE = Notice("info", N_("Back at the connection page."), N_("How it stands is shown below."))


def find_notice(code: str | None) -> Notice | None:
    """The notice of a status code from an address; an unknown code gets a neutral one."""
    if not code:
        return None
    return NOTICES.get(code, UNKNOWN_NOTICE)
