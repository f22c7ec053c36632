"""The intake: what is verified is stored once and judged by what holds at that moment; nobody is told 200 too early."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import AbstractContextManager, asynccontextmanager, contextmanager
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import sqlalchemy as sa
from msgspec import structs

from kedai.errors import BadSignature, SecretUnreadable, StorageUnavailable
from kedai.inbox.flush import IncomingPush
from kedai.inbox.models import RawEvent
from kedai.kit.clock import monotonic
from kedai.sync import intake as intake_module
from kedai.sync import pushkeys
from kedai.sync.intake import Intake, Stored, VerifiedPush
from kedai.sync.parts import Parts
from kedai.sync.pushkeys import load_push_keys
from kedai.sync.urls import webhook_paths
from kedai.values.environment import Environment
from kedai.values.event import EventState, ParkedReason, Topic
from kedai.vault.models import EnvironmentCredentials
from tests.support.factories import (
    COMPLETE,
    COMPLETE_LIVE,
    FAKE,
    LIVE,
    PUBLIC_URL,
    SANDBOX,
    House,
    incoming,
    open_house,
    push_body,
    sign_push,
)

KEYS = {SANDBOX: COMPLETE["push_partner_key"], LIVE: COMPLETE_LIVE["push_partner_key"]}


@pytest.fixture
def shop(house: House, monkeypatch: pytest.MonkeyPatch) -> House:
    """A house with both environments configured, sandbox being the active one.

    Tests that are about a database that hangs shorten these; elsewhere a busy machine may take its time.
    """
    monkeypatch.setattr(pushkeys, "_DEADLINE_SECONDS", 60.0)
    monkeypatch.setattr(intake_module, "DEADLINE_SECONDS", 60.0)
    house.configure(SANDBOX)
    house.configure(LIVE)
    return house


@asynccontextmanager
async def running(parts: Parts) -> AsyncIterator[Intake]:
    """An intake that flushes, stopped in good order."""
    intake = Intake(parts)
    await intake.start()
    try:
        yield intake
    finally:
        await intake.stop()


def url(environment: Environment, base: str = PUBLIC_URL) -> str:
    return f"{base}/connectors/fake/webhook/{environment.value}"


async def receive(
    house: House,
    intake: Intake,
    body: bytes,
    *,
    environment: Environment = SANDBOX,
    key: str | None = None,
    then: Callable[[], object] = lambda: None,
) -> Stored:
    """Verify and store one delivery, as the edge does; ``then`` happens between the two."""
    headers = {b"authorization": sign_push(key or KEYS[environment], url(environment), body)}
    path = webhook_paths(FAKE, environment)[0]
    match, version = await intake.verify(house.connector, environment, path, headers, body)
    event = house.connector.parse_push(body)
    blank = incoming(environment=environment, at=house.now)
    push = structs.replace(blank, event=event, body=body, matched_key=match.key_name, matched_url=match.url)
    await asyncio.to_thread(then)
    return await intake.store(VerifiedPush(push, version, path, headers))


def run(house: House, work: Callable[[Intake], Awaitable[Any]], *, parts: Parts | None = None) -> Any:
    async def within() -> Any:
        async with running(parts or house.runtime.intake_parts) as intake:
            return await work(intake)

    return asyncio.run(within())


def verified(push: IncomingPush, *, version: int = 2) -> VerifiedPush:
    """A push whose signature is past doubt."""
    return VerifiedPush(push, version, "", {})


def store_all(house: House, *pushes: IncomingPush) -> list[Any]:
    async def at_once(intake: Intake) -> list[Any]:
        return await asyncio.gather(*(intake.store(verified(one)) for one in pushes), return_exceptions=True)

    return list(run(house, at_once))


def test_answer_comes_after_the_commit(shop: House) -> None:
    async def deliver(intake: Intake) -> None:
        assert await receive(shop, intake, push_body("O1")) is Stored.STORED
        assert await asyncio.to_thread(shop.states) == ["received"]

    run(shop, deliver)
    event = shop.event()
    assert (event.body, event.matched_key, event.matched_url) == (push_body("O1"), "current", url(SANDBOX))


def test_order_push_of_the_inactive_environment_is_parked(shop: House) -> None:
    run(shop, lambda intake: receive(shop, intake, push_body("O1"), environment=LIVE))
    assert (shop.event().state, shop.event().parked_reason) == ("parked", "inactive_environment")


def test_push_about_the_connection_is_received_in_both_environments(shop: House) -> None:
    async def deliver(intake: Intake) -> None:
        for environment in (SANDBOX, LIVE):
            for topic in ("connection", "other"):
                await receive(shop, intake, push_body(None, topic=topic), environment=environment)

    run(shop, deliver)
    assert [(event.environment, event.state) for event in shop.events()] == [
        (SANDBOX, "received"),
        (SANDBOX, "received"),
        (LIVE, "received"),
        (LIVE, "received"),
    ]


def test_push_that_cannot_be_understood_is_received_in_both_environments(shop: House) -> None:
    run(shop, lambda intake: receive(shop, intake, b"not json", environment=LIVE))
    assert (shop.event().state, shop.event().topic, shop.event().body) == ("received", "malformed", b"not json")


def test_installer_may_have_order_pushes_of_the_inactive_environment_dropped(shop: House, tmp_path: Path) -> None:
    with open_house(shop.url, tmp_path, inactive_events="drop") as dropping:

        async def deliver(intake: Intake) -> list[Stored]:
            return [
                await receive(dropping, intake, push_body("O1"), environment=LIVE),
                await receive(dropping, intake, push_body(None, topic="connection"), environment=LIVE),
                await receive(dropping, intake, push_body("O2")),
            ]

        assert run(dropping, deliver) == [Stored.DROPPED, Stored.STORED, Stored.STORED]
    assert [(event.environment, event.topic) for event in shop.events()] == [(LIVE, "connection"), (SANDBOX, "order")]


def test_push_is_judged_by_the_environment_that_is_active_when_it_is_stored(shop: House) -> None:
    async def deliver(intake: Intake) -> None:
        await receive(shop, intake, push_body("O1"), then=lambda: shop.switch(LIVE))
        await receive(shop, intake, push_body("O2"), environment=LIVE)

    run(shop, deliver)
    assert [(event.environment, event.state) for event in shop.events()] == [(SANDBOX, "parked"), (LIVE, "received")]


def test_key_replaced_between_verifying_and_storing_rejects_the_push(shop: House) -> None:
    async def deliver(intake: Intake) -> Stored:
        replaced = "another-push-key-0123456789"
        return await receive(
            shop, intake, push_body("O1"), then=lambda: shop.configure(SANDBOX, push_partner_key=replaced)
        )

    assert run(shop, deliver) is Stored.REJECTED
    assert shop.events() == []


def test_other_edit_between_verifying_and_storing_does_not_reject_the_push(shop: House) -> None:
    async def deliver(intake: Intake) -> Stored:
        return await receive(shop, intake, push_body("O1"), then=lambda: shop.configure(SANDBOX, region="MY"))

    assert run(shop, deliver) is Stored.STORED


def test_rejected_push_does_not_touch_its_neighbours(shop: House) -> None:
    pushes = [incoming("O1"), incoming("O2", environment=LIVE), incoming("O3")]

    async def at_once(intake: Intake) -> list[Stored]:
        return await asyncio.gather(
            intake.store(verified(pushes[0])),
            intake.store(verified(pushes[1], version=99)),
            intake.store(verified(pushes[2])),
        )

    assert run(shop, at_once) == [Stored.STORED, Stored.REJECTED, Stored.STORED]
    assert [event.order_sn for event in shop.events()] == ["O1", "O3"]


def test_new_key_is_known_at_once_even_while_an_old_one_is_cached(shop: House) -> None:
    async def deliver(intake: Intake) -> None:
        await receive(shop, intake, push_body("O1"))
        replaced = "another-push-key-0123456789"
        await asyncio.to_thread(lambda: shop.configure(SANDBOX, push_partner_key=replaced))
        wait = asyncio.get_running_loop().time() + 0.15  # as often as keys are looked up again at most
        while asyncio.get_running_loop().time() < wait:
            await asyncio.sleep(0.01)
        assert await receive(shop, intake, push_body("O2"), key=replaced) is Stored.STORED
        with pytest.raises(BadSignature):
            await receive(shop, intake, push_body("O3"))

    run(shop, deliver)
    assert [event.order_sn for event in shop.events()] == ["O1", "O2"]


def test_key_that_ended_while_nothing_came_verifies_nothing_any_more(
    shop: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Break `PushKeyCache.get`: after a long silence the old copy would serve once more."""

    async def deliver(intake: Intake) -> None:
        await receive(shop, intake, push_body("O1"))
        await asyncio.to_thread(lambda: shop.configure(SANDBOX, push_partner_key="another-push-key-0123456789"))
        monkeypatch.setattr(pushkeys, "monotonic", lambda: monotonic() + 61)
        keys = await intake.keys.get(FAKE, SANDBOX)
        assert [key.key.reveal() for key in keys.keys] == ["another-push-key-0123456789"]

    run(shop, deliver)


def test_switch_between_two_flushes_counts_from_the_very_next_push(shop: House) -> None:
    """Break the guard of `insert_pushes` (let it always hold): the second push would be judged by the old answer."""

    async def deliver(intake: Intake) -> None:
        await receive(shop, intake, push_body("O1"))
        await asyncio.to_thread(shop.switch, LIVE)
        await receive(shop, intake, push_body("O2"))

    run(shop, deliver)
    assert shop.states() == ["received", "parked"]


def test_flood_of_bad_signatures_reads_the_keys_a_few_times_only(shop: House, monkeypatch: pytest.MonkeyPatch) -> None:
    readings: list[Environment] = []

    def counted(parts: Parts, db: Any, connector: Any, environment: Environment) -> Any:
        readings.append(environment)
        return load_push_keys(parts, db, connector, environment)

    monkeypatch.setattr(pushkeys, "load_push_keys", counted)

    async def flood(intake: Intake) -> float:
        started = monotonic()
        for number in range(40):
            with pytest.raises(BadSignature):
                await receive(shop, intake, push_body(f"O{number}"), key="a-wrong-key-0123456789")
        return monotonic() - started

    seconds = run(shop, flood)
    assert 1 <= len(readings) <= 3 + seconds * 10


def test_key_of_the_other_environment_verifies_nothing(shop: House) -> None:
    async def deliver(intake: Intake) -> None:
        for environment in (SANDBOX, LIVE):
            with pytest.raises(BadSignature):
                await receive(shop, intake, push_body("O1"), environment=environment, key=KEYS[environment.other])

    run(shop, deliver)
    assert shop.events() == []


def test_without_a_key_nothing_verifies(house: House) -> None:
    async def deliver(intake: Intake) -> None:
        for key in ("", "a-key-0123456789"):
            body = push_body("O1")
            headers = {b"authorization": sign_push(key, url(SANDBOX), body)}
            with pytest.raises(BadSignature):
                await intake.verify(house.connector, SANDBOX, webhook_paths(FAKE, SANDBOX)[0], headers, body)

    run(house, deliver)


def test_key_that_cannot_be_opened_is_said_to_be_unreadable(shop: House) -> None:
    shop.execute(sa.update(EnvironmentCredentials).values(push_partner_key_encrypted="v2:k1:" + "A" * 60))
    with pytest.raises(SecretUnreadable):
        run(shop, lambda intake: receive(shop, intake, push_body("O1")))


def test_every_registered_address_and_key_verifies_and_nothing_else(shop: House, tmp_path: Path) -> None:
    """Two bases, an alias for sandbox: what the request says of itself never enters a signature."""
    old = "https://old.example"
    with open_house(shop.url, tmp_path, previous_public_urls=old) as moved:

        async def tried(intake: Intake, environment: Environment, signed_for: str) -> bool:
            body = push_body("O1")
            headers = {b"authorization": sign_push(KEYS[environment], signed_for, body), b"host": b"evil.example"}
            try:
                match, _ = await intake.verify(moved.connector, environment, "/any/path", headers, body)
            except BadSignature:
                return False
            return match.url == signed_for

        async def all_of_them(intake: Intake) -> None:
            for base in (PUBLIC_URL, old):
                for environment in (SANDBOX, LIVE):
                    assert await tried(intake, environment, url(environment, base))
                    assert not await tried(intake, environment, url(environment.other, base))
                    assert not await tried(intake, environment, url(environment, base) + "/")
                alias = f"{base}/connectors/fake/webhook"
                assert await tried(intake, SANDBOX, alias)
                assert not await tried(intake, LIVE, alias)
            assert not await tried(intake, SANDBOX, url(SANDBOX, "https://evil.example"))

        run(moved, all_of_them)


def test_same_push_many_times_at_once_is_one_row_and_every_sender_is_told_stored(shop: House) -> None:
    push = incoming("O1")

    async def in_waves(intake: Intake) -> set[Stored]:
        answers = set()
        for _ in range(50):
            twins = [incoming("O1", event_id=push.event.event_id) for _ in range(200)]
            answers.update(await asyncio.gather(*(intake.store(verified(one)) for one in twins)))
        return answers

    assert run(shop, in_waves) == {Stored.STORED}
    assert shop.event().duplicates == 9_999


def test_many_at_once_are_all_stored_and_each_once(shop: House) -> None:
    pushes = [incoming(f"O{number}") for number in range(1_000)]
    assert set(store_all(shop, *pushes)) == {Stored.STORED}
    assert [event.order_sn for event in shop.events()] == [f"O{number}" for number in range(1_000)]


POISON = {
    "a state outside the closed set": {"state": "working"},
    "a body that is no bytes": {"body": {"a": 1}},
    "headers that are no text": {"headers": object()},
}


@pytest.mark.parametrize("change", POISON.values(), ids=POISON)
def test_row_the_database_refuses_never_fails_its_neighbours(shop: House, change: dict[str, Any]) -> None:
    names = [f"O{number}" for number in range(20)]
    pushes = [incoming(name) for name in names]
    pushes[7] = structs.replace(pushes[7], **change)
    results = store_all(shop, *pushes)
    assert isinstance(results[7], StorageUnavailable)
    assert [one for one in results if one is not results[7]] == [Stored.STORED] * 19
    assert [event.order_sn for event in shop.events()] == [name for name in names if name != "O7"]


@pytest.mark.parametrize("order_sn", ["nul\0inside", "half\ud800character"], ids=["U+0000", "half a character"])
@pytest.mark.parametrize("code", [3, 2**63], ids=["a usual code", "a code beyond 64 bits"])
def test_fields_the_database_cannot_hold_leave_a_malformed_push_with_its_exact_body(
    shop: House, order_sn: str, code: int
) -> None:
    before, odd, after = incoming("O1"), incoming(order_sn, code=code), incoming("O2")
    assert store_all(shop, before, odd, after) == [Stored.STORED] * 3
    first, kept, last = shop.events()
    assert (first.order_sn, last.order_sn) == ("O1", "O2")
    assert (kept.event_id, kept.body, kept.state) == (odd.event.event_id, odd.body, "received")
    if kept.order_sn != order_sn:
        assert (kept.topic, kept.order_sn, kept.code) == ("malformed", None, None)


class Troubled:
    """A database whose every connection is made by `connect`, kept or not."""

    is_sqlite = True

    @contextmanager
    def keep(self) -> Iterator[Any]:
        yield SimpleNamespace(use=self.connect)

    def connect(self, *, first: bool = False) -> AbstractContextManager[Any]:
        raise NotImplementedError


class Frozen(Troubled):
    """A database that answers nobody until it is let go."""

    def __init__(self) -> None:
        self.asked = threading.Event()
        self.let_go = threading.Event()

    @contextmanager
    def connect(self, *, first: bool = False) -> Iterator[Any]:
        self.asked.set()
        self.let_go.wait(30)
        raise StorageUnavailable
        yield

    @contextmanager
    def read(self) -> Iterator[Any]:
        with self.connect():
            yield


def with_database(house: House, database: object) -> Parts:
    return replace(house.runtime.intake_parts, database=database)


def test_frozen_database_is_told_within_the_deadline_and_then_at_once(
    shop: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(intake_module, "DEADLINE_SECONDS", 0.3)
    frozen = Frozen()

    async def deliver(intake: Intake) -> list[float]:
        waited = []
        try:
            for number in range(4):
                started = monotonic()
                with pytest.raises(StorageUnavailable):
                    await intake.store(verified(incoming(f"O{number}")))
                waited.append(monotonic() - started)
                await asyncio.sleep(0.1)  # the writer may have begun a little after the first one did
        finally:
            frozen.let_go.set()
        return waited

    waited = run(shop, deliver, parts=with_database(shop, frozen))
    assert 0.25 < waited[0] < 3
    assert max(waited[1:]) < 0.25
    assert intake_module.DEADLINE_SECONDS < 2


def test_push_whose_sender_was_refused_is_not_written_afterwards(shop: House, monkeypatch: pytest.MonkeyPatch) -> None:
    """Who was told 503 sends again: of what still waited nothing must be left to do."""
    monkeypatch.setattr(intake_module, "DEADLINE_SECONDS", 0.2)
    written: list[str | None] = []

    class Slow(Frozen):
        @contextmanager
        def connect(self, *, first: bool = False) -> Iterator[Any]:
            self.asked.set()
            self.let_go.wait(30)
            with shop.db.connect() as connection:
                yield connection

    Slow.is_sqlite = shop.db.is_sqlite
    slow = Slow()

    async def deliver(intake: Intake) -> None:
        first = asyncio.create_task(intake.store(verified(incoming("in hand"))))
        await asyncio.to_thread(slow.asked.wait, 10)
        second = asyncio.create_task(intake.store(verified(incoming("waiting"))))
        results = await asyncio.gather(first, second, return_exceptions=True)
        assert [type(one) for one in results] == [StorageUnavailable] * 2
        slow.let_go.set()

    run(shop, deliver, parts=with_database(shop, slow))
    written += [event.order_sn for event in shop.events()]
    assert written == ["in hand"]


def test_database_that_cannot_be_reached_is_told_and_the_next_push_is_stored(shop: House) -> None:
    class Broken(Troubled):
        def __init__(self) -> None:
            self.times = 0

        @contextmanager
        def connect(self, *, first: bool = False) -> Iterator[Any]:
            self.times += 1
            if self.times == 1:
                raise StorageUnavailable
            if self.times == 2:
                raise RuntimeError("anything else")
            with shop.db.connect(first=first) as connection:
                yield connection

    Broken.is_sqlite = shop.db.is_sqlite

    async def deliver(intake: Intake) -> Stored:
        for _ in range(2):
            with pytest.raises(StorageUnavailable):
                await intake.store(verified(incoming("O1")))
        return await intake.store(verified(incoming("O2")))

    assert run(shop, deliver, parts=with_database(shop, Broken())) is Stored.STORED
    assert [event.order_sn for event in shop.events()] == ["O2"]


def test_sender_that_goes_away_disturbs_nobody(shop: House) -> None:
    async def deliver(intake: Intake) -> list[Any]:
        tasks = [asyncio.create_task(intake.store(verified(incoming(f"O{number}")))) for number in range(50)]
        await asyncio.sleep(0)
        for task in tasks[::2]:
            task.cancel()
        return await asyncio.gather(*tasks, return_exceptions=True)

    results = run(shop, deliver)
    assert results[1::2] == [Stored.STORED] * 25
    assert {event.order_sn for event in shop.events()} >= {f"O{number}" for number in range(1, 50, 2)}


def test_stop_writes_what_waits(shop: House) -> None:
    async def deliver() -> list[Any]:
        intake = Intake(shop.runtime.intake_parts)
        await intake.start()
        tasks = [asyncio.create_task(intake.store(verified(incoming(f"O{number}")))) for number in range(300)]
        await asyncio.sleep(0)
        await intake.stop()
        return await asyncio.gather(*tasks, return_exceptions=True)

    assert asyncio.run(deliver()) == [Stored.STORED] * 300
    assert len(shop.events()) == 300


def test_worker_is_woken_by_received_pushes_only(shop: House) -> None:
    woken: list[int] = []

    async def deliver(intake: Intake) -> None:
        intake.on_stored = lambda: woken.append(1)
        await intake.store(verified(incoming("O1", environment=LIVE)))
        assert woken == []
        await intake.store(verified(incoming("O2")))
        assert woken == [1]

    run(shop, deliver)


def test_environment_without_a_row_takes_nothing(shop: House) -> None:
    orphan = structs.replace(incoming("O1"), connector="nobody")
    (result,) = store_all(shop, orphan)
    assert isinstance(result, Exception) or result is Stored.REJECTED
    assert shop.events() == []


def test_parked_state_of_a_delivery_is_decided_here_and_nowhere_else(shop: House) -> None:
    pushes = [incoming(f"O{number}", environment=LIVE) for number in range(3)]
    store_all(shop, *pushes)
    with shop.db.read() as db:
        rows = db.execute(sa.select(RawEvent.state, RawEvent.parked_reason)).all()
    assert {tuple(one) for one in rows} == {(EventState.PARKED, ParkedReason.INACTIVE_ENVIRONMENT)}
    assert shop.events()[0].topic == Topic.ORDER
