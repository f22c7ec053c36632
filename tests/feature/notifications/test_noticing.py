"""What is noticed: each condition once when it begins, once when it is worse, once when it is well; by any number."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from datetime import timedelta
from typing import Any

import pytest
import sqlalchemy as sa
from sqlalchemy.orm import Session

from kedai.connector_exceptions import acts
from kedai.connector_exceptions.service import Trouble, clear_exception, raise_exception
from kedai.coverage import service as coverage
from kedai.db.storage import Refusal, StorageTrouble
from kedai.errors import Conflict
from kedai.notifications.models import NotificationCondition
from kedai.runs.models import Schedule
from kedai.runs.schedules import make_schedule
from kedai.sync.delivering import send_test
from kedai.sync.notifying import ConditionWatch, Wrong
from kedai.sync.runner import PLANS
from kedai.values.notification import Condition
from kedai.vault.models import Installation, Shop
from kedai.web.conditions import list_conditions, watched
from tests.feature.notifications.desk import Desk, condition
from tests.support.factories import ANNA, FAKE, LIVE, SANDBOX, open_house, run_threads

TROUBLE = Trouble("unmapped_sku", "Products without a SKU", "Enter your SKU.", shop_id="7001", order_sn="O1")


class Scene:
    """What is wrong, as a test says; read by any number of watches."""

    def __init__(self, *wrong: Condition) -> None:
        self.wrong = list(wrong)

    def __call__(self, _db: Session) -> Sequence[Condition]:
        return self.wrong


def look(*watches: ConditionWatch, times: int = 2) -> None:
    """Every watch looks, so many times."""

    async def run() -> None:
        for _ in range(times):
            for one in watches:
                await one.look()

    asyncio.run(run())


def told(desk: Desk) -> list[tuple[str, str]]:
    """What stands in messages, in order, and they are marked as old so that the next ones begin anew."""
    entries = [(one["change"], one["title"]) for row in desk.deliveries() for one in row.entries]
    desk.house.execute(sa.text("DELETE FROM notification_delivery"))
    return entries


def test_a_condition_is_told_when_it_begins_when_it_is_worse_and_when_it_is_well(desk: Desk) -> None:
    desk.add()
    scene = Scene(condition(level="warn"))
    watch = desk.watch(scene)
    look(watch, times=5)
    assert told(desk) == [("began", "Shop a must be connected again")]
    desk.pass_time(minutes=1)
    scene.wrong = [condition(level="bad")]
    look(watch, times=5)
    assert told(desk) == [("worse", "Shop a must be connected again")]
    scene.wrong = []
    look(watch, times=5)
    assert told(desk) == [("ended", "Shop a must be connected again")]
    scene.wrong = [condition(level="warn")]
    look(watch, times=5)
    assert told(desk) == [("began", "Shop a must be connected again")]


def test_what_is_seen_only_once_is_nobodys_matter(desk: Desk) -> None:
    """Nor is what is missed only once: both come from a look in the wrong moment."""
    desk.add()
    scene = Scene(condition())
    watch = desk.watch(scene)
    look(watch, times=1)
    scene.wrong = []
    look(watch, times=3)
    assert told(desk) == []
    scene.wrong = [condition()]
    look(watch)
    assert len(told(desk)) == 1
    scene.wrong = []
    look(watch, times=1)
    scene.wrong = [condition()]
    look(watch, times=3)
    assert told(desk) == []


def test_the_same_trouble_of_both_environments_is_told_of_each(desk: Desk) -> None:
    desk.add()
    look(desk.watch(Scene(condition(environment=SANDBOX), condition(environment=LIVE))))
    assert {one.environment for one in desk.deliveries()} == {SANDBOX, LIVE}


def test_any_number_of_workers_tell_it_once(desk: Desk) -> None:
    """Each has seen it; whoever notes it first tells it. A restarted one knows it from the table."""
    desk.add()
    scene = Scene(*(condition(str(number)) for number in range(5)))
    watches = [ConditionWatch(desk.house.as_process(), Wrong(scene)) for _ in range(3)]
    look(*watches, times=1)
    assert run_threads([lambda one=one: look(one, times=1) for one in watches]) == [None] * 3
    look(desk.watch(scene), times=3)
    assert len(told(desk)) == 5
    scene.wrong = []
    look(*watches, times=1)
    assert run_threads([lambda one=one: look(one, times=1) for one in watches]) == [None] * 3
    assert [change for change, _title in told(desk)] == ["ended"] * 5


def test_nothing_is_stored_where_nothing_changed(desk: Desk) -> None:
    watch = desk.watch(Scene(condition()))
    look(watch, times=2)
    before = desk.house.scalar(sa.select(NotificationCondition.began_at))
    desk.pass_time(minutes=5)
    look(watch, times=3)
    assert desk.house.scalar(sa.select(sa.func.count()).select_from(NotificationCondition)) == 1
    assert desk.house.scalar(sa.select(NotificationCondition.began_at)) == before


def test_a_channel_that_comes_later_is_told_of_what_begins_then(desk: Desk) -> None:
    scene = Scene(condition("old"))
    watch = desk.watch(scene)
    look(watch)
    desk.add()
    scene.wrong.append(condition("new"))
    look(watch, times=3)
    assert told(desk) == [("began", "Shop new must be connected again")]


def test_a_new_group_of_exceptions_is_told_once_and_again_when_it_comes_back(desk: Desk) -> None:
    desk.add()
    watch, house = desk.watch(Scene()), desk.house

    def happen() -> None:
        with house.db.write() as db:
            raise_exception(db, FAKE, SANDBOX, TROUBLE, now=house.now)

    for _ in range(3):
        happen()
        look(watch)
    assert told(desk) == [("began", "Products without a SKU (shop 7001)")]
    with house.db.write() as db:
        clear_exception(db, FAKE, SANDBOX, TROUBLE.fingerprint, note="Mapped.", now=house.now)
    look(watch)
    assert told(desk) == [("ended", "Products without a SKU (shop 7001)")]
    desk.pass_time(minutes=1)
    happen()
    look(watch)
    assert told(desk) == [("began", "Came back: Products without a SKU (shop 7001)")]
    with house.db.write() as db:
        (group,) = house.exceptions()
        until = house.now + timedelta(days=1)
        acts.snooze(db, group.id, environment=SANDBOX, until=until, actor=ANNA, now=house.now)
    look(watch)
    assert told(desk) == [], "a snooze is no end"


def test_a_copy_tells_that_it_is_sealed_and_nothing_else(desk: Desk) -> None:
    """What it was copied with waits: the original tells it."""
    desk.add()
    scene = Scene(condition())
    look(desk.watch(scene))
    assert len(desk.deliveries()) == 1
    with copy_of(desk) as copy:
        scene.wrong = []
        look(copy.watch(lambda db: [*scene(db), *list_conditions(copy.house.runtime, db)]), times=3)
        copy.pass_time(minutes=2)
        copy.send()
        assert sorted((one["data"]["environment"], one["data"]["entries"][0]["topic"]) for one in copy.came()) == [
            ("live", "sealed"),
            ("sandbox", "sealed"),
        ]
        assert sorted(row.state for row in copy.deliveries()) == ["sent", "sent", "waiting"]
        with pytest.raises(Conflict, match="sealed"):
            asyncio.run(send_test(copy.parts, copy.channel(), by="anna@example.com"))


@contextmanager
def copy_of(desk: Desk) -> Iterator[Desk]:
    """The same database, woken at another place."""
    values = {"identity": "before", "identity_public_url": "https://before.example"}
    desk.house.execute(sa.update(Installation).values(values))
    settings = desk.parts.settings
    with open_house(desk.house.url, settings.data_dir, extra_hosts=settings.extra_hosts) as house:
        yield Desk(house, desk.web, desk.mail)


def test_t29_a_switch_is_told_in_its_own_transaction_with_who_did_it(desk: Desk) -> None:
    desk.add()
    desk.house.configure(SANDBOX)
    desk.house.configure(LIVE)
    desk.house.switch(LIVE)
    (row,) = desk.deliveries()
    (entry,) = row.entries
    assert (row.environment, entry["topic"], entry["change"]) == (LIVE, "switch", "happened")
    assert entry["title"] == "Fake: Live is the active environment now"
    assert "anna@example.com" in entry["detail"]
    desk.house.switch(LIVE)
    assert len(desk.deliveries()) == 1, "nothing changed the second time"


def test_a_database_that_takes_no_writes_is_told_at_once_and_when_it_is_well(desk: Desk) -> None:
    """Nothing can be stored of it: it is sent without a row, once, and its end is a row like any other."""
    desk.add()
    trouble: list[StorageTrouble | None] = [StorageTrouble(Refusal.FULL, desk.house.now)]
    watch = desk.watch(Scene(), storage=lambda: trouble[0])
    look(watch, times=3)
    (came,) = desk.came()
    assert "takes no writes" in came["data"]["entries"][0]["title"]
    assert desk.deliveries() == []
    trouble[0] = None
    look(watch, times=3)
    assert told(desk) == [("ended", "The database takes writes again")]


def conditions_of(desk: Desk) -> set[tuple[str, str, str]]:
    with desk.house.db.read() as db:
        found = list_conditions(desk.house.runtime, db)
    return {(one.environment.value, one.kind.value, one.level) for one in found}


def spoil(change: dict[str, Any]) -> Callable[[Desk], None]:
    return lambda desk: desk.house.execute(sa.update(Shop).values(**change)) and None


def test_the_list_is_the_one_that_home_begins_with(desk: Desk) -> None:
    """Each kind, from the state that the rooms keep; what is well is not on it."""
    house = desk.house
    house.configure(SANDBOX)
    house.connect(SANDBOX)
    assert conditions_of(desk) == set()
    spoil({"state": "needs_reauth"})(desk)
    assert conditions_of(desk) == {("sandbox", "reconnect", "bad")}
    spoil({"state": "connected", "authorized_until": house.now + timedelta(days=20)})(desk)
    assert conditions_of(desk) == {("sandbox", "authorization", "warn")}
    spoil({"authorized_until": house.now - timedelta(days=1)})(desk)
    assert conditions_of(desk) == {("sandbox", "authorization", "bad")}
    spoil({"authorized_until": None})(desk)
    for status, level in (("warning", "warn"), ("suspended", "bad")):
        with house.db.write() as db:
            coverage.note_rating(db, FAKE, SANDBOX, coverage.Rating(status, None, True), now=house.now)  # type: ignore[arg-type]
        assert conditions_of(desk) == {("sandbox", "pushes", level)}
    with house.db.write() as db:
        coverage.note_rating(db, FAKE, SANDBOX, coverage.Rating("normal", None, True), now=house.now)
        kind, hour = next(iter(PLANS)), timedelta(hours=1)
        made = {"every": hour, "cron": None, "grace": hour, "offset": timedelta(0), "next_due_at": house.now}
        make_schedule(db, kind, FAKE, SANDBOX, **made)
    house.execute(sa.update(Schedule).values(active_since=house.now))
    for hours, found in ((0, set()), (1.5, {("sandbox", "schedule", "warn")}), (1, {("sandbox", "schedule", "bad")})):
        desk.pass_time(hours=hours)
        assert conditions_of(desk) == found


def test_the_worker_looks_where_home_does(desk: Desk) -> None:
    desk.add()
    desk.house.configure(SANDBOX)
    desk.house.connect(SANDBOX)
    spoil({"state": "needs_reauth"})(desk)
    look(ConditionWatch(desk.parts, watched(desk.house.runtime)))
    desk.send()
    (came,) = desk.came()
    assert came["data"]["environment"] == "sandbox"
    assert "must be connected again" in came["data"]["entries"][0]["title"]
