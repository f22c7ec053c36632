"""The mild deeds of the pages: who may take each back, and by which verb. Nothing is kept but the audit trail."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Final

from sqlalchemy.orm import Session

from kedai.audit.undo import find_deed, note_undone
from kedai.connector_exceptions import acts
from kedai.errors import Stale
from kedai.inbox import notices
from kedai.inbox import service as inbox
from kedai.kit.ids import parse_id
from kedai.runs import queries, schedules
from kedai.runs import service as runs
from kedai.staff import saved_views
from kedai.staff.roles import Capability
from kedai.sync import accounts
from kedai.sync.parts import Parts
from kedai.values.environment import Environment
from kedai.web.run_rights import demand_pause
from kedai.web.security import Principal

if TYPE_CHECKING:
    from kedai.audit.models import AuditEntry


@dataclass(frozen=True, slots=True)
class Undoing:
    """A deed that is being taken back, and by whom."""

    parts: Parts
    caller: Principal
    deed: AuditEntry
    now: datetime

    @property
    def environment(self) -> Environment:
        """Where it was done."""
        if self.deed.environment is None:
            raise Stale
        return self.deed.environment


Verb = Callable[[Session, Undoing], None]


def _exception(db: Session, it: Undoing) -> None:
    acts.undo(db, it.deed, environment=it.environment)


def _schedule(db: Session, it: Undoing) -> None:
    schedules.undo_pause_or_resume(db, it.deed, environment=it.environment)


def _run(db: Session, it: Undoing) -> None:
    demand_pause(it.caller, queries.get_run(db, parse_id("run", it.deed.subject), environment=it.environment).kind)
    runs.undo_pause_or_resume(db, it.deed, environment=it.environment, now=it.now)


def _account(db: Session, it: Undoing) -> None:
    accounts.undo_pause_or_resume(it.parts, db, it.deed, environment=it.environment, now=it.now)


def _event(db: Session, it: Undoing) -> None:
    inbox.undo_discard(db, it.deed, environment=it.environment)


def _notice(db: Session, it: Undoing) -> None:
    notices.undo_seen(db, it.deed, environment=it.environment)


def _changed_view(db: Session, it: Undoing) -> None:
    saved_views.undo_change(db, it.deed)


def _removed_view(db: Session, it: Undoing) -> None:
    saved_views.undo_removal(db, it.deed)


MILD: Final[Mapping[str, tuple[Capability, Verb]]] = {
    **dict.fromkeys(
        [f"exception.{deed}" for deed in ("resolve", "reopen", "snooze", "assign", "note")],
        (Capability.EVENTS_REPLAY, _exception),
    ),
    **dict.fromkeys(("schedule.pause", "schedule.resume"), (Capability.EVENTS_REPLAY, _schedule)),
    **dict.fromkeys(("run.pause", "run.resume"), (Capability.EVENTS_REPLAY, _run)),
    **dict.fromkeys(
        [f"{kind}.{state}" for kind in ("shop", "merchant") for state in ("paused", "connected")],
        (Capability.SHOPS_CONNECT, _account),
    ),
    "event.discard": (Capability.EVENTS_REPLAY, _event),
    "notice.seen": (Capability.EVENTS_REPLAY, _notice),
    "view.changed": (Capability.ACCOUNT, _changed_view),
    "view.removed": (Capability.ACCOUNT, _removed_view),
}
"""By the action's name in the audit trail."""


def find_mild(db: Session, caller: Principal, number: str, now: datetime) -> AuditEntry | None:
    """The caller's own deed of this number in the trail, as long as they may take it back."""
    if not (number.isascii() and number.isdigit() and len(number) <= 18):
        return None
    deed = find_deed(db, int(number), actor=caller.actor, now=now)
    return deed if deed is not None and deed.action in MILD and caller.can(MILD[deed.action][0]) else None


def take_back(parts: Parts, db: Session, caller: Principal, number: str, *, now: datetime) -> None:
    """Set all that a deed changed to what it was, and note that.

    Raises:
        Stale: something else was done since, or there is no such deed of the caller's to take back.
        Conflict, NotFound: what it is about cannot be set back any more.
    """
    deed = find_mild(db, caller, number, now)
    if deed is None:
        raise Stale
    MILD[deed.action][1](db, Undoing(parts, caller, deed, now))
    note_undone(db, deed, actor=caller.actor, now=now)
