"""The SKU map as a file: what spreadsheets write is read, or refused by its line; what goes out comes back."""

from __future__ import annotations

import csv
import io
from contextlib import suppress

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kedai.catalog import csv_file
from kedai.catalog.csv_file import COLUMNS, guard, parse, unguard, write
from kedai.errors import Invalid, TooLarge

PLAIN = st.text(st.characters(exclude_categories=["Cs", "Cc"]), max_size=30).map(str.strip)
IDS = st.from_regex(r"[0-9]{1,20}", fullmatch=True)
RECORDS = st.lists(st.tuples(IDS, IDS, PLAIN, PLAIN, PLAIN), max_size=20)


def skus(text: str | bytes) -> list[tuple[int, str, str]]:
    """Line, item and SKU of a file in which all is well."""
    parsed = parse(text.encode() if isinstance(text, str) else text)
    assert parsed.problems == ()
    return [(row.line, row.get("item_id"), row.get("sku")) for row in parsed.rows]


@given(RECORDS)
@settings(max_examples=150)
def test_what_is_written_is_read_back_as_it_was(records: list[tuple[str, str, str, str, str]]) -> None:
    body = write([("item_id", "model_id", "name", "channel_sku", "sku"), *records])
    read = [
        tuple(row.get(name) for name in ("item_id", "model_id", "name", "channel_sku", "sku"))
        for row in parse(body).rows
    ]
    assert read == records


@given(PLAIN)
@settings(max_examples=150)
def test_t33_no_cell_begins_like_a_formula_and_each_is_given_back(text: str) -> None:
    for one in (text, f"={text}", f"+{text}", f"-{text}", f"@{text}", f"'={text}", f"''@{text}", f"'{text}"):
        assert not guard(one).startswith(("=", "+", "-", "@", "\t", "\r", "\0"))
        assert unguard(guard(one)) == one


def test_t33_each_dangerous_beginning_is_quoted() -> None:
    cells = [f"{one}cmd" for one in ("=", "+", "-", "@", "\t", "\r", "\0")]
    (row,) = csv.reader(io.StringIO(write([cells]).decode(), newline=""))
    assert row == [f"'{cell}" for cell in cells]


@given(st.binary(max_size=300))
@settings(max_examples=200)
def test_bytes_that_are_no_map_are_refused_kindly(body: bytes) -> None:
    for start in (b"", b"item_id,sku\r\n"):
        with suppress(Invalid):
            parse(start + body)


@pytest.mark.parametrize(
    "text",
    [
        "item_id,sku\n1,A\n2,B\n",
        "item_id,sku\r\n1,A\r\n2,B\r\n",
        "item_id,sku\r1,A\r2,B",
        "\ufeffitem_id,sku\n1,A\n2,B\n",
        "item_id;sku\n1;A\n2;B\n",
        "item_id\tsku\n1\tA\n2\tB\n",
        "Item ID,SKU\n1, A \n2,B,,\n",
        '"item-id","sku"\n"1","A"\n2,"B"\n',
    ],
    ids=["lf", "crlf", "cr", "bom", "semicolons", "tabs", "titles and blanks", "quoted"],
)
def test_forms_that_spreadsheets_write_are_all_read(text: str) -> None:
    assert skus(text) == [(2, "1", "A"), (3, "2", "B")]


def test_columns_come_in_any_order_and_those_nobody_knows_are_named() -> None:
    parsed = parse(b'my notes,sku,name,item_id\nx,A,"a\nname",1\n\n\ny,B,b,2\n')
    assert [(row.line, row.get("item_id"), row.get("sku"), row.get("name")) for row in parsed.rows] == [
        (2, "1", "A", "a\nname"),
        (6, "2", "B", "b"),
    ], "a quoted line break and blank lines count as lines"
    assert parsed.ignored == ("my_notes",)


@pytest.mark.parametrize(
    ("body", "told"),
    [
        (b"", "empty"),
        (b"\xef\xbb\xbf \r\n\r\n", "empty"),
        (b"item_id,sku\n1,A\n2,\xff\n", "Line 3 is not UTF-8"),
        ("item_id,sku\n".encode("utf-16"), "UTF-16"),
        (b"item_id,sku\n1,A\n2,\0\n", "Line 3 holds U+0000"),
        (b'item_id,sku\n1,A\n2,"B\n3,C\n', "Line 3 is not CSV: a quotation mark is never closed"),
        (b'item_id,sku\n1,"A" B\n', "Line 2 is not CSV"),
        (b"item_id,skuu\n1,A\n", "Line 1 must name the columns; sku is not among them. It names item_id, skuu"),
        (b"1,A\n2,B\n", "Line 1 must name the columns; item_id, sku"),
        (b"item_id,sku,SKU\n1,A,B\n", "Line 1 names the column sku twice"),
        (b",".join([b"x"] * 101), "more than 100 columns"),
        (b'item_id,sku\n1,"' + b"x" * 200_000 + b'"\n', "Line 2 is not CSV: a cell is too long"),
    ],
)
def test_files_that_cannot_be_read_are_refused_with_the_line_and_the_reason(body: bytes, told: str) -> None:
    with pytest.raises(Invalid) as refused:
        parse(body)
    assert told in refused.value.message


@pytest.mark.parametrize(
    ("line", "told"),
    [
        ("1.23457E+12,A", "rounded by a spreadsheet"),
        ("2E+10,A", "rounded by a spreadsheet"),
        (",A", "item_id is blank"),
        ("1 2,A", "can be no id"),
        ("x" * 65 + ",A", "can be no id"),
        ("1,A,more", "It has 3 cells, but there are 2 columns"),
        ("1," + "A" * 1001, "more than 1,000 characters"),
    ],
)
def test_a_line_that_makes_no_sense_is_told_and_the_others_are_read(line: str, told: str) -> None:
    parsed = parse(f"item_id,sku\n1,A\n{line}\n3,C\n".encode())
    assert [row.line for row in parsed.rows] == [2, 4]
    (problem,) = parsed.problems
    assert (problem.line, told in problem.text) == (3, True), problem


def test_a_file_is_bounded_in_bytes_and_lines(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(TooLarge, match="1,024 KiB"):
        parse(b"item_id,sku\n" + b"\n" * csv_file.MOST_BYTES)
    monkeypatch.setattr(csv_file, "MOST_ROWS", 3)
    assert len(parse(b"item_id,sku\n1,A\n2,B\n,C\n").rows) == 2
    with pytest.raises(TooLarge, match="more than 3 lines"):
        parse(b"item_id,sku\n1,A\n2,B\n,C\n4,D\n")


def test_what_is_exported_can_be_imported() -> None:
    assert set(COLUMNS) >= {"item_id", "sku"}
    assert parse(write([COLUMNS])).rows == ()
    assert parse(write([COLUMNS])).problems == ()
