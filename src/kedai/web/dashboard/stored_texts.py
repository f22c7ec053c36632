"""Finds the wording of an English text that was stored: its message, and the values that were put in. Says nothing.

What rooms below the pages store is plain English, made from messages of the catalogue. A page sees only the text; this
tells from which message it came, so that it can be said in another language. What came from nobody's message (a
marketplace's words, a person's note) is found to be none, and stays as it is.
"""

from __future__ import annotations

import io
import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache, lru_cache
from importlib.resources import files
from typing import Any, Final

from babel.messages.catalog import Message
from babel.messages.pofile import read_po

from kedai.values.wording import N_, NP_, Wording, joined, numeral

_PLACE: Final = re.compile(r"%\((\w+)\)s|%%")
_COUNT: Final = re.compile(r"\d{1,3}(?:,\d{3})*")
_THOUSANDS: Final = re.compile(r"\d{1,3}(?:,\d{3})+")
_SENTENCE_ENDS: Final = re.compile(r"(?<=[.;]) ")
_OF_PAGES: Final = "web/"
_LEAST_LETTERS: Final = 3
_MOST_CHARACTERS: Final = 1000
_MOST_SENTENCES: Final = 8


@dataclass(frozen=True, slots=True)
class Phrase:
    """A message with places for values; ``pattern`` fits its English text.

    ``plural`` is set where it has a form for many; ``least`` is the count of this form where it names none.
    """

    message: str
    plural: str | None
    pattern: re.Pattern[str]
    letters: int
    least: int


@cache
def all_messages() -> frozenset[str]:
    """Every message of the sources, as it stands in them."""
    return frozenset(text for one in _template() for text in _texts(one))


@lru_cache(maxsize=2048)
def find_wording(text: str) -> Wording | None:
    """The wording of a stored text, in parts where need be; None where it is not one of ours."""
    if not text or len(text) > _MOST_CHARACTERS:
        return None
    return _find_whole(text) or _find_sentences(text) or _find_list(text)


def _find_whole(text: str) -> Wording | None:
    if text in _phrases_without_values():
        return N_(text)
    for phrase in _phrases():
        if found := phrase.pattern.fullmatch(text):
            return _worded(phrase, found.groupdict())
    return None


def _find_sentences(text: str) -> Wording | None:
    """Several texts one after the other, each of them ours: the longest first."""
    parts = _SENTENCE_ENDS.split(text)
    if not 1 < len(parts) <= _MOST_SENTENCES:
        return None
    for end in range(len(parts) - 1, 0, -1):
        first = _find_whole(" ".join(parts[:end]))
        rest = first and find_wording(" ".join(parts[end:]))
        if first and rest:
            return joined(" ", [first, rest])
    return None


def _find_list(text: str) -> Wording | None:
    """What was counted, one after the other: ``3 orders were missing, 1 was older``, ``events: 3, runs: 1``."""
    found = [part for text in text.split(", ") if (part := _find_whole(text) or _find_count(text))]
    return joined(", ", found) if len(found) == text.count(", ") + 1 else None


def _find_count(text: str) -> Wording | None:
    label, _, count = text.rpartition(": ")
    found = find_wording(label) if _COUNT.fullmatch(count) else None
    return found and joined(": ", [found, numeral(int(count.replace(",", "")))])


def _worded(phrase: Phrase, found: dict[str, str]) -> Wording:
    values: dict[str, Any] = {name: _value(text) for name, text in found.items() if name != "num"}
    if phrase.plural is None:
        return N_(phrase.message, **values)
    count = int(found["num"].replace(",", "")) if "num" in found else phrase.least
    return NP_(phrase.message, phrase.plural, count, **values)


def _value(text: str) -> Any:
    if _THOUSANDS.fullmatch(text):
        return int(text.replace(",", ""))
    return find_wording(text) or text


@cache
def _template() -> tuple[Message, ...]:
    place = files("kedai.web.dashboard").joinpath("locale", "dashboard.pot")
    return tuple(one for one in read_po(io.BytesIO(place.read_bytes())) if one.id)


@cache
def _phrases_without_values() -> frozenset[str]:
    return frozenset(text for one in _stored() for text in _texts(one) if not _PLACE.search(text))


@cache
def _phrases() -> tuple[Phrase, ...]:
    """Those that say most by themselves first: what fits them fits a looser one too."""
    found = (phrase for one in _stored() for phrase in _phrases_of(one))
    return tuple(sorted(found, key=lambda one: -one.letters))


def _stored() -> Iterator[Message]:
    return (one for one in _template() if not all(path.startswith(_OF_PAGES) for path, _line in one.locations))


def _phrases_of(one: Message) -> Iterator[Phrase]:
    texts = _texts(one)
    for least, text in enumerate(texts, start=1):
        letters = sum(letter.isalpha() for letter in _PLACE.sub("", text))
        if _PLACE.search(text) and letters >= _LEAST_LETTERS:
            yield Phrase(texts[0], texts[1] if len(texts) > 1 else None, _pattern(text), letters, least)


def _pattern(text: str) -> re.Pattern[str]:
    """Each value is as short as it can be; one that comes twice is the same both times."""
    told, seen, end = "", set[str](), 0
    for place in _PLACE.finditer(text):
        told += re.escape(text[end : place.start()])
        told += _group(place[1], seen)
        end = place.end()
    return re.compile(told + re.escape(text[end:]))


def _group(name: str | None, seen: set[str]) -> str:
    if name is None:
        return "%"
    if name in seen:
        return f"(?P={name})"
    seen.add(name)
    return rf"(?P<{name}>[\d,]+)" if name == "num" else rf"(?P<{name}>.+?)"


def _texts(one: Message) -> tuple[str, ...]:
    return (one.id,) if isinstance(one.id, str) else tuple(one.id)
