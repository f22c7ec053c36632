"""Who may stop or pause a run: whoever may begin one of its kind."""

from __future__ import annotations

from datetime import datetime

from kedai.errors import Forbidden
from kedai.staff.roles import Capability
from kedai.sync import rewrap
from kedai.values.wording import N_
from kedai.web.security import Principal, demand_fresh

_TURNING_KEYS = frozenset({rewrap.KIND})


def may_stop(caller: Principal, kind: str) -> bool:
    """Whether the caller's role lets them stop a run of this kind."""
    return caller.can(Capability.KEYS_MANAGE if kind in _TURNING_KEYS else Capability.EVENTS_REPLAY)


def demand_stop(caller: Principal, kind: str, now: datetime) -> None:
    """Before a run is stopped.

    Raises:
        Forbidden: the caller may not. StepUpRequired: it turns the keys, and the person must prove first who they are.
    """
    demand_pause(caller, kind)
    if kind in _TURNING_KEYS:
        demand_fresh(caller, now)


def demand_pause(caller: Principal, kind: str) -> None:
    """Before a run is paused, or goes on again: one click undoes it, so nobody must prove anything anew.

    Raises:
        Forbidden: the caller may not.
    """
    if not may_stop(caller, kind):
        raise Forbidden(N_("Your role does not allow this (%(capability)s).", capability=Capability.KEYS_MANAGE.value))
