"""D31, T33: lists as files: the page's own filter, streamed in bounded pieces, recorded, masked, never a formula."""

from __future__ import annotations

import csv
import io
import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

import pytest
import sqlalchemy as sa
from sqlalchemy.orm import Session

from kedai.audit.models import AuditEntry
from kedai.calls import queries
from kedai.calls.service import store
from kedai.inbox.rejected import Sample, keep_rejected
from kedai.kit.sheets import SheetFormat
from kedai.staff.roles import Role
from kedai.values.call import CallRecord
from kedai.values.environment import Environment
from kedai.web.dashboard import exporting
from kedai.web.dashboard.exporting import ROWS_AT_ONCE, Sheet, pieces
from kedai.web.dashboard.routes_events import EventWish
from kedai.web.dashboard.sheets import calls_sheet, events_sheet
from tests.feature.dashboard.browser import Browser, Page, store_orders
from tests.feature.dashboard.world import POLYGLOT, fill
from tests.support.factories import FAKE, LIVE, SANDBOX, SHOP, START, House, incoming, snapshot

LISTS = ("orders", "events", "exceptions", "calls")
CALL = CallRecord(FAKE, SANDBOX, SHOP, "GET", "/api/orders", 200, "", "r", 12.0, START)


def export(browser: Browser, address: str, form: str = "csv", **more: str) -> Page:
    page = browser.post(address, {"format": form, **more})
    assert page.status == 200, page.words
    return page


def table(page: Page) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(page.text, newline="")))


def noted(house: House, action: str) -> AuditEntry:
    statement = sa.select(AuditEntry).where(AuditEntry.action == action).order_by(AuditEntry.sequence.desc())
    entry: AuditEntry = house.scalar(statement.limit(1))
    return entry


@pytest.mark.parametrize("name", LISTS)
def test_each_list_says_how_to_take_it_away_and_keeps_its_filter(house: House, admin: Browser, name: str) -> None:
    fill(house)
    page = admin.get(f"/e/live/{name}?shop={SHOP}")
    action = re.search(rf'action="(/e/live/{name}/exports\?[^"]*shop={SHOP}[^"]*)"', page.text)
    assert action is not None
    for form, ending in (("csv", "csv"), ("json", "jsonl")):
        taken = export(admin, action[1].replace("&amp;", "&"), form)
        assert taken.headers["content-disposition"] == (
            f'attachment; filename="kedai-live-{name}-20200101T120000Z.{ending}"'
        )
        rows = table(taken) if form == "csv" else [json.loads(line) for line in taken.text.splitlines()]
        assert rows
        assert {row["environment"] for row in rows} == {"live"}
        assert {row["shop_id"] for row in rows} == {SHOP}
        entry = noted(house, f"{name}.exported")
        assert (entry.environment, entry.details["rows"], entry.details["format"]) == (LIVE, len(rows), form)
        assert (entry.details["filter"]["shop"], entry.actor_name) == (SHOP, "admin@example.com")


@pytest.mark.parametrize("name", LISTS)
def test_both_environments_are_one_file_whose_rows_say_which(house: House, admin: Browser, name: str) -> None:
    fill(house)
    rows = table(export(admin, f"/e/all/{name}/exports"))
    assert {row["environment"] for row in rows} == {"sandbox", "live"}
    assert noted(house, f"{name}.exported").environment is None


def test_the_filter_of_the_page_is_the_filter_of_the_file(house: House, admin: Browser) -> None:
    fill(house)
    shown = {row["order_sn"] for row in table(export(admin, "/e/sandbox/orders/exports?tab=completed"))}
    assert shown == {"SANDBOX2"}
    assert [row["order_sn"] for row in table(export(admin, "/e/all/orders/exports?q=LIVE1"))] == ["LIVE1"]
    other = {row["status"] for row in table(export(admin, "/e/all/orders/exports?tab=other"))}
    assert other == {"SOMETHING_NEW"}
    assert {row["state"] for row in table(export(admin, "/e/live/events/exports?state=parked"))} == {"parked"}
    assert [row["order_sn"] for row in table(export(admin, "/e/all/events/exports?order=LIVE2"))] == ["LIVE2"]
    assert {row["outcome"] for row in table(export(admin, "/e/all/calls/exports?outcome=failed"))} == {"failed"}
    assert table(export(admin, "/e/all/exceptions/exports?state=resolved")) == []


def refuse(house: House, environment: Environment, *, diagnosis: str, at: datetime, body: bytes = b"a body") -> None:
    sample = Sample("mismatch", {"x-told": "a header"}, body, len(body), b"a signature")
    counts = {"mismatch": 1}
    with house.db.write() as db:
        keep_rejected(db, FAKE, environment, sample, counts=counts, diagnosis=diagnosis, diagnosed_for="", now=at)


def test_refused_deliveries_are_taken_away_by_their_filter_and_without_what_they_brought(
    house: House, admin: Browser
) -> None:
    for number, (environment, diagnosis) in enumerate(
        ((LIVE, "unknown_key"), (LIVE, "no_key"), (SANDBOX, "unknown_key")), start=1
    ):
        refuse(house, environment, diagnosis=diagnosis, at=START + timedelta(minutes=number))
    page = admin.get("/e/live/events?state=rejected&diagnosis=unknown_key&show=waiting")
    action = re.search(r'action="(/e/live/events/exports[^"]+)"', page.text)
    assert action is not None
    for form, ending in (("csv", "csv"), ("json", "jsonl")):
        taken = export(admin, action[1].replace("&amp;", "&"), form)
        assert taken.headers["content-disposition"] == (
            f'attachment; filename="kedai-live-rejected-20200101T120000Z.{ending}"'
        )
        (row,) = table(taken) if form == "csv" else [json.loads(line) for line in taken.text.splitlines()]
        assert (row["environment"], row["reason"], row["diagnosis"]) == ("live", "mismatch", "unknown_key")
        assert row["title"] in page.words
        assert not {"a body", "a header", "a signature", b"a signature".hex()} & set(map(str, row.values()))
        assert not {"body", "headers", "signature"} & row.keys()
        entry = noted(house, "rejected.exported")
        assert (entry.environment, entry.details["rows"], entry.details["format"]) == (LIVE, 1, form)
        assert entry.details["filter"] == {"state": "rejected", "diagnosis": "unknown_key", "show": "waiting"}
    both = table(export(admin, "/e/all/events/exports?state=rejected"))
    assert sorted(row["environment"] for row in both) == ["live", "live", "sandbox"]
    assert table(export(admin, "/e/all/events/exports?state=rejected&show=admitted")) == []


def test_t33_no_cell_of_any_list_is_a_formula(house: House, admin: Browser) -> None:
    fill(house)
    evil = "=cmd|'/c calc'!A1"
    store_orders(house, snapshot("SANDBOX9", status="@SUM(1)", buyer_username=evil), environment=SANDBOX)
    with house.db.write() as db:
        store(db, [replace(CALL, status=None, code="+1+1", request_id="-2")])
    for name in LISTS:
        cells = [cell for row in table(export(admin, f"/e/all/{name}/exports")) for cell in row.values()]
        assert not [cell for cell in cells if cell.startswith(("=", "+", "-", "@", "\t", "\r"))], name
    told = table(export(admin, "/e/sandbox/orders/exports?q=SANDBOX9", personal="yes"))
    assert (told[0]["status"], told[0]["buyer_username"]) == ("'@SUM(1)", f"'{evil}")
    assert f"'{'-2'}" in {row["request_id"] for row in table(export(admin, "/e/all/calls/exports"))}


def test_times_are_utc_and_amounts_are_exact(house: House, admin: Browser) -> None:
    fill(house)
    row = table(export(admin, "/e/sandbox/orders/exports?q=SANDBOX0"))[0]
    assert re.fullmatch(r"2020-01-0\dT\d\d:\d\d:\d\dZ", row["remote_updated_at"])
    assert (row["total_amount"], row["currency"]) == ("1234.50", "SGD")
    told = json.loads(export(admin, "/e/sandbox/orders/exports?q=SANDBOX0", "json").text)
    assert told["total_amount"] == "1234.50"


def test_buyers_are_masked_unless_somebody_who_may_asks_for_them_and_that_is_recorded(
    house: House, admin: Browser
) -> None:
    fill(house)
    masked = export(admin, "/e/live/orders/exports")
    assert "live-buyer" not in masked.text
    assert "live-recipient" not in masked.text
    assert noted(house, "orders.exported").details["personal"] is False
    told = table(export(admin, "/e/live/orders/exports", personal="yes"))
    assert {row["buyer_username"] for row in told} == {"live-buyer"}
    assert {row["recipient_name"] for row in told} == {"live-recipient"}
    assert {row["recipient_phone"] for row in told} == {POLYGLOT}
    assert noted(house, "orders.exported").details["personal"] is True


def test_who_may_not_see_personal_data_gets_no_file_with_it_and_nothing_is_recorded(
    house: House, browser: Browser
) -> None:
    fill(house)
    browser.sign_in(Role.VIEWER)
    assert "in full" not in browser.get("/e/live/orders").words
    refused = browser.post("/e/live/orders/exports", {"format": "csv", "personal": "yes"})
    assert (refused.status, "Your role does not allow this" in refused.words) == (403, True)
    assert "live-buyer" not in refused.text
    assert noted(house, "orders.exported") is None
    assert export(browser, "/e/live/orders/exports").status == 200


@pytest.mark.parametrize(
    ("address", "values", "status"),
    [
        ("/e/live/orders/exports", {}, 422),
        ("/e/live/orders/exports", {"format": "xlsx"}, 422),
        ("/e/nowhere/orders/exports", {"format": "csv"}, 404),
        ("/e/live/events/exports?state=nonsense", {"format": "csv"}, 422),
        ("/e/live/events/exports?state=rejected", {"format": "xlsx"}, 422),
        ("/e/live/events/exports?state=rejected&diagnosis=none", {"format": "csv"}, 422),
        ("/e/live/events/exports?state=rejected&show=some", {"format": "csv"}, 422),
        ("/e/live/calls/exports?since=yesterday", {"format": "csv"}, 422),
    ],
)
def test_what_makes_no_sense_is_refused_and_nothing_is_recorded(
    house: House, admin: Browser, address: str, values: Mapping[str, str], status: int
) -> None:
    assert admin.post(address, values).status == status
    statement = sa.select(sa.func.count()).select_from(AuditEntry).where(AuditEntry.action.like("%.exported"))
    assert house.scalar(statement) == 0


def test_more_than_a_file_may_hold_is_refused_on_a_page_that_says_so(
    house: House, admin: Browser, monkeypatch: pytest.MonkeyPatch
) -> None:
    fill(house)
    monkeypatch.setattr(exporting, "MOST_ROWS", 5)
    for name in ("orders", "events"):
        refused = admin.post(f"/e/all/{name}/exports", {"format": "csv"})
        assert (refused.status, "More than 5 rows fit this filter" in refused.words) == (413, True)
        assert noted(house, f"{name}.exported") is None
        assert len(table(export(admin, f"/e/live/{name}/exports"))) == 3


def counting(sheet: Sheet, reads: list[int]) -> Sheet:
    """The sheet, and how many rows each reading of it brought."""

    def read(db: Session, cursor: str | None) -> tuple[Sequence[Mapping[str, Any]], str | None]:
        rows, following = sheet.read(db, cursor)
        reads.append(len(rows))
        return rows, following

    return replace(sheet, read=read)


def test_ten_thousand_rows_are_read_in_small_pieces_each_written_before_the_next_is_read(house: House) -> None:
    house.configure(SANDBOX)
    with house.db.write() as db:
        for start in range(0, 10_000, 1_000):
            store(db, [replace(CALL, request_id=f"r{start + number}") for number in range(1_000)])
    reads: list[int] = []
    sheet = counting(calls_sheet(queries.CallFilter(), "sandbox", {}), reads)
    with house.db.read() as db:
        assert sheet.count(db, 20_000) == 10_000
        assert sheet.count(db, 7) == 7
    seen: set[str] = set()
    for number, piece in enumerate(pieces(house.db, sheet, SheetFormat.CSV)):
        assert len(reads) == number, "the header comes before anything is read, then one piece for each reading"
        rows = list(csv.reader(io.StringIO(piece.decode(), newline="")))
        assert len(rows) <= ROWS_AT_ONCE
        seen.update(row[-1] for row in rows)
    assert seen == {"request_id"} | {f"r{number}" for number in range(10_000)}
    assert max(reads) == ROWS_AT_ONCE


def test_what_arrives_during_an_export_neither_breaks_nor_repeats_it(house: House) -> None:
    house.configure(SANDBOX)
    house.connect(SANDBOX)
    house.deliver(*(incoming(f"BEFORE{number}") for number in range(5)))
    sheet = events_sheet(house.runtime, EventWish(None, None, None, None), "sandbox", {})
    parts = pieces(house.db, sheet, SheetFormat.JSON)
    first = next(parts)
    house.deliver(incoming("AFTER1"))
    told = [json.loads(line)["order_sn"] for piece in (first, *parts) for line in piece.splitlines()]
    assert sorted(told) == [f"BEFORE{number}" for number in range(5)]
