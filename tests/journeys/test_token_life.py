"""T21, T22, F8, F29: a token pair's whole life in several processes, against the real simulator, in any order.

The access token ends, many ask at once, answers are lost on the way, processes are killed at every named step and come
back, weeks go by, the seller takes the permission back or agrees anew. Whatever happened, the marketplace heard of
exactly as many refreshes as `tests.support.token_life` says (one for each end, where nothing went wrong), the pair that
is stored is the one that must be, and a shop waits for a person only where there was no other way, and says why.

Break ``free_at`` in `refresh.begin_refresh` (several refreshes), `renewal._save` or `exchange._save` (a shop is lost),
`spooled.recover` (the same), or the fence `_is` in `vault.refresh` (an older pair wins).
"""

from __future__ import annotations

import itertools
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from copy import deepcopy
from datetime import UTC, datetime
from typing import Any, ClassVar
from urllib.parse import parse_qs, urlsplit

import pytest
import sqlalchemy as sa
from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)

from kedai.connector_exceptions.models import ConnectorException
from kedai.sync.connect import Callback
from kedai.sync.credentials import edit
from kedai.values.actor import COMMAND_LINE
from kedai.values.environment import Environment
from kedai.vault.models import AuthToken, Shop
from tests.journeys.conftest import Place
from tests.support.hosts import Host, Order, hosts
from tests.support.installation import SHOPEE, Installation
from tests.support.token_life import (
    GRANT_POINTS,
    POINTS,
    TROUBLES,
    Belief,
    Expected,
    GrantPoint,
    Market,
    Point,
    Trouble,
)

pytestmark = pytest.mark.journey

REFRESH_PATH = "/api/v2/auth/access_token/get"
LONG_AGO = datetime(2000, 1, 1, tzinfo=UTC)
FAULTS: dict[Trouble, dict[str, Any]] = {
    "lost before": {"kind": "drop"},
    "lost after": {"kind": "drop", "after": True},
    "lost twice": {"kind": "drop", "after": True, "times": 2},
    "refused": {"error": "error_sign", "message": "Wrong sign.", "status": 403},
}
TOO_LATE = {"RemoteUnavailable", "StorageUnavailable"}
"""What a caller is told who has waited for three seconds, on a machine that is busy."""


class World:
    """The installation, its processes, and the time that has gone by; one for all runs of the machine."""

    def __init__(self, home: Installation, processes: list[Host], names: list[str], tasks: int) -> None:
        self.home, self.processes, self.names, self.tasks = home, processes, names, tasks
        self.ahead_minutes = 0
        self.numbers = itertools.count(1)

    def control(self, method: str, path: str, body: Any = None) -> Any:
        return self.home.control("sandbox", method, f"/control{path}", body)

    def start(self, index: int) -> None:
        self.processes[index].start(self.ahead_minutes)

    def let_pass(self, minutes: int) -> None:
        """On both sides; leases, which the database's own clock judges, are over after a minute."""
        self.control("POST", "/clock", {"advance_seconds": minutes * 60})
        self.ahead_minutes += minutes
        with self.home.database.write() as db:
            db.execute(sa.update(AuthToken).where(AuthToken.lease_until.is_not(None)).values(lease_until=LONG_AGO))

    def tell(self, index: int, verb: str, *, die_at: str = "", **arguments: Any) -> None:
        self.processes[index].tell(Order(verb, arguments, self.ahead_minutes, die_at))

    def do(self, index: int, verb: str, *, die_at: str = "", **arguments: Any) -> Any:
        """Tell one process to do something; its answer, or None where it was killed over it."""
        self.tell(index, verb, die_at=die_at, **arguments)
        return self.processes[index].listen()

    def count_refreshes(self) -> int:
        return self.home.calls("sandbox", REFRESH_PATH)

    def found_shop(self) -> str:
        """A shop that nobody has touched."""
        wish = {"region": "SG", "shop_name": f"Shop {next(self.numbers)}"}
        return str(self.control("POST", "/shops", wish)["shop_id"])


class TokenLife(RuleBasedStateMachine):
    """One shop's pair, from its first consent; each run has a shop of its own."""

    world: ClassVar[World]

    @initialize(replays=st.booleans())
    def begin(self, replays: bool) -> None:
        mode = "same_pair_4h" if replays else "strict"
        self.world.control("POST", "/settings", {"refresh_replay_mode": mode, "fail": []})
        self.shop_id = self.world.found_shop()
        self.belief = Belief(Market(replays))
        self.revive()
        self._consent(0)
        self.world.control("DELETE", "/calls")

    @precondition(lambda self: not self.belief.is_leased)
    @rule(trouble=st.sampled_from(("none", *TROUBLES)), chosen=st.integers(0, 7), everywhere=st.booleans())
    def ask(self, trouble: Trouble, chosen: int, everywhere: bool) -> None:
        """Whoever needs the token asks for it, many at once."""
        alive = self._alive()
        first = alive[chosen % len(alive)]
        lies_here = self.belief.saved or self.belief.saved_grants
        asking = alive if everywhere and not lies_here else [first]
        name, before = self.world.names[first], deepcopy(self.belief)
        expected = self.belief.ask(name, trouble=trouble)
        # an answer that stays lost keeps everybody waiting for as long as they have patience: one is enough for that
        tasks = 1 if self.belief.is_leased else self.world.tasks
        asking = asking if tasks > 1 else [first]
        with self._trouble(trouble):
            for index in asking:
                self.world.tell(index, "ask", shop_id=self.shop_id, tasks=tasks)
            got = sum((self.world.processes[index].listen() for index in asking), Counter[int | str]())
        assert sum(got.values()) == tasks * len(asking)
        self._check(expected, before)
        self._check_answers(set(got), trouble)

    @precondition(lambda self: not self.belief.is_leased)
    @rule(point=st.sampled_from(POINTS), chosen=st.integers(0, 7), idly=st.booleans())
    def die(self, point: Point, chosen: int, idly: bool) -> None:
        """A process is killed over a renewal, which a caller or the care for idle tokens began."""
        self.hours_pass()
        alive = self._alive()
        index = alive[chosen % len(alive)]
        name, before = self.world.names[index], deepcopy(self.belief)
        if idly:
            expected = self.belief.look(name, die_at=point)
            told = self.world.do(index, "look", die_at=point)
        else:
            expected = self.belief.ask(name, die_at=point)
            told = self.world.do(index, "ask", die_at=point, shop_id=self.shop_id, tasks=self.world.tasks)
        assert (told is None) == expected.dies
        self._check(expected, before)
        self._replace(index, told)

    @precondition(lambda self: not self.belief.is_leased)
    @rule(chosen=st.integers(0, 7))
    def look(self, chosen: int) -> None:
        """A worker looks after tokens that nobody uses."""
        alive = self._alive()
        index = alive[chosen % len(alive)]
        before = deepcopy(self.belief)
        expected = self.belief.look(self.world.names[index])
        self.world.do(index, "look")
        self._check(expected, before)

    @rule()
    def a_minute_passes(self) -> None:
        self._let_pass(1)

    @rule()
    def hours_pass(self) -> None:
        """The access token ends."""
        self._let_pass(240)

    @rule(weeks=st.sampled_from([3, 3, 5]))
    def weeks_pass(self, weeks: int) -> None:
        """After three, a refresh token that nobody used is to be looked after; after five it has ended."""
        self._let_pass(weeks * 7 * 1440)

    @rule()
    def revive(self) -> None:
        """Who was killed starts again, and stores what it finds on its disk."""
        for index, process in enumerate(self.world.processes):
            if not process.is_alive:
                self.world.start(index)
                self.belief.start(self.world.names[index])

    @rule(seller=st.sampled_from(["takes it back", "lets it end"]))
    def permission_ends(self, seller: str) -> None:
        """There is no way to keep such a shop."""
        self.belief.market.is_cut = True
        if seller == "takes it back":
            self.world.control("POST", f"/shops/{self.shop_id}/revoke", {})
        else:
            self.world.control("POST", f"/shops/{self.shop_id}/end-authorization", {"in_seconds": 0})

    @rule(chosen=st.integers(0, 7), die_at=st.sampled_from([None, None, *GRANT_POINTS]))
    def reconnect(self, chosen: int, die_at: GrantPoint | None) -> None:
        """The seller agrees anew; the process may be killed while it takes the permission."""
        alive = self._alive()
        index = alive[chosen % len(alive)]
        expected = self.belief.reconnect(self.world.names[index], die_at=die_at)
        told = self._consent(index, die_at=die_at or "")
        assert told == (None if expected.dies else "connected")

    @invariant()
    def stands_as_it_must(self) -> None:
        """The pair is the one that must be stored; a lost shop says why, and is on a person's list."""
        if not hasattr(self, "belief"):
            return
        ((generation, state, reason),) = self.world.home.rows(
            sa.select(AuthToken.generation, Shop.state, Shop.state_reason)
            .join(Shop, Shop.shop_id == AuthToken.shop_id)
            .where(Shop.shop_id == self.shop_id)
        )
        lost = self.belief.lost
        assert (generation, state) == (self.belief.generation, "needs_reauth" if lost else "connected"), lost
        assert bool(reason) == bool(lost)
        if lost:
            told = sa.select(ConnectorException.code).where(ConnectorException.shop_id == self.shop_id)
            assert self.world.home.rows(told) == [("needs_reconnect",)]

    def teardown(self) -> None:
        """In the end all live and look after it, and it works; then it goes, so that no later run meets it."""
        if not hasattr(self, "belief"):
            return
        self.revive()
        self._let_pass(1)
        for index in self._alive():
            self.look(index)
        self.hours_pass()
        self.ask("none", 0, everywhere=True)
        belief, here = self.belief, self._alive()[0]
        if not belief.lost and not belief.market.is_cut and belief.now < belief.market.authorized_until:
            assert self.world.do(here, "use", shop_id=self.shop_id) == self.shop_id
        self.world.do(here, "disconnect", shop_id=self.shop_id)
        for process in self.world.processes:
            left = {one.suffix for one in process.settings.token_spool_dir.glob("*")}
            assert left <= {".room"}  # which whoever was killed had taken, and is swept an hour later

    def _alive(self) -> list[int]:
        """Whose processes live; the first is started where all were killed."""
        alive = [index for index, one in enumerate(self.world.processes) if one.is_alive]
        if not alive:
            self.world.start(0)
            self.belief.start(self.world.names[0])
        return alive or [0]

    def _let_pass(self, minutes: int) -> None:
        self.world.let_pass(minutes)
        self.belief.now += minutes
        self.belief.is_leased = False

    def _consent(self, index: int, *, die_at: str = "") -> str | None:
        """The seller agrees, and the browser comes back to this process; None where that was killed over it."""
        address, cookie = self.world.do(index, "start_connecting", shop_id=self.shop_id)
        location = self.world.home.approve("sandbox", address, shop_id=self.shop_id)
        back = parse_qs(urlsplit(location).query)
        callback = Callback(code=back["code"][0], shop_id=back["shop_id"][0], nonce=back["nonce"][0], error="")
        told: str | None = self.world.do(index, "finish_connecting", die_at=die_at, callback=callback, cookie=cookie)
        return told

    @contextmanager
    def _trouble(self, trouble: Trouble) -> Iterator[None]:
        fault = FAULTS.get(trouble)
        if fault is not None:
            self.world.control("POST", "/settings", {"fail": [{"path": REFRESH_PATH, **fault}]})
        yield
        if fault is not None:
            self.world.control("POST", "/settings", {"fail": []})

    def _check(self, expected: Expected, before: Belief) -> None:
        """The marketplace heard of as many refreshes as it had to; one, where nothing stood in the way."""
        assert self.world.count_refreshes() == expected.calls, before
        self.world.control("DELETE", "/calls")

    def _check_answers(self, got: set[int | str], trouble: Trouble) -> None:
        belief = self.belief
        if belief.lost:
            assert got <= {"NeedsReconnect", *TOO_LATE}
            assert "NeedsReconnect" in got
        elif belief.is_leased:
            assert got <= {"OutcomeUnknown", *TOO_LATE}
        else:
            assert belief.generation in got
            assert got <= {belief.generation, *TOO_LATE, *({"RemoteMisconfigured"} if trouble == "refused" else ())}

    def _replace(self, index: int, told: object) -> None:
        """One that was not killed after all has the point still armed: it is killed where it stands."""
        if told is not None:
            self.world.processes[index].stop()


def live_through(home: Installation, machine_settings: settings, *, processes: int, tasks: int) -> None:
    """Let the machine walk; on PostgreSQL every second process is on a host of its own, with a disk of its own."""
    configure(home)
    on_two = home.database_url is not None
    names = ["there" if on_two and index % 2 else "here" for index in range(processes)]
    chosen = [home.settings(KEDAI_DATA_DIR=str(home.directory / name)) if on_two else home.settings() for name in names]
    with hosts(chosen) as made:

        class Machine(TokenLife):
            world = World(home, made, names, tasks)

        run_state_machine_as_test(Machine, settings=machine_settings)


def configure(home: Installation) -> None:
    """Enter the simulator's app, and connect nobody yet."""
    with home.runtime() as runtime, runtime.web_db.write() as db:
        given = {"expected_version": None, "actor": COMMAND_LINE, "now": runtime.clock.now()}
        edit(runtime.parts, db, SHOPEE, Environment.SANDBOX, home.credentials("sandbox"), **given)


def walks(examples: int, steps: int) -> settings:
    return settings(
        max_examples=examples,
        stateful_step_count=steps,
        phases=[Phase.generate],  # a failure is short enough to read; making it shorter takes minutes on a database
        suppress_health_check=list(HealthCheck),
    )


def test_t21_t22_no_order_of_deeds_asks_twice_or_loses_a_shop_that_need_not_be_lost(place: Place) -> None:
    live_through(place(), walks(7, 12), processes=2, tasks=6)


@pytest.mark.slow
def test_t21_t22_the_same_in_four_processes_of_fifty_tasks(place: Place) -> None:
    live_through(place(), walks(40, 30), processes=4, tasks=50)
