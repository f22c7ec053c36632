"""`kedai exceptions` and `kedai quarantine` as an operator runs them."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest
import sqlalchemy as sa

from kedai.connector_exceptions.models import ConnectorException
from kedai.connector_exceptions.service import Trouble, raise_exceptions
from kedai.inbox.models import RawEvent, RejectedDelivery
from kedai.inbox.rejected import Sample, keep_rejected
from kedai.kit.ids import show_id
from kedai.sync.admission import judge, note_judgements
from kedai.sync.credentials import edit
from kedai.values.actor import COMMAND_LINE
from kedai.values.environment import ConnectorName, Environment
from tests.feature.web.site import APPS, KEYS
from tests.support.factories import on_sqlite
from tests.support.installation import Installation, order_push, sign_push

pytestmark = pytest.mark.journey

SHOPEE = ConnectorName("shopee")
SANDBOX = Environment.SANDBOX


@pytest.fixture
def home(database_url: str, tmp_path: Path) -> Iterator[Installation]:
    with Installation(tmp_path, database_url=database_url, with_simulator=False) as opened:
        yield opened


def fill(home: Installation) -> None:
    """One exception; two rejected deliveries, of which one is signed for the address with a slash at its end."""
    now, body = datetime.now(UTC), order_push("260901COMMAND", "7001")
    with home.runtime() as runtime:
        url = f"{runtime.settings.public_url}/connectors/shopee/webhook/sandbox/"
        with runtime.web_db.write() as db:
            values = APPS["sandbox"]
            edit(runtime.parts, db, SHOPEE, SANDBOX, values, expected_version=None, actor=COMMAND_LINE, now=now)
            trouble = Trouble("malformed", "A push cannot be understood", "Open it.", order_sn="O1")
            raise_exceptions(db, SHOPEE, SANDBOX, [trouble], now=now)
        told = {"counts": {"mismatch": 1}, "diagnosis": "unknown_key", "diagnosed_for": ""}
        for at, key in ((now, "a key that nobody knows"), (now.replace(year=now.year + 1), KEYS["sandbox"])):
            sample = Sample("mismatch", {}, body, len(body), sign_push(key, url, body).encode())
            with runtime.web_db.write() as db:
                keep_rejected(db, SHOPEE, SANDBOX, sample, **told, now=at)
                note_judgements(db, judge(runtime.parts, db, SHOPEE, environment=SANDBOX, limit=9, now=now))


def run_each(home: Installation, lines: list[str]) -> list[tuple[int, str]]:
    """Exit status and words of each command."""
    ended = [home.run(*line.split()) for line in lines]
    return [(one.returncode, one.stdout + one.stderr) for one in ended]


@on_sqlite
def test_both_are_listed_shown_and_dealt_with(home: Installation) -> None:
    fill(home)
    found = show_id("exc", home.rows(sa.select(ConnectorException.id))[0][0])
    rejected = sa.select(RejectedDelivery.id).where(RejectedDelivery.diagnosis == "unknown_key")
    strange = show_id("rej", home.rows(rejected)[0][0])
    expected = {
        "exceptions list --env sandbox --json": (0, found),
        f"exceptions show {found} --env live": (3, "no such exception"),
        f"exceptions show {found} --env sandbox": (0, "not what the marketplace's"),
        f"exceptions note {found} Asked. --env sandbox": (0, "saved"),
        f"exceptions snooze {found} --env sandbox --hours 2": (0, "2 hours"),
        f"exceptions retry {found} --env sandbox --order O1": (0, "tried again"),
        f"exceptions resolve {found} --env sandbox": (0, "resolved"),
        f"exceptions resolve {found} --env live": (3, "no such exception"),
        f"exceptions reopen {found} --env sandbox": (2, "reopen"),
        f"exceptions assign {found} --env sandbox --to nobody@example.com": (2, "Nobody"),
        "quarantine list --env sandbox": (0, "Verify now: 1."),
        f"quarantine show {strange} --env sandbox": (0, "Compare the push partner key"),
        f"quarantine admit {strange} --env sandbox": (4, "still does not verify"),
        f"quarantine admit {strange} --env live": (3, "no such rejected delivery"),
        "quarantine admit --env sandbox": (2, "name one delivery"),
        "quarantine admit --env sandbox --all": (0, "Admitted: 1. Still not verified: 1."),
    }
    for (line, (status, words)), (found_status, said) in zip(
        expected.items(), run_each(home, list(expected)), strict=True
    ):
        assert (found_status, words in said) == (status, True), (line, found_status, said)
    assert [tuple(row) for row in home.rows(sa.select(ConnectorException.state, ConnectorException.note))] == [
        ("resolved", "Asked.")
    ]
    assert len(home.rows(sa.select(RawEvent.id))) == 1
