"""Makes the texts of session and API tokens, and the hash that is all we keep of them."""

from __future__ import annotations

import base64
import hashlib
import re
import secrets

from kedai.values.environment import Environment
from kedai.values.secret import Secret

_RANDOM_BYTES = 32
_READABLE_BYTES = 10
_SESSION_TOKEN = re.compile(r"[A-Za-z0-9_-]{43}")
_API_TOKEN = re.compile(r"kedai_(sandbox|live)_[A-Za-z0-9_-]{43}")


def new_session_token() -> Secret:
    """256 random bits, URL-safe."""
    return Secret(secrets.token_urlsafe(_RANDOM_BYTES))


def new_api_token(environment: Environment) -> Secret:
    """``kedai_{environment}_`` and 256 random bits; the prefix shows the environment, also to secret scanners."""
    return Secret(f"kedai_{environment.value}_{secrets.token_urlsafe(_RANDOM_BYTES)}")


def new_readable_secret() -> Secret:
    """80 random bits in four groups that can be read out and typed: a first password, a recovery code."""
    text = base64.b32encode(secrets.token_bytes(_READABLE_BYTES)).decode().lower()
    return Secret("-".join(text[start : start + 4] for start in range(0, len(text), 4)))


def is_session_token(text: str) -> bool:
    """Whether the whole text has the form of a session token: no space, no newline, nothing more."""
    return _SESSION_TOKEN.fullmatch(text) is not None


def is_api_token(text: str) -> bool:
    """Whether the whole text has the form of an API token: no space, no newline, nothing more."""
    return _API_TOKEN.fullmatch(text) is not None


def token_hash(text: str) -> bytes:
    """SHA-256; a plain hash is enough for 256 random bits."""
    return hashlib.sha256(text.encode()).digest()
