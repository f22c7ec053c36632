"""F16, F19: the database has no room, or everybody else keeps its connections busy, while pushes arrive."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from datetime import timedelta
from typing import Any

import sqlalchemy as sa

from kedai.db.database import Database
from tests.feature.web.site import Site
from tests.feature.web.test_bad_pushes import padded, push
from tests.support.factories import on_postgresql
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


PAGES = ("/e/sandbox/home", "/e/all/orders", "/connectors/shopee", "/audit", "/account", "/e/sandbox/nowhere")


def test_f16_every_page_that_opens_says_that_nothing_is_stored_until_something_is(site: Site) -> None:
    """So do readiness and metrics; a write that finds room ends it, one that changes nothing does not.

    Break: leave out `note_refusal` in `db.database`, or end it in `StorageWatch.note_commit` whatever was written.
    """
    person, program, body = site.session(), site.token("viewer"), padded(NEEDS_ROOM)
    assert said_of_storage(site, person, program) == (set(), "ok", "0.0")
    with full_disk(site.runtime.intake_parts.database, "raw_event"):
        assert site.push(body).status == 503
        with site.runtime.web_db.write() as db:
            db.execute(sa.text("UPDATE schedule SET durations = durations"))
        with site.runtime.web_db.write() as db:
            db.execute(sa.text("UPDATE staff_session SET address = address"))
        state = f"refuses writes (full) since {site.clock.now().isoformat()}"
        assert said_of_storage(site, person, program) == (set(PAGES), state, "1.0")
        assert b"Make room on its disk." in site.get(PAGES[0], **person).body
    assert site.push(body).status == 200
    assert said_of_storage(site, person, program) == (set(), "ok", "0.0")


def said_of_storage(site: Site, person: dict[str, str], program: dict[str, str]) -> tuple[set[str], str, str]:
    """The pages with a banner, what readiness says, and the metric of a full disk."""
    ready = site.get("/readyz")
    assert ready.status == 200
    banners = {path for path in PAGES if b'aria-label="Storage"' in site.get(path, **person).body}
    metrics = site.get("/metrics", **program).body.decode()
    found = re.search(r'^kedai_storage_trouble\{reason="full"\} (\S+)$', metrics, re.MULTILINE)
    assert found is not None
    return banners, ready.json()["checks"]["storage"], found[1]


@on_postgresql
def test_f16_a_server_that_may_only_be_read_refuses_for_now_and_shows_its_pages(site: Site) -> None:
    """As after a failover to a copy that takes no writes. Break `suppress` in `web.deps`: every page is a 503."""
    person, body = site.session(), push()
    assert site.push(push(timestamp=1_788_000_050)).status == 200  # the keys are known from here on
    site.clock.advance(timedelta(minutes=2))  # from now on a page would note that this person was here
    with reading_only(site.runtime.intake_parts.database), reading_only(site.runtime.web_db):
        assert site.push(body).status == 503
        page = site.get("/e/sandbox/home", **person)
        assert (page.status, b"the database may only be read" in page.body) == (200, True)
    assert site.push(body).status == 200
    assert site.runtime.storage.trouble is None


@contextmanager
def reading_only(database: Database) -> Iterator[None]:
    """What goes out through this role's connections may only read."""
    state = "on"

    def limit(_connection: Any, cursor: Any, *_rest: Any) -> None:
        cursor.execute(f"SET default_transaction_read_only = {state}")  # the next one, where each statement is one
        if state == "on":
            cursor.execute("SET transaction_read_only = on")  # the one that has begun

    sa.event.listen(database.write_engine, "before_cursor_execute", limit)
    try:
        yield
    finally:
        state = "off"


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
