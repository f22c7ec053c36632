"""The audit page: filters by who, what, environment and period, and copies that a spreadsheet cannot be fooled by.

What operators expect: D37.
"""

from __future__ import annotations

import csv
import io
import itertools
import json
import re
from datetime import timedelta
from typing import Any

import pytest

from kedai.audit import export
from kedai.audit.queries import Filter, find_entries, last_sequence
from kedai.audit.service import record
from kedai.kit.sheets import SheetFormat
from kedai.staff.roles import Role
from kedai.values.actor import SYSTEM, Actor, ActorKind
from kedai.values.environment import Environment
from tests.feature.audit.test_audit_trail import tamper
from tests.feature.dashboard.browser import Browser, Page
from tests.feature.dashboard.world import POLYGLOT
from tests.support.factories import LIVE, SANDBOX, START, House

BOB = Actor(ActorKind.STAFF, "staff_2", "Bob_100%@example.com")
DAY = timedelta(days=1)


def note(house: House, action: str, *, actor: Actor = SYSTEM, environment: Environment | None = None, days: int = 0,
         **details: object) -> None:  # fmt: skip
    with house.db.write() as db:
        at = START + DAY * days
        record(db, actor=actor, action=action, subject="shopee", environment=environment, details=details, now=at)


def actions(page: Page) -> list[str]:
    assert page.status == 200, page.words
    return [row.split('<code class="deed">')[1].split("<")[0] for row in page.rows()]


@pytest.fixture
def trail(house: House, admin: Browser) -> Browser:
    """Somebody who may look, and four entries beside those of their own sign-in."""
    note(house, "credentials.edit", environment=SANDBOX, actor=BOB, fields=["partner_id"])
    note(house, "credentials.clear", environment=LIVE, days=1)
    note(house, "keys.promote", actor=BOB, days=2)
    note(house, "environment.switch", environment=LIVE, days=3, **{"from": "sandbox", "to": "live"})
    return admin


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ("what=credentials", ["credentials.clear", "credentials.edit"]),
        ("what=CREDENTIALS.E", ["credentials.edit"]),
        ("who=bob", ["keys.promote", "credentials.edit"]),
        ("who=staff_2", ["keys.promote", "credentials.edit"]),
        ("who=b%25b", []),
        ("who=b_b", []),
        ("who=100%25", ["keys.promote", "credentials.edit"]),
        ("env=live", ["environment.switch", "credentials.clear"]),
        ("env=installation&who=bob", ["keys.promote"]),
        ("env=sandbox&who=bob&what=edit", ["credentials.edit"]),
        ("from=2020-01-02&to=2020-01-03", ["keys.promote", "credentials.clear"]),
        ("from=2020-01-04", ["environment.switch"]),
        ("what=%27%3B--", []),
    ],
)
def test_filters_show_what_fits_newest_first(trail: Browser, query: str, expected: list[str]) -> None:
    assert actions(trail.get(f"/audit?{query}")) == expected


@pytest.mark.parametrize(
    "query",
    ["env=LIVE", "env=prod", "from=2026-02-30", "from=yesterday", "from=2020-01-02&to=2020-01-01", "to=9999-12-31",
     "from=0001-01-01", "before=x", "before=-1", "before=" + "9" * 30, "who=%00", "who=a&who=b", "who=" + "a" * 300],
)  # fmt: skip
def test_a_filter_that_means_nothing_is_refused(trail: Browser, query: str) -> None:
    assert trail.get(f"/audit?{query}").status == 422


def test_every_row_names_its_environment(trail: Browser) -> None:
    rows = trail.get("/audit").rows()
    assert len(rows) >= 4
    assert all('class="env ' in row or "Installation" in row for row in rows)
    assert '<body data-env="live"' in trail.get("/audit?env=live").text


def test_pages_follow_each_other(house: House, admin: Browser) -> None:
    for number in range(60):
        note(house, f"deed.{number:02}")
    first = admin.get("/audit?what=deed")
    (older,) = [link for link in first.links() if "before=" in link]
    assert actions(first) + actions(admin.get(older)) == [f"deed.{number:02}" for number in reversed(range(60))]


def test_what_strangers_wrote_is_no_markup(house: House, admin: Browser) -> None:
    note(house, POLYGLOT, actor=Actor(ActorKind.STAFF, POLYGLOT, POLYGLOT), environment=SANDBOX, note=POLYGLOT)
    assert "<script" not in admin.get("/audit").markup
    assert "alert(1)" in admin.get("/audit").words


@pytest.mark.parametrize("told", [["name", "secret"], 3, {"name": 1}, {"name": ["a", "b", "c"]}, None])
def test_entries_that_tell_of_changes_in_their_own_way_are_shown(house: House, admin: Browser, told: Any) -> None:
    with house.db.write() as db:
        record(db, actor=SYSTEM, action="deed", subject="s", environment=None, details={"changed": told}, now=START)
    assert admin.get("/audit").status == 200


def test_a_copy_as_csv_holds_what_fits_and_no_formula(house: House, trail: Browser) -> None:
    """T33: a name that begins like a formula is quoted."""
    for name in ("=1+1", "+1", "-1", "@x", "\tx", "\rx"):
        note(house, "deed", actor=Actor(ActorKind.STAFF, name, name), days=5)
    answer = trail.post("/audit/exports", {"format": "csv", "from": "2020-01-02", "who": ""})
    assert answer.status == 200
    assert answer.headers["content-disposition"].startswith('attachment; filename="kedai-audit-')
    rows = list(csv.DictReader(io.StringIO(answer.text, newline="")))
    assert [row["action"] for row in rows[:3]] == ["credentials.clear", "keys.promote", "environment.switch"]
    assert rows[2]["details"] == '{"from":"sandbox","to":"live"}'
    names = [row["actor_name"] for row in rows[3:9]]
    assert names == ["'=1+1", "'+1", "'-1", "'@x", "'\tx", "'\rx"]


def test_a_copy_as_json_has_the_hashes_and_is_itself_recorded(house: House, trail: Browser) -> None:
    """It holds what was there before, as many as the trail then says it held."""
    answer = trail.post("/audit/exports", {"format": "json"})
    lines = [json.loads(line) for line in answer.text.splitlines()]
    assert [line["sequence"] for line in lines] == list(range(1, len(lines) + 1))
    assert all(after["previous_hash"] == before["hash"] for before, after in itertools.pairwise(lines))
    with house.db.read() as db:
        (entry,) = find_entries(db, Filter(what="audit.exported"), before_sequence=None, limit=5)
    assert (entry.sequence, entry.actor_name) == (len(lines) + 1, "admin@example.com")
    assert entry.details == {"filter": {}, "format": "json", "rows": len(lines)}


def test_a_copy_of_a_part_notes_how_many_entries_the_part_held(house: House, trail: Browser) -> None:
    answer = trail.post("/audit/exports", {"format": "json", "what": "credentials"})
    assert len(answer.text.splitlines()) == 2
    with house.db.read() as db:
        (entry,) = find_entries(db, Filter(what="audit.exported"), before_sequence=None, limit=5)
    assert entry.details == {"filter": {"what": "credentials"}, "format": "json", "rows": 2}


def check(browser: Browser, **given: str) -> Page:
    return browser.follow(browser.post("/audit/checks", given))


def test_t37_a_click_verifies_the_trail_and_says_how_much_was_read_and_when(house: House, trail: Browser) -> None:
    assert "Nobody has had it checked" in trail.get("/audit").words
    with house.db.read() as db:
        number = last_sequence(db)
    page = check(trail)
    assert "The trail was whole." in page.words
    assert f"{number} entries were read 2020-01-01 12:00:00 UTC" in page.words
    assert "for admin@example.com" in page.words
    (noted,) = re.findall(rf'<code class="id">({number}:[0-9a-f]{{64}})</code>', page.text)
    assert "The noted entry was in it." in check(trail, noted=noted).words


def test_t37_a_changed_entry_is_named_and_a_cut_end_is_noticed_by_what_was_noted(house: House, trail: Browser) -> None:
    (noted,) = re.findall(r'<code class="id">([0-9]+:[0-9a-f]{64})</code>', check(trail).text)
    number = int(noted.split(":")[0])
    tamper(house.db, f"DELETE FROM audit WHERE sequence >= {number}")
    assert "The trail was whole." in check(trail).words, "what is left is whole"
    cut = check(trail, noted=noted)
    assert "The trail is not the one that was noted" in cut.words
    assert "The trail was whole." not in cut.words
    tamper(house.db, "UPDATE audit SET actor_name = 'nobody' WHERE sequence = 2")
    broken = check(trail)
    assert "The trail is broken: entry 2 was removed, changed or moved." in broken.words
    assert "2 entries were read" in broken.words
    assert '<div class="alert bad" role="status">' in broken.text


@pytest.mark.parametrize("noted", ["x", "1", "1:", ":ab", "1:zz", "-1:" + "a" * 64, "1" * 30 + ":" + "a" * 64])
def test_what_is_no_noted_entry_is_refused_and_nothing_is_recorded(house: House, trail: Browser, noted: str) -> None:
    assert trail.post("/audit/checks", {"noted": noted}).status == 422
    assert "audit.checked" not in trail.get("/audit").words


def test_only_who_may_read_the_trail_has_it_checked(house: House, browser: Browser) -> None:
    browser.sign_in(Role.OPERATOR)
    assert browser.post("/audit/checks").status == 403


def test_a_copy_is_read_a_piece_at_a_time(house: House) -> None:
    with house.db.write() as db:
        for _ in range(1201):
            record(db, actor=SYSTEM, action="deed", subject="s", environment=None, details={}, now=START)
    pieces = export.export(house.db, export.Filter(), SheetFormat.JSON, up_to_sequence=1200)
    assert [piece.count(b"\n") for piece in pieces] == [500, 500, 200]


@pytest.mark.parametrize(
    "values", [{}, {"format": "xml"}, {"format": "csv", "env": "prod"}, {"format": "csv", "who": "\0"}]
)
def test_a_copy_that_cannot_be_made_is_refused(house: House, admin: Browser, values: dict[str, str]) -> None:
    assert admin.post("/audit/exports", values).status == 422
