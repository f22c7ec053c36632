"""F39: the worker is killed between storing lost pushes and confirming them; they come again, and are known."""

from __future__ import annotations

import signal

import pytest
import sqlalchemy as sa

from kedai.inbox.models import RawEvent
from kedai.runs.models import Run
from kedai.runs.service import create_run
from kedai.sync import lost_pushes
from kedai.values.actor import COMMAND_LINE
from kedai.values.environment import Environment
from tests.journeys.conftest import Place
from tests.journeys.test_kills_of_workers import SHORT_LEASE
from tests.support.installation import SHOPEE, Installation
from tests.support.processes import wait_until

pytestmark = pytest.mark.journey

LOST = 3


def test_f39_lost_pushes_that_were_stored_and_not_confirmed_come_again_and_are_one_row_each(place: Place) -> None:
    home = place()
    home.prepare("sandbox")
    rule = {"kind": "lost_push", "path": "push:*", "times": None}
    home.control("sandbox", "POST", "/control/settings", {"fail": [rule]})
    wish = {"shop_id": int(home.shop_id("sandbox")), "count": LOST, "pushes": True}
    home.control("sandbox", "POST", "/control/orders/batch", wish)
    with home.runtime() as runtime, runtime.web_db.write() as db:
        key = {"scope": {}, "total": None, "actor": COMMAND_LINE, "now": runtime.clock.now()}
        create_run(db, lost_pushes.KIND, SHOPEE, Environment.SANDBOX, **key)
    command = "serve" if home.database_url is None else "worker"
    doomed = home.start(command, ready=False, KEDAI_CRASH_AT="lost_pushes.stored", **SHORT_LEASE)
    assert doomed.wait_exit(30) == -signal.SIGKILL  # the run is taken at once, perhaps before the server is ready
    assert (home.count_events(), waiting(home)) == (LOST, LOST)

    home.start(command)

    state = sa.select(Run.state).where(Run.kind == lost_pushes.KIND).order_by(Run.id).limit(1)
    wait_until(lambda: home.rows(state) == [("succeeded",)], message="the run did not end")
    duplicates = home.rows(sa.select(RawEvent.duplicates))
    assert (duplicates, waiting(home)) == ([(1,)] * LOST, 0)
    home.wait_equal("sandbox")


def waiting(home: Installation) -> int:
    """How many lost pushes the marketplace still keeps."""
    return len(home.control("sandbox", "GET", "/control/snapshot")["apps"][0]["lost"])
