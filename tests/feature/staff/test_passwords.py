"""What a password may be, and that hashing it never starves or reveals anything."""

from __future__ import annotations

import threading

import pytest

from kedai.db.database import Database
from kedai.errors import Invalid, RateLimited
from kedai.staff import passwords
from tests.support.haste import SHIPPED_HASHER

GOOD = "rain on a tin roof"


class CountingHasher:
    """Counts how often it is asked and costs nothing; with ``hold`` nobody leaves before `let_go` is set."""

    def __init__(self, *, hold: bool = False) -> None:
        self.calls = 0
        self.entered = threading.Semaphore(0)
        self.let_go = threading.Event()
        if not hold:
            self.let_go.set()

    def hash(self, password: str) -> str:
        self._count()
        return f"hash of {password}"

    def verify(self, password: str, password_hash: str) -> bool:
        self._count()
        return password_hash == f"hash of {password}"

    def _count(self) -> None:
        self.calls += 1
        self.entered.release()
        self.let_go.wait(10)


@pytest.fixture
def hasher(monkeypatch: pytest.MonkeyPatch) -> CountingHasher:
    counting = CountingHasher()
    monkeypatch.setattr(passwords, "_hasher", counting)
    return counting


def test_right_password_matches_and_a_wrong_one_does_not() -> None:
    stored = passwords.hash_password(GOOD)
    assert stored.startswith("$argon2id$")
    assert GOOD not in stored
    assert passwords.verify_password(GOOD, stored)
    assert not passwords.verify_password(GOOD + "!", stored)
    assert passwords.hash_password(GOOD) != stored


def test_hashing_costs_an_attacker_memory_and_time() -> None:
    made = SHIPPED_HASHER.hash(GOOD)
    cost = dict(one.split("=") for one in made.split("$")[3].split(","))
    assert made.startswith("$argon2id$")
    assert int(cost["m"]) >= 64 * 1024
    assert int(cost["t"]) >= 3


def test_same_password_typed_on_another_keyboard_matches() -> None:
    stored = passwords.hash_password("caf\u00e9 au lait, deux")
    assert passwords.verify_password("cafe\u0301 au lait, deux", stored)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "short",
        "elevenchars",
        "x" * 12,
        "ababababababab",
        "password1234",
        "PassWord1234",
        "qwertyuiop12",
        "\uff50assword1234",
        "a long one with a \0 in it",
        "half a character \ud800 in it",
        GOOD * 20,
        "\ufdfa" * 100,
        "\U0001f511" * 257,
    ],
)
def test_unfit_password_is_refused_before_hashing(hasher: CountingHasher, text: str) -> None:
    with pytest.raises(Invalid) as caught:
        passwords.hash_password(text)
    assert caught.value.field == "password"
    assert not text or text not in str(caught.value)
    assert hasher.calls == 0


@pytest.mark.parametrize("text", [GOOD[:12], "\u1e9b\u0323 zw\u00f6lf Zeichen", "0123456789abcdef" * 16])
def test_password_of_12_to_256_characters_is_accepted(hasher: CountingHasher, text: str) -> None:
    passwords.hash_password(text)
    assert hasher.calls == 1


@pytest.mark.parametrize("text", ["x" * 10_000_000, "\ufdfa" * 3_000_000, "a\0b" * 10, "\ud800" * 20])
def test_ten_megabytes_or_broken_text_never_reach_the_hasher(hasher: CountingHasher, text: str) -> None:
    with pytest.raises(Invalid):
        passwords.hash_password(text)
    assert not passwords.verify_password(text, "hash of it")
    assert not passwords.verify_nothing(text)
    assert hasher.calls == 0


def test_unknown_person_costs_one_hash_like_a_known_one(hasher: CountingHasher) -> None:
    assert not passwords.verify_password(GOOD, "hash of another")
    assert hasher.calls == 1
    assert not passwords.verify_nothing(GOOD)
    assert hasher.calls == 2


def test_hash_that_is_none_matches_nothing() -> None:
    assert not passwords.verify_password(GOOD, "!")
    assert not passwords.verify_password(GOOD, "")


def test_third_password_at_once_waits_and_is_then_turned_away(monkeypatch: pytest.MonkeyPatch) -> None:
    crowded = CountingHasher(hold=True)
    monkeypatch.setattr(passwords, "_hasher", crowded)
    monkeypatch.setattr(passwords, "_PATIENCE_SECONDS", 0.01)
    threads = [threading.Thread(target=passwords.hash_password, args=(GOOD,)) for _ in range(2)]
    for thread in threads:
        thread.start()
    assert crowded.entered.acquire(timeout=10)
    assert crowded.entered.acquire(timeout=10)

    for refused in (passwords.hash_password, passwords.verify_nothing):
        with pytest.raises(RateLimited):
            refused(GOOD)
    assert crowded.calls == 2

    crowded.let_go.set()
    for thread in threads:
        thread.join(10)
    passwords.hash_password(GOOD)
    assert crowded.calls == 3


def test_hashing_inside_a_transaction_is_refused(db: Database, hasher: CountingHasher) -> None:
    with pytest.raises(RuntimeError), db.write():
        passwords.hash_password(GOOD)
    with pytest.raises(RuntimeError), db.read():
        passwords.verify_password(GOOD, "hash")
    with pytest.raises(RuntimeError), db.read():
        passwords.verify_nothing(GOOD)
    assert hasher.calls == 0
