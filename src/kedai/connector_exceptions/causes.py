"""What Kedai's own codes of trouble mean. A marketplace's own codes are explained by its connector."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from kedai.values.cause import Cause

CAUSES: Final[Mapping[str, Cause]] = {
    "malformed": Cause(
        "A push cannot be understood",
        "The push was signed with your push key, so it is genuine, but its content is not what the marketplace's"
        " documents promise. Usually the marketplace has changed or added something.",
        "Open the event and look at its body. If the order it is about is missing, open that order at the marketplace;"
        " report the body to whoever maintains Kedai.",
    ),
    "stalled": Cause(
        "An event stops the worker",
        "The worker died three times while it worked on this event, most often because the machine ran out of memory.",
        "Look at the worker's log and its memory, then replay the event.",
    ),
    "unknown_shop": Cause(
        "Pushes come for a shop that is not connected",
        "The app is authorised by a shop that was never connected here, or was disconnected since.",
        "Connect the shop and replay its parked events, or remove its authorisation at the marketplace.",
    ),
    "order_not_found": Cause(
        "The marketplace does not know an order",
        "The push came before the order could be read, or it is about an order of another region or of a test.",
        "Wait a few minutes, then retry. If the marketplace's own page does not show the order, resolve this.",
    ),
    "needs_reconnect": Cause(
        "A shop must be connected again",
        "The seller took the authorisation back, it ended, or the shop's tokens were used up by another installation.",
        "Open the connector page and press Reconnect. What waited is worked on by itself after that.",
    ),
    "shop_disconnected": Cause(
        "A shop was disconnected at the marketplace",
        "The seller (or the marketplace) ended the authorisation of your app for this shop.",
        "If the shop shall be served further, open the connector page and press Reconnect.",
    ),
    "merchant_disconnected": Cause(
        "A merchant was disconnected at the marketplace",
        "The main account (or the marketplace) ended the authorisation of your app for this merchant.",
        "If it shall be served further, open the connector page and press Reconnect.",
    ),
    "authorization_ending": Cause(
        "An authorisation ends soon",
        "Sellers authorise an app for a time; this one's is nearly over.",
        "Open the connector page and press Reconnect now: nothing is lost by doing so early.",
    ),
    "not_configured": Cause(
        "Credentials are missing",
        "A field that is needed to sign calls is empty in this environment.",
        "Fill in the marked fields on the connector page. What waited goes on by itself.",
    ),
    "secret_unreadable": Cause(
        "A stored secret cannot be read",
        "It was stored with a master key that this installation was not given, or the stored value was damaged.",
        "Give Kedai the master key that the Keys page names, or enter the secret again.",
    ),
    "unavailable": Cause(
        "This machine cannot do its part",
        "A renewed token must be saved on this machine's disk before it is used, and that is not possible now.",
        "Look at the free space and the rights of the data directory.",
    ),
    "remote_unreadable": Cause(
        "The marketplace's answer cannot be read",
        "The answer was cut off, is no JSON, or lacks what its documents promise; sometimes a proxy answers instead.",
        "Retry in a few minutes. If it stays, read the last message below and ask the marketplace's support.",
    ),
    "remote_not_found": Cause(
        "The marketplace does not know an order",
        "The order belongs to another shop or region, or was removed at the marketplace.",
        "Look the order up at the marketplace; if it is not there, resolve this.",
    ),
    "sku_not_mapped": Cause(
        "Orders hold a product that is not in the SKU map",
        "The map is used in this environment, and an order came for a product or a variant that has no entry in it.",
        "Open SKU map and enter your SKU for it: this ends by itself then.",
    ),
    "run_failed": Cause(
        "A run was given up",
        "One of its steps failed ten times in a row; the runs page keeps what it said last.",
        "Open Runs, read the message, mend the cause and start the run again.",
    ),
    "kedai.error": Cause(
        "An event could not be applied",
        "The database refused what the marketplace answered, or Kedai itself has a fault.",
        "Read the last message below; retry once, and report it if it comes again.",
    ),
}

UNKNOWN: Final = Cause(
    "An unknown trouble",
    "Kedai does not know this code, so it cannot say what causes it.",
    "Read the last message below, look at the affected orders at the marketplace, and retry once.",
)


def explain(code: str) -> Cause:
    """What a code means; one that nobody wrote down gets `UNKNOWN`, which says so."""
    return CAUSES.get(code, UNKNOWN)
