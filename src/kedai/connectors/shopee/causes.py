"""What Shopee's error codes mean for an operator (contract §6.2 to §6.5)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from kedai.connectors.shopee.errors import bare_code
from kedai.values.cause import Cause

_CONSOLE = "Shopee Open Platform console"

CAUSES: Final[Mapping[str, Cause]] = {
    "error_sign": Cause(
        "Shopee refuses the signature",
        "The partner key does not belong to the partner ID, or it is the other environment's.",
        f"Copy partner ID and partner key again from the app's page in the {_CONSOLE}, for this very environment.",
    ),
    "invalid_partner_id": Cause(
        "Shopee does not know the app",
        "The partner ID is mistyped, or it belongs to the other environment's host.",
        f"Compare the partner ID with the app's page in the {_CONSOLE}, and the host with the environment.",
    ),
    "error_partner_key_expired": Cause(
        "The partner key has expired",
        "Partner keys end after a time, or the key was replaced in the console.",
        f"Make a new key on the app's page in the {_CONSOLE} and enter it on the connector page.",
    ),
    "source_ip_undeclared": Cause(
        "Shopee refuses this server's IP address",
        "The app has a list of allowed IP addresses, and the one that this server calls from is not in it. The last"
        " message below names the address.",
        f"Add the address in the {_CONSOLE}: App List, the app, IP Address Whitelist. Nothing is tried again sooner.",
    ),
    "error_api_permission": Cause(
        "The app may not use this part of the API",
        "The app's type does not include this call, or its permission was taken away.",
        f"Look at the app's permissions in the {_CONSOLE}, or ask Shopee for them.",
    ),
    "error_ashop_api_permission": Cause(
        "The shop may not use this part of the API",
        "The app may, but this shop's type or region does not include the call.",
        "Ask Shopee which calls the shop may use.",
    ),
    "error_api_call_restricted": Cause(
        "Shopee restricts the app's calls",
        "Shopee has limited the app for a time, often after too many bad calls.",
        f"Read the messages in the {_CONSOLE} and ask Shopee's support.",
    ),
    "api_suspended": Cause(
        "Shopee has suspended this API",
        "The call is switched off at Shopee, for everyone or for this app.",
        "Look at Shopee's announcements; retry when it is back.",
    ),
    "shop_banned": Cause(
        "The shop is banned",
        "Shopee has banned the shop; nothing can be read or written until that ends.",
        "Open the Seller Centre of the shop and read why.",
    ),
    "user_banned": Cause(
        "The seller's account is banned",
        "Shopee has banned the account that owns the shop.",
        "Open the Seller Centre of the shop and read why.",
    ),
    "partner_frozen": Cause(
        "The app is frozen",
        "Shopee has frozen the developer's account or the app.",
        f"Read the messages in the {_CONSOLE} and ask Shopee's support.",
    ),
    "error_kyc_auth": Cause(
        "The seller must prove who they are",
        "Shopee asks the shop's owner for documents before it lets apps in.",
        "Let the seller finish the identity check in the Seller Centre.",
    ),
    "error_param": Cause(
        "Shopee refuses a field of the call",
        "An order number or another field is not what Shopee expects; an order may be of another shop or too old.",
        "Look at the affected order at Shopee. If it is there and looks like others, report the last message.",
    ),
    "error_auth": Cause(
        "Shopee refuses the shop's authorisation",
        "The token, the shop and the app do not belong together, or the app lost a permission.",
        "Open the connector page, run the checks, and reconnect the shop if they say so.",
    ),
    "error_permission": Cause(
        "Shopee denies access",
        "The order or the call belongs to a shop that your app may not read.",
        "Look whether the order is this shop's; reconnect the shop if it is.",
    ),
    "error_not_found": Cause(
        "Shopee does not know what was asked for",
        "The order was removed, is of another shop, or cannot be read yet.",
        "Wait a few minutes and retry; resolve this if Shopee does not show it either.",
    ),
    "order_not_found": Cause(
        "Shopee does not know an order",
        "The order was removed, is of another shop or region, or cannot be read yet.",
        "Wait a few minutes and retry; resolve this if Shopee does not show it either.",
    ),
    "error_data": Cause(
        "Shopee cannot read its own data",
        "Something in the order is damaged or unusual at Shopee.",
        "Retry in a few minutes; if it stays, send Shopee's support the last message with its request id.",
    ),
}


def explain(code: str) -> Cause | None:
    """What a code means, with or without its module's prefix; None where nobody wrote it down."""
    return CAUSES.get(bare_code(code))
