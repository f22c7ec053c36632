"""What Kedai's own codes of trouble mean. A marketplace's own codes are explained by its connector."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from kedai.values.cause import Cause
from kedai.values.wording import N_

CAUSES: Final[Mapping[str, Cause]] = {
    "malformed": Cause(
        N_("A push cannot be understood"),
        N_(
            "The push was signed with your push key, so it is genuine, but its content is not what the marketplace's"
            " documents promise. Usually the marketplace has changed or added something."
        ),
        N_(
            "Open the event and look at its body. If the order it is about is missing, open that order at the"
            " marketplace; report the body to whoever maintains Kedai."
        ),
    ),
    "stalled": Cause(
        N_("An event stops the worker"),
        N_(
            "The worker died three times while it worked on this event, most often because the machine ran out"
            " of memory."
        ),
        N_("Look at the worker's log and its memory, then replay the event."),
    ),
    "unknown_shop": Cause(
        N_("Pushes come for a shop that is not connected"),
        N_("The app is authorised by a shop that was never connected here, or was disconnected since."),
        N_("Connect the shop and replay its parked events, or remove its authorisation at the marketplace."),
    ),
    "order_not_found": Cause(
        N_("The marketplace does not know an order"),
        N_("The push came before the order could be read, or it is about an order of another region or of a test."),
        N_("Wait a few minutes, then retry. If the marketplace's own page does not show the order, resolve this."),
    ),
    "needs_reconnect": Cause(
        N_("A shop must be connected again"),
        N_(
            "The seller took the authorisation back, it ended, or the shop's tokens were used up by another"
            " installation."
        ),
        N_("Open the connector page and press Reconnect. What waited is worked on by itself after that."),
    ),
    "shop_disconnected": Cause(
        N_("A shop was disconnected at the marketplace"),
        N_("The seller (or the marketplace) ended the authorisation of your app for this shop."),
        N_("If the shop shall be served further, open the connector page and press Reconnect."),
    ),
    "merchant_disconnected": Cause(
        N_("A merchant was disconnected at the marketplace"),
        N_("The main account (or the marketplace) ended the authorisation of your app for this merchant."),
        N_("If it shall be served further, open the connector page and press Reconnect."),
    ),
    "authorization_ending": Cause(
        N_("An authorisation ends soon"),
        N_("Sellers authorise an app for a time; this one's is nearly over."),
        N_("Open the connector page and press Reconnect now: nothing is lost by doing so early."),
    ),
    "not_configured": Cause(
        N_("Credentials are missing"),
        N_("A field that is needed to sign calls is empty in this environment."),
        N_("Fill in the marked fields on the connector page. What waited goes on by itself."),
    ),
    "secret_unreadable": Cause(
        N_("A stored secret cannot be read"),
        N_("It was stored with a master key that this installation was not given, or the stored value was damaged."),
        N_("Give Kedai the master key that the Keys page names, or enter the secret again."),
    ),
    "unavailable": Cause(
        N_("This machine cannot do its part"),
        N_("A renewed token must be saved on this machine's disk before it is used, and that is not possible now."),
        N_("Look at the free space and the rights of the data directory."),
    ),
    "remote_unreadable": Cause(
        N_("The marketplace's answer cannot be read"),
        N_(
            "The answer was cut off, is no JSON, or lacks what its documents promise; sometimes a proxy answers"
            " instead."
        ),
        N_("Retry in a few minutes. If it stays, read the last message below and ask the marketplace's support."),
    ),
    "remote_not_found": Cause(
        N_("The marketplace does not know an order"),
        N_("The order belongs to another shop or region, or was removed at the marketplace."),
        N_("Look the order up at the marketplace; if it is not there, resolve this."),
    ),
    "sku_not_mapped": Cause(
        N_("Orders hold a product that is not in the SKU map"),
        N_(
            "The map is used in this environment, and an order came for a product or a variant that has no entry in it."
        ),
        N_("Open SKU map and enter your SKU for it: this ends by itself then."),
    ),
    "run_failed": Cause(
        N_("A run was given up"),
        N_("One of its steps failed ten times in a row; the runs page keeps what it said last."),
        N_("Open Runs, read the message, mend the cause and start the run again."),
    ),
    "kedai.error": Cause(
        N_("An event could not be applied"),
        N_("The database refused what the marketplace answered, or Kedai itself has a fault."),
        N_("Read the last message below; retry once, and report it if it comes again."),
    ),
}

UNKNOWN: Final = Cause(
    N_("An unknown trouble"),
    N_("Kedai does not know this code, so it cannot say what causes it."),
    N_("Read the last message below, look at the affected orders at the marketplace, and retry once."),
)


def explain(code: str) -> Cause:
    """What a code means; one that nobody wrote down gets `UNKNOWN`, which says so."""
    return CAUSES.get(code, UNKNOWN)
