"""F16, F19: the database has no room, or everybody else keeps its connections busy, while pushes arrive."""

from __future__ import annotations

from contextlib import ExitStack

import sqlalchemy as sa

from tests.feature.web.site import Site
from tests.feature.web.test_bad_pushes import padded, push
from tests.support.full_disk import NEEDS_ROOM, full_disk

MORE_THAN_ANY_POOL = 40


def test_f16_push_that_finds_no_room_is_answered_503_leaves_nothing_and_is_stored_when_it_comes_again(
    site: Site,
) -> None:
    """Nor is anything said of it that is not so: the sender is told to come again, and the server lives on."""
    large = padded(NEEDS_ROOM)
    with full_disk(site.runtime.intake_parts.database, "raw_event"):
        refused = site.push(large)
        assert (refused.status, refused.body) == (503, b"")
        assert int(refused.headers["retry-after"]) >= 1
        assert (site.events(), site.get("/livez").status) == ([], 200)

    assert site.push(large).status == 200
    assert [event.body for event in site.events()] == [large]


def test_f19_pushes_are_stored_while_pages_and_workers_have_no_connection_left(site: Site) -> None:
    """Each role has connections of its own; who asks for a page is told that all are busy.

    Break: give the intake the web server's database in `open_runtime`.
    """
    assert site.push(push()).status == 200  # the keys are known from here on
    with ExitStack() as stack:
        for database in (site.runtime.web_db, site.runtime.worker_parts.database):
            engine = database.read_engine
            for _ in range(engine.pool.size()):  # type: ignore[attr-defined]
                stack.enter_context(engine.connect()).execute(sa.text("SELECT 1"))
        assert site.get("/login").status == 503
        answers = [site.push(push(timestamp=1_788_000_100 + number)).status for number in range(MORE_THAN_ANY_POOL)]
    assert answers == [200] * MORE_THAN_ANY_POOL
    assert len(site.events()) == 1 + MORE_THAN_ANY_POOL
