"""A commit that fails never comes after a 2xx: what is answered with success is stored."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest
import sqlalchemy as sa
from sqlalchemy.exc import OperationalError

from kedai.db.database import Database
from kedai.staff.roles import TokenScope
from kedai.vault.models import ActiveEnvironment, EnvironmentCredentials, OAuthState
from tests.feature.web.site import ADMIN, Site
from tests.support.factories import on_sqlite
from tests.support.installation import Answer, order_push

Act = Callable[[Site, dict[str, str]], Answer]

GOING_LIVE = {"environment": "live", "confirm": "live"}
JSON_ACTS: dict[str, Act] = {
    "PATCH": lambda site, who: site.send("PATCH", f"{ADMIN}?env=live", {"shop_id": "8002"}, **who),
    "DELETE": lambda site, who: site.send("DELETE", f"{ADMIN}/secrets/partner_key?env=live", **who),
    "switch": lambda site, who: site.send("POST", f"{ADMIN}/active-environment", GOING_LIVE, **who),
    "oauth start": lambda site, who: site.get(f"{ADMIN}/oauth/start?env=live", **who),
}


@contextmanager
def failing_commits(database: Database) -> Iterator[None]:
    """The disk is full, or the connection breaks, in the very moment of the commit."""

    def refuse(_connection: Any) -> None:
        raise OperationalError("COMMIT", None, Exception("no space left on device"))

    sa.event.listen(database.write_engine, "commit", refuse)
    try:
        yield
    finally:
        sa.event.remove(database.write_engine, "commit", refuse)


def stored(site: Site) -> list[Any]:
    """All that these requests could change."""
    credentials = sa.select(
        EnvironmentCredentials.environment,
        EnvironmentCredentials.version,
        EnvironmentCredentials.shop_id,
        EnvironmentCredentials.partner_key_encrypted,
    ).order_by(EnvironmentCredentials.environment)
    chosen = (credentials, sa.select(ActiveEnvironment.environment), sa.select(OAuthState.environment))
    return [tuple(row) for statement in chosen for row in site.rows(statement)]


@pytest.mark.parametrize("name", JSON_ACTS)
def test_a_json_request_whose_commit_fails_says_503_and_changes_nothing(site: Site, name: str) -> None:
    act, who = JSON_ACTS[name], site.token("admin", "live", scopes=[TokenScope.ACTIVATE_LIVE])
    site.certify("live")
    assert site.get(f"{ADMIN}?env=live", **who).status == 200  # the token's first use is noted by now
    before = stored(site)

    with failing_commits(site.runtime.web_db):
        refused = act(site, who)

    assert (refused.status, refused.headers["content-type"]) == (503, "application/problem+json")
    assert int(refused.headers["retry-after"]) > 0
    assert "set-cookie" not in refused.headers
    assert stored(site) == before
    assert act(site, who).status == 200
    assert stored(site) != before


FULL_DISK = {
    "sqlite": ("CREATE TRIGGER full_disk AFTER INSERT ON raw_event BEGIN SELECT RAISE(ABORT, 'no space left'); END",),
    "postgresql": (
        """CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS $$
           BEGIN RAISE EXCEPTION 'no space left on device' USING ERRCODE = 'disk_full'; END $$""",
        """CREATE CONSTRAINT TRIGGER full_disk AFTER INSERT ON raw_event INITIALLY DEFERRED
           FOR EACH ROW EXECUTE FUNCTION refuse()""",
    ),
}
SPACE_AGAIN = {"sqlite": "DROP TRIGGER full_disk", "postgresql": "DROP FUNCTION refuse CASCADE"}


@contextmanager
def failing_flushes(database: Database) -> Iterator[None]:
    """The same for the intake, whose statement is a transaction of its own."""
    kind = "sqlite" if database.is_sqlite else "postgresql"
    with database.write() as db:
        for statement in FULL_DISK[kind]:
            db.execute(sa.text(statement))
    try:
        yield
    finally:
        with database.write() as db:
            db.execute(sa.text(SPACE_AGAIN[kind]))


def test_a_push_whose_commit_fails_says_503_and_the_next_try_stores_it(site: Site) -> None:
    body = order_push("260901COMMIT1", 7001)
    with failing_flushes(site.runtime.intake_parts.database):
        refused = site.push(body)
    assert (refused.status, refused.body) == (503, b"")
    assert int(refused.headers["retry-after"]) > 0
    assert site.events() == []
    assert site.push(body).status == 200
    assert len(site.events()) == 1


def test_a_page_whose_commit_fails_says_so_instead_of_going_on(site: Site) -> None:
    page = site.page("admin")
    form = {"Content-Type": "application/x-www-form-urlencoded"}
    before = stored(site)
    with failing_commits(site.runtime.web_db):
        for path in ("/connectors/shopee/connect?env=sandbox", "/connectors/shopee/switch?to=sandbox"):
            answer = site.send("POST", path, **page, **form)
            assert answer.status == 503, (path, answer.status)
    assert stored(site) == before


@on_sqlite
@pytest.mark.parametrize("name", ["PATCH", "DELETE", "switch", "oauth start"])
def test_who_may_not_change_anything_never_waits_for_the_right_to_write(site: Site, name: str) -> None:
    """SQLite has one writer: if a stranger's request took its turn, strangers could keep everybody waiting."""
    viewer = site.token("viewer", "live")
    assert site.get(f"{ADMIN}?env=live", **viewer).status == 200
    with site.runtime.web_db.write():
        assert JSON_ACTS[name](site, {"Authorization": "Bearer nobody"}).status == 401
        assert JSON_ACTS[name](site, viewer).status == 403
