"""D37, D32: a mild deed is taken back by one click, exactly, unless something else was done since."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import pytest
import sqlalchemy as sa
from sqlalchemy.orm import Session

from kedai.audit.models import AuditEntry
from kedai.audit.undo import UNDO_WITHIN
from kedai.connector_exceptions.models import ConnectorException
from kedai.connector_exceptions.service import Trouble, raise_exception
from kedai.db.base import Model
from kedai.inbox.models import Notice, RawEvent
from kedai.inbox.notices import record_notices
from kedai.kit.ids import show_id
from kedai.runs.models import Run, Schedule
from kedai.runs.schedules import make_schedule
from kedai.runs.service import create_run, end_run
from kedai.staff.models import SavedView, Staff
from kedai.staff.roles import Role
from kedai.values.event import Announcement
from kedai.vault.models import Merchant, Shop
from tests.feature.dashboard.browser import Browser, Page
from tests.feature.web.dangers import UNDONE
from tests.support.factories import ANNA, FAKE, SANDBOX, SHOP, START, House, incoming

MERCHANT, KIND = "9001", "keep_tokens"
TROUBLE = Trouble("error_x", "It failed", "Look at it.", shop_id=SHOP)


@dataclass(frozen=True)
class Case:
    """One deed: its route, what it is done to, what must have been done before, and what somebody else then does."""

    route: str
    table: type[Model]
    fields: Mapping[str, str]
    first: str | None = None
    other: Callable[[Any], None] | None = None

    def __str__(self) -> str:
        return self.route.removeprefix("POST ")


def renamed(row: SavedView) -> None:
    row.name = "Other"


def noted(row: ConnectorException) -> None:
    row.note = "Other"


def assigned(row: ConnectorException) -> None:
    row.assignee = "ben@example.com"


def came_back(row: ConnectorException) -> None:
    row.state = "regressed"


def parked_again(row: RawEvent) -> None:
    row.state, row.discarded_by = "received", None


def read_by_ben(row: Notice) -> None:
    row.seen_by = "ben@example.com"


def rested(row: Run | Schedule) -> None:
    row.paused_at, row.paused_by = START - timedelta(days=1), "ben@example.com"


def lost(row: Shop | Merchant) -> None:
    row.state = "needs_reauth"


EXCEPTION = "POST /e/{environment}/exceptions/{exception_id}"
SCHEDULE, RUN = "POST /e/{environment}/schedules/{connector}/{kind}", "POST /e/{environment}/runs/{run_id}"
SHOPS, MERCHANTS = "POST /connectors/{name}/shops/{shop_id}", "POST /connectors/{name}/merchants/{merchant_id}"
VIEW = "POST /e/{scope}/views/{page}/{view_id}"
CASES = [
    Case(f"{EXCEPTION}/resolutions", ConnectorException, {}, f"{EXCEPTION}/snoozes", came_back),
    Case(f"{EXCEPTION}/reopenings", ConnectorException, {}, f"{EXCEPTION}/resolutions", came_back),
    Case(f"{EXCEPTION}/snoozes", ConnectorException, {"for": "day"}, None, came_back),
    Case(f"{EXCEPTION}/assignments", ConnectorException, {"assignee": "admin@example.com"}, None, assigned),
    Case(f"{EXCEPTION}/notes", ConnectorException, {"note": "Asked."}, None, noted),
    Case(f"{SCHEDULE}/pause", Schedule, {"reason": "the fair"}, None, rested),
    Case(f"{SCHEDULE}/resume", Schedule, {}, f"{SCHEDULE}/pause", rested),
    Case(f"{RUN}/pause", Run, {}, None, rested),
    Case(f"{RUN}/resume", Run, {}, f"{RUN}/pause", rested),
    Case(f"{SHOPS}/pause", Shop, {}, None, lost),
    Case(f"{SHOPS}/resume", Shop, {}, f"{SHOPS}/pause", lost),
    Case(f"{MERCHANTS}/pause", Merchant, {}, None, lost),
    Case(f"{MERCHANTS}/resume", Merchant, {}, f"{MERCHANTS}/pause", lost),
    Case("POST /e/{environment}/events/{event_id}/discards", RawEvent, {}, None, parked_again),
    Case("POST /e/{environment}/notices/{notice_id}/seen", Notice, {}, None, read_by_ben),
    Case(VIEW, SavedView, {"name": "Theirs", "shared": "yes"}, None, renamed),
    Case(f"{VIEW}/remove", SavedView, {}),
]
LOOSE = {Shop: {"updated_at"}, Merchant: {"updated_at"}, Run: {"due_at"}}
"""Columns that move by themselves."""


@pytest.fixture
def world(house: House, admin: Browser) -> House:
    """One of everything that a mild deed is done to."""
    house.configure()
    house.connect()
    house.connect_merchant(SANDBOX, MERCHANT)
    house.deliver(incoming("O1"))
    house.execute(
        sa.text("UPDATE raw_event SET state = 'parked', parked_reason = 'inactive_environment', note = 'why'")
    )
    with house.db.write() as db:
        fill(db, house)
    return house


def fill(db: Session, house: House) -> None:
    raise_exception(db, FAKE, SANDBOX, TROUBLE, now=house.now)
    day, hour = timedelta(days=1), timedelta(hours=1)
    period = {"every": hour, "cron": None, "grace": hour, "offset": timedelta(0)}
    row = make_schedule(db, KIND, FAKE, SANDBOX, **period, next_due_at=house.now + day)  # type: ignore[arg-type]
    row.active_since = house.now - day
    create_run(db, "catch_up", FAKE, SANDBOX, scope={"shop_id": SHOP}, total=9, actor=ANNA, now=house.now)
    event = db.execute(sa.select(RawEvent.id)).scalar_one()
    said = [Announcement("Maintenance", "Tonight", None, None)]
    record_notices(db, FAKE, SANDBOX, {event: said}, shop_id=SHOP, now=house.now)
    owner = db.execute(sa.select(Staff.id).where(Staff.email == "admin@example.com")).scalar_one()
    db.add(
        SavedView(
            id=event, staff_id=owner, page="orders", name="Mine", query="tab=completed", shared=False, created_at=START
        )
    )


def address(house: House, route: str) -> str:
    found = {
        "environment": "sandbox",
        "scope": "sandbox",
        "page": "orders",
        "connector": FAKE,
        "name": FAKE,
        "kind": KIND,
        "shop_id": SHOP,
        "merchant_id": MERCHANT,
        "exception_id": show_id("exc", house.scalar(sa.select(ConnectorException.id))),
        "run_id": show_id("run", house.scalar(sa.select(Run.id))),
        "event_id": show_id("evt", house.scalar(sa.select(RawEvent.id))),
        "notice_id": show_id("ntc", house.scalar(sa.select(Notice.id))),
        "view_id": show_id("view", house.scalar(sa.select(SavedView.id)) or house.scalar(sa.select(RawEvent.id))),
    }
    path = route.removeprefix("POST ").format(**found)
    return f"{path}?env=sandbox" if path.startswith("/connectors/") else path


def stored(house: House, case: Case) -> list[dict[str, Any]]:
    """The row as it stands."""
    names = [one.key for one in sa.inspect(case.table).column_attrs if one.key not in LOOSE.get(case.table, set())]
    with house.db.read() as db:
        return [{name: getattr(row, name) for name in names} for row in db.execute(sa.select(case.table)).scalars()]


def change(house: House, case: Case, deed: Callable[[Any], None]) -> None:
    with house.db.write() as db:
        deed(db.execute(sa.select(case.table)).scalar_one())


def trail(house: House) -> list[tuple[str, str]]:
    with house.db.read() as db:
        rows = db.execute(sa.select(AuditEntry).order_by(AuditEntry.sequence)).scalars()
        return [(one.action, one.actor_name) for one in rows]


def do(house: House, admin: Browser, case: Case) -> Page:
    """The deed, and the page that it leads to."""
    if case.first is not None:
        answer = admin.post(address(house, case.first), {"for": "week", "reason": "the move"})
        assert answer.status == 303, answer.words
        house.clock.advance(timedelta(minutes=1))
    before = stored(house, case)
    answer = admin.post(address(house, case.route), case.fields)
    assert answer.status == 303, answer.words
    assert stored(house, case) != before
    return admin.follow(answer)


def button(page: Page) -> tuple[str, str] | None:
    """Where the Undo button posts to, and the address it gives along."""
    form = r'<form class="undo" method="post" action="([^"]+)"><input type="hidden" name="back" value="([^"]+)">'
    found = re.search(form, page.text)
    return None if found is None else (found[1], found[2].replace("&amp;", "&"))


def press(admin: Browser, page: Page) -> Page:
    found = button(page)
    assert found is not None, page.words
    return admin.follow(admin.post(found[0], {"back": found[1]}))


def test_each_deed_that_is_called_mild_is_tried_here() -> None:
    assert {case.route for case in CASES} == UNDONE


@pytest.mark.parametrize("case", CASES, ids=str)
def test_a_mild_deed_is_taken_back_exactly_once_and_that_is_in_the_trail(
    world: House, admin: Browser, case: Case
) -> None:
    if case.first is not None:
        admin.post(address(world, case.first), {"for": "week", "reason": "the move"})
    before = stored(world, case)
    done = admin.follow(admin.post(address(world, case.route), case.fields))
    changed, found = stored(world, case), button(done)
    assert changed != before
    after = press(admin, done)
    assert after.status == 200
    assert "Undone. It stands as it did before." in after.words
    assert button(after) is None
    assert stored(world, case) == before
    deed, undone = trail(world)[-2:]
    assert undone == (f"{deed[0]}.undone", "admin@example.com")

    assert found is not None
    assert "It was not undone." in admin.follow(admin.post(found[0], {"back": found[1]})).words
    assert stored(world, case) == before
    assert trail(world)[-1] == undone


@pytest.mark.parametrize("case", [one for one in CASES if one.other], ids=str)
def test_what_somebody_changed_meanwhile_is_left_as_it_is(world: House, admin: Browser, case: Case) -> None:
    page = do(world, admin, case)
    assert case.other is not None
    change(world, case, case.other)
    changed, before = stored(world, case), trail(world)
    assert "It was not undone." in press(admin, page).words
    assert stored(world, case) == changed
    assert trail(world) == before


def test_a_later_deed_on_the_same_thing_ends_the_offer_also_where_it_leads_to_the_same_again(
    world: House, admin: Browser
) -> None:
    """Assigned to A, by somebody else to B and to A again: that is not what was done first any more."""
    case = next(one for one in CASES if one.route.endswith("assignments"))
    page = do(world, admin, case)
    ben = Browser(world)
    ben.sign_in(Role.OPERATOR)
    for one in ("operator@example.com", "admin@example.com"):
        assert ben.post(address(world, case.route), {"assignee": one}).status == 303
    assert "It was not undone." in press(admin, page).words
    assert stored(world, case)[0]["assignee"] == "admin@example.com"


def test_nobody_takes_back_what_another_did(world: House, admin: Browser) -> None:
    case = CASES[0]
    found = button(do(world, admin, case))
    assert found is not None
    ben, changed = Browser(world), stored(world, case)
    ben.sign_in(Role.OPERATOR)
    assert button(ben.get(found[1])) is None
    assert "It was not undone." in ben.follow(ben.post(found[0], {"back": found[1]})).words
    assert stored(world, case) == changed


def test_the_offer_ends_after_a_quarter_of_an_hour(world: House, admin: Browser) -> None:
    case = CASES[0]
    found = button(do(world, admin, case))
    assert found is not None
    world.clock.advance(UNDO_WITHIN - timedelta(seconds=1))
    assert button(admin.get(found[1])) == found
    world.clock.advance(timedelta(seconds=1))
    changed = stored(world, case)
    assert button(admin.get(found[1])) is None
    assert "It was not undone." in admin.follow(admin.post(found[0], {"back": found[1]})).words
    assert stored(world, case) == changed


def test_who_may_no_longer_do_it_may_not_take_it_back_either(world: House, admin: Browser) -> None:
    case = next(one for one in CASES if one.route.endswith("assignments"))
    found = button(do(world, admin, case))
    assert found is not None
    world.execute(sa.update(Staff).values(role="viewer"))
    changed = stored(world, case)
    assert button(admin.get(found[1])) is None
    assert "It was not undone." in admin.follow(admin.post(found[0], {"back": found[1]})).words
    assert stored(world, case) == changed


def test_a_run_that_has_ended_meanwhile_stays_ended(world: House, admin: Browser) -> None:
    case = next(one for one in CASES if one.route == f"{RUN}/pause")
    page = do(world, admin, case)
    change(world, case, lambda run: end_run(run, "cancelled", note="", now=world.now))
    changed = stored(world, case)
    assert "It was not undone." in press(admin, page).words
    assert stored(world, case) == changed


def test_a_view_does_not_come_back_beside_another_of_its_name(world: House, admin: Browser) -> None:
    page = do(world, admin, next(one for one in CASES if one.route.endswith("/remove")))
    assert admin.post("/e/sandbox/views/orders", {"name": "Mine", "query": "tab=unpaid"}).status == 303
    assert "It was not undone." in press(admin, page).words
    assert world.scalar(sa.select(SavedView.query)) == "tab=unpaid"


def test_the_last_shop_does_not_stay_paused_by_an_undone_resume(world: House, admin: Browser) -> None:
    """What pausing refuses, taking a resuming back refuses too: the active environment keeps a shop."""
    case = next(one for one in CASES if one.route == f"{SHOPS}/resume")
    page = do(world, admin, case)
    world.configure(shop_id=None)
    changed = stored(world, case)
    assert "It was not undone." in press(admin, page).words
    assert stored(world, case) == changed


@pytest.mark.parametrize("number", ["0", "999999999999999999", "9" * 40, "-1", "x", "1%20", "%F0%9F%90%99"])
def test_no_other_number_takes_anything_back(world: House, admin: Browser, number: str) -> None:
    before = trail(world)
    answer = admin.post(f"/deeds/{number}/undo", {"back": "/e/sandbox/runs"})
    assert (answer.status, answer.location) == (303, "/e/sandbox/runs?status=not_undone")
    assert admin.get(f"/e/sandbox/runs?status=saved&undo={number}").status == 200
    assert trail(world) == before


def test_a_deed_that_is_not_mild_is_not_taken_back(world: House, admin: Browser) -> None:
    """Every entry of the trail is tried, the person's own too."""
    assert admin.post("/account/time-zone", {"time_zone": "Asia/Jakarta"}).status == 303
    before = trail(world)
    for number in range(1, len(before) + 1):
        assert admin.post(f"/deeds/{number}/undo", {}).location == "/?status=not_undone"
    assert trail(world) == before


@pytest.mark.parametrize("back", ["https://evil.example/", "//evil.example", "/\\evil", ""])
def test_the_button_leads_nowhere_else(world: House, admin: Browser, back: str) -> None:
    assert admin.post("/deeds/1/undo", {"back": back}).location == "/?status=not_undone"


def test_the_trail_shows_what_was_and_what_is(world: House, admin: Browser) -> None:
    do(world, admin, next(one for one in CASES if one.route.endswith("notes")))
    assert re.search(r"\bnote +→ Asked\.", admin.get("/audit").words)
