"""Noticing what begins and ends: the list of what is wrong that Home shows, and new groups of exceptions."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Final

import structlog
from sqlalchemy.orm import Session

from kedai.connector_exceptions import service as exceptions
from kedai.connector_exceptions.queries import list_unresolved, list_waiting_alerts
from kedai.db.storage import StorageTrouble
from kedai.kit.ids import derived_id, show_id
from kedai.notifications.messages import Message
from kedai.notifications.outcome import NotSentError
from kedai.notifications.queries import list_channels, list_open_conditions
from kedai.notifications.telling import end_condition, entry_of, note_condition, tell, wants
from kedai.sync.delivering import Ways, message_id, send_message
from kedai.sync.parts import Parts
from kedai.values.environment import Environment
from kedai.values.notification import Change, Condition, Kind, News, news_of
from kedai.values.wording import N_
from kedai.vault.queries import get_active_environment

if TYPE_CHECKING:
    from kedai.connector_exceptions.models import ConnectorException
    from kedai.notifications.models import NotificationCondition

EVERY_SECONDS: Final = 20.0
_MOST_ALERTS: Final = 50

Key = tuple[Environment, str, str]

log = structlog.get_logger("notifications")


@dataclass(frozen=True, slots=True)
class Wrong:
    """Where this process looks: the conditions that the pages know, and its own trouble with the storage."""

    conditions: Callable[[Session], Sequence[Condition]]
    storage: Callable[[], StorageTrouble | None] = lambda: None


@dataclass(frozen=True, slots=True)
class _Sight:
    """One look: what is wrong, what was noted as wrong, and whether groups of exceptions came or went."""

    wrong: dict[Key, Condition]
    noted: dict[Key, NotificationCondition]
    alerts: bool


class ConditionWatch:
    """Any number of processes may look: what is noted is noted once, and told by whoever noted it.

    Twice in a row a condition must be seen before it is told, and be missed before it is over: what comes and goes
    within seconds is nobody's matter. Of a sealed environment nothing is told but that it is sealed.
    """

    def __init__(self, parts: Parts, wrong: Wrong, *, ways: Ways | None = None) -> None:
        self._parts = parts
        self._wrong = wrong
        self._ways = ways or Ways()
        self._seen: frozenset[Key] = frozenset()
        self._missed: frozenset[Key] = frozenset()
        self._told_of_storage: StorageTrouble | None = None

    async def look(self) -> None:
        """Note and tell what changed."""
        trouble = self._wrong.storage()
        if trouble is not None:
            await self._tell_of_storage(trouble)
            return
        sight = await self._parts.read(self._read)
        fresh = {key: one for key, one in sight.wrong.items() if _is_news(one, sight.noted.get(key))}
        gone = {key: row for key, row in sight.noted.items() if key not in sight.wrong}
        began = [one for key, one in sorted(fresh.items()) if key in self._seen]
        ended = [row for key, row in sorted(gone.items()) if key in self._missed]
        self._seen, self._missed = frozenset(fresh), frozenset(gone)
        if began or ended or sight.alerts or self._told_of_storage is not None:
            await self._parts.write(lambda db: self._write(db, began, ended, alerts=sight.alerts))
            self._told_of_storage = None

    def _read(self, db: Session) -> _Sight:
        sealed = self._parts.quarantine.sealed(db)
        wrong = {one.key: one for one in self._wrong.conditions(db) if _may_tell(one.environment, one.kind, sealed)}
        noted: dict[Key, NotificationCondition] = {}
        alerts = False
        for environment in Environment:
            rows = list_open_conditions(db, environment=environment)
            groups = [row for row in rows if row.kind == Kind.EXCEPTION]
            noted |= {
                (row.environment, row.kind, row.subject): row
                for row in rows
                if row.kind != Kind.EXCEPTION and _may_tell(environment, Kind(row.kind), sealed)
            }
            if environment not in sealed:
                alerts = alerts or bool(list_waiting_alerts(db, environment=environment, limit=1))
                alerts = alerts or bool(_resolved(db, environment, groups))
        return _Sight(wrong, noted, alerts)

    def _write(
        self,
        db: Session,
        began: Sequence[Condition],
        ended: Sequence[NotificationCondition],
        *,
        alerts: bool,
    ) -> None:
        now = self._parts.clock.now()
        news = [_ended(row, now) for row in ended if end_condition(db, row, now=now)]
        news += [news_of(one, change, now) for one in began if (change := note_condition(db, one, now=now)) is not None]
        if alerts:
            sealed = self._parts.quarantine.sealed(db)
            for environment in Environment:
                news += [] if environment in sealed else _note_exceptions(db, environment, now)
        if self._told_of_storage is not None:
            title = N_("The database takes writes again")
            detail = N_("It did not since %(at)s.", at=_stamp(self._told_of_storage.since))
            active = self._active(db)
            news.append(News(Kind.STORAGE, active, Change.ENDED, title, detail, f"/e/{active}/home", now))
        tell(db, news, now=now)

    async def _tell_of_storage(self, trouble: StorageTrouble) -> None:
        """Best effort: nothing can be stored of it, so it is told at once, and remembered in this process alone."""
        if self._told_of_storage == trouble:
            return
        self._told_of_storage = trouble
        channels, active = await self._parts.read(lambda db: (list_channels(db), self._active(db)))
        title = N_("The database takes no writes: the whole installation is concerned")
        why = trouble.refusal.value.replace("_", " ")
        detail = N_("Since %(at)s (%(why)s). Every page says what to do.", at=_stamp(trouble.since), why=why)
        one = News(Kind.STORAGE, active, Change.BEGAN, title, detail, f"/e/{active}/home", trouble.since)
        for channel in channels:
            if channel.paused_at is not None or not wants(channel, one):
                continue
            identity = message_id(derived_id(trouble.since, "storage", channel.id.hex))
            url = self._parts.settings.public_url
            message = Message(identity, active, [entry_of(one)], 0, trouble.since, url)
            try:
                await send_message(self._parts, channel, message, self._ways)
            except NotSentError as error:
                log.warning("a notification was not taken", channel=channel.name, reason=error.message)

    def _active(self, db: Session) -> Environment:
        return get_active_environment(db, next(iter(self._parts.connectors)))


def _is_news(one: Condition, noted: NotificationCondition | None) -> bool:
    return noted is None or (noted.level == "warn" and one.level == "bad")


def _may_tell(environment: Environment, kind: Kind, sealed: frozenset[Environment]) -> bool:
    """A copy knows nothing new of what it was copied from."""
    return kind is Kind.SEALED or environment not in sealed


def _note_exceptions(db: Session, environment: Environment, now: datetime) -> list[News]:
    """Groups that are new or came back, and those that were resolved; each is told once."""
    rows = [row for row in list_open_conditions(db, environment=environment) if row.kind == Kind.EXCEPTION]
    news = [_ended(row, now) for row in _resolved(db, environment, rows) if end_condition(db, row, now=now)]
    waiting = list_waiting_alerts(db, environment=environment, limit=_MOST_ALERTS)
    told = exceptions.mark_alerted(db, [one.id for one in waiting], now=now)
    for group in waiting:
        if group.id in told:
            note_condition(db, _condition_of(group), now=now)
            news.append(news_of(_condition_of(group), Change.BEGAN, now))
    return news


def _resolved(
    db: Session, environment: Environment, rows: Sequence[NotificationCondition]
) -> list[NotificationCondition]:
    """Which of these are told as wrong, and their group is open no more."""
    unresolved = {show_id("exc", one) for one in list_unresolved(db, environment=environment)} if rows else set()
    return [row for row in rows if row.subject not in unresolved]


def _condition_of(group: ConnectorException) -> Condition:
    subject = show_id("exc", group.id)
    path = f"/e/{group.environment}/exceptions/{subject}"
    return Condition(Kind.EXCEPTION, group.environment, subject, "bad", _title_of(group), group.next_step, path)


def _title_of(group: ConnectorException) -> str:
    title: str = group.title
    if group.shop_id:
        title = N_("%(title)s (shop %(shop_id)s)", title=title, shop_id=group.shop_id)
    came_back = group.regressed_at is not None and group.regressed_at == group.alert_raised_at
    return N_("Came back: %(title)s", title=title) if came_back else title


def _ended(row: NotificationCondition, now: datetime) -> News:
    return News(Kind(row.kind), row.environment, Change.ENDED, row.title, "", row.path, now)


def _stamp(at: datetime) -> str:
    return f"{at:%Y-%m-%d %H:%M} UTC"
