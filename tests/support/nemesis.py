"""Kills processes, cuts connections, turns clocks and switches environments, in an order that follows from a seed.

Acts are dealt from a shuffled deck, two at a time, so that each has its turn before any comes again. Both strike, a few
things happen at the marketplaces meanwhile, both are made good; then the next two. Nobody else may end a process: one
that is not there any more has died by itself, and that is a failure.
"""

from __future__ import annotations

import json
import random
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from http.client import HTTPException

import psycopg

from kedai.staff.roles import TokenScope
from tests.support.days import Days
from tests.support.installation import ENVIRONMENTS, Installation, request
from tests.support.postgres import PostgresServer
from tests.support.processes import Process, wait_until
from tests.support.tcp_proxy import TcpProxy

SWITCH = "/admin/dashboard/connectors/shopee/active-environment"
RUNS = "/api/v1/{environment}/connectors/shopee/schedules/{kind}/runs"
AT_ONCE = 2
PATIENCE_SECONDS = 60.0
ASKED_SECONDS = 3.0
MOST_STALLS = 2
STALLED = "SELECT count(*) FROM raw_event WHERE state = 'received' AND stalls >= %s"


@dataclass(frozen=True)
class Act:
    """How something goes wrong, and how it is made good."""

    name: str
    strike: Callable[[], object]
    mend: Callable[[], object]


class Storm:
    """The installation under attack; ``seed`` decides what comes when, and for how long."""

    def __init__(
        self, home: Installation, postgres: PostgresServer, proxy: TcpProxy, days: Days, chance: random.Random
    ) -> None:
        self.home, self.postgres, self.proxy, self.days = home, postgres, proxy, days
        self.done: Counter[str] = Counter()
        self.active = ENVIRONMENTS[0]
        self._chance = chance
        self._processes: dict[str, Process] = {}
        self._skew = 0.0
        self._silent = ENVIRONMENTS[0]
        self._tokens = {
            "sandbox": home.token("sandbox"),
            "live": home.token("live", scopes=[TokenScope.ACTIVATE_LIVE]),
        }
        # made good in this order: a process cannot start without its database, and nobody switches without a server
        self._acts = (
            Act("kill postgres", postgres.kill, postgres.restart),
            Act("hold connections", proxy.hold, proxy.release),
            Act("cut connections", proxy.cut, proxy.cut),
            Act("turn clocks", self._turn_clocks, self._right_clocks),
            Act("send nothing", self._fall_silent, self._speak_again),
            Act("kill web", lambda: self._kill("serve"), lambda: self._start("serve")),
            Act("kill worker", lambda: self._kill("worker"), lambda: self._start("worker")),
            Act("switch", self._begin_switch, self._end_switch),
        )

    def begin(self) -> None:
        """Start what will be killed."""
        for command in ("serve", "worker"):
            self._processes[command] = self.home.start(command, ready=False)
        for command, process in self._processes.items():
            self.home.wait_ready(process, command)

    def rage(self, *, steps: int, pushes: int) -> None:
        """Act after act, each at least once, until so many pushes were sent; each pair lasts about so many steps."""
        for acts in self._deal():
            self._spare_the_twice_stalled()
            for act in acts:
                act.strike()
                self.done[act.name] += 1
            self.days.let_happen(self._chance.randint(steps // 2, steps))
            for act in sorted(acts, key=self._acts.index):
                act.mend()
            self.days.ask_for_pushes()
            self.days.let_happen(self._chance.randint(steps // 2, steps))
            self.check_alive()
            if len(self.done) == len(self._acts) and self.days.count_pushes() >= pushes:
                return

    def switch(self, environment: str) -> None:
        """Make it the active one, however often that must be asked."""
        wait_until(lambda: self._ask_switch(environment), timeout=PATIENCE_SECONDS, message="the switch failed")
        self.active = environment

    def run_now(self, environment: str, kind: str) -> None:
        """Let what comes round by itself come now."""
        path = RUNS.format(environment=environment, kind=kind)
        answer = self.home.call("POST", path, token=self._tokens[environment])
        assert answer.status == 202, answer

    def check_alive(self) -> None:
        """Nobody has ended but by our hand."""
        for command, process in self._processes.items():
            assert process.is_running(), f"{command} ended by itself:\n{process.output()[-3000:]}"

    def _deal(self) -> Iterator[list[Act]]:
        while True:
            deck = self._chance.sample(self._acts, len(self._acts))
            yield from (deck[first : first + AT_ONCE] for first in range(0, len(deck), AT_ONCE))

    def _spare_the_twice_stalled(self) -> None:
        """Three stalls are a poisonous push: it would be given up, and rightly. This storm has none."""

        def is_none() -> bool:
            with psycopg.connect(self.postgres.dsn("kedai")) as connection:
                found = connection.execute(STALLED, [MOST_STALLS]).fetchone()
            return found == (0,)

        wait_until(is_none, timeout=PATIENCE_SECONDS, message="a push that stalled twice is not worked on")

    def _kill(self, command: str) -> None:
        self.check_alive()
        self._processes.pop(command).kill9()

    def _start(self, command: str) -> None:
        self._processes[command] = self.home.start(command)

    def _turn_clocks(self) -> None:
        """The marketplaces' clocks fall behind ours, by more than a signature is good for."""
        self._skew = self._chance.uniform(310, 900)
        self._turn(-self._skew)

    def _right_clocks(self) -> None:
        self._turn(self._skew)

    def _turn(self, seconds: float) -> None:
        for environment in ENVIRONMENTS:
            self.home.control(environment, "POST", "/control/clock", {"advance_seconds": seconds})

    def _begin_switch(self) -> None:
        """Once; whether it comes through is open, where something else is struck as well."""
        self.active = next(one for one in ENVIRONMENTS if one != self.active)
        self._ask_switch(self.active)

    def _end_switch(self) -> None:
        self.switch(self.active)

    def _ask_switch(self, environment: str) -> bool:
        wish = json.dumps({"environment": environment, "confirm": environment}).encode()
        headers = {"Authorization": f"Bearer {self._tokens[environment]}", "Content-Type": "application/json"}
        with suppress(OSError, HTTPException):  # the server or its database may be away
            answer = request("POST", self.home.url + SWITCH, headers=headers, body=wish, timeout=ASKED_SECONDS)
            return answer.status == 200
        return False

    def _fall_silent(self) -> None:
        """An environment's marketplace sends no push of what happens, now or ever."""
        self._silent = self._chance.choice(ENVIRONMENTS)
        self.home.control(self._silent, "POST", "/control/settings", {"event_pushes": False})

    def _speak_again(self) -> None:
        self.home.control(self._silent, "POST", "/control/settings", {"event_pushes": True})
