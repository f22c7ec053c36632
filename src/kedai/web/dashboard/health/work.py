"""What is wrong with the work itself: what nobody works on, what failed, what waits for a person."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy.orm import Session

from kedai.connector_exceptions.queries import count_exceptions
from kedai.inbox import notices
from kedai.inbox.waiting import count_events
from kedai.runs.timing import ScheduleState
from kedai.sync.admission import count_admittable
from kedai.sync.schedule_view import ScheduleView, read_schedules
from kedai.values.environment import ConnectorName, Environment
from kedai.values.event import EventState
from kedai.values.notification import Kind
from kedai.values.wording import N_, NP_, joined
from kedai.web.dashboard.formats import counted, span
from kedai.web.dashboard.health.item import Item
from kedai.web.dashboard.render import url
from kedai.web.dashboard.shell import Shell
from kedai.web.dashboard.words import Level

_COUNTED = 1_000


@dataclass(frozen=True, slots=True)
class Standing:
    """What is counted for all environments at once: how many events wait for a person, and how the schedules stand."""

    events: Mapping[tuple[Environment, EventState], int]
    schedules: Sequence[ScheduleView]


def read_standing(db: Session, environments: Collection[Environment], now: datetime) -> Standing:
    """How the work of these environments stands."""
    waiting = (EventState.PARKED, EventState.DEAD)
    events = count_events(db, waiting, environments=environments, at_most=_COUNTED)
    return Standing(events, read_schedules(db, environments=environments, now=now))


def of_rejected(db: Session, name: ConnectorName, environment: Environment) -> Iterator[Item]:
    """Rejected deliveries that a mended key or address would admit."""
    waiting = count_admittable(db, name, environment=environment)
    if waiting:
        title = NP_("%(num)s rejected delivery verifies now", "%(num)s rejected deliveries verify now", waiting)
        detail = N_("A key or an address was mended since. Admit them, and they are worked on like any other push.")
        href = url(f"/e/{environment.value}/events", state="rejected")
        yield Item("warn", environment, title, detail, href, N_("Admit them"))


def of_work(db: Session, shell: Shell, standing: Standing, environment: Environment) -> Iterator[Item]:
    """What failed, what waits, and which schedules do not run, in one environment."""
    events, is_active = f"/e/{environment.value}/events", environment is shell.active
    yield from _of_troubles(db, shell, standing, environment, events)
    parked = standing.events[environment, EventState.PARKED]
    if parked:
        told = counted(parked, _COUNTED)
        title = NP_("%(told)s parked event waits", "%(told)s parked events wait", parked, told=told)
        detail = (
            N_("Replay or discard them when you are ready.")
            if is_active
            else N_("They wait until this environment is active again.")
        )
        level: Level = "warn" if is_active else "info"
        yield Item(level, environment, title, detail, url(events, state="parked"), N_("Show parked events"))
    unseen = notices.count_unseen(db, environment=environment, at_most=_COUNTED)
    if unseen:
        told = counted(unseen, _COUNTED)
        title = NP_(
            "%(told)s notice of the marketplace to read",
            "%(told)s notices of the marketplace to read",
            unseen,
            told=told,
        )
        detail = N_("It tells its sellers of changes and maintenance.")
        yield Item("info", environment, title, detail, f"/e/{environment.value}/notices", N_("Read them"))
    for one in standing.schedules:
        if one.environment is environment:
            yield from _of_schedule(shell, one)


def _of_troubles(
    db: Session, shell: Shell, standing: Standing, environment: Environment, events: str
) -> Iterator[Item]:
    """Exceptions, and events that could not be applied: one entry while an open exception says what to do."""
    dead = standing.events[environment, EventState.DEAD]
    told = counted(dead, _COUNTED)
    counts = count_exceptions(db, environment=environment, now=shell.now)
    fresh, ongoing = counts["new"] + counts["regressed"], counts["ongoing"]
    if fresh or ongoing:
        named = [NP_("%(num)s new one", "%(num)s new ones", fresh)] if fresh else []
        named += [N_("%(ongoing)s ongoing", ongoing=ongoing)] if ongoing else []
        title = N_("Exceptions: %(named)s", named=joined(", ", named))
        stuck = NP_("%(told)s event could not be applied.", "%(told)s events could not be applied.", dead, told=told)
        detail = joined(" ", [*([stuck] if dead else []), N_("Each exception says what happened and what to do next.")])
        level: Level = "bad" if fresh or dead else "warn"
        yield Item(level, environment, title, detail, f"/e/{environment.value}/exceptions", N_("Show exceptions"))
    elif dead:
        title = NP_("%(told)s event could not be applied", "%(told)s events could not be applied", dead, told=told)
        detail = N_("Kedai gave up after many tries. Mend the cause, then replay them.")
        yield Item("bad", environment, title, detail, url(events, state="dead"), N_("Show dead events"))


def _of_schedule(shell: Shell, one: ScheduleView) -> Iterator[Item]:
    environment, here = one.environment, f"/e/{one.environment.value}/runs"
    subject = f"{one.connector} {one.kind}"
    if one.state is ScheduleState.DOWN and environment not in shell.sealed:
        since = one.last_success_at
        ended = (
            N_("It never succeeded.")
            if since is None
            else N_("Its last success was %(now)s ago.", now=span(shell.now - since))
        )
        title, detail = N_("“%(label)s” is down", label=one.label), joined(" ", [one.does, ended])
        yield Item("bad", environment, title, detail, here, N_("Look at it"), None, Kind.SCHEDULE, subject)
    elif one.state is ScheduleState.LATE and environment not in shell.sealed:
        title = N_("“%(label)s” is late", label=one.label)
        yield Item("warn", environment, title, one.does, here, N_("Look at it"), None, Kind.SCHEDULE, subject)
    elif one.state is ScheduleState.PAUSED:
        if one.pause_reason:
            detail = N_("%(does)s %(who)s paused it: %(why)s.", does=one.does, who=one.paused_by, why=one.pause_reason)
        else:
            detail = N_("%(does)s %(who)s paused it.", does=one.does, who=one.paused_by)
        yield Item(
            "info",
            environment,
            N_("“%(label)s” is paused", label=one.label),
            detail,
            here,
            N_("Look at it"),
            at=one.paused_at,
        )
