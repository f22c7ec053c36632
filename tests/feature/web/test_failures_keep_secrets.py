"""T9: whatever room fails, with secrets in its hands and in its words, neither the log nor the answer holds one.

The failure is planted in each room in turn: an error nobody foresaw, whose message quotes an address with secrets in
its query, raised while secrets stand in local variables of every frame.
"""

from __future__ import annotations

import asyncio
import json
import os
import subprocess
import sys
import textwrap
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, NoReturn

import pytest
import sqlalchemy as sa
import structlog

from kedai.audit import service as audit
from kedai.inbox import claims
from kedai.kit.clock import ManualClock
from kedai.kit.ids import new_id
from kedai.orders import service as orders
from kedai.sync import credentials, judge
from kedai.sync.worker import Worker
from kedai.values.credentials import ShopProfile, TokenSet
from kedai.values.environment import Environment, Scope
from kedai.values.order import OrderSnapshot
from kedai.values.secret import Secret
from kedai.vault import accounts
from kedai.vault import service as vault
from kedai.web.dashboard import routes_orders
from tests.feature.web.site import ADMIN, SHOP, SHOPEE, Site, serving
from tests.support.factories import ANNA, snapshot
from tests.support.installation import Answer, order_push
from tests.support.logs import Lines, logging_to

CANARY = "CANARYc0ffee0123456789canary"
URL = f"https://api.example/api/v2/x?partner_id=1&access_token={CANARY}&sign={CANARY}&code={CANARY}&timestamp=1"
ROOT = Path(__file__).resolve().parents[3]


class Failure:
    """What a room is made to do; ``met`` counts how often it was asked."""

    def __init__(self) -> None:
        self.met = 0

    def __call__(self, *_args: object, **_given: object) -> NoReturn:
        self.met += 1
        access_token = refresh_token = partner_key = CANARY
        held = {"access_token": access_token, "refresh_token": refresh_token, "partner_key": partner_key}
        raise RuntimeError(f"GET {URL} failed with {len(held)} secrets in hand")


class FailingHttp:
    """Stands where the network would be."""

    def __init__(self, failure: Failure) -> None:
        self.clock = ManualClock(datetime.now(UTC))
        self._failure = failure

    async def send(self, *_args: Any, **_kwargs: Any) -> NoReturn:
        self._failure()

    async def close(self) -> None:
        return


@dataclass(frozen=True)
class Hands:
    """A served installation with canaries for secrets, and those who use it."""

    site: Site
    failure: Failure
    program: dict[str, str]
    person: dict[str, str]

    def save(self) -> Answer:
        """An edit whose body, query and headers hold canaries."""
        headers = {**self.program, "X-Request-Id": "looked-for", "Cookie": f"other={CANARY}"}
        given = {"partner_key": f"{CANARY}-another", "push_partner_key": CANARY}
        return self.site.send("PATCH", f"{ADMIN}?env=sandbox&access_token={CANARY}", given, **headers)

    def look(self) -> Answer:
        """A page asked for with canaries in its address."""
        return self.site.get(f"/e/sandbox/orders?code={CANARY}&state={CANARY}&sign={CANARY}", **self.person)

    def come_back(self) -> Answer:
        """A return from the marketplace, which carries a code."""
        begun = self.site.send("GET", f"{ADMIN}/oauth/start?env=sandbox", None, **self.program)
        cookie = begun.headers["set-cookie"].split(";")[0]
        nonce = cookie.partition("=")[2]
        path = f"/connectors/shopee/oauth/callback/sandbox?nonce={nonce}&code={CANARY}&shop_id={SHOP}"
        return self.site.get(path, Cookie=cookie)

    def push(self) -> Answer:
        """A push with canaries in its signature header and its body."""
        headers = {"Authorization": f"Bearer {CANARY}", "X-Key": CANARY}
        body = {"code": 3, "data": {"x": CANARY}}
        return self.site.send("POST", "/connectors/shopee/webhook/sandbox", body, **headers)

    def work(self) -> None:
        """The worker meets an order to read, and stumbles or notes what went wrong."""
        assert self.site.push(order_push(f"26{new_id().hex[:12].upper()}", SHOP)).status == 200
        worker = Worker(self.site.runtime.worker_parts)

        async def until_it_failed() -> None:
            running = asyncio.create_task(worker.run())
            async with asyncio.timeout(20):
                while not self.failure.met:
                    await asyncio.sleep(0.01)
            worker.stop()
            await running

        asyncio.run(until_it_failed())


@pytest.fixture
def hands(database_url: str, tmp_path: Path) -> Iterator[Hands]:
    """Canaries are the partner key, and the tokens of a connected shop."""
    failure = Failure()
    with serving(database_url, tmp_path, http=FailingHttp(failure)) as site:  # type: ignore[arg-type]
        site.configure("sandbox", partner_key=f"{CANARY}-partner")
        _connect(site)
        yield Hands(site, failure, site.token(), site.session())


def _connect(site: Site) -> None:
    scope, now = Scope(SHOPEE, Environment.SANDBOX, str(SHOP)), site.clock.now()
    later = now + timedelta(days=1)
    tokens = TokenSet(Secret(CANARY), Secret(CANARY), later, later)
    with site.runtime.web_db.write() as db:
        sealed = accounts.seal_tokens(db, site.runtime.ring, scope, tokens)
        profile = ShopProfile(scope.shop_id, "", "SG", None, None)
        accounts.save_account(db, scope, profile, state="connected", reason="", actor=ANNA, now=now)
        accounts.store_tokens(db, scope, "1001", sealed, now=now)


@pytest.fixture
def lines(hands: Hands, capsys: pytest.CaptureFixture[str]) -> Iterator[Lines]:
    """The log; each look fails where it meets a canary."""
    with logging_to(capsys, CANARY) as opened:
        yield opened


Deed = Callable[[Hands], Answer | None]
PLANTED: dict[str, tuple[Callable[[Hands], object], str, Deed]] = {
    "web pages": (lambda _: routes_orders, "read_wish", Hands.look),
    "web edge": (lambda hands: hands.site.edge._intake, "verify", Hands.push),
    "sync": (lambda _: credentials, "edit", Hands.save),
    "vault": (lambda _: vault, "edit_credentials", Hands.save),
    "key ring": (lambda hands: hands.site.runtime.ring, "seal", Hands.save),
    "inbox": (lambda _: claims, "claim", Hands.work),
    "orders": (lambda _: orders, "upsert", Hands.work),
    "audit": (lambda _: audit, "_plain_mapping", Hands.save),
}


@pytest.mark.parametrize("room", PLANTED)
def test_t9_a_room_that_fails_with_secrets_in_its_hands_tells_none(
    hands: Hands, lines: Lines, monkeypatch: pytest.MonkeyPatch, room: str
) -> None:
    """Fails without the redaction of queries, or where a traceback shows locals."""
    place, name, deed = PLANTED[room]
    if room == "orders":
        monkeypatch.setattr(judge, "fetch_orders", _answered)
    monkeypatch.setattr(place(hands), name, hands.failure)
    assert_nothing_told(hands, lines, deed(hands))


async def _answered(_parts: object, _scope: Scope, order_sns: Sequence[str]) -> tuple[OrderSnapshot, ...]:
    return tuple(snapshot(one) for one in order_sns)


@pytest.mark.parametrize("deed", [Hands.work, Hands.come_back], ids=["worker", "return"])
def test_t9_an_outgoing_call_that_fails_tells_no_token_key_or_code(hands: Hands, lines: Lines, deed: Deed) -> None:
    """Fails where the text of an error that is not ours is kept for the operator."""
    assert_nothing_told(hands, lines, deed(hands))


def assert_nothing_told(hands: Hands, lines: Lines, answer: Answer | None) -> None:
    """The failure was met, and neither the log nor the answer nor the database tells what it held."""
    assert hands.failure.met
    assert "RuntimeError" in json.dumps(lines.read())
    if answer is not None:
        assert CANARY not in answer.body.decode() + json.dumps(answer.headers)
    assert CANARY not in "".join(stored_problems(hands.site))


def stored_problems(site: Site) -> list[str]:
    """What the database keeps of troubles: an operator reads it, and so does who steals a copy."""
    found = []
    for statement in (
        "SELECT title || next_step || code FROM connector_exception",
        "SELECT COALESCE(note, '') FROM raw_event",
        "SELECT COALESCE(last_call_problem, '') FROM shop",
    ):
        found += [str(row[0]) for row in site.rows(sa.text(statement)) if row[0]]  # type: ignore[arg-type]
    return found


def test_t9_a_statement_that_the_database_refuses_is_logged_without_its_values(hands: Hands, lines: Lines) -> None:
    """Fails without `hide_parameters`."""
    try:
        with hands.site.runtime.web_db.write() as db:
            db.execute(sa.text("INSERT INTO shop (connector, environment) VALUES (:a, :b)"), {"a": CANARY, "b": CANARY})
    except sa.exc.DBAPIError as error:
        structlog.get_logger("web").error("the database refused a statement", exc_info=error)
    (line,) = lines.read()
    assert "IntegrityError" in json.dumps(line)


def test_t9_a_command_that_fails_shows_no_locals(tmp_path: Path) -> None:
    """Fails where the command line prints rich tracebacks, which hold the locals of every frame."""
    program = textwrap.dedent(
        """
        from kedai.cli import main, env

        def fail():
            access_token = "CANARYc0ffee0123456789" + "canary"
            raise RuntimeError("it failed")

        main.app.command("fail")(fail)
        main.main()
        """
    )
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path), "KEDAI_DATA_DIR": str(tmp_path)}
    done = subprocess.run(
        [sys.executable, "-c", program, "fail"], capture_output=True, text=True, timeout=60, env=environment, cwd=ROOT
    )
    assert done.returncode == 1
    assert "it failed" in done.stderr
    assert CANARY not in done.stdout + done.stderr
