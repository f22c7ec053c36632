"""Draws that follow from a seed alone, the same on every machine and Python version; not for secrets."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING, TypeVar

if TYPE_CHECKING:
    from collections.abc import Sequence

T = TypeVar("T")
_ALPHABET = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ"


def digest(*parts: object) -> str:
    """Return 64 hex digits that say openly where they come from: the hash of ``simulator|part|part…``."""
    return hashlib.sha256("|".join(["simulator", *map(str, parts)]).encode()).hexdigest()


def letters(count: int, *parts: object) -> str:
    """Return `count` upper-case letters and digits derived from the parts."""
    number = int(digest(*parts), 16)
    out = []
    for _ in range(count):
        number, index = divmod(number, len(_ALPHABET))
        out.append(_ALPHABET[index])
    return "".join(out)


class Dice:
    """A stream of draws named by its parts."""

    __slots__ = ("_count", "_state")

    def __init__(self, *parts: object) -> None:
        """Name the stream; equal parts give equal draws."""
        self._state = hashlib.blake2b("|".join(map(str, parts)).encode(), digest_size=8)
        self._count = 0

    @property
    def draws(self) -> int:
        """How many were drawn."""
        return self._count

    def resume(self, draws: int) -> None:
        """Go on after so many draws."""
        self._count = draws

    def number(self) -> int:
        """Return the next draw, 0 to 2^64 - 1."""
        self._count += 1
        state = self._state.copy()
        state.update(self._count.to_bytes(4, "big"))
        return int.from_bytes(state.digest(), "big")

    def below(self, limit: int) -> int:
        """Return 0 to limit - 1."""
        return self.number() % limit

    def fraction(self) -> float:
        """Return 0.0 up to, not including, 1.0."""
        return (self.number() >> 11) / (1 << 53)

    def chance(self, probability: float) -> bool:
        """Return True with the given probability."""
        return self.fraction() < probability

    def pick(self, options: Sequence[T]) -> T:
        """Return one of the options."""
        return options[self.below(len(options))]

    def pick_weighted(self, options: Sequence[tuple[int, T]]) -> T:
        """Return one of the (weight, option) pairs' options."""
        place = self.below(sum(weight for weight, _ in options))
        for weight, option in options:
            place -= weight
            if place < 0:
                return option
        return options[-1][1]

    def shuffle(self, items: list[T]) -> None:
        """Put the list in another order, in place."""
        for last in range(len(items) - 1, 0, -1):
            other = self.below(last + 1)
            items[last], items[other] = items[other], items[last]
