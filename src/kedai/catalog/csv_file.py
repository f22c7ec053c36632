"""The SKU map as a CSV file: reading what people and spreadsheets make of it, and writing it out. Knows no database."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from kedai.errors import Invalid, TooLarge
from kedai.values.wording import N_

MOST_BYTES = 1024 * 1024
MOST_ROWS = 5_000
"""A file is imported in one transaction, which holds SQLite's one writer meanwhile."""

COLUMNS = ("environment", "shop_id", "item_id", "model_id", "name", "model_name", "channel_sku", "sku")
"""What is written. To be read back, a file needs ``item_id`` and ``sku``; the others help, in any order."""

_NEEDED = ("item_id", "sku")
_DELIMITERS = (",", ";", "\t")
_LONGEST_CELL = 1_000
_MOST_COLUMNS = 100
_FORMULA = re.compile(r"'*[=+\-@\t\r\0]")
_ROUNDED = re.compile(r"[0-9]+([.,][0-9]+)?[eE]\+?[0-9]+")


@dataclass(frozen=True, slots=True)
class Row:
    """A line of a file: its number where it begins, and its cells by the columns that are known."""

    line: int
    cells: Mapping[str, str]

    def get(self, name: str) -> str:
        """The cell of a column; blank where the file has no such column."""
        return self.cells.get(name, "")


@dataclass(frozen=True, slots=True)
class Problem:
    """What is wrong with a line, in words."""

    line: int
    text: str


@dataclass(frozen=True, slots=True)
class Parsed:
    """A file that could be read: its lines, those that make no sense, and the columns that nobody asked for."""

    rows: tuple[Row, ...]
    problems: tuple[Problem, ...]
    ignored: tuple[str, ...]


def parse(body: bytes) -> Parsed:
    """Read a file: UTF-8 with or without a byte order mark, commas, semicolons or tabs, any line ends.

    Raises:
        TooLarge: more bytes or rows than a map can have. Invalid: not such a file, or a column is missing.
    """
    if len(body) > MOST_BYTES:
        raise TooLarge(
            N_("The file is larger than %(most_bytes)s KiB: import it in parts.", most_bytes=MOST_BYTES // 1024)
        )
    text = _decode(body)
    if not text.strip():
        raise Invalid(N_("The file is empty: its first line must name the columns."), field="file")
    lines = _read_lines(text, max(_DELIMITERS, key=text.lstrip().splitlines()[0].count))
    header_line, header = next(lines, (1, []))
    columns = _read_header(header_line, header)
    rows: list[Row] = []
    problems: list[Problem] = []
    for number, cells in lines:
        if len(rows) + len(problems) >= MOST_ROWS:
            raise TooLarge(N_("The file has more than %(most_rows)s lines: import it in parts.", most_rows=MOST_ROWS))
        read = _read_row(number, cells, columns)
        if isinstance(read, Row):
            rows.append(read)
        else:
            problems.append(read)
    known = (name for name in columns if name in COLUMNS)
    return Parsed(tuple(rows), tuple(problems), tuple(sorted(set(columns).difference(known) - {""})))


def write(rows: Iterable[Sequence[str]]) -> bytes:
    """Lines of a CSV file (RFC 4180), no cell of which a spreadsheet takes for a formula (T33)."""
    written = io.StringIO()
    csv.writer(written, lineterminator="\r\n").writerows([[guard(cell) for cell in row] for row in rows])
    return written.getvalue().encode()


def guard(text: str) -> str:
    """A text that no spreadsheet takes for a formula; `unguard` gives it back as it was."""
    return f"'{text}" if _FORMULA.match(text) else text


def unguard(text: str) -> str:
    """What was guarded, as it was."""
    return text[1:] if text.startswith("'") and _FORMULA.match(text) else text


def _decode(body: bytes) -> str:
    if body.startswith((b"\xff\xfe", b"\xfe\xff")):
        raise Invalid(N_("The file is UTF-16: save it as “CSV UTF-8”."), field="file")
    try:
        text = body.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = body[: error.start].count(b"\n") + 1
        raise Invalid(
            N_("Line %(line)s is not UTF-8: save the file as “CSV UTF-8”.", line=line), field="file"
        ) from None
    if "\0" in text:
        line = text[: text.index("\0")].count("\n") + 1
        raise Invalid(N_("Line %(line)s holds U+0000: this is no text file.", line=line), field="file")
    return text


def _read_lines(text: str, delimiter: str) -> Iterator[tuple[int, list[str]]]:
    """Each record with the number of the line where it begins; blank ones are left out."""
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, strict=True)
    while True:
        begins = reader.line_num + 1
        try:
            cells = next(reader)
        except StopIteration:
            return
        except csv.Error as error:
            raise Invalid(
                N_("Line %(begins)s is not CSV: %(error)s.", begins=begins, error=_reason(error)), field="file"
            ) from None
        if any(cell.strip() for cell in cells):
            yield begins, cells


def _reason(error: csv.Error) -> str:
    told = str(error)
    if "unexpected end of data" in told:
        return N_("a quotation mark is never closed")
    if "field larger" in told:
        return N_("a cell is too long; perhaps a quotation mark is never closed")
    return told


def _read_header(number: int, cells: Sequence[str]) -> tuple[str, ...]:
    if len(cells) > _MOST_COLUMNS:
        raise Invalid(
            N_("Line %(number)s names more than %(most_columns)s columns.", number=number, most_columns=_MOST_COLUMNS),
            field="file",
        )
    columns = tuple(re.sub(r"[\s\-]+", "_", unguard(cell).strip().lower())[:50] for cell in cells)
    missing = [name for name in _NEEDED if name not in columns]
    if missing:
        found = ", ".join(name for name in columns if name) or N_("nothing")
        raise Invalid(
            N_(
                "Line %(number)s must name the columns; %(missing)s is not among them. It names %(found)s.",
                number=number,
                missing=", ".join(missing),
                found=found,
            ),
            field="file",
        )
    twice = sorted({name for name in columns if name in COLUMNS and columns.count(name) > 1})
    if twice:
        raise Invalid(
            N_("Line %(number)s names the column %(twice)s twice.", number=number, twice=twice[0]), field="file"
        )
    return columns


def _read_row(number: int, cells: Sequence[str], columns: Sequence[str]) -> Row | Problem:
    if len(cells) > len(columns) and any(cell.strip() for cell in cells[len(columns) :]):
        text = N_("It has %(cells)s cells, but there are %(columns)s columns.", cells=len(cells), columns=len(columns))
        return Problem(number, text)
    read = {name: unguard(cell.strip()) for name, cell in zip(columns, cells, strict=False) if name in COLUMNS}
    for name, cell in read.items():
        if len(cell) > _LONGEST_CELL:
            text = N_("The cell %(name)s has more than %(most)s characters.", name=name, most=_LONGEST_CELL)
            return Problem(number, text)
    for name in ("shop_id", "item_id", "model_id"):
        cell = read.get(name, "")
        if _ROUNDED.fullmatch(cell):
            text = N_(
                "%(name)s %(cell)s was rounded by a spreadsheet: format that column as text.", name=name, cell=cell
            )
            return Problem(number, text)
        if not cell.isprintable() or " " in cell or len(cell) > 64:
            return Problem(number, N_("The cell %(name)s can be no id.", name=name))
    if not read.get("item_id"):
        return Problem(number, N_("%(name)s is blank.", name="item_id"))
    return Row(number, read)
