"""T22, F8, F29: a process is killed at each step of a token's renewal, and no shop is lost that need not be.

Break `renewal._save` (the third step loses the shop), `recover` in `cli.installation` and `sync.keep_alive` (the same),
`tokens._usable` for `needs_reauth` (a storm of calls), or `refresh.lose_account` (no banner).
"""

from __future__ import annotations

import asyncio
import signal
import subprocess
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import NamedTuple

import pytest
import sqlalchemy as sa

from kedai.connector_exceptions.models import ConnectorException
from kedai.errors import NeedsReconnect
from kedai.sync.parts import open_client
from kedai.sync.tokens import get_access_token
from kedai.values.environment import Environment, Scope
from kedai.vault.accounts import open_tokens
from kedai.vault.models import AuthToken, Shop
from kedai.vault.queries import find_token
from tests.journeys.conftest import Place
from tests.support.installation import SHOPEE, Installation
from tests.support.processes import wait_until

pytestmark = pytest.mark.journey

REFRESH_PATH = "/api/v2/auth/access_token/get"
RENEWER = Path(__file__).with_name("renewer.py")
LONG_AGO = datetime(2000, 1, 1, tzinfo=UTC)


class Standing(NamedTuple):
    """How the shop and its pair stand."""

    generation: int
    state: str
    saved: int
    calls: int


def standing(home: Installation) -> Standing:
    ((generation, state),) = home.rows(
        sa.select(AuthToken.generation, Shop.state).join(Shop, Shop.shop_id == AuthToken.shop_id)
    )
    saved = len(list((home.data_dir / "token-spool").glob("*.answer")))
    return Standing(generation, state, saved, home.calls("sandbox", REFRESH_PATH))


def let_end_soon(home: Installation) -> None:
    """Whoever starts now renews the pair by itself."""
    home.control("sandbox", "DELETE", "/control/calls")
    with home.database.write() as db:
        db.execute(sa.update(AuthToken).values(refresh_expires_at=datetime.now(UTC) + timedelta(days=5)))


def look(home: Installation, **settings: str) -> int:
    """A process that starts, looks after idle tokens, and ends; its exit code."""
    environ = {**home.environ, **settings}
    return subprocess.run([sys.executable, RENEWER], env=environ, timeout=60, check=False).returncode


def die_at(home: Installation, point: str) -> Standing:
    """Start, be killed there, and let a minute go by: on PostgreSQL the lease outlives its holder."""
    assert look(home, KEDAI_CRASH_AT=f"refresh.{point}") == -signal.SIGKILL
    if home.database_url is not None:
        with home.database.write() as db:
            db.execute(sa.update(AuthToken).where(AuthToken.lease_until.is_not(None)).values(lease_until=LONG_AGO))
    return standing(home)


def live_on(home: Installation) -> Standing:
    """Start anew."""
    assert look(home) == 0
    return standing(home)


def token_works(home: Installation) -> bool:
    """Whether the marketplace accepts the stored access token."""
    scope = Scope(SHOPEE, Environment.SANDBOX, home.shop_id("sandbox"))

    async def ask() -> str:
        with home.runtime() as runtime:
            with runtime.web_db.read() as db:
                row = find_token(db, scope)
                assert row is not None
                token = open_tokens(runtime.ring, row).access_token
                client = open_client(runtime.parts, db, SHOPEE, Environment.SANDBOX)
            try:
                return (await client.get_shop(scope.shop_id, token)).shop_id
            finally:
                await runtime.parts.http.close()

    return asyncio.run(ask()) == scope.shop_id


@pytest.mark.parametrize("mode", ["strict", "same_pair_4h"])
def test_t22_f8_of_four_kills_three_are_survived_and_the_fourth_is_told(place: Place, mode: str) -> None:
    """The fourth, an answer lost before it was saved, is survived too where the marketplace gives it once more."""
    home = place()
    home.prepare("sandbox")
    home.control("sandbox", "POST", "/control/settings", {"refresh_replay_mode": mode})

    let_end_soon(home)
    assert die_at(home, "intended") == Standing(1, "connected", 0, 0)
    assert live_on(home) == Standing(2, "connected", 0, 1)

    let_end_soon(home)
    assert die_at(home, "spooled") == Standing(2, "connected", 1, 1)
    assert live_on(home) == Standing(3, "connected", 0, 1)

    let_end_soon(home)
    assert die_at(home, "committed") == Standing(4, "connected", 1, 1)
    assert live_on(home) == Standing(4, "connected", 0, 1)
    assert token_works(home)

    let_end_soon(home)
    assert die_at(home, "answered") == Standing(4, "connected", 0, 1)
    if mode == "same_pair_4h":
        assert live_on(home) == Standing(5, "connected", 0, 2)
        assert token_works(home)
    else:
        home.start()
        lost = Standing(4, "needs_reauth", 0, 2)
        wait_until(lambda: standing(home) == lost, message="the shop was not given up")
        see_banner(home)
        make_no_storm(home)


def see_banner(home: Installation) -> None:
    """The first thing a person reads, and one exception with the next step."""
    assert home.rows(sa.select(ConnectorException.code, ConnectorException.count)) == [("needs_reconnect", 1)]
    page = home.sign_in().open(f"{home.url}/e/sandbox/home").body.decode()
    assert "must be connected again" in page
    assert "The answer to the last renewal of its token was lost" in page


def make_no_storm(home: Installation) -> None:
    """Whoever asks is refused here; the marketplace hears no more of it."""
    scope = Scope(SHOPEE, Environment.SANDBOX, home.shop_id("sandbox"))

    async def ask() -> list[object]:
        with home.runtime() as runtime:
            asked = (get_access_token(runtime.parts, scope, rejected=4) for _ in range(20))
            return list(await asyncio.gather(*asked, return_exceptions=True))

    assert {type(one) for one in asyncio.run(ask())} == {NeedsReconnect}
    assert home.calls("sandbox", REFRESH_PATH) == 2


def test_f29_refresh_token_that_a_second_process_used_makes_the_shop_wait_for_a_person(place: Place) -> None:
    """Prevented among our own (T21); forced here by one that knows of no lease. Nobody asks a second time."""
    home = place()
    home.prepare("sandbox")
    scope = Scope(SHOPEE, Environment.SANDBOX, home.shop_id("sandbox"))

    async def use_it_up_then_renew() -> object:
        with home.runtime() as runtime:
            with runtime.web_db.read() as db:
                row = find_token(db, scope)
                assert row is not None
                refresh_token = open_tokens(runtime.ring, row).refresh_token
                client = open_client(runtime.parts, db, SHOPEE, Environment.SANDBOX)
            try:
                await client.refresh(scope.shop_id, refresh_token)
                asked = (get_access_token(runtime.parts, scope, rejected=1) for _ in range(20))
                return {type(one) for one in await asyncio.gather(*asked, return_exceptions=True)}
            finally:
                await runtime.parts.http.close()

    assert asyncio.run(use_it_up_then_renew()) == {NeedsReconnect}
    assert standing(home) == Standing(1, "needs_reauth", 0, 2)
    assert home.rows(sa.select(ConnectorException.code, ConnectorException.count)) == [("needs_reconnect", 1)]


def test_shop_whose_answer_was_lost_goes_on_with_a_resend_code(on_sqlite: Place) -> None:
    """T22: the last resort where the seller cannot be asked. Only live has it."""
    home = on_sqlite()
    home.prepare("live")
    shop_id = home.shop_id("live")
    with home.database.write() as db:
        db.execute(sa.update(Shop).values(state="needs_reauth", state_reason="the answer was lost"))

    refused = home.run("env", "resend-code", "live", given="no-such-code\n")
    assert (refused.returncode, "Traceback" in refused.stderr) == (6, False)
    assert "no-such-code" not in refused.stdout + refused.stderr
    code = home.control("live", "POST", f"/control/shops/{shop_id}/resend-code")["resend_code"]
    taken = home.run("env", "resend-code", "live", given=f"{code}\n")
    assert (taken.returncode, "taken again" in taken.stdout) == (0, True)
    stands = sa.select(Shop.state, AuthToken.generation).join(AuthToken, Shop.shop_id == AuthToken.shop_id)
    assert home.rows(stands) == [("connected", 2)]
    assert home.run("env", "resend-code", "live", given=f"{code}\n").returncode == 6
    assert home.rows(stands) == [("connected", 2)]
