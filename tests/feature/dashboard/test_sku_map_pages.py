"""The SKU map's page: typed down a column, a file looked at before it is imported, orders that wait."""

from __future__ import annotations

import json
import re

import pytest

from kedai.kit.ids import show_id
from kedai.staff.roles import Role
from kedai.values.environment import Environment
from tests.feature.catalog.mapping import (
    demand,
    listing,
    listings,
    map_to,
    map_version,
    run_all,
    run_import,
    see,
    skus_of,
    store,
)
from tests.feature.dashboard.browser import Browser, Page
from tests.feature.dashboard.world import POLYGLOT
from tests.support.factories import FAKE, LIVE, SANDBOX, SHOP, House, line, snapshot

HERE = "/e/sandbox/sku-map"


@pytest.fixture
def shop(house: House) -> House:
    """Connected in both environments; three products in the sandbox, one in live."""
    for environment in Environment:
        house.configure(environment)
        house.connect(environment)
    see(house, listing("11", name="Mug", sku="KDI-11"), listing("12", "7", name="Tray", model_name="Large", sku=""))
    see(house, listing("13", name=POLYGLOT, model_name=POLYGLOT, sku=POLYGLOT))
    see(house, listing("91", name="Live mug"), environment=LIVE)
    return house


def typed(page: Page, **skus: str) -> dict[str, str]:
    """The page's form with a SKU typed for each item."""
    fields = {name: page.value(name) for name in re.findall(r'name="(sku_[0-9a-f]{32})"', page.text)}
    for item_id, sku in skus.items():
        row = next(one for one in page.rows() if f"<bdi>{item_id.removeprefix('i')}</bdi>" in one)
        found = re.search(r'name="(sku_[0-9a-f]{32})"', row)
        assert found is not None
        fields[found[1]] = sku
    return {"seen": page.value("seen"), **fields}


def upload(browser: Browser, path: str, sent: str | bytes, **fields: str) -> Page:
    """Send a form with a file, as a browser does."""
    mark = "----a-boundary-of-the-tests"
    body = b""
    for name, value in {"connector": FAKE, **fields}.items():
        body += f'--{mark}\r\nContent-Disposition: form-data; name="{name}"\r\n\r\n{value}\r\n'.encode()
    file = sent if isinstance(sent, bytes) else sent.encode()
    body += f'--{mark}\r\nContent-Disposition: form-data; name="file"; filename="m.csv"\r\n\r\n'.encode()
    body += file + f"\r\n--{mark}--\r\n".encode()
    headers = {"content-type": f"multipart/form-data; boundary={mark}", "sec-fetch-site": "same-origin"}
    return browser._send("POST", path, headers, body)


def apply_preview(browser: Browser, page: Page) -> Page:
    fields = {name: page.value(name) for name in ("version", "content", "shop")}
    return upload(browser, f"{HERE}/imports", "", **fields)


def test_skus_are_typed_down_the_page_and_saved_at_once(shop: House, admin: Browser) -> None:
    page = admin.get(HERE)
    assert (page.status, len(page.rows())) == (200, 3)
    assert "Live mug" not in page.words
    done = admin.follow(admin.post(HERE, typed(page, i11="MINE-11", i12=" MINE-12 ")))
    assert "Saved." in done.words
    assert skus_of(shop) == {"11/0": "MINE-11", "12/7": "MINE-12", "13/0": None}
    assert skus_of(shop, LIVE) == {"91/0": None}
    assert POLYGLOT not in done.text
    assert "13" in done.rows()[0], "what is not mapped stands first"
    admin.post(HERE, typed(done, i11=""))
    assert skus_of(shop)["11/0"] is None
    unchanged = admin.post(HERE, typed(admin.get(HERE)))
    assert "status=unchanged" in unchanged.location


def test_one_that_cannot_be_saves_nothing_and_keeps_what_was_typed(shop: House, admin: Browser) -> None:
    page = admin.post(HERE, typed(admin.get(HERE), i11="GOOD", i12="A" * 101))
    assert page.status == 422
    assert "Nothing was saved." in page.words
    assert "at most 100 characters" in next(row for row in page.rows() if "<bdi>12</bdi>" in row)
    assert 'value="GOOD"' in page.text
    assert set(skus_of(shop).values()) == {None}


def test_somebody_faster_is_not_overwritten(shop: House, admin: Browser) -> None:
    form = typed(admin.get(HERE), i11="MINE", i12="OTHER")
    map_to(shop, "THEIRS", "11")
    page = admin.post(HERE, form)
    assert page.status == 412
    assert skus_of(shop) == {"11/0": "THEIRS", "12/7": None, "13/0": None}
    assert 'value="MINE"' in page.text, "what was typed is still there"
    admin.follow(admin.post(HERE, typed(page, i11="MINE")))
    assert skus_of(shop)["11/0"] == "MINE", "and is saved once it was seen"


def test_a_row_that_nobody_touched_never_conflicts(shop: House, admin: Browser) -> None:
    form = typed(admin.get(HERE), i12="MINE-12")
    map_to(shop, "THEIRS", "11")
    assert admin.post(HERE, form).status == 303
    assert skus_of(shop) == {"11/0": "THEIRS", "12/7": "MINE-12", "13/0": None}


def test_a_form_that_is_not_the_pages_is_refused(shop: House, admin: Browser) -> None:
    for seen in ("", "{}x", "[]", '{"x": [0, ""]}', '{"' + "0" * 32 + '": [0]}', "\0"):
        assert admin.post(HERE, {"seen": seen}).status == 422, seen


def test_a_listing_of_the_other_environment_is_not_there(shop: House, admin: Browser) -> None:
    """T14: what a page of one environment sends never reaches the other's map."""
    other = admin.get("/e/live/sku-map")
    assert admin.post(HERE, typed(other, i91="X")).status == 404
    assert skus_of(shop, LIVE) == {"91/0": None}


def test_marketplaces_own_skus_are_suggested_and_not_saved(shop: House, admin: Browser) -> None:
    page = admin.get(f"{HERE}?suggest=yes")
    assert 'value="KDI-11"' in page.text
    assert set(skus_of(shop).values()) == {None}
    assert admin.post(HERE, typed(page, i13="")).status == 303
    assert skus_of(shop)["11/0"] == "KDI-11"


def test_tabs_search_and_shop_narrow_the_list_and_stay_in_the_address(shop: House, admin: Browser) -> None:
    shop.connect(SANDBOX, "7002")
    see(shop, listing("14", name="Mug of another shop"), shop_id="7002")
    map_to(shop, "MINE-11", "11")
    assert [len(admin.get(f"{HERE}?{query}").rows()) for query in ("state=mapped", "state=unmapped", "")] == [1, 3, 4]
    assert len(admin.get(f"{HERE}?q=mug").rows()) == 2
    assert len(admin.get(f"{HERE}?q=mug&shop=7002").rows()) == 1
    assert len(admin.get(f"{HERE}?q=mine-11").rows()) == 1
    assert len(admin.get(f"{HERE}?q=%25").rows()) == 0
    page = admin.get(f"{HERE}?q=mug&state=unmapped")
    saved = admin.post(HERE, {**typed(page, i14="M-14"), "q": "mug", "state": "unmapped"})
    assert "state=unmapped&q=mug" in saved.location
    assert "No product fits" in admin.follow(saved).words


def test_pages_follow_each_other_over_both_kinds(shop: House, admin: Browser, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("kedai.web.dashboard.sku_map_page.PER_PAGE", 2)
    map_to(shop, "A", "11")
    seen, page = [], admin.get(HERE)
    while True:
        seen += re.findall(r'Item <span class="id"><bdi>(\d+)</bdi>', page.text)
        onward = [link for link in page.links() if "cursor=" in link]
        if not onward:
            break
        page = admin.get(onward[-1])
    assert sorted(seen) == ["11", "12", "13"]
    assert seen[-1] == "11"
    assert admin.get(f"{HERE}?state=mapped&cursor=x").status == 422


def test_both_environments_are_shown_with_their_badges_and_not_edited_together(shop: House, admin: Browser) -> None:
    page = admin.get("/e/all/sku-map")
    assert len(page.rows()) == 4
    assert all("env-sandbox" in row or "env-live" in row for row in page.rows())
    assert 'name="sku_' not in page.text
    assert admin.post("/e/all/sku-map", {"seen": "{}"}).status == 404


def test_an_empty_map_teaches_what_to_do(house: House, admin: Browser) -> None:
    page = admin.get(HERE)
    assert "No products yet" in page.words
    assert f"{HERE}/import" in page.links()


def test_viewer_reads_and_exports_and_changes_nothing(shop: House, browser: Browser) -> None:
    browser.sign_in(Role.VIEWER)
    page = browser.get(HERE)
    assert (page.status, 'name="sku_' in page.text) == (200, False)
    assert browser.post(f"{HERE}/exports", {"connector": FAKE}).status == 200
    for path in ("", "/demand", "/refreshes", "/previews", "/imports"):
        assert browser.post(f"{HERE}{path}", {"seen": "{}"}).status == 403, path
    assert browser.get(f"{HERE}/import").status == 403


def test_a_file_is_looked_at_first_and_then_imported(shop: House, admin: Browser) -> None:
    map_to(shop, "OLD", "11")
    text = 'item_id,model_id,note,sku\r\n11,,"a\nb",NEW\r\n12,7,,B\r\n77,,,C\r\n13,,,\r\n'
    page = upload(admin, f"{HERE}/previews", text)
    assert page.status == 200
    for words in ("2 new", "1 changed", "1 left blank", "1 product was never seen", "note", "Import 3 SKUs"):
        assert words in page.words, words
    assert skus_of(shop)["11/0"] == "OLD"
    assert "The file was imported." in admin.follow(apply_preview(admin, page)).words
    assert skus_of(shop) == {"11/0": "NEW", "12/7": "B", "13/0": None, "77/0": "C"}
    again = upload(admin, f"{HERE}/previews", text)
    assert "This file changes nothing" in again.words


def test_problems_are_told_by_line_and_nothing_can_be_imported(shop: House, admin: Browser) -> None:
    page = upload(admin, f"{HERE}/previews", f"item_id,sku\n11,A\n1E+10,B\n12,{'x' * 101}\n")
    assert "Line 3 item_id 1E+10 was rounded" in page.words
    assert "Line 4 A SKU has at most 100" in page.words
    assert 'name="content"' not in page.text
    assert admin.post(f"{HERE}/imports").status == 422


BAD_FILES = (
    (b"", "Choose a file first."),
    (b"\xff\xfeitem", "UTF-16"),
    (b"a,b\n1,2\n", "must name the columns"),
    (b"item_id,sku\n" + b"1,A\n" * 5_500, "more than 5,000 lines"),
    (b"item_id,sku\n" + b"x" * 1_100_000, "larger than 1,024 KiB"),
    (b"x" * 1_600_000, "too large"),
    (f"item_id,sku\n{POLYGLOT},A\n".encode(), "is not CSV"),
)


def test_a_file_that_is_none_is_told_kindly(shop: House, admin: Browser) -> None:
    for content, told in BAD_FILES:
        page = upload(admin, f"{HERE}/previews", content)
        assert page.status in {413, 422}, told
        assert told in page.words, page.words[-500:]
        assert "<script>alert" not in page.text


def test_a_map_changed_after_the_preview_is_previewed_anew(shop: House, admin: Browser) -> None:
    page = upload(admin, f"{HERE}/previews", "item_id,sku\n11,A\n")
    map_to(shop, "THEIRS", "11")
    anew = apply_preview(admin, page)
    assert anew.status == 412
    assert "THEIRS" in anew.words
    assert skus_of(shop)["11/0"] == "THEIRS"
    assert apply_preview(admin, anew).status == 303
    assert skus_of(shop)["11/0"] == "A"


def test_a_file_that_a_preview_did_not_hand_out_is_refused(shop: House, admin: Browser) -> None:
    for content in ("%%%", "aXRlbV9pZCxza3U", "ü"):
        assert upload(admin, f"{HERE}/imports", "", version="0", content=content).status == 422, content
    assert upload(admin, f"{HERE}/imports", "", version="x", content="").status == 422


def test_what_is_shown_is_exported_as_a_file_that_names_its_environment(shop: House, admin: Browser) -> None:
    map_to(shop, "MINE-11", "11")
    file = admin.post(f"{HERE}/exports", {"connector": FAKE, "state": "mapped"})
    assert file.status == 200
    assert file.headers["content-type"] == "text/csv; charset=utf-8"
    assert f"kedai-sku-map-{FAKE}-sandbox-" in file.headers["content-disposition"]
    assert file.text.splitlines()[1:] == [f"sandbox,{SHOP},11,0,Mug,,KDI-11,MINE-11"]
    told = admin.post(f"{HERE}/exports", {"connector": FAKE, "state": "mapped", "format": "json"})
    assert (json.loads(told.text)["sku"], told.headers["content-type"]) == ("MINE-11", "application/x-ndjson")
    assert told.headers["content-disposition"].endswith('.jsonl"')
    assert admin.post(f"{HERE}/exports", {"connector": "nobody"}).status == 404


def test_orders_that_wait_are_counted_and_the_exception_ends_with_the_saving(shop: House, admin: Browser) -> None:
    demand(shop)
    store(shop, snapshot("O1", lines=(line("11", name="Mug"),)), snapshot("O2", lines=(line("11", name="Mug"),)))
    row = next(one for one in admin.get(HERE).rows() if "<bdi>11</bdi>" in one)
    assert '<span class="badge bad">2</span>' in row
    assert "not in the SKU map: Mug" in admin.get("/e/sandbox/exceptions").words
    admin.post(HERE, typed(admin.get(HERE), i11="MINE-11"))
    assert [one.state for one in shop.exceptions()] == ["resolved"]


def test_a_person_says_whether_orders_need_the_map(shop: House, admin: Browser) -> None:
    form = {"connector": FAKE, "version": "0", "demanded": "yes"}
    assert "Orders need the SKU map now." in admin.follow(admin.post(f"{HERE}/demand", form)).words
    assert admin.post(f"{HERE}/demand", {**form, "demanded": "no"}).status == 412
    off = {**form, "version": str(map_version(shop)), "demanded": "no"}
    assert "do not need the SKU map" in admin.follow(admin.post(f"{HERE}/demand", off)).words
    for version in ("", "x", "-1", "9" * 19):
        assert admin.post(f"{HERE}/demand", {**form, "version": version}).status == 422


def test_an_order_shows_its_skus_and_is_looked_up_again(shop: House, admin: Browser) -> None:
    store(shop, snapshot("O1", lines=(line("11"), line("12", model_id="7"))))
    order = f"/e/sandbox/orders/{show_id('ord', shop.orders()[0].id)}"
    run_import(shop, "item_id,sku\n11,MINE-11\n")
    page = admin.get(order)
    assert "MINE-11" in page.words
    assert page.words.count("Not mapped") == 1
    assert f"{HERE}?q=12" in page.links()
    checked = admin.follow(admin.post(f"{order}/sku-checks", {"from": "sandbox"}))
    assert "Some products of this order are not in the SKU map." in checked.words
    assert [(one.state, one.count) for one in shop.exceptions()] == [("new", 1)]
    map_to(shop, "MINE-12", "12")
    done = admin.follow(admin.post(f"{order}/sku-checks", {"from": "all"}))
    assert "Every product of this order is in the SKU map." in done.words
    assert [(one.state, one.count) for one in shop.exceptions()] == [("resolved", 1)]
    assert admin.post(order.replace("sandbox", "live") + "/sku-checks").status == 404


def test_fetching_is_a_run_for_each_connected_shop(shop: House, admin: Browser) -> None:
    store(shop, snapshot("O1", lines=(line("55", name="Sold once"),)))
    assert "are being fetched" in admin.follow(admin.post(f"{HERE}/refreshes", {"connector": FAKE})).words
    assert admin.post(f"{HERE}/refreshes", {"connector": FAKE}).status == 409, "it goes on already"
    run_all(shop)
    assert "Fetch listings" in admin.get("/e/sandbox/runs").words
    assert "Sold once" in admin.get(HERE).words
    assert len(listings(shop)) == 4


def test_a_map_is_copied_to_the_other_environment_after_a_look(shop: House, admin: Browser) -> None:
    see(shop, listing("92", name="mug", sku="KDI-11"), environment=LIVE)
    map_to(shop, "MINE-11", "11")
    assert f"/e/live/sku-map/copy?connector={FAKE}" in admin.get("/e/live/sku-map").links()
    page = admin.get("/e/live/sku-map/copy")
    assert "Copy 1 SKU to Live" in page.words
    assert "Stay without a SKU (1)" in page.words
    form = {"connector": FAKE, "tag": page.value("tag")}
    map_to(shop, "NEWER", "11")
    anew = admin.post("/e/live/sku-map/copies", form)
    assert (anew.status, skus_of(shop, LIVE)["92/0"]) == (412, None)
    done = admin.follow(admin.post("/e/live/sku-map/copies", {**form, "tag": anew.value("tag")}))
    assert "Copied." in done.words
    assert skus_of(shop, LIVE) == {"91/0": None, "92/0": "NEWER"}
    assert "Nothing matches." in admin.get("/e/live/sku-map/copy").words
