"""What became of the tries to work on a push that did not end well, kept beside it: one line for each, oldest first."""

from __future__ import annotations

from datetime import datetime
from typing import Final

import msgspec
import sqlalchemy as sa

from kedai.inbox.models import RawEvent

MOST_CHARACTERS: Final = 16_000
"""Where so much is kept nothing is added: whoever replays a push without end must not make its row grow without end."""

PUT_BACK: Final = "put_back"
"""It was put back in the queue, by a person or a run."""


class Try(msgspec.Struct, frozen=True):
    """One try: when it ended, and the state in which it left the push, or `PUT_BACK`."""

    at: datetime
    state: str
    note: str = ""


def line_of(one: Try) -> str:
    """How it is kept."""
    return msgspec.json.encode(one).decode() + "\n"


def read_tries(kept: str) -> tuple[Try, ...]:
    """Those that are kept."""
    return tuple(msgspec.json.decode(line, type=Try) for line in kept.splitlines())


def with_line(line: str) -> sa.ColumnElement[str]:
    """What the column holds once the line was added."""
    return sa.case((sa.func.length(RawEvent.tries) < MOST_CHARACTERS, RawEvent.tries + line), else_=RawEvent.tries)
