"""Finds secrets in what a program says: as they are, and in the disguises that texts wear on their way out."""

from __future__ import annotations

import base64
import html
import json
from collections.abc import Iterable, Iterator, Mapping
from urllib.parse import quote, quote_plus

_SHOWN_AT_MOST = 4
"""So many characters at each end of a long secret may show: they are its fingerprint (T7)."""

_LONG = 20


def disguises(secret: str) -> dict[str, bytes]:
    """What to look for, by the disguise's name; of a long secret its inside, which no fingerprint shows."""
    inside = secret[_SHOWN_AT_MOST:-_SHOWN_AT_MOST] if len(secret) >= _LONG else secret
    raw = inside.encode()
    texts = {
        "plain": inside,
        "reversed": inside[::-1],
        "hex": raw.hex(),
        "HEX": raw.hex().upper(),
        "in an address": quote(inside, safe=""),
        "in a form": quote_plus(inside),
        "in JSON": json.dumps(inside)[1:-1],
        "in JSON in JSON": json.dumps(json.dumps(inside)[1:-1])[1:-1],
        "in HTML": html.escape(inside),
        "in a template": html.escape(inside).replace("&quot;", "&#34;").replace("&#x27;", "&#39;"),
        "in Python": repr(inside)[1:-1],
        **dict(_base64(raw)),
    }
    return {name: text.encode() for name, text in texts.items()}


def _base64(raw: bytes) -> Iterator[tuple[str, str]]:
    """The characters that are the same whatever stands before and behind, at each of the three alignments."""
    for before in range(3):
        whole = (before + len(raw)) // 3 * 4
        text = base64.b64encode(b"\0" * before + raw).decode()[(0, 2, 3)[before] : whole]
        yield f"base64 after {before}", text
        yield f"base64url after {before}", text.replace("+", "-").replace("/", "_")


class Ears:
    """Everything that was heard, by where; and which canaries sang in it."""

    def __init__(self) -> None:
        self._heard: dict[bytes, str] = {}
        self.places: set[str] = set()

    def hear(self, where: str, said: bytes | str) -> None:
        """Keep what was said, once."""
        self.places.add(where)
        self._heard.setdefault(said.encode(errors="surrogatepass") if isinstance(said, str) else said, where)

    def leaks(self, canaries: Mapping[str, str]) -> list[str]:
        """``where: which canary, in which disguise``; nothing where all kept quiet. The secret itself is not told."""
        sought = [
            (name, kind, needle) for name, secret in canaries.items() for kind, needle in disguises(secret).items()
        ]
        whole = b"\0".join(self._heard)
        found = [one for one in sought if one[2] in whole]
        return sorted({f"{where}: {name}, {kind}" for name, kind, needle in found for where in self._places_of(needle)})

    def _places_of(self, needle: bytes) -> Iterable[str]:
        return (where for said, where in self._heard.items() if needle in said)
