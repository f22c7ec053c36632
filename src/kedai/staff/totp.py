"""Time-based one-time passwords (RFC 6238: SHA-1, six digits, 30 seconds) and recovery codes; pure, knows no row."""

from __future__ import annotations

import hashlib
import hmac
import re
from datetime import datetime

import pyotp

from kedai.staff.tokens import new_readable_secret
from kedai.values.secret import Secret

STEP_SECONDS = 30
RECOVERY_CODES = 10
_TOLERANCE = 1  # a step before and after: clocks differ, and people type slowly (RFC 6238, 5.2)
_CODE = re.compile(r"[0-9]{6}")
_RECOVERY = re.compile(r"[a-z2-7]{16}")


def new_totp_secret() -> Secret:
    """160 random bits, in base32 as apps take it."""
    return Secret(pyotp.random_base32(32))


def provisioning_uri(secret: Secret, *, email: str, issuer: str) -> str:
    """The ``otpauth://`` address that a QR code holds; as secret as the secret in it."""
    return pyotp.TOTP(secret.reveal()).provisioning_uri(name=email, issuer_name=issuer)


def find_step(secret: Secret, text: str, *, now: datetime, last_step: int | None) -> int | None:
    """The time step whose code this is, or ``None``; a step at or before ``last_step`` was used and counts no more."""
    code = "".join(text.split())
    if not _CODE.fullmatch(code):
        return None
    present = int(now.timestamp()) // STEP_SECONDS
    generator, found = pyotp.HOTP(secret.reveal()), None
    for step in range(present - _TOLERANCE, present + _TOLERANCE + 1):
        if hmac.compare_digest(generator.at(step), code) and (last_step is None or step > last_step):
            found = step
    return found


def new_recovery_codes() -> tuple[Secret, ...]:
    """Ten codes of 80 random bits, in groups that can be written down."""
    return tuple(new_readable_secret() for _ in range(RECOVERY_CODES))


def recovery_code_hash(text: str) -> bytes | None:
    """SHA-256 of a recovery code in any spelling (a plain hash is enough for 80 random bits), ``None`` for no code."""
    code = "".join(text.split()).replace("-", "").lower()
    return hashlib.sha256(code.encode()).digest() if _RECOVERY.fullmatch(code) else None
