"""Who caused something: a person, an API token, the command line, or Kedai itself."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class ActorKind(StrEnum):
    """The four kinds of cause that the audit trail names."""

    STAFF = "staff"
    TOKEN = "token"  # noqa: S105  the word, no secret
    CLI = "cli"
    SYSTEM = "system"


@dataclass(frozen=True, slots=True)
class Actor:
    """``id`` is the staff or token id (empty for the others); ``name`` is what a page shows."""

    kind: ActorKind
    id: str
    name: str


SYSTEM = Actor(ActorKind.SYSTEM, "", "Kedai")
COMMAND_LINE = Actor(ActorKind.CLI, "", "command line")
