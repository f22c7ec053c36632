"""The steps from an empty installation to the first live order, each with the stored fact that proves it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from itertools import chain

from sqlalchemy.orm import Session

from kedai.kit.ids import show_id
from kedai.orders.firsts import has_orders
from kedai.staff.ways_in import count_ways_in
from kedai.sync.connection import CallbackUrls
from kedai.sync.getting_started.facts import Facts, read_facts
from kedai.sync.parts import Parts
from kedai.sync.urls import oauth_url, webhook_urls
from kedai.values.environment import ConnectorName, Environment
from kedai.vault.certificates import show_certificate


class StepKey(StrEnum):
    """What is to be done, or what is to come by itself."""

    OWN_PASSWORD = "own_password"  # noqa: S105  a name
    SECOND_FACTOR = "second_factor"
    CREDENTIALS = "credentials"
    PUSH_URL = "push_url"
    SHOP = "shop"
    CERTIFICATE = "certificate"
    SWITCH = "switch"
    FIRST_PUSH = "first_push"
    FIRST_ORDER = "first_order"


COMES_BY_ITSELF = frozenset({StepKey.FIRST_PUSH, StepKey.FIRST_ORDER})
"""Nobody does these: the marketplace sends, and Kedai waits."""


@dataclass(frozen=True, slots=True)
class Step:
    """One step. ``at``, ``by`` and ``what`` are the fact: when it was so, through whom, and which rows tell it.

    ``optional`` steps stop nobody. ``problem`` says what was found instead, where that is known.
    """

    key: StepKey
    done: bool
    at: datetime | None = None
    by: str = ""
    what: tuple[str, ...] = ()
    problem: str = ""
    optional: bool = False

    @property
    def waits(self) -> bool:
        """Whether it comes by itself, and has not yet."""
        return not self.done and self.key in COMES_BY_ITSELF


@dataclass(frozen=True, slots=True)
class EnvironmentSetup:
    """One environment's half of the way, and the addresses that its app at the marketplace needs."""

    environment: Environment
    steps: tuple[Step, ...]
    urls: CallbackUrls


@dataclass(frozen=True, slots=True)
class Checklist:
    """The whole way: what concerns the installation, then the sandbox, then live."""

    people: tuple[Step, ...]
    halves: tuple[EnvironmentSetup, ...]

    @property
    def required(self) -> tuple[Step, ...]:
        """The steps that must be taken, in order."""
        every = (*self.people, *chain.from_iterable(half.steps for half in self.halves))
        return tuple(step for step in every if not step.optional)

    @property
    def done(self) -> int:
        """How many of those are."""
        return sum(step.done for step in self.required)

    @property
    def current(self) -> Step | None:
        """The first that is not done."""
        return next((step for step in self.required if not step.done), None)


def is_finished(db: Session, name: ConnectorName) -> bool:
    """Whether live orders ever came: that is where the way ends, whatever was cleared away since."""
    return has_orders(db, name, Environment.LIVE)


def read_checklist(parts: Parts, db: Session, name: ConnectorName, *, now: datetime) -> Checklist:
    """The whole way, as it is stored now.

    Raises:
        NotFound: nothing has been seeded yet, since no master key is there.
    """
    halves = tuple(read_setup(parts, db, name, environment, now=now) for environment in Environment)
    return Checklist(read_people(db), halves)


def read_people(db: Session) -> tuple[Step, ...]:
    """The steps that concern administrators; for people alone."""
    found = count_ways_in(db)
    own, second = ((str(number), str(found.admins)) for number in (found.own_passwords, found.second_factors))
    return (
        Step(StepKey.OWN_PASSWORD, found.own_passwords > 0, what=own),
        Step(StepKey.SECOND_FACTOR, 0 < found.admins == found.second_factors, what=second, optional=True),
    )


def read_setup(
    parts: Parts, db: Session, name: ConnectorName, environment: Environment, *, now: datetime
) -> EnvironmentSetup:
    """One environment's steps.

    Raises:
        NotFound: nothing has been seeded yet, since no master key is there.
    """
    facts = read_facts(parts, db, name, environment, now=now)
    urls = CallbackUrls(webhook_urls(parts.settings, name, environment), oauth_url(parts.settings, name, environment))
    return EnvironmentSetup(environment, tuple(_steps(facts, environment)), urls)


def _steps(facts: Facts, environment: Environment) -> Iterator[Step]:
    yield _credentials(facts)
    yield _shop(facts)
    yield _push_url(facts)
    if environment is Environment.LIVE:
        yield _certificate(facts)
        yield _switch(facts)
    yield _first_push(facts)
    yield _first_order(facts)


def _credentials(facts: Facts) -> Step:
    row = facts.credentials
    what = facts.missing or (row.partner_id or "",)
    return Step(StepKey.CREDENTIALS, not facts.missing, row.updated_at, row.updated_by, what)


def _push_url(facts: Facts) -> Step:
    seen = facts.registration
    if seen is None:
        return Step(StepKey.PUSH_URL, done=False)
    return Step(StepKey.PUSH_URL, seen.is_registered, seen.at, problem="" if seen.is_registered else "elsewhere")


def _shop(facts: Facts) -> Step:
    shop = facts.shop
    if shop is None:
        return Step(StepKey.SHOP, done=False)
    return Step(StepKey.SHOP, done=True, at=shop.connected_at, what=(shop.shop_id, shop.name))


def _certificate(facts: Facts) -> Step:
    """It counts for an hour; once somebody has gone live nobody needs it any more."""
    one, was_live = facts.certificate, _was_live(facts)
    if one is None:
        return Step(StepKey.CERTIFICATE, was_live, problem="" if was_live else facts.objection)
    done, what = was_live or not facts.objection, (show_certificate(one),)
    return Step(StepKey.CERTIFICATE, done, one.checked_at, one.checked_by, what, "" if done else facts.objection)


def _switch(facts: Facts) -> Step:
    what = ("active",) if facts.is_active else ()
    return Step(StepKey.SWITCH, _was_live(facts), facts.switched_at, what=what)


def _was_live(facts: Facts) -> bool:
    return facts.is_active or facts.switched_at is not None


def _first_push(facts: Facts) -> Step:
    """Of an order: that a shop was authorised is pushed too, and tells nothing of whether orders will come."""
    push = facts.order_push
    if push is None:
        return _no_order_push(facts)
    return Step(StepKey.FIRST_PUSH, done=True, at=push.received_at, what=(str(push.code), push.matched_url))


def _no_order_push(facts: Facts) -> Step:
    """What came last instead."""
    came_at = None if facts.push is None else facts.push.received_at
    rejected_at = facts.rejected_at
    if rejected_at is not None and (came_at is None or came_at < rejected_at):
        return Step(StepKey.FIRST_PUSH, done=False, at=rejected_at, problem="rejected")
    return Step(StepKey.FIRST_PUSH, done=False, at=came_at, problem="" if came_at is None else "no_order")


def _first_order(facts: Facts) -> Step:
    order = facts.order
    if order is None:
        return Step(StepKey.FIRST_ORDER, done=False, problem="" if facts.is_active else "inactive")
    what = (order.order_sn, order.status, show_id("ord", order.id))
    return Step(StepKey.FIRST_ORDER, done=True, at=order.synced_at, what=what)
