"""F1 to F3: the receiver is killed around the storing of a push. A 200 was never sent for what is not stored."""

from __future__ import annotations

import http.client
import signal
import sqlite3
from concurrent.futures import ThreadPoolExecutor

import pytest
import sqlalchemy as sa

from tests.journeys.conftest import Place
from tests.support.installation import Installation, order_push
from tests.support.processes import wait_until

pytestmark = pytest.mark.journey

KEY = "push-key-of-the-journeys-00001"
SEEDS = {"SHOPEE_PUSH_PARTNER_KEY": KEY, "SHOPEE_SHOP_ID": "7001", "SHOPEE_REGION": "SG"}


@pytest.mark.parametrize(
    ("point", "stored"),
    [
        pytest.param("intake.verified", 0, id="F1-verified-before-the-transaction"),
        pytest.param("intake.committed", 1, id="F3-committed-before-anybody-is-told"),
        pytest.param("edge.stored", 1, id="F3-told-before-the-answer"),
    ],
)
def test_a_kill_before_the_answer_sends_no_200_and_the_next_try_leaves_one_row(
    place: Place, point: str, stored: int
) -> None:
    home = place(with_simulator=False, extra=SEEDS)
    body = order_push("260901KILLED01", 7001)
    dying = home.start(KEDAI_CRASH_AT=point)
    with pytest.raises((ConnectionError, http.client.HTTPException)):
        home.push("sandbox", body, key=KEY)
    assert dying.wait_exit() == -signal.SIGKILL
    assert len(home.events()) == stored

    home.start()
    again = home.push("sandbox", body, key=KEY)

    assert (again.status, again.body) == (200, b"")
    (event,) = home.events()
    assert event.body == body
    assert event.duplicates == stored


# A row is inserted, and the statement, which is its own transaction, takes long to come to its commit.
COUNT_FOR_LONG = (
    "SELECT count(*) FROM (WITH RECURSIVE numbers(n) AS"
    " (VALUES (1) UNION ALL SELECT n + 1 FROM numbers WHERE n < 1000000000) SELECT n FROM numbers)"
)
SLOW_COMMIT = {
    "sqlite": (f"CREATE TRIGGER slow AFTER INSERT ON raw_event BEGIN {COUNT_FOR_LONG}; END",),
    "postgresql": (
        "CREATE FUNCTION slow() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN PERFORM pg_sleep(4); RETURN NULL; END $$",
        "CREATE TRIGGER slow AFTER INSERT ON raw_event FOR EACH ROW EXECUTE FUNCTION slow()",
    ),
}
FAST_AGAIN = {"sqlite": "DROP TRIGGER slow", "postgresql": "DROP TRIGGER slow ON raw_event"}
IN_HAND = sa.text("SELECT count(*) FROM pg_stat_activity WHERE state = 'active' AND query LIKE 'WITH guard%'")


def test_f2_a_kill_between_the_insert_and_its_commit_sends_no_200_and_the_next_try_leaves_one_row(place: Place) -> None:
    home = place(with_simulator=False, extra=SEEDS)
    kind = "sqlite" if home.database.is_sqlite else "postgresql"
    body = order_push("260901KILLED02", 7001)
    dying = home.start()
    change(home, *SLOW_COMMIT[kind])
    with ThreadPoolExecutor() as sender:
        sending = sender.submit(home.push, "sandbox", body, key=KEY)
        wait_until(lambda: is_in_hand(home), timeout=10, message="the push is not being stored")
        dying.kill9()
        with pytest.raises((ConnectionError, http.client.HTTPException)):
            sending.result()
    if kind == "sqlite":
        assert home.events() == []
    else:  # the server goes on with a statement whose sender is gone; either end is right, since nobody was told
        wait_until(lambda: not is_in_hand(home), timeout=10, message="the server did not end the statement")
    stored = len(home.events())
    change(home, FAST_AGAIN[kind])

    home.start()
    again = home.push("sandbox", body, key=KEY)

    assert again.status == 200
    (event,) = home.events()
    assert (event.body, event.duplicates) == (body, stored)


def change(home: Installation, *statements: str) -> None:
    with home.database.write() as db:
        for statement in statements:
            db.execute(sa.text(statement))


def is_in_hand(home: Installation) -> bool:
    """Whether a flush is running: on SQLite it holds the write lock."""
    if not home.database.is_sqlite:
        return bool(home.rows(IN_HAND)[0][0])
    with home.database.write_engine.connect() as connection:
        raw = connection.connection.cursor()
        try:
            raw.execute("BEGIN IMMEDIATE")
        except sqlite3.OperationalError:
            return True
        raw.execute("ROLLBACK")
    return False
