"""What came over is seen on the pages like everything else, and never said to be verified by us."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from kedai.sync.medusa.dump import Dump
from kedai.sync.medusa.importer import run_import
from kedai.values.actor import COMMAND_LINE
from tests.feature.importing.old_system import SECRETS, V1
from tests.feature.web.site import Site, serving


@pytest.fixture
def site(database_url: str, tmp_path: Path, dump: Dump) -> Iterator[Site]:
    """Served, with everything of the old system in it."""
    with serving(database_url, tmp_path, configured=False, **V1) as served:
        run_import(served.runtime.parts, dump, apply=True, connect=False, actor=COMMAND_LINE)
        yield served


@pytest.mark.parametrize("dump", ["copy"], indirect=True)
def test_pages_show_what_came_over(site: Site) -> None:
    session = site.session()

    def page(path: str) -> str:
        answer = site.get(path, **session)
        assert answer.status == 200, path
        text = answer.body.decode()
        assert not [name for name, secret in SECRETS.items() if secret in text]
        return text

    events = page("/e/all/events")
    assert "imported" in events
    assert "imported key" not in events
    (event,) = set(re.findall(r"/e/live/events/evt_[0-9a-f]+", page("/e/live/events?state=parked")))
    assert "Kedai has not verified it" in page(event)
    orders = page("/e/all/orders")
    assert "260801SANDBOX1" in orders
    for order in set(re.findall(r"/e/\w+/orders/ord_[0-9a-f]+", orders)):
        page(order)
    assert "refresh failed: access_token=***" in page("/e/all/exceptions")
    assert "Paused" in page("/connectors/shopee?tab=live")
    assert "still signs with the old key" not in page("/connectors/shopee?tab=live")
    page("/e/all/home")
