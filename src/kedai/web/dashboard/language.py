"""The languages of the pages: their catalogues, and which of them a page is shown in.

A catalogue is a `.po` file, read once per process. The English text is the message; what it lacks stays English.
"""

from __future__ import annotations

import io
from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from functools import cache
from gettext import GNUTranslations, NullTranslations
from importlib.resources import files
from typing import Any

from babel.messages.mofile import write_mo
from babel.messages.pofile import read_po
from babel.numbers import format_decimal
from fastapi import Request

from kedai.values.wording import Wording
from kedai.web.dashboard.stored_texts import all_messages, find_wording

ENGLISH = "en"


@dataclass(frozen=True, slots=True)
class Speech:
    """One language: what it calls itself, and its texts."""

    name: str
    texts: NullTranslations
    locale: str

    def gettext(self, message: str, params: Mapping[str, Any]) -> str:
        """The message in this language, with the params put in."""
        text = self.texts.gettext(message)
        return text % self.said(params) if params else text

    def ngettext(self, message: str, plural: str, count: int, params: Mapping[str, Any]) -> str:
        """The same for one or many; ``%(num)s`` is the count."""
        return self.texts.ngettext(message, plural, count) % self.said({"num": count, **params})

    def say(self, value: Any) -> Any:
        """A wording in this language; whatever else it is, as it is."""
        if type(value) is not Wording:
            return value
        if value.plural is not None:
            return self.ngettext(value.message, value.plural, value.number, value.params)
        if value.params or value.message in all_messages():
            return self.gettext(value.message, value.params)
        return self._recall(value)

    def _recall(self, text: Wording) -> str:
        """A text that was stored in English: its own words, with the values that are in it."""
        found = None if type(self.texts) is NullTranslations else find_wording(str(text))
        return str(text) if found is None else str(self.say(found))

    def said(self, params: Mapping[str, Any]) -> dict[str, Any]:
        """What is put into a message: wordings in this language too, numbers as it writes them."""
        return {name: self._put(value) for name, value in params.items()}

    def number(self, value: int | Decimal) -> str:
        """A number as this language writes it, with all the decimals that it has."""
        digits = max(0, -int(Decimal(value).as_tuple().exponent))
        return format_decimal(value, f"#,##0.{'0' * digits}" if digits else "#,##0", self.locale)

    def _put(self, value: Any) -> Any:
        is_number = type(value) is int or isinstance(value, Decimal)
        return self.number(value) if is_number else self.say(value)


def read_texts(language: str) -> NullTranslations:
    """The catalogue of a language, made from its file."""
    place = files("kedai.web.dashboard").joinpath("locale", language, "LC_MESSAGES", "dashboard.po")
    packed = io.BytesIO()
    write_mo(packed, read_po(io.BytesIO(place.read_bytes()), locale=language))
    packed.seek(0)
    return GNUTranslations(packed)


@cache
def languages() -> dict[str, Speech]:
    """Every language that the pages know, by its code."""
    return {
        ENGLISH: Speech("English", NullTranslations(), ENGLISH),
        "id": Speech("Bahasa Indonesia", read_texts("id"), "id"),
    }


def choose_language(request: Request, chosen: str | None) -> str:
    """What the person chose, else what the browser asks for, else English."""
    if chosen in languages():
        return chosen
    return _asked_for(request.headers.get("accept-language", ""))


def _asked_for(header: str) -> str:
    """The first known language of the header by its weights; a broken weight counts as none."""
    best, weight = ENGLISH, 0.0
    for part in header.split(",")[:20]:
        tag, _, quality = part.partition(";")
        code = tag.strip().lower().partition("-")[0]
        given = _weight(quality)
        if code in languages() and given > weight:
            best, weight = code, given
    return best


def _weight(quality: str) -> float:
    name, _, number = quality.strip().partition("=")
    if not name:
        return 1.0
    try:
        return min(float(number), 1.0) if name.strip() == "q" else 0.0
    except ValueError:
        return 0.0
