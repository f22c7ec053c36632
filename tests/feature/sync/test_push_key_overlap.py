"""A push key is replaced while pushes come: the old one verifies until the chosen time, and not a moment longer."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from datetime import timedelta
from typing import Any

import pytest
import sqlalchemy as sa
from msgspec import structs

from kedai.audit.models import AuditEntry
from kedai.errors import BadSignature, Invalid
from kedai.inbox.queries import find_last_by_old_key
from kedai.sync import credentials, pushkeys
from kedai.sync.intake import Intake
from kedai.sync.urls import webhook_paths
from kedai.values.environment import Environment
from kedai.vault import service as vault
from kedai.vault.models import EnvironmentCredentials
from kedai.vault.queries import credentials_place
from tests.support.factories import (
    ANNA,
    COMPLETE,
    FAKE,
    LIVE,
    PUBLIC_URL,
    SANDBOX,
    House,
    incoming,
    push_body,
    sign_push,
)

OLD, NEW, NEWER = COMPLETE["push_partner_key"], "push-key-after-the-turn-0001", "push-key-after-the-turn-0002"
DAY = timedelta(days=1)


def replace_key(
    house: House, key: str = NEW, *, environment: Environment = SANDBOX, keep: timedelta | None = DAY
) -> None:
    until = None if keep is None else house.now + keep
    with house.db.write() as db:
        credentials.edit(
            house.parts,
            db,
            FAKE,
            environment,
            {"push_partner_key": key},
            expected_version=None,
            old_push_key_until=until,
            actor=ANNA,
            now=house.now,
        )


def within(house: House, work: Callable[[Intake], Awaitable[Any]]) -> Any:
    async def run() -> Any:
        return await work(Intake(house.runtime.intake_parts))

    return asyncio.run(run())


async def matched(house: House, intake: Intake, key: str) -> str | None:
    """The name of the key that verified, or None where none did."""
    body = push_body()
    headers = {b"authorization": sign_push(key, f"{PUBLIC_URL}/connectors/fake/webhook/sandbox", body)}
    try:
        match, _ = await intake.verify(house.connector, SANDBOX, webhook_paths(FAKE, SANDBOX)[0], headers, body)
    except BadSignature:
        return None
    return match.key_name


def matches(house: House, *keys: str) -> list[str | None]:
    async def all_of(intake: Intake) -> list[str | None]:
        return [await matched(house, intake, key) for key in keys]

    return list(within(house, all_of))


def test_old_and_new_verify_until_the_chosen_time_and_then_the_new_one_alone(house: House) -> None:
    house.configure()
    replace_key(house)
    assert matches(house, NEW, OLD) == ["current", "previous"]
    house.clock.advance(DAY - timedelta(microseconds=1))
    assert matches(house, NEW, OLD) == ["current", "previous"]
    house.clock.advance(timedelta(microseconds=1))
    assert matches(house, NEW, OLD) == ["current", None]


@pytest.mark.parametrize("age", [0.0, 3600.0])
def test_expired_key_never_verifies_even_from_a_copy_that_was_not_read_again(
    house: House, monkeypatch: pytest.MonkeyPatch, age: float
) -> None:
    """After a pause the old copy serves while the keys are read anew. Fails without ``at`` in `PushKeyCache._given`."""
    house.configure()
    replace_key(house)

    async def work(intake: Intake) -> list[str | None]:
        before = await matched(house, intake, OLD)
        house.clock.advance(2 * DAY)
        monkeypatch.setattr(pushkeys._Found, "age", lambda _self: age)
        return [before, await matched(house, intake, OLD), await matched(house, intake, NEW)]

    assert within(house, work) == ["previous", None, "current"]


def test_replaced_key_without_an_overlap_ends_at_once(house: House) -> None:
    house.configure()
    replace_key(house, keep=None)
    assert matches(house, NEW, OLD) == ["current", None]


def test_of_three_keys_the_last_two_verify(house: House) -> None:
    house.configure()
    replace_key(house, NEW)
    replace_key(house, NEWER)
    assert matches(house, NEWER, NEW, OLD) == ["current", "previous", None]
    replace_key(house, OLD)
    assert matches(house, OLD, NEWER, NEW) == ["current", "previous", None]


def test_same_key_typed_again_ends_no_overlap(house: House) -> None:
    house.configure()
    replace_key(house, NEW)
    replace_key(house, NEW, keep=None)
    assert matches(house, NEW, OLD) == ["current", "previous"]


def test_old_key_is_sealed_for_the_place_it_moves_to(house: House) -> None:
    house.configure()
    replace_key(house)
    column = "previous_push_partner_key_encrypted"
    stored = house.scalar(
        sa.select(EnvironmentCredentials.previous_push_partner_key_encrypted).where(
            EnvironmentCredentials.environment == SANDBOX
        )
    )
    assert house.parts.ring.open(credentials_place(FAKE, SANDBOX, column), stored) == OLD


def test_old_key_can_be_ended_by_hand(house: House) -> None:
    house.configure()
    replace_key(house)

    def end() -> bool:
        with house.db.write() as db:
            return vault.end_old_push_key(db, FAKE, SANDBOX, actor=ANNA, now=house.now)

    async def work(intake: Intake) -> list[str | None]:
        before = await matched(house, intake, OLD)
        assert await asyncio.to_thread(end)
        keys = await intake.keys.get_newer(FAKE, SANDBOX, than=0)  # as the flush does, which sees the newer version
        assert keys is not None
        return [before, await matched(house, intake, OLD), await matched(house, intake, NEW)]

    assert within(house, work) == ["previous", None, "current"]
    assert not end()


def test_removed_push_key_takes_the_old_one_along(house: House) -> None:
    """Otherwise pushes would still verify in an environment whose key somebody removed on purpose."""
    house.configure(LIVE)
    replace_key(house, NEW, environment=LIVE)
    with house.db.write() as db:
        credentials.clear_secret(house.parts, db, FAKE, LIVE, "push_partner_key", actor=ANNA, now=house.now)
    columns = (
        EnvironmentCredentials.push_partner_key_encrypted,
        EnvironmentCredentials.previous_push_partner_key_encrypted,
        EnvironmentCredentials.previous_push_partner_key_valid_until,
    )
    with house.db.read() as db:
        chosen = sa.select(*columns).where(EnvironmentCredentials.environment == LIVE)
        assert tuple(db.execute(chosen).one()) == (None, None, None)


def test_t15_key_that_the_other_environment_still_accepts_is_refused(house: House) -> None:
    house.configure(SANDBOX)
    house.configure(LIVE)
    replace_key(house, NEW)
    with pytest.raises(Invalid, match="push key of sandbox"):
        replace_key(house, OLD, environment=LIVE)
    house.clock.advance(2 * DAY)
    replace_key(house, OLD, environment=LIVE)


@pytest.mark.parametrize("keep", [timedelta(0), timedelta(seconds=-1), timedelta(days=31)])
def test_overlap_ends_in_the_future_and_within_thirty_days(house: House, keep: timedelta) -> None:
    house.configure()
    with pytest.raises(Invalid, match="30 days"):
        replace_key(house, keep=keep)
    assert matches(house, OLD) == ["current"]


def test_trail_says_until_when_and_no_key(house: House) -> None:
    house.configure()
    replace_key(house)
    with house.db.read() as db:
        last = db.execute(sa.select(AuditEntry).order_by(AuditEntry.sequence.desc()).limit(1)).scalar_one()
    assert last.details["old_push_key_until"] == (house.now + DAY).isoformat()
    assert OLD not in repr(last.details)


def test_silence_of_the_old_key_counts_from_its_replacement(house: House) -> None:
    def last() -> Any:
        with house.db.read() as db:
            return find_last_by_old_key(db, FAKE, environment=SANDBOX, since=house.now)

    def deliver(key: str, environment: Environment = SANDBOX, *, ago: timedelta = -timedelta(hours=1)) -> None:
        house.deliver(structs.replace(incoming(environment=environment, at=house.now - ago), matched_key=key))

    house.configure()
    assert last() is None
    deliver("previous", ago=timedelta(hours=1))  # signed by a key of an earlier turn
    deliver("current")
    deliver("previous", LIVE)
    assert last() is None
    deliver("previous")
    assert last() == house.now + timedelta(hours=1)
