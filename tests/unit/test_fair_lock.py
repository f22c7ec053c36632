"""The lock in front of SQLite's single writer: in order of arrival, the intake first, never lost."""

from __future__ import annotations

import threading
from collections.abc import Callable
from types import SimpleNamespace

import pytest

from kedai.db import write_lock
from kedai.db.write_lock import FairLock
from kedai.errors import StorageUnavailable
from tests.support.processes import wait_until


class Queue:
    """Threads that line up at one lock, each known to stand there before the next comes."""

    def __init__(self) -> None:
        self.lock = FairLock()
        self.order: list[str] = []
        self._threads: list[threading.Thread] = []

    def line_up(self, name: str, *, first: bool = False, timeout: float = 30.0) -> None:
        before = self._waiting()
        self._start(lambda: self._take(name, first=first, timeout=timeout))
        wait_until(lambda: self._waiting() > before, message=f"{name} does not wait")

    def join(self) -> list[str]:
        for thread in self._threads:
            thread.join(30.0)
            assert not thread.is_alive()
        return self.order

    def _take(self, name: str, *, first: bool, timeout: float) -> None:
        try:
            with self.lock.hold(first=first, timeout=timeout):
                self.order.append(name)
        except StorageUnavailable:
            self.order.append(f"{name} gave up")

    def _start(self, work: Callable[[], None]) -> None:
        self._threads.append(threading.Thread(target=work, daemon=True))
        self._threads[-1].start()

    def _waiting(self) -> int:
        return len(self.lock._first) + len(self.lock._waiting)


def test_first_come_first_served() -> None:
    queue = Queue()
    with queue.lock.hold(first=False, timeout=1):
        for name in "abcdef":
            queue.line_up(name)
    assert queue.join() == list("abcdef")


def test_intake_passes_everyone_who_waits_but_not_an_earlier_intake() -> None:
    queue = Queue()
    with queue.lock.hold(first=False, timeout=1):
        queue.line_up("worker 1")
        queue.line_up("worker 2")
        queue.line_up("intake 1", first=True)
        queue.line_up("worker 3")
        queue.line_up("intake 2", first=True)
    assert queue.join() == ["intake 1", "intake 2", "worker 1", "worker 2", "worker 3"]


def test_newcomer_does_not_pass_someone_who_waits() -> None:
    """A released lock goes to the one in front, even while another thread is already asking for it."""
    queue = Queue()
    with queue.lock.hold(first=False, timeout=1):
        queue.line_up("patient")
    queue._take("newcomer", first=False, timeout=30)
    assert queue.join() == ["patient", "newcomer"]


def test_waiter_gives_up_at_its_deadline_and_the_others_go_on() -> None:
    queue = Queue()
    with queue.lock.hold(first=False, timeout=1):
        queue.line_up("hasty", timeout=0.02)
        queue.line_up("patient")
        wait_until(lambda: queue.order, message="nobody gave up")
    assert queue.join() == ["hasty gave up", "patient"]
    with queue.lock.hold(first=False, timeout=0.01):
        pass


def test_busy_lock_is_said_to_be_storage_that_cannot_be_reached() -> None:
    lock = FairLock()
    with lock.hold(first=False, timeout=1), pytest.raises(StorageUnavailable) as caught:
        with lock.hold(first=True, timeout=0.01):
            raise AssertionError
    assert caught.value.retry_after == 1


def test_it_knows_whether_somebody_who_goes_first_came_lately() -> None:
    lock = FairLock()
    with lock.hold(first=False, timeout=1):
        assert not lock.has_served_first(within=60)
    with lock.hold(first=True, timeout=1):
        assert lock.has_served_first(within=60)
    assert not lock.has_served_first(within=0)


def test_lock_is_free_again_after_a_failed_block() -> None:
    lock = FairLock()
    with pytest.raises(KeyError), lock.hold(first=False, timeout=1):
        raise KeyError
    with lock.hold(first=False, timeout=0.01):
        pass


def test_lock_granted_in_the_very_moment_of_giving_up_is_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    class LateEvent(threading.Event):
        """Its waiter wakes for its deadline just as the lock is granted."""

        def wait(self, timeout: float | None = None) -> bool:
            super().wait(30)
            return False

    monkeypatch.setattr(write_lock, "threading", SimpleNamespace(Event=LateEvent, Lock=threading.Lock))
    queue = Queue()
    with queue.lock.hold(first=False, timeout=1):
        queue.line_up("late", timeout=0.01)
    assert queue.join() == ["late"]
    with queue.lock.hold(first=False, timeout=0.01):
        pass


def test_one_at_a_time_and_never_lost_where_grants_meet_deadlines() -> None:
    lock = FairLock()
    inside, most, granted = 0, 0, 0

    def hammer() -> None:
        nonlocal inside, most, granted
        for number in range(300):
            try:
                with lock.hold(first=number % 7 == 0, timeout=0.0002 * (number % 5)):
                    inside += 1
                    most = max(most, inside)
                    granted += 1
                    inside -= 1
            except StorageUnavailable:
                continue

    threads = [threading.Thread(target=hammer, daemon=True) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    assert most == 1
    assert granted
    with lock.hold(first=False, timeout=0.01):
        pass
