"""How a message reads: one text for people, and one JSON body for programs. The environment stands first in each."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from email.message import EmailMessage
from email.utils import format_datetime
from typing import Any, Final

import msgspec

from kedai.values.environment import Environment
from kedai.values.notification import Change
from kedai.values.wording import plain

PLACES: Final = {Environment.SANDBOX: "Sandbox (test orders only)", Environment.LIVE: "Live (real orders)"}
_CHANGES: Final = {
    Change.BEGAN: "",
    Change.WORSE: "Worse: ",
    Change.ENDED: "Well again: ",
    Change.HAPPENED: "",
    Change.TEST: "Test: ",
}
_LONGEST_SUBJECT: Final = 150


@dataclass(frozen=True, slots=True)
class Message:
    """One message as it was stored; the same however often it is sent. ``id`` is what receivers know it by."""

    id: str
    environment: Environment
    entries: Sequence[Mapping[str, Any]]
    left_out: int
    created_at: datetime
    public_url: str


def subject_of(message: Message) -> str:
    """One line: environment, the first thing, and how many there are besides."""
    first, more = message.entries[0], len(message.entries) - 1 + message.left_out
    line = f"[Kedai {message.environment.value.upper()}] {_line(first)}"
    return _short(line) + (f" (and {more:,} more)" if more else "")


def text_of(message: Message) -> str:
    """For people: each thing, what it means, and the page where one looks at it."""
    parts = [f"Environment: {PLACES[message.environment]}"]
    for entry in message.entries:
        lines = [_line(entry), entry["detail"], f"{message.public_url}{entry['path']}"]
        parts.append("\n".join(one for one in lines if one))
    if message.left_out:
        parts.append(f"And {message.left_out:,} more: {message.public_url}/e/{message.environment.value}/home")
    return "\n\n".join(parts)


def json_of(message: Message) -> bytes:
    """For programs."""
    entries = [{**one, "url": f"{message.public_url}{one['path']}"} for one in message.entries]
    body = {
        "type": "kedai.notification",
        "timestamp": message.created_at,
        "data": {
            "installation": message.public_url,
            "environment": message.environment.value,
            "entries": [{name: value for name, value in one.items() if name != "path"} for one in entries],
            "left_out": message.left_out,
        },
    }
    return msgspec.json.encode(body, enc_hook=plain)


def mail_of(message: Message, *, sender: str, recipients: Sequence[str]) -> EmailMessage:
    """The e-mail; its Message-ID follows from the id, so that readers fold a second copy into the first."""
    mail = EmailMessage()
    mail["From"], mail["To"], mail["Subject"] = sender, ", ".join(recipients), subject_of(message)
    mail["Message-ID"] = f"<{message.id}@kedai>"
    mail["Date"] = format_datetime(message.created_at)
    mail["Auto-Submitted"] = "auto-generated"
    mail["X-Kedai-Environment"] = message.environment.value
    mail.set_content(f"{text_of(message)}\n")
    return mail


def _line(entry: Mapping[str, Any]) -> str:
    return " ".join(f"{_CHANGES[Change(entry['change'])]}{entry['title']}".split())


def _short(text: str) -> str:
    return text if len(text) <= _LONGEST_SUBJECT else f"{text[: _LONGEST_SUBJECT - 1]}…"
