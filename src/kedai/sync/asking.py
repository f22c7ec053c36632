"""Whether the shop that a run is about can be asked now; and where it cannot, what becomes of the run."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import partial
from typing import TYPE_CHECKING

from sqlalchemy.orm import Session

from kedai.runs.service import end_run, postpone_run
from kedai.sync.work import Step
from kedai.values.environment import Scope
from kedai.values.wording import N_
from kedai.vault.accounts import lose_account, note_call
from kedai.vault.queries import find_shop, get_active_environment

if TYPE_CHECKING:
    from kedai.runs.models import Run

WAITING_STATES = frozenset({"connected", "paused", "needs_reauth"})
"""A shop in one of these may be asked, now or later."""

_SHOP_PAUSE = timedelta(seconds=60)
_NOT_ASKED = {
    "paused": N_("the shop is paused"),
    "disconnected": N_("the shop is disconnected"),
    "pending": N_("the shop is not connected yet"),
    "needs_reauth": N_("the shop must be connected again"),
}


@dataclass(frozen=True, slots=True)
class Standing:
    """How a shop stands; ``obstacle`` is the step that says what becomes of the run, ``None`` where it can be asked."""

    connected_at: datetime | None
    obstacle: Step | None = None


def look_at_shop(db: Session, scope: Scope, *, waits: bool) -> Standing:
    """``waits`` says that the run waits for a shop that cannot be asked now; others leave it to the next run."""
    shop = find_shop(db, scope)
    if get_active_environment(db, scope.connector) is not scope.environment:
        return Standing(None, partial(cancel, N_("its environment is not the active one")))
    if shop is None or shop.state not in WAITING_STATES:
        return Standing(None, partial(cancel, N_("the shop is not connected any more")))
    if shop.state != "connected":
        return Standing(None, partial(_wait_or_end, tell_state(shop.state), waits))
    return Standing(shop.connected_at)


def tell_state(state: str) -> str:
    """Why a shop is not asked now, by its state."""
    return _NOT_ASKED.get(state, state)


def lose(
    scope: Scope, connected_at: datetime | None, reason: str, waits: bool, db: Session, run: Run, *, now: datetime
) -> bool:
    """A step: a person must connect the shop again, unless somebody did so since ``connected_at``."""
    note_call(db, scope, problem=reason, now=now)
    shop = find_shop(db, scope, lock=True)
    if shop is not None and shop.state == "connected" and shop.connected_at == connected_at:
        lose_account(db, scope, reason=reason, now=now)
    return _wait_or_end(tell_state("needs_reauth"), waits, db, run, now=now)


def cancel(note: str, _db: Session, run: Run, *, now: datetime) -> bool:
    """A step: there is nothing to do here, and ``note`` says why."""
    end_run(run, "cancelled", note=note, now=now)
    return False


def _wait_or_end(note: str, waits: bool, db: Session, run: Run, *, now: datetime) -> bool:
    if not waits:
        return cancel(note, db, run, now=now)
    postpone_run(run, note=note, due_in=_SHOP_PAUSE, now=now)
    return False
