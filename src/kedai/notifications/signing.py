"""The Standard Webhooks scheme: who holds the channel's secret can tell that a webhook came from here, and when."""

from __future__ import annotations

import base64
import hashlib
import hmac
import secrets
from datetime import datetime
from typing import Final

from kedai.values.secret import Secret

PREFIX: Final = "whsec_"
_SECRET_BYTES: Final = 32


def new_signing_secret() -> Secret:
    """A fresh secret, in the form that the scheme's libraries take."""
    return Secret(PREFIX + base64.b64encode(secrets.token_bytes(_SECRET_BYTES)).decode())


def signed_headers(secret: Secret, message_id: str, body: bytes, *, now: datetime) -> dict[str, str]:
    """``webhook-id`` stays the same for every try; timestamp and signature are this one's."""
    timestamp = str(int(now.timestamp()))
    key = base64.b64decode(secret.reveal().removeprefix(PREFIX))
    digest = hmac.new(key, b".".join((message_id.encode(), timestamp.encode(), body)), hashlib.sha256).digest()
    return {
        "webhook-id": message_id,
        "webhook-timestamp": timestamp,
        "webhook-signature": f"v1,{base64.b64encode(digest).decode()}",
    }
