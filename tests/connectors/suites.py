"""What each connector's folder of tests must bring along, so that one suite can examine them all."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from kedai.connectors.base import HttpAnswer
from kedai.values.credentials import Credentials
from kedai.values.secret import Secret

REQUIRED_KINDS = frozenset(
    {
        "push: connection",
        "push: order",
        "push: other",
        "push: malformed",
        "answer: first tokens",
        "answer: renewed tokens",
        "answer: shop",
        "answer: last page of orders",
        "answer: empty page that is not the last",
        "answer: orders",
        "answer: order in an unknown status",
        "answer: no order known",
        "refusal: access token expired",
        "refusal: reconnect",
        "refusal: misconfigured",
        "refusal: rate limited",
        "refusal: rejected",
        "refusal: unavailable",
        "refusal: unreadable",
    }
)
"""A connector whose folder lacks one of these fails."""


@dataclass(frozen=True, slots=True)
class Fixture:
    """A file named after an event or an answer, and the HTTP status it comes with."""

    file: str
    status: int = 200


@dataclass(frozen=True, slots=True)
class ConnectorSuite:
    """One connector's examples. ``sign`` makes the headers of a push that verifies."""

    folder: Path
    credentials: Credentials
    valid_fields: Mapping[str, str]
    shop_id: str
    order_sns: tuple[str, ...]
    sign: Callable[[Secret, str, bytes], Mapping[bytes, bytes]]
    kinds: Mapping[str, Fixture]

    def read(self, kind: str) -> bytes:
        return (self.folder / self.kinds[kind].file).read_bytes()

    def answer(self, kind: str) -> HttpAnswer:
        return HttpAnswer(self.kinds[kind].status, {}, self.read(kind))
