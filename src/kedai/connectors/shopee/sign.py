"""Computes Shopee's signatures; it knows keys and bytes, and nothing of the network."""

from __future__ import annotations

import hmac

from kedai.values.secret import Secret


def sign_public(partner_key: Secret, partner_id: str, path: str, timestamp: int) -> str:
    """Sign a call of the Public class (contract §2.1): 64 lower-case hex digits.

    ``path`` is the full path from ``/api/v2/`` on, without host and query; ``timestamp`` is Unix seconds.
    """
    return _hex(partner_key, f"{partner_id}{path}{timestamp}".encode())


def sign_shop(
    partner_key: Secret, partner_id: str, path: str, timestamp: int, *, access_token: Secret, shop_id: str
) -> str:
    """Sign a call of the Shop class (contract §2.1): as `sign_public`, then the access token and the shop."""
    return _hex(partner_key, f"{partner_id}{path}{timestamp}{access_token.reveal()}{shop_id}".encode())


def sign_merchant(
    partner_key: Secret, partner_id: str, path: str, timestamp: int, *, access_token: Secret, merchant_id: str
) -> str:
    """Sign a call of the Merchant class (contract §2.1): as `sign_public`, then the access token and the merchant."""
    return _hex(partner_key, f"{partner_id}{path}{timestamp}{access_token.reveal()}{merchant_id}".encode())


def sign_push(push_key: Secret, callback_url: str, raw_body: bytes) -> str:
    """Sign a push (contract §4.1): the URL exactly as registered, a bar, the bytes exactly as sent.

    Public, so that tests and tools can send pushes that verify.
    """
    return _hex(push_key, callback_url.encode() + b"|" + raw_body)


def _hex(key: Secret, message: bytes) -> str:
    # The key's bytes are its characters: it looks like hex, but is never decoded.
    return hmac.digest(key.reveal().encode(), message, "sha256").hex()
