"""Texts that can be said in another language later: English strings that still know how they were put together.

To everything that stores, logs or sends them they are plain English. Only a page looks inside, and says them anew from
their message, which is the key of its catalogue.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import Any


class Wording(str):
    """An English text with the message it was made from; ``params`` may hold wordings too."""

    __slots__ = ("message", "number", "params", "plural")

    message: str
    plural: str | None
    number: int
    params: Mapping[str, Any]


def N_(message: str, /, **params: Any) -> Wording:  # noqa: N802 - the name by which messages are found everywhere
    """A text; with ``params`` its message holds a ``%(name)s`` for each (and ``%%`` for a sign of percent)."""
    return _made(message % _spoken(params) if params else message, message, None, 1, params)


def NP_(message: str, plural: str, count: int, /, **params: Any) -> Wording:  # noqa: N802
    """A text for one or many; ``%(num)s`` is the count, with its thousands apart."""
    params = {"num": count, **params}
    return _made((message if count == 1 else plural) % _spoken(params), message, plural, count, params)


def numeral(value: int | Decimal) -> Wording:
    """A number by itself, with its thousands apart and the decimals that it has."""
    return _made(spoken(value), "%(number)s", None, 1, {"number": value})


def joined(separator: str, texts: Sequence[str]) -> Wording:
    """Texts one after the other, each still to be said in another language."""
    params = {f"part{place}": text for place, text in enumerate(texts)}
    return _made(separator.join(texts), separator.join(f"%({name})s" for name in params), None, 1, params)


def spoken(value: Any) -> Any:
    """How a value stands in an English text: numbers with their thousands apart, all else as it is."""
    if isinstance(value, Decimal):
        return f"{value:,f}"
    return f"{value:,}" if type(value) is int else value


def plain(value: Any) -> str:
    """For what writes JSON and knows nothing of wordings: the English text.

    Raises:
        NotImplementedError: it is none; the writer then says what it cannot write.
    """
    if isinstance(value, Wording):
        return str(value)
    raise NotImplementedError


def _spoken(params: Mapping[str, Any]) -> dict[str, Any]:
    return {name: spoken(value) for name, value in params.items()}


def _made(text: str, message: str, plural: str | None, number: int, params: Mapping[str, Any]) -> Wording:
    made = Wording(text)
    made.message, made.plural, made.number, made.params = message, plural, number, params
    return made
