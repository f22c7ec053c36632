"""Computes the two signatures of the marketplace, of an API call and of a push (contract §2.1 and §4.1)."""

from __future__ import annotations

import hmac


def sign_call(partner_key: str, base_string: str) -> str:
    """Return 64 lower-case hex digits; the key's bytes are its characters, it is never hex-decoded."""
    return hmac.digest(partner_key.encode(), base_string.encode(), "sha256").hex()


def sign_push(push_partner_key: str, callback_url: str, raw_body: bytes) -> str:
    """Return the ``Authorization`` value of a push: URL exactly as configured, a bar, the bytes exactly as sent."""
    return hmac.digest(push_partner_key.encode(), callback_url.encode() + b"|" + raw_body, "sha256").hex()


def is_same(expected: str, given: str) -> bool:
    """Compare in constant time; other than ASCII never matches."""
    return given.isascii() and hmac.compare_digest(expected, given)
