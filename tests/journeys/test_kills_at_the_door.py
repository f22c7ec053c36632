"""F1 to F3: the receiver is killed around the storing of a push. A 200 was never sent for what is not stored."""

from __future__ import annotations

import http.client
import signal

import pytest

from tests.journeys.conftest import Place
from tests.support.installation import order_push

pytestmark = pytest.mark.journey

KEY = "push-key-of-the-journeys-00001"
SEEDS = {"SHOPEE_PUSH_PARTNER_KEY": KEY, "SHOPEE_SHOP_ID": "7001", "SHOPEE_REGION": "SG"}


@pytest.mark.parametrize(
    ("point", "stored"),
    [
        pytest.param("intake.verified", 0, id="F1-verified-before-the-transaction"),
        pytest.param("intake.inserted", 0, id="F2-inserted-before-the-commit"),
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
    if point == "intake.inserted" and home.database_url:
        stored = 1  # PostgreSQL takes a flush as one statement, which is its own commit
    assert len(home.events()) == stored

    home.start()
    again = home.push("sandbox", body, key=KEY)

    assert (again.status, again.body) == (200, b"")
    (event,) = home.events()
    assert event.body == body
    assert event.duplicates == stored
