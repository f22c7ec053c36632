"""How a shop is connected to Shopee: the link to the consent page, and what is sent for token pairs."""

from __future__ import annotations

import re
from datetime import datetime
from typing import Final
from urllib.parse import quote, urlencode

import msgspec

from kedai.connectors.shopee.credentials import parse_id
from kedai.connectors.shopee.mapping import to_token_set
from kedai.connectors.shopee.schemas import Tokens
from kedai.connectors.shopee.sign import sign_public
from kedai.errors import Invalid, RemoteUnreadable
from kedai.values.credentials import Credentials, Grant
from kedai.values.secret import Secret

AUTHORIZE_PATH: Final = "/api/v2/shop/auth_partner"
EXCHANGE_PATH: Final = "/api/v2/auth/token/get"
REFRESH_PATH: Final = "/api/v2/auth/access_token/get"

_CODE = re.compile(r"[!-~]{1,512}")


def authorization_url(credentials: Credentials, redirect_url: str, now: datetime) -> str:
    """Build the signed link to the consent page, "format B"; it is dead after five minutes (contract §3.1).

    It takes no ``state``: a nonce belongs into the redirect URL's own query, which survives the round trip.
    """
    timestamp = int(now.timestamp())
    query = {
        "partner_id": credentials.partner_id,
        "timestamp": str(timestamp),
        "sign": sign_public(credentials.partner_key, credentials.partner_id, AUTHORIZE_PATH, timestamp),
        "redirect": redirect_url,
    }
    return f"{credentials.api_url}{AUTHORIZE_PATH}?{urlencode(query, quote_via=quote, safe='')}"


def exchange_body(credentials: Credentials, code: str, shop_id: str) -> bytes:
    """Write what the code is exchanged with (contract §3.3): the partner id stands here and in the query.

    Raises:
        Invalid: the code or the shop id cannot be one; nothing needs to be asked.
    """
    if not _CODE.fullmatch(code):
        raise Invalid("This is no authorisation code.", field="code")
    return msgspec.json.encode(
        {"code": code, "partner_id": to_number(credentials.partner_id, "partner_id"), "shop_id": to_number(shop_id)}
    )


def refresh_body(credentials: Credentials, refresh_token: Secret, shop_id: str) -> bytes:
    """Write what a refresh token is used up with (contract §3.4)."""
    return msgspec.json.encode(
        {
            "refresh_token": refresh_token.reveal(),
            "partner_id": to_number(credentials.partner_id, "partner_id"),
            "shop_id": to_number(shop_id),
        }
    )


def to_grant(tokens: Tokens, shop_id: str, now: datetime) -> Grant:
    """Turn the answer of an exchange into a grant; only a main account's answer lists shops (contract §3.3)."""
    listed = [str(number) for number in tokens.shop_id_list or ()]
    return Grant(to_token_set(tokens, now), tuple(dict.fromkeys(listed)) or (shop_id,))


def check_shop(tokens: Tokens, shop_id: str) -> None:
    """Make sure that a pair is this shop's before it is stored under its name.

    Raises:
        RemoteUnreadable: the answer names another shop.
    """
    if tokens.shop_id is not None and str(tokens.shop_id) != shop_id:
        raise RemoteUnreadable("Shopee's answer holds the tokens of another shop.")


def to_number(text: str, field: str = "shop_id") -> int:
    """Turn an id into the number that Shopee's JSON wants.

    Raises:
        Invalid: it is no id (contract §7.1).
    """
    number = parse_id(text)
    if number is None:
        raise Invalid("This is no id of Shopee's.", field=field)
    return number
