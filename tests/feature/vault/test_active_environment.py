"""Whatever people do, in whatever order and however many at once: the active environment is never a broken one (T29).

A fresh sandbox may be incomplete. From the moment an active environment is complete, none that is active ever lacks
anything again: what would take it away is refused, and so is a switch to one that is not complete.
"""

from __future__ import annotations

import itertools
import multiprocessing
from functools import partial
from pathlib import Path
from typing import Any, ClassVar

import sqlalchemy as sa
from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule, run_state_machine_as_test

from kedai.audit.models import AuditEntry
from kedai.audit.queries import verify_chain
from kedai.errors import KedaiError
from kedai.values.environment import ConnectorName, Environment
from kedai.vault import service as vault
from tests.support.acts import (
    FIELDS,
    SECRETS,
    SHOPS,
    VALUES,
    Person,
    Standing,
    act_as_a_process,
    act_at_random,
    complete,
    read_entries,
    read_standing,
    replay,
    secrets_open,
)
from tests.support.factories import FAKE, LIVE, SANDBOX, FakeConnector, House, on_postgresql, on_sqlite, run_threads

ACTS = 100
AT_ONCE = 3
MARK = "shop.needs_reauth"
"""The one entry that does not end its transaction: the edit that caused it is recorded right after it."""

RUNS = settings(
    max_examples=20,
    stateful_step_count=25,
    phases=[Phase.generate],  # a failure is short enough to read; making it shorter takes minutes on a database
    suppress_health_check=list(HealthCheck),
)

environments = st.sampled_from([SANDBOX, LIVE])
shop_ids = st.sampled_from(SHOPS)
fields = st.sampled_from(FIELDS)


class OneOfMany(FakeConnector):
    """The fake marketplace under a name of its own, so that one database serves many runs of the machine."""

    def __init__(self, name: str, house: House) -> None:
        super().__init__(house.market, house.clock.now)
        self.name = ConnectorName(name)


class ActiveEnvironmentMachine(RuleBasedStateMachine):
    """Switch, edit, clear, and let shops come and go; each run on a marketplace nobody has touched."""

    house: ClassVar[House]
    numbers: ClassVar[itertools.count[int]]

    def __init__(self) -> None:
        super().__init__()
        self.person = Person(self.house.parts, self._new_marketplace())
        self.was_complete = False

    def _new_marketplace(self) -> ConnectorName:
        connector = OneOfMany(f"m{next(self.numbers)}", self.house)
        self.house.runtime.connectors[connector.name] = connector  # type: ignore[index]  # a dict, and ours
        with self.house.db.write() as db:
            vault.seed(db, self.house.parts.ring, connector.name, {}, now=self.house.now)
        return connector.name

    @initialize(filled=st.sampled_from([(SANDBOX, LIVE), (SANDBOX,), (LIVE,), ()]), by_shop=st.booleans())
    def begin(self, filled: tuple[Environment, ...], by_shop: bool) -> None:
        """Complete or not; ``by_shop`` where a connected shop stands in for the shop id."""
        for environment in filled:
            assert self.person.edit(environment, complete(environment)) is None
            if by_shop:
                assert self.person.add_shop(environment, SHOPS[0]) is None
                assert self.person.edit(environment, {"shop_id": None}) is None

    @rule(environment=environments)
    def switch(self, environment: Environment) -> None:
        before = self.person.read()
        refusal = self.person.switch(environment)
        after = self.person.read()
        if before.active is environment:
            assert (refusal, after) == (None, before)
        elif before.is_complete(environment):
            assert refusal is None
            assert (after.active, after.version) == (environment, before.version + 1)
            assert (after.fields, after.connected) == (before.fields, before.connected)
        else:
            assert refusal is not None
            assert after == before

    @rule(environment=environments, field=fields, data=st.data())
    def set_a_field(self, environment: Environment, field: str, data: st.DataObject) -> None:
        value = data.draw(st.sampled_from(VALUES[field]))
        self._act(environment, lambda: self.person.edit(environment, {field: value}))

    @rule(environment=environments, field=fields)
    def clear_a_field(self, environment: Environment, field: str) -> None:
        self._act(environment, lambda: self.person.edit(environment, {field: None}))

    @rule(environment=environments, changes=st.dictionaries(fields, st.sampled_from(["", None]), max_size=3))
    def leave_fields_blank(self, environment: Environment, changes: dict[str, str | None]) -> None:
        self._act(environment, lambda: self.person.edit(environment, changes))

    @rule(environment=environments)
    def fill_in_everything(self, environment: Environment) -> None:
        self._act(environment, lambda: self.person.edit(environment, complete(environment)))

    @rule(environment=environments, secret=st.sampled_from(SECRETS))
    def clear_a_secret(self, environment: Environment, secret: str) -> None:
        self._act(environment, lambda: self.person.clear(environment, secret))

    @rule(environment=environments, shop_id=shop_ids)
    def add_a_shop(self, environment: Environment, shop_id: str) -> None:
        self._act(environment, lambda: self.person.add_shop(environment, shop_id), all_or_nothing=False)

    @rule(environment=environments, shop_id=shop_ids, deed=st.sampled_from(["pause", "resume", "disconnect"]))
    def do_to_a_shop(self, environment: Environment, shop_id: str, deed: str) -> None:
        self._act(environment, lambda: getattr(self.person, deed)(environment, shop_id))

    @invariant()
    def the_active_environment_is_not_broken(self) -> None:
        now = self.person.read()
        whole = now.is_complete(now.active)
        assert whole or not self.was_complete, f"{now.active} is active and lacks something: {now}"
        self.was_complete = whole
        if whole:
            with self.house.db.read() as db:
                assert secrets_open(self.house.parts, db, self.person.name, now.active)

    def _act(self, environment: Environment, act: Any, *, all_or_nothing: bool = True) -> None:
        """An act is refused and changes nothing, or touches its own environment; it never signs in anywhere."""
        before = self.person.read()
        refusal: KedaiError | None = act()
        after = self.person.read()
        assert (after.active, after.version) == (before.active, before.version)
        assert after.of(environment.other) == before.of(environment.other)
        if refusal is not None and all_or_nothing:
            assert after == before


def test_t29_no_order_of_acts_breaks_the_active_environment(house: House) -> None:
    """Fails without `_refuse_incomplete_active`, without `_refuse_incomplete`, or without the check in `activate`."""
    machine = type("Here", (ActiveEnvironmentMachine,), {"house": house, "numbers": itertools.count(1)})
    run_state_machine_as_test(machine, settings=RUNS)
    with house.db.read() as db:
        assert verify_chain(db) is None


@on_postgresql
def test_t29_processes_that_act_at_once_never_break_the_active_environment(house: House, tmp_path: Path) -> None:
    """Fails where one of the acts looks at what it depends on before it holds the lock that the others wait for."""
    start, mark = begin(house)
    context: Any = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(["tests.support.acts"])
    works = [(house.url, str(tmp_path), seed, ACTS) for seed in range(AT_ONCE)]
    started = [context.Process(target=act_as_a_process, args=work, daemon=True) for work in works]
    for one in started:
        one.start()
    for one in started:
        one.join(120)
    assert [one.exitcode for one in started] == [0] * AT_ONCE
    assert_never_broken(house, start, mark)


@on_sqlite
def test_t29_threads_that_act_at_once_never_break_the_active_environment(house: House) -> None:
    """The same inside the one process that SQLite has."""
    start, mark = begin(house)
    people = [Person(house.parts, FAKE) for _ in range(AT_ONCE)]
    works = [partial(act_at_random, one, seed=seed, acts=ACTS) for seed, one in enumerate(people)]
    done = run_threads(works, timeout=120)
    assert [one for one in done if not isinstance(one, int) or one == 0] == []
    assert_never_broken(house, start, mark)


def begin(house: House) -> tuple[Standing, int]:
    """Both environments complete; how they stand, and the last entry of the trail so far."""
    for environment in Environment:
        assert Person(house.parts, FAKE).edit(environment, complete(environment)) is None
    with house.db.read() as db:
        last = db.execute(sa.select(sa.func.max(AuditEntry.sequence))).scalar_one()
        return read_standing(db, FAKE), last


def assert_never_broken(house: House, start: Standing, mark: int) -> None:
    """At the end of every act that the trail tells, and now; and what the trail tells is what is stored."""
    with house.db.read() as db:
        assert verify_chain(db) is None
        entries, end = read_entries(db, after=mark), read_standing(db, FAKE)
        assert secrets_open(house.parts, db, FAKE, end.active)
    stood = list(replay(start, entries))
    assert stood[-1][1] == end
    ends = [one for one in stood if one[0].action != MARK]
    assert [(entry.sequence, entry.action) for entry, now in ends if not now.is_complete(now.active)] == []
    switches = sum(entry.action == "environment.switch" for entry, _ in stood)
    assert switches > 0
    assert end.version == start.version + switches
