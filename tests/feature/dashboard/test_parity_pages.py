"""Both environments beside each other on a page, and settings copied across after a preview."""

from __future__ import annotations

import pytest

from kedai.staff.roles import Role
from kedai.vault.queries import get_credentials
from tests.feature.dashboard.browser import Browser, Page
from tests.feature.dashboard.world import POLYGLOT
from tests.support.factories import COMPLETE, COMPLETE_LIVE, FAKE, LIVE, SANDBOX, House

HERE = f"/connectors/{FAKE}/parity"


@pytest.fixture
def pair(house: House) -> House:
    """Two environments that differ."""
    house.configure(SANDBOX, **{**COMPLETE, "default_location_id": POLYGLOT})
    house.configure(LIVE, **{**COMPLETE_LIVE, "region": "MY"})
    return house


def live(house: House) -> tuple[str | None, str | None]:
    with house.db.read() as db:
        row = get_credentials(db, FAKE, LIVE)
        return row.region, row.default_location_id


def row_of(page: Page, label: str) -> str:
    return next(row for row in page.rows() if f">{label}" in row)


def test_fields_stand_side_by_side_and_secrets_only_as_fingerprints(pair: House, admin: Browser) -> None:
    page = admin.get(HERE)
    assert page.status == 200
    assert "Different, as it should be" in row_of(page, "Partner key")
    assert "Only in Sandbox" in row_of(page, "Default location ID")
    assert "1001" in row_of(page, "Partner ID")
    assert "2002" in row_of(page, "Partner ID")
    for given in (COMPLETE, COMPLETE_LIVE):
        for name in ("partner_key", "push_partner_key"):
            assert given[name][-8:] not in page.text
            assert f"{given[name][:4]}…" not in page.text
    assert "<script" not in page.markup


def test_connection_page_leads_to_the_comparison(pair: House, admin: Browser) -> None:
    assert HERE in admin.get(f"/connectors/{FAKE}?tab=sandbox").links()


def test_preview_then_copy_of_what_was_chosen(pair: House, admin: Browser) -> None:
    assert f"{HERE}/copy?to=live" in admin.get(HERE).links()
    preview = admin.get(f"{HERE}/copy?to=live")
    assert len(preview.rows()) == 2
    assert live(pair) == ("MY", None), "a preview changes nothing"
    done = admin.post(f"{HERE}/copy?to=live", {"tag": preview.value("tag"), "copy_region": "yes"})
    assert "Copied." in admin.follow(done).words
    assert live(pair) == ("SG", None)


def test_somebody_faster_is_not_overwritten(pair: House, admin: Browser) -> None:
    tag = admin.get(f"{HERE}/copy?to=live").value("tag")
    pair.configure(LIVE, region="GLOBAL")
    page = admin.post(f"{HERE}/copy?to=live", {"tag": tag, "copy_region": "yes"})
    assert page.status == 412
    assert "Nothing was copied" in page.words
    assert live(pair)[0] == "GLOBAL"
    assert page.value("tag") != tag, "the preview is shown anew"


@pytest.mark.parametrize(
    "form",
    [{}, {"tag": "x"}, {"tag": "{tag}"}, {"tag": "{tag}", "copy_partner_key": "yes"}, {"copy_region": "yes"}],
    ids=["nothing", "no such tag", "no field", "a secret", "no tag"],
)
def test_bad_forms_change_nothing(pair: House, admin: Browser, form: dict[str, str]) -> None:
    tag = admin.get(f"{HERE}/copy?to=live").value("tag")
    page = admin.post(f"{HERE}/copy?to=live", {name: text.format(tag=tag) for name, text in form.items()})
    assert page.status in {412, 422}
    assert live(pair) == ("MY", None)


@pytest.mark.parametrize("query", ["", "?to=prod", "?to=live&to=sandbox", "?to=%00"])
def test_a_target_that_is_none_is_said_kindly(pair: House, admin: Browser, query: str) -> None:
    assert admin.get(f"{HERE}/copy{query}").status == 422
    assert admin.post(f"{HERE}/copy{query}", {}).status == 422


def test_who_may_not_edit_may_compare(pair: House, browser: Browser) -> None:
    browser.sign_in(Role.OPERATOR)
    page = browser.get(HERE)
    assert page.status == 200
    assert "Copy settings across" not in page.words
    assert browser.get(f"{HERE}/copy?to=live").status == 403
    assert browser.post(f"{HERE}/copy?to=live", {"copy_region": "yes"}).status == 403
