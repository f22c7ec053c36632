"""D18: a filter under a name, one's own or everybody's; applied to the environment that is looked at."""

from __future__ import annotations

import re
from collections.abc import Mapping

import pytest
import sqlalchemy as sa

from kedai.audit.models import AuditEntry
from kedai.db.base import Model
from kedai.kit.ids import show_id
from kedai.staff.models import SavedView
from kedai.staff.roles import Role
from kedai.staff.saved_views import MOST_VIEWS
from tests.feature.dashboard.browser import Browser, Page
from tests.feature.dashboard.world import fill
from tests.support.factories import SHOP, House

FILTERS = {
    "orders": "tab=completed&shop=7001",
    "events": "state=parked&shop=7001",
    "exceptions": "state=resolved&assignee=nobody",
    "calls": "outcome=failed&path=order&since=2020-01-01",
}


def save(browser: Browser, page: str, query: str, name: str = "Mine", scope: str = "live", **more: str) -> Page:
    return browser.post(f"/e/{scope}/views/{page}", {"name": name, "query": query, **more})


def views(house: House) -> list[SavedView]:
    with house.db.read() as db:
        return list(db.execute(sa.select(SavedView).order_by(SavedView.name)).scalars())


def chips(page: Page) -> list[tuple[str, str]]:
    """Label and address of each view above a list."""
    group = page.text.partition('aria-label="Views"')[2].partition("</div>")[0]
    return [
        (label, href.replace("&amp;", "&"))
        for href, label in re.findall(r'<a class="chip" href="([^"]+)"[^>]*><bdi>([^<]+)</bdi>', group)
    ]


@pytest.mark.parametrize("page", list(FILTERS))
def test_a_filter_is_kept_from_its_list_and_applied_to_either_environment(
    house: House, admin: Browser, page: str
) -> None:
    fill(house)
    shown = admin.get(f"/e/live/{page}?{FILTERS[page]}")
    assert chips(shown) == []
    offered = re.search(r'<input type="hidden" name="query" value="([^"]+)"', shown.text)
    assert offered is not None
    back = save(admin, page, offered[1].replace("&amp;", "&"))
    assert (back.status, back.location) == (303, f"/e/live/{page}?{FILTERS[page]}")
    again = admin.get(back.location)
    assert chips(again) == [("Mine", f"/e/live/{page}")], "it is on: a click takes it off"
    assert "Save as view" not in again.words
    assert chips(admin.get(f"/e/sandbox/{page}")) == [("Mine", f"/e/sandbox/{page}?{FILTERS[page]}")]
    (row,) = views(house)
    assert (row.page, row.query, row.shared) == (page, FILTERS[page], False)
    assert "environment" not in Model.metadata.tables["saved_view"].c


def test_a_view_of_one_list_is_not_one_of_another(house: House, admin: Browser) -> None:
    fill(house)
    save(admin, "orders", "tab=completed")
    assert chips(admin.get("/e/live/events")) == []


def test_a_shared_view_is_everybody_s_to_use_and_its_owner_s_to_change(house: House, browser: Browser) -> None:
    fill(house)
    browser.sign_in(Role.OPERATOR)
    save(browser, "orders", "tab=completed", "Done", shared="yes")
    save(browser, "orders", f"shop={SHOP}", "Own")
    shared, own = views(house)
    other = Browser(house)
    other.sign_in(Role.VIEWER)
    assert [label for label, _ in chips(other.get("/e/live/orders"))] == ["Done (operator@example.com)"]
    base = "/e/live/views/orders"
    assert other.post(f"{base}/{show_id('view', shared.id)}", {"name": "Taken"}).status == 403
    assert other.post(f"{base}/{show_id('view', shared.id)}/remove").status == 403
    for deed in ("", "/remove"):
        assert other.post(f"{base}/{show_id('view', own.id)}{deed}", {"name": "Taken"}).status == 404
    assert [row.name for row in views(house)] == ["Done", "Own"]
    admin = Browser(house)
    admin.sign_in(Role.ADMIN)
    assert admin.post(f"{base}/{show_id('view', shared.id)}/remove").status == 303
    assert [row.name for row in views(house)] == ["Own"]


def test_views_are_renamed_shared_and_removed_and_each_deed_is_recorded(house: House, admin: Browser) -> None:
    fill(house)
    save(admin, "calls", "outcome=failed", "Trouble")
    (row,) = views(house)
    there = f"/e/all/views/calls/{show_id('view', row.id)}"
    page = admin.follow(admin.post(there, {"name": "Failures", "shared": "yes"}))
    assert ("Saved." in page.words, "Failures" in page.words, "For everybody" in page.words) == (True, True, True)
    assert [(one.name, one.shared) for one in views(house)] == [("Failures", True)]
    page = admin.follow(admin.post(f"{there}/remove"))
    assert ("The view was removed." in page.words, "No views yet" in page.words) == (True, True)
    assert admin.post(f"{there}/remove").status == 404
    actions = sa.select(AuditEntry.action).where(AuditEntry.action.like("view.%")).order_by(AuditEntry.sequence)
    with house.db.read() as db:
        assert list(db.execute(actions).scalars()) == ["view.saved", "view.changed", "view.removed"]


def test_a_filter_of_refused_deliveries_is_kept_from_its_list_and_shown_beside_the_views_of_events(
    house: House, admin: Browser
) -> None:
    fill(house)
    wanted = "state=rejected&diagnosis=unknown_key&show=waiting"
    shown = admin.get(f"/e/live/events?{wanted}")
    assert "Save as view" in shown.words
    back = save(admin, "events", wanted, "Strangers")
    assert (back.status, back.location) == (303, f"/e/live/events?{wanted}")
    assert chips(admin.get(f"/e/live/events?{wanted}")) == [("Strangers", "/e/live/events")]
    assert chips(admin.get("/e/sandbox/events")) == [("Strangers", f"/e/sandbox/events?{wanted}")]
    assert len(admin.get(f"/e/sandbox/events?{wanted}").rows()) == 1


@pytest.mark.parametrize(
    ("page", "query"),
    [
        ("orders", ""),
        ("orders", "environment=live"),
        ("orders", "cursor=abc"),
        ("orders", "tab=nonsense"),
        ("orders", "tab=completed&tab=all"),
        ("orders", "q=" + "x" * 65),
        ("orders", "shop=%00"),
        ("orders", "shop=%ff"),
        ("events", "state=nonsense"),
        ("events", "state=rejected&shop=7001"),
        ("events", "state=rejected&diagnosis=nonsense"),
        ("events", "state=rejected&show=nonsense"),
        ("events", "state=parked&show=waiting"),
        ("events", "diagnosis=unknown_key"),
        ("exceptions", "state=nonsense"),
        ("calls", "outcome=maybe"),
        ("calls", "since=yesterday"),
        ("calls", "code=x"),
    ],
)
def test_only_what_the_list_itself_understands_is_kept(house: House, admin: Browser, page: str, query: str) -> None:
    refused = save(admin, page, query)
    assert (refused.status, views(house)) == (422, [])


@pytest.mark.parametrize("name", ["", "   ", "x" * 101, "two\nlines"])
def test_a_view_has_a_name_that_can_be_read(house: House, admin: Browser, name: str) -> None:
    assert save(admin, "orders", "tab=completed", name).status == 422
    assert views(house) == []


def test_a_name_is_used_once_by_a_person_on_a_list_and_there_is_a_most(house: House, admin: Browser) -> None:
    fill(house)
    save(admin, "orders", "tab=completed")
    twin = save(admin, "orders", f"shop={SHOP}")
    assert (twin.status, "choose another name" in twin.words) == (409, True)
    assert save(admin, "events", "state=parked").status == 303
    for number in range(1, MOST_VIEWS):
        assert save(admin, "orders", "tab=completed", f"View {number}").status == 303
    assert save(admin, "orders", "tab=completed", "One more").status == 409
    row = next(one for one in views(house) if one.name == "View 1")
    clash = admin.post(f"/e/live/views/orders/{show_id('view', row.id)}", {"name": "Mine"})
    assert (clash.status, "View 1" in {one.name for one in views(house)}) == (409, True)


@pytest.mark.parametrize("values", [{"name": "x", "query": "tab=completed"}])
def test_there_are_views_of_known_lists_and_environments_only(admin: Browser, values: Mapping[str, str]) -> None:
    for address in ("/e/live/views/audit", "/e/nowhere/views/orders"):
        assert admin.post(address, values).status == 404
        assert admin.get(address).status == 404


def test_a_name_with_markup_is_a_name(house: House, admin: Browser) -> None:
    fill(house)
    save(admin, "orders", "tab=completed", "<script>alert(1)</script>")
    for address in ("/e/live/orders", "/e/live/views/orders"):
        page = admin.get(address)
        assert ("<script>" not in page.markup, "&lt;script&gt;alert(1)" in page.text) == (True, True)
