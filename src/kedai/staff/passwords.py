"""Hashes and checks passwords, two at once at most; must never run inside a transaction, since it is slow by design."""

from __future__ import annotations

import threading
import unicodedata
from collections.abc import Iterator
from contextlib import contextmanager

from pwdlib import PasswordHash
from pwdlib.exceptions import UnknownHashError
from pwdlib.hashers.argon2 import Argon2Hasher

from kedai.db.database import refuse_open_transaction
from kedai.errors import Invalid, RateLimited
from kedai.values.wording import N_

MIN_CHARACTERS = 12
MAX_CHARACTERS = 256
MAX_BYTES = 1024
_MIN_DIFFERENT_CHARACTERS = 5
_HASHES_AT_ONCE = 2
_PATIENCE_SECONDS = 5.0

_COMMON_TEXT = """
    1234567890123 123456789012 1234567890ab 1234567890qwerty 123456789abc 1234qwerasdf 123qweasdzxc
    1q2w3e4r5t6y 1q2w3e4r5t6y7u8i 1qaz2wsx3edc 1qaz2wsx3edc4rfv a1b2c3d4e5f6 abc123abc123 abcd12345678 abcdef123456
    abcdefghijkl abcdefghijklm administrator administrator1 admin123456789 admin1234567 adminadmin123 adminadminadmin
    asdfghjkl123 changeme1234 changemechangeme changemenow123 correcthorsebatterystaple defaultpassword football1234
    iloveyou1234 iloveyouforever kedaikedaikedai kedaipassword letmein12345 letmeinletmein marketplace123 myspace12345
    opensesame123 p@ssw0rd1234 p@ssword1234 passw0rd1234 password1234 password12345 password123456 password123456789
    passwordpassword q1w2e3r4t5y6 qazwsxedcrfv qwerty123456 qwerty1234567 qwerty12345678 qwertyqwerty qwertyuiop12
    qwertyuiop123 qwertyuiop[] qwertyuiopasdf qwertyuiopasdfghjkl secretsecret shopeeshopee shopee123456
    supersecret123 supersecretpassword thisisapassword trustno1trustno1 welcome12345 welcomewelcome zaq12wsxcde3
    zxcvbnm12345 zxcvbnmasdfghjkl
"""
_COMMON = frozenset(_COMMON_TEXT.split())

_hasher = PasswordHash((Argon2Hasher(),))
_slots = threading.BoundedSemaphore(_HASHES_AT_ONCE)


def hash_password(text: str) -> str:
    """The Argon2id hash of a new password.

    Raises:
        Invalid: too short, too long, too common, or not plain text.
        RateLimited: too many others hash at this moment.
    """
    password = parse_password(text)
    with _slot():
        return _hasher.hash(password)


def verify_password(text: str, password_hash: str) -> bool:
    """Whether it is the password of that hash; a text that could never be one is no match, and costs nothing.

    Raises:
        RateLimited: too many others hash at this moment.
    """
    password = _normalised(text)
    if password is None:
        return False
    with _slot():
        try:
            return _hasher.verify(password, password_hash)
        except UnknownHashError:
            return False


def verify_nothing(text: str) -> bool:
    """For an unknown person: the same work as `verify_password`, and never a match."""
    password = _normalised(text)
    if password is not None:
        with _slot():
            _hasher.hash(password)
    return False


def parse_password(text: str) -> str:
    """The password as it is hashed (NFKC, so that it does not depend on the keyboard).

    Raises:
        Invalid: too short, too long, too common, or not plain text.
    """
    password = _normalised(text)
    if password is None:
        raise Invalid(
            N_("A password has at most %(max_characters)s characters of plain text.", max_characters=MAX_CHARACTERS),
            field="password",
        )
    if len(password) < MIN_CHARACTERS:
        raise Invalid(
            N_("A password has at least %(min_characters)s characters.", min_characters=MIN_CHARACTERS),
            field="password",
        )
    folded = password.casefold()
    if folded in _COMMON or len(set(folded)) < _MIN_DIFFERENT_CHARACTERS:
        raise Invalid(N_("This password is too easy to guess."), field="password")
    return password


def _normalised(text: str) -> str | None:
    """The NFKC form, or ``None`` for what no password can be; the length is looked at before any other work."""
    if len(text) > MAX_BYTES or "\0" in text:
        return None
    try:
        if len(text.encode()) > MAX_BYTES:
            return None
    except UnicodeEncodeError:
        return None
    password = unicodedata.normalize("NFKC", text)
    return password if len(password) <= MAX_CHARACTERS else None


@contextmanager
def _slot() -> Iterator[None]:
    refuse_open_transaction()
    if not _slots.acquire(timeout=_PATIENCE_SECONDS):
        raise RateLimited(N_("Too many people sign in at this moment: try again."), retry_after=_PATIENCE_SECONDS)
    try:
        yield
    finally:
        _slots.release()
