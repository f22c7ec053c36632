"""What Shopee's error codes mean for an operator (contract §6.2 to §6.5)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from kedai.connectors.shopee.errors import bare_code
from kedai.values.cause import Cause
from kedai.values.wording import N_

_CONSOLE = "Shopee Open Platform console"

CAUSES: Final[Mapping[str, Cause]] = {
    "error_sign": Cause(
        N_("Shopee refuses the signature"),
        N_("The partner key does not belong to the partner ID, or it is the other environment's."),
        N_(
            "Copy partner ID and partner key again from the app's page in the %(console)s, for this very environment.",
            console=_CONSOLE,
        ),
    ),
    "invalid_partner_id": Cause(
        N_("Shopee does not know the app"),
        N_("The partner ID is mistyped, or it belongs to the other environment's host."),
        N_(
            "Compare the partner ID with the app's page in the %(console)s, and the host with the environment.",
            console=_CONSOLE,
        ),
    ),
    "error_partner_key_expired": Cause(
        N_("The partner key has expired"),
        N_("Partner keys end after a time, or the key was replaced in the console."),
        N_("Make a new key on the app's page in the %(console)s and enter it on the connector page.", console=_CONSOLE),
    ),
    "source_ip_undeclared": Cause(
        N_("Shopee refuses this server's IP address"),
        N_(
            "The app has a list of allowed IP addresses, and the one that this server calls from is not in it. The last"
            " message below names the address."
        ),
        N_(
            "Add the address in the %(console)s: App List, the app, IP Address Whitelist. "
            "Nothing is tried again sooner.",
            console=_CONSOLE,
        ),
    ),
    "error_api_permission": Cause(
        N_("The app may not use this part of the API"),
        N_("The app's type does not include this call, or its permission was taken away."),
        N_("Look at the app's permissions in the %(console)s, or ask Shopee for them.", console=_CONSOLE),
    ),
    "error_ashop_api_permission": Cause(
        N_("The shop may not use this part of the API"),
        N_("The app may, but this shop's type or region does not include the call."),
        N_("Ask Shopee which calls the shop may use."),
    ),
    "error_api_call_restricted": Cause(
        N_("Shopee restricts the app's calls"),
        N_("Shopee has limited the app for a time, often after too many bad calls."),
        N_("Read the messages in the %(console)s and ask Shopee's support.", console=_CONSOLE),
    ),
    "api_suspended": Cause(
        N_("Shopee has suspended this API"),
        N_("The call is switched off at Shopee, for everyone or for this app."),
        N_("Look at Shopee's announcements; retry when it is back."),
    ),
    "shop_banned": Cause(
        N_("The shop is banned"),
        N_("Shopee has banned the shop; nothing can be read or written until that ends."),
        N_("Open the Seller Centre of the shop and read why."),
    ),
    "user_banned": Cause(
        N_("The seller's account is banned"),
        N_("Shopee has banned the account that owns the shop."),
        N_("Open the Seller Centre of the shop and read why."),
    ),
    "partner_frozen": Cause(
        N_("The app is frozen"),
        N_("Shopee has frozen the developer's account or the app."),
        N_("Read the messages in the %(console)s and ask Shopee's support.", console=_CONSOLE),
    ),
    "error_kyc_auth": Cause(
        N_("The seller must prove who they are"),
        N_("Shopee asks the shop's owner for documents before it lets apps in."),
        N_("Let the seller finish the identity check in the Seller Centre."),
    ),
    "error_param": Cause(
        N_("Shopee refuses a field of the call"),
        N_("An order number or another field is not what Shopee expects; an order may be of another shop or too old."),
        N_("Look at the affected order at Shopee. If it is there and looks like others, report the last message."),
    ),
    "error_auth": Cause(
        N_("Shopee refuses the shop's authorisation"),
        N_("The token, the shop and the app do not belong together, or the app lost a permission."),
        N_("Open the connector page, run the checks, and reconnect the shop if they say so."),
    ),
    "error_permission": Cause(
        N_("Shopee denies access"),
        N_("The order or the call belongs to a shop that your app may not read."),
        N_("Look whether the order is this shop's; reconnect the shop if it is."),
    ),
    "error_not_found": Cause(
        N_("Shopee does not know what was asked for"),
        N_("The order was removed, is of another shop, or cannot be read yet."),
        N_("Wait a few minutes and retry; resolve this if Shopee does not show it either."),
    ),
    "order_not_found": Cause(
        N_("Shopee does not know an order"),
        N_("The order was removed, is of another shop or region, or cannot be read yet."),
        N_("Wait a few minutes and retry; resolve this if Shopee does not show it either."),
    ),
    "error_data": Cause(
        N_("Shopee cannot read its own data"),
        N_("Something in the order is damaged or unusual at Shopee."),
        N_("Retry in a few minutes; if it stays, send Shopee's support the last message with its request id."),
    ),
}


def explain(code: str) -> Cause | None:
    """What a code means, with or without its module's prefix; None where nobody wrote it down."""
    return CAUSES.get(bare_code(code))
