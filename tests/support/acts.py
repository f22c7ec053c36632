"""What people do to the environments of one marketplace, in any order, and what must hold whatever they did.

Acts go through the verbs that pages and commands use. The name of the actor says which fields an edit sets and which it
clears, so that the audit trail alone tells how things stood after each entry.
"""

from __future__ import annotations

import asyncio
import random
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import Session

from kedai.audit.models import AuditEntry
from kedai.connectors.base import Connector
from kedai.errors import Conflict, Invalid, KedaiError, NotConfigured, NotFound
from kedai.kit.clock import ManualClock
from kedai.runtime import open_runtime
from kedai.sync import accounts, connect, credentials
from kedai.sync.parts import Parts
from kedai.sync.switch import switch
from kedai.values.actor import Actor, ActorKind
from kedai.values.environment import ConnectorName, Environment, Scope
from kedai.vault.models import ActiveEnvironment, EnvironmentCredentials, Shop
from kedai.vault.queries import get_credentials, open_secret
from tests.support.factories import COMPLETE, COMPLETE_LIVE, FAKE, LIVE, SANDBOX, START, FakeConnector, Market, NoHttp
from tests.support.factories import make_settings as settings_of

REFUSALS = (Conflict, Invalid, NotConfigured, NotFound)
"""What an act may meet; anything else is a failure of the test."""

SECRETS = ("partner_key", "push_partner_key")
FIELDS = ("partner_id", *SECRETS, "shop_id", "region", "default_location_id")
NEEDED = frozenset({"partner_id", "partner_key", "push_partner_key", "region"})
"""What the fake marketplace cannot do without; and a shop, configured or connected."""

SHOPS = ("7001", "7002")
VALUES: Mapping[str, tuple[str, ...]] = {
    "partner_id": ("1001", "2002", "3003"),
    "partner_key": ("partner-key-of-the-acts-0001", "partner-key-of-the-acts-0002"),
    "push_partner_key": ("push-key-of-the-acts-0000001", "push-key-of-the-acts-0000002", "push-key-of-the-acts-3"),
    "shop_id": SHOPS,
    "region": ("SG", "MY"),
    "default_location_id": ("L1", "L2"),
}
_SHOP_STATES = {"connected", "pending", "paused", "needs_reauth", "disconnected"}


@dataclass(frozen=True, slots=True)
class Standing:
    """How things stand: the active environment and its version, which fields are set, which shops are connected."""

    active: Environment
    version: int
    fields: frozenset[tuple[Environment, str]]
    connected: frozenset[tuple[Environment, str]]

    def is_complete(self, environment: Environment) -> bool:
        """Whether an environment has all that the active one needs; told from the rows alone."""
        held = {name for where, name in self.fields if where is environment}
        has_shop = "shop_id" in held or any(where is environment for where, _ in self.connected)
        return has_shop and held >= NEEDED

    def of(self, environment: Environment) -> tuple[frozenset[str], frozenset[str]]:
        """One environment's fields and connected shops."""
        held, linked = ((one for one in group if one[0] is environment) for group in (self.fields, self.connected))
        return frozenset(name for _, name in held), frozenset(shop for _, shop in linked)


def read_standing(db: Session, name: ConnectorName) -> Standing:
    """From the rows, past everything that the product itself thinks of them."""
    active = db.execute(sa.select(ActiveEnvironment).where(ActiveEnvironment.connector == name)).scalar_one()
    rows = db.execute(sa.select(EnvironmentCredentials).where(EnvironmentCredentials.connector == name)).scalars()
    held = {
        (row.environment, field)
        for row in rows
        for field in FIELDS
        if getattr(row, f"{field}_encrypted" if field in SECRETS else field)
    }
    linked = db.execute(sa.select(Shop).where(Shop.connector == name, Shop.state == "connected")).scalars()
    connected = {(shop.environment, shop.shop_id) for shop in linked}
    return Standing(active.environment, active.version, frozenset(held), frozenset(connected))


def secrets_open(parts: Parts, db: Session, name: ConnectorName, environment: Environment) -> bool:
    """Whether the keys of an environment are there and can be read."""
    row = get_credentials(db, name, environment)
    return all(open_secret(parts.ring, row, f"{one}_encrypted") for one in SECRETS)


@dataclass(frozen=True, slots=True)
class Person:
    """Somebody who acts on one marketplace; each act says why it was refused, or None."""

    parts: Parts
    name: ConnectorName

    def switch(self, environment: Environment) -> KedaiError | None:
        """To live without a certificate, as an administrator may: this is about what an environment lacks."""
        given = {"override_reason": "a test of what it lacks" if environment is LIVE else None, **self._who("")}
        return self._try(lambda db: switch(self.parts, db, self.name, environment, **given))

    def edit(self, environment: Environment, changes: Mapping[str, str | None]) -> KedaiError | None:
        told = " ".join(f"{'+' if _sets(field, value) else '-'}{field}" for field, value in sorted(changes.items()))
        return self._try(
            lambda db: credentials.edit(
                self.parts, db, self.name, environment, changes, expected_version=None, **self._who(told)
            )
        )

    def clear(self, environment: Environment, secret: str) -> KedaiError | None:
        return self._try(
            lambda db: credentials.clear_secret(self.parts, db, self.name, environment, secret, **self._who(""))
        )

    def add_shop(self, environment: Environment, shop_id: str) -> KedaiError | None:
        """Authorise a shop at the marketplace, and confirm it where it waits for that."""
        try:
            status = asyncio.run(self._authorise(environment, shop_id))
        except REFUSALS as error:
            return error
        if status == "pending_confirmation":
            return self.confirm(environment, shop_id)
        return None

    def confirm(self, environment: Environment, shop_id: str) -> KedaiError | None:
        who = self._who("")
        return self._try(
            lambda db: accounts.confirm(self.parts, db, self._scope(environment, shop_id), typed=shop_id, **who)
        )

    def pause(self, environment: Environment, shop_id: str) -> KedaiError | None:
        return self._try(lambda db: accounts.pause(self.parts, db, self._scope(environment, shop_id), **self._who("")))

    def resume(self, environment: Environment, shop_id: str) -> KedaiError | None:
        return self._try(lambda db: accounts.resume(self.parts, db, self._scope(environment, shop_id), **self._who("")))

    def disconnect(self, environment: Environment, shop_id: str) -> KedaiError | None:
        scope, who = self._scope(environment, shop_id), self._who("")
        return self._try(lambda db: accounts.disconnect(self.parts, db, scope, typed=shop_id, **who))

    def read(self) -> Standing:
        """How things stand now."""
        with self.parts.database.read() as db:
            return read_standing(db, self.name)

    async def _authorise(self, environment: Environment, shop_id: str) -> str:
        now = self.parts.clock.now()
        begun = await self.parts.write(
            lambda db: connect.start(
                self.parts,
                db,
                self.name,
                environment,
                staff_id="staff_1",
                session_id="session",
                expected_shop_id=None,
                now=now,
            )
        )
        back = connect.Callback(code="code", shop_id=shop_id, nonce=begun.cookie_value, error="")
        return await connect.finish(
            self.parts,
            self.name,
            environment,
            back,
            cookie_value=begun.cookie_value,
            session_id="session",
            actor=self._who("")["actor"],
        )

    def _try(self, act: Callable[[Session], object]) -> KedaiError | None:
        try:
            self.parts.database.transact(act)
        except REFUSALS as error:
            return error
        return None

    def _who(self, told: str) -> dict[str, Any]:
        return {"actor": Actor(ActorKind.STAFF, "staff_1", told or "anna"), "now": self.parts.clock.now()}

    def _scope(self, environment: Environment, shop_id: str) -> Scope:
        return Scope(self.name, environment, shop_id)


def complete(environment: Environment) -> dict[str, str]:
    """Everything an environment needs, and another push key than the other's."""
    return dict(COMPLETE if environment is SANDBOX else COMPLETE_LIVE)


def replay(start: Standing, entries: Sequence[AuditEntry]) -> Iterator[tuple[AuditEntry, Standing]]:
    """How things stood after each entry of the trail, told by the entries alone."""
    now = start
    for entry in entries:
        now = _after(now, entry)
        yield entry, now


def _after(now: Standing, entry: AuditEntry) -> Standing:
    kind, _, deed = entry.action.partition(".")
    if entry.action == "environment.switch":
        assert entry.details["from"] == now.active, f"entry {entry.sequence} switches from where nobody was"
        return replace(now, active=Environment(entry.details["to"]), version=now.version + 1)
    if entry.environment is None:
        return now
    if kind == "credentials":
        kept = set(entry.actor_name.split()) if deed == "edit" else set()
        touched = {(entry.environment, field) for field in entry.details["fields"]}
        gained = {one for one in touched if f"+{one[1]}" in kept}
        return replace(now, fields=(now.fields - touched) | gained)
    if kind == "shop" and deed in _SHOP_STATES:
        shop = {(entry.environment, entry.subject.rpartition(" ")[2])}
        return replace(now, connected=now.connected | shop if deed == "connected" else now.connected - shop)
    return now


def read_entries(db: Session, *, after: int) -> list[AuditEntry]:
    """The trail from behind an entry on, oldest first."""
    chosen = sa.select(AuditEntry).where(AuditEntry.sequence > after).order_by(AuditEntry.sequence)
    return list(db.execute(chosen).scalars())


def act_at_random(person: Person, *, seed: int, acts: int) -> int:
    """Do so many things in an order that the seed decides; how many were not refused."""
    dice = random.Random(seed)
    return sum(_act(person, dice) is None for _ in range(acts))


def _act(person: Person, dice: random.Random) -> KedaiError | None:
    environment, shop_id = dice.choice((SANDBOX, LIVE)), dice.choice(SHOPS)
    field = dice.choice(FIELDS)
    acts: list[tuple[int, Callable[[], KedaiError | None]]] = [
        (6, lambda: person.switch(environment)),
        (4, lambda: person.edit(environment, {field: dice.choice(VALUES[field])})),
        (4, lambda: person.edit(environment, {"shop_id": None})),
        (2, lambda: person.edit(environment, {"partner_id": None})),
        (4, lambda: person.edit(environment, complete(environment))),
        (2, lambda: person.clear(environment, dice.choice(SECRETS))),
        (3, lambda: person.add_shop(environment, shop_id)),
        (2, lambda: person.pause(environment, shop_id)),
        (2, lambda: person.resume(environment, shop_id)),
        (3, lambda: person.disconnect(environment, shop_id)),
    ]
    (chosen,) = dice.choices([act for _, act in acts], [weight for weight, _ in acts])
    return chosen()


def act_as_a_process(url: str, directory: str, seed: int, acts: int) -> None:
    """The same from a process of its own, on a database that others write to."""
    clock = ManualClock(START)
    known: dict[ConnectorName, Connector] = {FAKE: FakeConnector(Market(), clock.now)}
    runtime = open_runtime(settings_of(url, Path(directory)), clock=clock, http=NoHttp(), connectors=known, seeds={})
    try:
        assert act_at_random(Person(runtime.parts, FAKE), seed=seed, acts=acts) > 0
    finally:
        runtime.close()


def _sets(field: str, value: str | None) -> bool:
    """A region that is cleared falls back to one that is set."""
    return bool(value) or field == "region"
