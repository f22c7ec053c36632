"""A worker that is killed between sending a message and noting it: the message comes again, by the same id."""

from __future__ import annotations

import signal

import pytest
import sqlalchemy as sa

from kedai.notifications.channels import ChannelKind
from kedai.notifications.models import NotificationDelivery
from kedai.notifications.telling import tell
from kedai.sync import channels
from kedai.values.actor import COMMAND_LINE
from kedai.values.environment import Environment
from kedai.values.notification import Change, Kind, News
from tests.journeys.conftest import Place
from tests.support.processes import wait_until
from tests.support.receivers import receive_posts

pytestmark = pytest.mark.journey

STATES = sa.select(NotificationDelivery.state, NotificationDelivery.attempts)


def test_a_message_sent_by_a_worker_that_is_killed_then_comes_again_by_the_same_id(on_sqlite: Place) -> None:
    """At least once, and a receiver can tell."""
    with receive_posts() as web:
        home = on_sqlite(extra={"KEDAI_EXTRA_HOSTS": f"web={web.url}|{web.url}|sandbox"})
        form = {"name": "ops", "url": f"{web.url}/hook", "environment_live": "on", "topic_switch": "on"}
        with home.runtime() as runtime, runtime.web_db.write() as db:
            now = runtime.clock.now()
            channels.add(runtime.parts, db, ChannelKind.WEBHOOK, form, actor=COMMAND_LINE, now=now)
            tell(db, [News(Kind.SWITCH, Environment.LIVE, Change.HAPPENED, "Live", "", "/", now)], now=now)

        doomed = home.start("serve", ready=False, KEDAI_CRASH_AT="notification.sent")
        assert doomed.wait_exit(60) == -signal.SIGKILL
        assert (len(web.posted), home.rows(STATES)) == (1, [("waiting", 1)])

        home.start("serve")
        wait_until(lambda: home.rows(STATES) == [("sent", 2)], timeout=60, message="the message was not sent again")
        first, second = web.posted
        assert first.headers["webhook-id"] == second.headers["webhook-id"]
        assert first.body == second.body
