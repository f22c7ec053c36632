"""How a shop is connected to Shopee: the link to the consent page, and what is sent for token pairs."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Final
from urllib.parse import quote, urlencode

import msgspec

from kedai.connectors.shopee.credentials import parse_id
from kedai.connectors.shopee.mapping import to_ids, to_token_set
from kedai.connectors.shopee.schemas import Tokens
from kedai.connectors.shopee.sign import sign_public
from kedai.errors import Invalid, RemoteUnreadable
from kedai.values.app import ConsentLink
from kedai.values.credentials import Credentials, Grant
from kedai.values.secret import Secret
from kedai.values.wording import N_

AUTHORIZE_PATH: Final = "/api/v2/shop/auth_partner"
EXCHANGE_PATH: Final = "/api/v2/auth/token/get"
REFRESH_PATH: Final = "/api/v2/auth/access_token/get"
SIGN_IN_PATH: Final = "/auth"

_CODE = re.compile(r"[!-~]{1,512}")


@dataclass(frozen=True, slots=True)
class Subject:
    """Whom a token pair is for: the field that names its kind (``shop_id``, ``merchant_id``…), and its id."""

    name: str
    id: str

    def as_field(self) -> dict[str, int]:
        """The field as Shopee's JSON wants it. Raises `Invalid` for what is no id."""
        return {self.name: to_number(self.id, self.name)}


def authorization_url(
    credentials: Credentials, redirect_url: str, now: datetime, *, state: str, link: ConsentLink
) -> str:
    """Build the link to the consent page (contract §3.1).

    ``SIGNED`` is "format B": dead after five minutes, and without a ``state``. ``SIGN_IN`` is "format A": unsigned, its
    ``state`` is echoed. A nonce in the redirect URL's own query survives the round trip of both.
    """
    if link is ConsentLink.SIGN_IN:
        return _sign_in_url(credentials, redirect_url, state)
    timestamp = int(now.timestamp())
    query = {
        "partner_id": credentials.partner_id,
        "timestamp": str(timestamp),
        "sign": sign_public(credentials.partner_key, credentials.partner_id, AUTHORIZE_PATH, timestamp),
        "redirect": redirect_url,
    }
    return f"{credentials.api_url}{AUTHORIZE_PATH}?{_encode(query)}"


def _sign_in_url(credentials: Credentials, redirect_url: str, state: str) -> str:
    query = {
        "partner_id": credentials.partner_id,
        "auth_type": "seller",
        "redirect_uri": redirect_url,
        "response_type": "code",
    }
    # A host of the installer's may name the sign-in server alone.
    base = credentials.auth_url.removesuffix(SIGN_IN_PATH)
    return f"{base}{SIGN_IN_PATH}?{_encode(query | ({'state': state} if state else {}))}"


def _encode(query: Mapping[str, str]) -> str:
    return urlencode(query, quote_via=quote, safe="")


def exchange_body(credentials: Credentials, code: str, subject: Subject) -> bytes:
    """Write what the code is exchanged with (contract §3.3): the partner id stands here and in the query.

    Raises:
        Invalid: the code or the id cannot be one; nothing needs to be asked.
    """
    if not _CODE.fullmatch(code):
        raise Invalid(N_("This is no authorisation code."), field="code")
    partner_id = to_number(credentials.partner_id, "partner_id")
    return msgspec.json.encode({"code": code, "partner_id": partner_id, **subject.as_field()})


def refresh_body(credentials: Credentials, refresh_token: Secret, subject: Subject) -> bytes:
    """Write what a refresh token is used up with (contract §3.4)."""
    partner_id = to_number(credentials.partner_id, "partner_id")
    sent = {"refresh_token": refresh_token.reveal(), "partner_id": partner_id, **subject.as_field()}
    return msgspec.json.encode(sent)


def to_grant(tokens: Tokens, subject: Subject, now: datetime) -> Grant:
    """Turn an exchange's answer into a grant; only a main account's answer lists whom it is for (contract §3.3)."""
    shop_ids = to_ids(tokens.shop_id_list)
    asked_for_a_shop = subject.name == "shop_id"
    return Grant(
        tokens=to_token_set(tokens, now),
        shop_ids=shop_ids or ((subject.id,) if asked_for_a_shop else ()),
        merchant_ids=to_ids(tokens.merchant_id_list),
    )


def check_subject(tokens: Tokens, subject: Subject) -> None:
    """Make sure that a pair is this shop's or merchant's before it is stored under its name.

    Raises:
        RemoteUnreadable: the answer names another one.
    """
    told = tokens.shop_id if subject.name == "shop_id" else tokens.merchant_id
    if told is not None and str(told) != subject.id:
        raise RemoteUnreadable(N_("Shopee's answer holds the tokens of another shop or merchant."))


def to_number(text: str, field: str = "shop_id") -> int:
    """Turn an id into the number that Shopee's JSON wants.

    Raises:
        Invalid: it is no id (contract §7.1).
    """
    number = parse_id(text)
    if number is None:
        raise Invalid(N_("This is no id of Shopee's."), field=field)
    return number
