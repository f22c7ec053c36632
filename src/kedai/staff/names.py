"""Reads the texts people give: e-mail addresses, token names, and what a browser says of itself."""

from __future__ import annotations

import re
import unicodedata

from kedai.errors import Invalid
from kedai.values.wording import N_

_MAX_EMAIL = 254
_MAX_NAME = 100
_EMAIL = re.compile(r"[^@]{1,64}@[^@.]+(\.[^@.]+)*")


def parse_email(text: str) -> str:
    """The address in the one form that is stored: NFKC and folded case, so that look-alike spellings are one person.

    Raises:
        Invalid: not an address, or with spaces or invisible characters in it.
    """
    trimmed = text[: 4 * _MAX_EMAIL].strip()
    email = unicodedata.normalize("NFKC", unicodedata.normalize("NFKC", trimmed).casefold())
    if len(text) > 4 * _MAX_EMAIL or len(email) > _MAX_EMAIL or not _EMAIL.fullmatch(email) or _has_unseen(email):
        raise Invalid(N_("This is not an e-mail address."), field="email")
    return email


def parse_name(text: str) -> str:
    """A token's or a passkey's name, one visible line.

    Raises:
        Invalid: empty, too long, or with control characters.
    """
    name = text.strip()
    if not name or len(name) > _MAX_NAME or _has_control(name):
        raise Invalid(N_("A name has 1 to %(max_name)s characters on one line.", max_name=_MAX_NAME), field="name")
    return name


def one_line(text: str, *, limit: int) -> str:
    """What a stranger sent, cut to ``limit`` and without control characters: for showing, never for deciding."""
    return "".join(character for character in text[:limit] if not _has_control(character))


def _has_unseen(text: str) -> bool:
    return any(unicodedata.category(character)[0] in "CZ" for character in text)


def _has_control(text: str) -> bool:
    return any(unicodedata.category(character) in {"Cc", "Cf", "Cs", "Zl", "Zp"} for character in text)
