"""An installation beside receivers on this machine, which its installer named; on both databases."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.feature.notifications.desk import Desk
from tests.support.factories import open_house
from tests.support.receivers import MailReceiver, WebReceiver, receive_mail, receive_posts


@pytest.fixture
def web() -> Iterator[WebReceiver]:
    """A receiver of webhooks."""
    with receive_posts() as receiver:
        yield receiver


@pytest.fixture
def mail() -> Iterator[MailReceiver]:
    """A mail server."""
    with receive_mail() as receiver:
        yield receiver


@pytest.fixture
def desk(database_url: str, tmp_path: Path, web: WebReceiver, mail: MailReceiver) -> Iterator[Desk]:
    """A fresh installation that may reach both."""
    at = f"http://{mail.host}:{mail.port}"
    hosts = f"web={web.url}|{web.url}|sandbox;mail={at}|{at}|sandbox"
    with open_house(database_url, tmp_path, extra_hosts=hosts) as opened:
        yield Desk(opened, web, mail)
