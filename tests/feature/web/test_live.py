"""What tells browsers how much is new: counts alone, one look for everybody, and nobody who stays for good."""

from __future__ import annotations

import asyncio
import contextlib
import json
import shutil
import socket
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa

from kedai.db.types import Id
from kedai.errors import StorageUnavailable, Unavailable
from kedai.values.environment import Environment
from kedai.vault.models import Shop
from kedai.web.live import Teller, instant_of, position_of
from tests.feature.dashboard.browser import Browser, store_orders
from tests.feature.web.routes import framework_of
from tests.feature.web.site import Site, serving
from tests.support.factories import LIVE, SANDBOX, START, House, incoming, open_house, snapshot
from tests.support.processes import wait_until

SECOND = timedelta(seconds=1)


@pytest.fixture
def house(database_url: str, tmp_path: Path) -> Iterator[House]:
    with open_house(database_url, tmp_path) as opened:
        yield opened


def told(words: str | None) -> dict[str, Any]:
    """The data of one event."""
    assert words is not None
    return json.loads(words.split("data: ")[1])  # type: ignore[no-any-return]


async def settle(teller: Teller) -> None:
    """Until a look has begun and ended since now."""
    looked = teller._look
    while teller._look < looked + 2:
        await asyncio.sleep(0.005)


def watching(house: House, *environments: Environment, since: Any = None, looks: int = 2) -> list[dict[str, Any]]:
    """What a browser hears, while between two looks something comes: a sandbox push before each."""

    async def hear() -> list[dict[str, Any]]:
        teller = Teller(house.parts, tick_seconds=0.02, beat_seconds=0.05)
        heard = []
        with teller.watch(environments, session_id=None, since=since) as watcher:
            for number in range(looks):
                heard.append(told(await teller.tell(watcher)))
                await asyncio.to_thread(house.deliver, incoming(f"N{number}", at=house.now))
                await settle(teller)
        teller.stop()
        return heard

    return asyncio.run(hear())


def test_a_browser_hears_how_much_came_and_nothing_else(house: House) -> None:
    first, second = watching(house, SANDBOX)
    assert first["new"] == {}
    assert second["new"] == {"events": 1}
    assert second.keys() == {"at", "new", "changed"}


def test_what_comes_in_the_other_environment_is_not_told(house: House) -> None:
    assert [one["new"] for one in watching(house, LIVE)] == [{}, {}]


def test_who_comes_back_is_told_what_came_meanwhile(house: House) -> None:
    house.deliver(incoming("O1", at=house.now))
    since = house.now + SECOND
    house.clock.advance(5 * SECOND)
    house.deliver(*(incoming(f"P{one}", at=house.now) for one in range(3)))
    assert watching(house, SANDBOX, since=since)[0]["new"] == {"events": 3}


def test_an_order_that_changed_again_is_told_again_but_not_one_that_was_only_read(house: House) -> None:
    house.configure(SANDBOX)
    house.connect(SANDBOX)

    async def hear() -> list[dict[str, int]]:
        teller = Teller(house.parts, tick_seconds=0.02, beat_seconds=0.05)
        heard = []
        with teller.watch((SANDBOX,), session_id=None, since=None) as watcher:
            await teller.tell(watcher)
            for changed in (START, START, START + SECOND):
                house.clock.advance(SECOND)
                await asyncio.to_thread(
                    store_orders, house, snapshot("O1", remote_updated_at=changed, read_started_at=house.now)
                )
                await settle(teller)
                heard.append(told(await teller.tell(watcher))["new"])
        teller.stop()
        return heard

    assert [one.get("orders", 0) for one in asyncio.run(hear())] == [1, 0, 1]


def changing(house: House, since: timedelta | None) -> list[bool]:
    """Whether a browser hears that things stand otherwise: at first, after a shop's state changed, and after that."""
    house.configure(SANDBOX)
    house.connect(SANDBOX)

    async def hear() -> list[bool]:
        teller = Teller(house.parts, tick_seconds=0.02, beat_seconds=0.05)
        with teller.watch((LIVE,), session_id=None, since=None) as other, contextlib.ExitStack() as stack:
            await settle(teller)
            house.clock.advance(SECOND)
            known = None if since is None else house.now + since
            watcher = stack.enter_context(teller.watch((SANDBOX,), session_id=None, since=known))
            heard = [told(await teller.tell(watcher))["changed"]]
            await teller.tell(other)
            await asyncio.to_thread(break_shop, house)
            for _ in range(2):
                await settle(teller)
                heard.append(told(await teller.tell(watcher))["changed"])
            assert told(await teller.tell(other))["changed"] is False
        teller.stop()
        return heard

    return asyncio.run(hear())


def break_shop(house: House) -> None:
    with house.db.write() as db:
        db.execute(sa.update(Shop).where(Shop.environment == SANDBOX).values(state="needs_reauth"))


def test_what_changes_where_it_stands_is_told_once(house: House) -> None:
    assert changing(house, since=timedelta()) == [False, True, False]


def test_a_page_from_before_the_last_change_is_told_of_it_at_once(house: House) -> None:
    assert changing(house, since=-5 * SECOND) == [True, True, False]


def test_however_many_watch_the_database_is_asked_once(house: House) -> None:
    async def count() -> tuple[int, int]:
        teller = Teller(house.parts, tick_seconds=0.02, beat_seconds=0.05)
        with contextlib.ExitStack() as stack:
            watch = [teller.watch((SANDBOX,), session_id=None, since=None) for _ in range(50)]
            heard = await asyncio.gather(*(teller.tell(stack.enter_context(one)) for one in watch))
            looks = teller._look
        teller.stop()
        return looks, sum(1 for one in heard if one)

    looks, heard = asyncio.run(count())
    assert (heard, looks <= 3) == (50, True)


def test_f48_what_is_kept_for_a_browser_does_not_grow(house: House) -> None:
    async def stay() -> tuple[int, dict[str, Any]]:
        teller = Teller(house.parts, tick_seconds=0.01, beat_seconds=0.05)
        with teller.watch((SANDBOX,), session_id=None, since=None) as watcher:
            await teller.tell(watcher)
            for number in range(30):  # it reads nothing meanwhile
                await asyncio.to_thread(
                    house.deliver, *(incoming(f"M{number}-{one}", at=house.now) for one in range(10))
                )
            await settle(teller)
            kept = max(len(one.came) for one in teller._news.values())
            heard = told(await teller.tell(watcher))
        teller.stop()
        return kept, heard

    kept, heard = asyncio.run(stay())
    assert kept <= 200
    assert heard["new"] == {"events": 200}, "more than can be told apart are just many"


def test_a_browser_whose_session_ended_is_let_go(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("kedai.web.live._SESSIONS_SECONDS", 0.0)
    browser = Browser(house)
    browser.sign_in()
    session_id = house.scalar(sa.text("SELECT id FROM staff_session").columns(id=Id))

    async def hear() -> str | None:
        teller = Teller(house.parts, tick_seconds=0.02, beat_seconds=0.05)
        with teller.watch((SANDBOX,), session_id=session_id, since=None) as watcher:
            assert await teller.tell(watcher) is not None
            await asyncio.to_thread(house.execute, sa.text("DELETE FROM staff_session"))
            words: str | None = ""
            while words is not None:
                words = await teller.tell(watcher)
            return words

    assert asyncio.run(hear()) is None


def test_no_more_are_let_in_than_may_be(house: House) -> None:
    async def crowd() -> None:
        teller = Teller(house.parts, most=2)
        with contextlib.ExitStack() as stack:
            for _ in range(2):
                teller.refuse_too_many()
                stack.enter_context(teller.watch((SANDBOX,), session_id=None, since=None))
            with pytest.raises(Unavailable):
                teller.refuse_too_many()
        teller.refuse_too_many()
        teller.stop()

    asyncio.run(crowd())


def test_while_the_database_is_away_nothing_is_said(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    """A beat would say that all is well: the page must see that nobody looks."""

    def away(_db: object) -> None:
        raise StorageUnavailable

    async def hear() -> int:
        teller, heard = Teller(house.parts, tick_seconds=0.01, beat_seconds=0.02), 0
        with teller.watch((SANDBOX,), session_id=None, since=None) as watcher:
            await teller.tell(watcher)
            monkeypatch.setattr("kedai.web.live.look", away)
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(0.5):
                    while await teller.tell(watcher):
                        heard += 1
        teller.stop()
        return heard

    assert asyncio.run(hear()) <= 2, "no more than what was still to be said"


def test_positions_are_instants_and_nothing_else_is() -> None:
    assert instant_of(str(position_of(START))) == START
    assert [instant_of(one) for one in (None, "", "x", "-1", "1" * 15, "١٢")] == [None] * 6


def listen(site: Site, headers: dict[str, str], *, buffer: int = 0) -> socket.socket:
    """A stream that was asked for and began; whoever asked reads on, or does not."""
    connection = socket.socket()
    if buffer:
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, buffer)
    connection.settimeout(10)
    connection.connect(("127.0.0.1", site.port))
    asked = {"Host": f"127.0.0.1:{site.port}", "Accept": "text/event-stream", **headers}
    lines = "".join(f"{name}: {value}\r\n" for name, value in asked.items())
    connection.sendall(f"GET /e/all/live HTTP/1.1\r\n{lines}\r\n".encode())
    return connection


def read_until(connection: socket.socket, wanted: bytes) -> bytes:
    read = b""
    while wanted not in read:
        piece = connection.recv(4096)
        assert piece, read
        read += piece
    return read


@pytest.fixture
def served(sqlite_template: Path, tmp_path: Path) -> Iterator[Site]:
    target = tmp_path / "kedai.sqlite3"
    shutil.copy(sqlite_template, target)
    with serving(f"sqlite:///{target}", tmp_path) as site:
        yield site


def teller_of(site: Site) -> Teller:
    found: Teller = framework_of(site.edge).state.teller
    return found


def test_a_stream_is_for_people_who_signed_in(served: Site) -> None:
    with listen(served, {}) as connection:
        assert b"location: /login" in read_until(connection, b"\r\n\r\n")
    with listen(served, served.token()) as connection:
        assert b"HTTP/1.1 403" in read_until(connection, b"\r\n")
    assert teller_of(served).watching == 0


def test_a_stream_speaks_at_once_and_says_what_it_is(served: Site) -> None:
    with listen(served, served.session()) as connection:
        read = read_until(connection, b"data: ")
    assert b"text/event-stream" in read
    assert b"no-store" in read
    wait_until(lambda: teller_of(served).watching == 0, message="who has gone is still counted")


def test_f48_a_browser_that_never_reads_is_cut_off(served: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    teller = teller_of(served)
    monkeypatch.setattr("kedai.web.live_response.SEND_SECONDS", 0.2)
    monkeypatch.setattr(teller, "_words", lambda _client: ": " + "x" * 4096 + "\n\n")  # much to say, all the time
    with listen(served, served.session(), buffer=4096) as connection:
        read_until(connection, b"xxxx")
        wait_until(lambda: teller.watching == 0, message="who never reads is still served")
        kept = 0
        with contextlib.suppress(ConnectionError):  # it was reset: nothing more waits to be flushed
            while piece := connection.recv(65536):
                kept += len(piece)
    assert kept < 1024 * 1024, "what waited for it was bounded"


def test_a_page_that_asks_by_itself_keeps_no_session_alive(served: Site) -> None:
    cookie = served.session()
    for _ in range(3):
        served.clock.advance(timedelta(minutes=12))
        status = served.get("/e/all/live", **cookie).status
    assert status == 303, "to the sign-in page"
    cookie = served.session()
    for _ in range(3):
        served.clock.advance(timedelta(minutes=12))
        status = served.get("/e/all/home", **cookie).status
    assert status == 200, "a person who comes again and again stays signed in"


def test_one_answer_tells_the_same_to_who_cannot_listen(served: Site) -> None:
    cookie = served.session()
    assert served.push(b'{"code": 3, "shop_id": 1, "timestamp": 1, "data": {"ordersn": "X"}}').status == 200
    answer = served.get("/e/sandbox/live?since=0", **cookie)
    assert json.loads(answer.body)["new"] == {"events": 1}
    assert json.loads(served.get("/e/live/live?since=0", **cookie).body)["new"] == {}
    assert served.get("/e/nowhere/live", **cookie).status == 404


def test_the_server_ends_at_once_though_somebody_listens(sqlite_template: Path, tmp_path: Path) -> None:
    """The server would wait for 20 seconds until its answers have ended; the fixture allows it 15."""
    target = tmp_path / "kedai.sqlite3"
    shutil.copy(sqlite_template, target)
    with serving(f"sqlite:///{target}", tmp_path) as site:
        connection = listen(site, site.session())
        read_until(connection, b"data: ")
    with connection:
        rest = b""
        while piece := connection.recv(4096):
            rest += piece
    assert rest.endswith(b"0\r\n\r\n"), "the stream was brought to its end"
