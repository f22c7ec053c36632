"""A plain SQL dump as `pg_dump` writes it, with COPY blocks or INSERTs: parsed as data, never run.

The file is walked once for an index of where each table's rows stand; rows are then read one at a time.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Self

from kedai.errors import Invalid
from kedai.sync.medusa.source import OldRow
from kedai.sync.medusa.statements import LiteralProblem, column_names, name_of, names, read_tuples, statement_ends

LONGEST_STATEMENT = 64 * 1024 * 1024

_NAME = rb'(?:(?P<schema>"(?:[^"]|"")+"|[\w$\x80-\xff]+)\.)?(?P<table>"(?:[^"]|"")+"|[\w$\x80-\xff]+)'
_COPY = re.compile(
    rb"COPY\s+" + _NAME + rb"\s*(?:\((?P<columns>[^)]*)\))?\s+FROM\s+stdin\s*(?P<rest>.*)", re.IGNORECASE | re.DOTALL
)
_CREATE = re.compile(rb"CREATE\s+(?:UNLOGGED\s+)?TABLE\s+(?:IF\s+NOT\s+EXISTS\s+)?" + _NAME, re.IGNORECASE)
_INSERT = re.compile(rb"INSERT\s+INTO\s+" + _NAME, re.IGNORECASE)
_SETTING = re.compile(rb"SET\s+(client_encoding|standard_conforming_strings)\s*(?:=|TO)\s*'?([\w-]+)'?", re.IGNORECASE)
_READABLE = {b"client_encoding": {b"utf8", b"utf-8", b"sql_ascii"}, b"standard_conforming_strings": {b"on"}}
_ESCAPE = re.compile(rb"\\(?:([0-7]{1,3})|x([0-9A-Fa-f]{1,2})|(.))", re.DOTALL)
_CONTROLS = {b"b": b"\b", b"f": b"\f", b"n": b"\n", b"r": b"\r", b"t": b"\t", b"v": b"\v"}


@dataclass(slots=True)
class Segment:
    """Where rows of a table stand: from ``start`` to ``end``, as lines of a COPY or as INSERT statements."""

    columns: tuple[str, ...]
    start: int
    end: int
    copied: bool


class Dump:
    """A `Source` that reads from a dump.

    Raises:
        Invalid: it is no plain SQL dump, is cut off, or holds one of ``tables`` in two schemas.
    """

    def __init__(self, path: Path, tables: Sequence[str]) -> None:
        try:
            self._file = path.open("rb")
        except OSError as error:
            raise Invalid(f"The dump cannot be opened: {error.strerror}.", field="--dump") from None
        self._wanted = set(tables)
        self._columns: dict[str, tuple[str, ...]] = {}
        self._segments: dict[str, list[Segment]] = {}
        self._schemas: dict[str, str] = {}
        try:
            self._index()
        except BaseException:
            self._file.close()
            raise

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._file.close()

    def columns(self, table: str) -> tuple[str, ...] | None:
        """Of its CREATE TABLE, or of its rows where the dump holds data only."""
        return self._columns.get(table)

    def rows(self, table: str) -> Iterator[OldRow]:
        for segment in self._segments.get(table, []):
            yield from self._copied(segment) if segment.copied else self._inserted(segment)

    def _index(self) -> None:
        self._refuse_other_formats()
        running: tuple[str, Segment] | None = None
        while True:
            start = self._file.tell()
            line = self._line()
            if not line:
                break
            text = line.lstrip()
            if not text.strip() or text.startswith((b"--", b"\\")):  # psql's own commands begin with a backslash
                continue
            if copy := _COPY.match(text):
                self._index_copy(copy)
                running = None
            else:
                running = self._index_statement(text, start, running)
        if not self._columns:
            raise Invalid(f"The dump holds none of the tables {', '.join(sorted(self._wanted))}.", field="--dump")

    def _refuse_other_formats(self) -> None:
        start = self._file.read(5)
        self._file.seek(0)
        if start == b"PGDMP":
            raise Invalid("This is a dump in custom format: make it plain with `pg_restore --file=dump.sql`.")
        if start.startswith((b"\x1f\x8b", b"BZh", b"\xfd7zXZ", b"(\xb5/\xfd", b"PK\x03\x04")):
            raise Invalid("This file is packed: unpack it first.", field="--dump")
        if b"\0" in start:
            raise Invalid("This is no plain SQL dump in UTF-8.", field="--dump")

    def _index_copy(self, copy: re.Match[bytes]) -> None:
        table = name_of(copy["table"])
        if copy["rest"].strip() != b";":
            raise Invalid(f"The COPY of {table} has options: only what pg_dump writes is read.", field="--dump")
        start = self._file.tell()
        end = start
        while (line := self._line()) and line.rstrip(b"\r\n") != b"\\.":
            end += len(line)
        if not line:
            raise Invalid(f"The dump is cut off in the middle of {table}.", field="--dump")
        if table in self._wanted:
            given = None if copy["columns"] is None else names(copy["columns"])
            self._add(table, copy["schema"], Segment(self._known(table, given), start, end, copied=True))

    def _index_statement(
        self, text: bytes, start: int, running: tuple[str, Segment] | None
    ) -> tuple[str, Segment] | None:
        """Take note of a statement; ``running`` is the table and segment that its next row would continue."""
        create, insert = _CREATE.match(text), _INSERT.match(text)
        head = create or insert
        wanted = head is not None and name_of(head["table"]) in self._wanted
        statement = self._statement(start, keep=wanted)
        self._refuse_setting(text)
        if head is None or not wanted:
            return None
        table = name_of(head["table"])
        if create:
            self._one_schema(table, create["schema"])
            self._columns.setdefault(table, column_names(statement))
            return None
        return self._index_insert(table, head, statement, start, running)

    def _index_insert(
        self, table: str, head: re.Match[bytes], statement: bytes, start: int, running: tuple[str, Segment] | None
    ) -> tuple[str, Segment]:
        columns = self._known(table, _insert_columns(statement[head.end() :]))
        if running is not None and running[0] == table and running[1].columns == columns:
            running[1].end = self._file.tell()
            return running
        segment = Segment(columns, start, self._file.tell(), copied=False)
        self._add(table, head["schema"], segment)
        return table, segment

    def _known(self, table: str, given: tuple[str, ...] | None) -> tuple[str, ...]:
        columns = given or self._columns.get(table)
        if not columns:
            raise Invalid(f"The dump does not say which columns {table} has: dump it with its schema.", field="--dump")
        return columns

    def _add(self, table: str, schema: bytes | None, segment: Segment) -> None:
        self._one_schema(table, schema)
        self._columns.setdefault(table, segment.columns)
        self._segments.setdefault(table, []).append(segment)

    def _one_schema(self, table: str, schema: bytes | None) -> None:
        name = "public" if schema is None else name_of(schema)
        if self._schemas.setdefault(table, name) != name:
            raise Invalid(f"The dump holds {table} in two schemas: dump one of them alone.", field="--dump")

    def _refuse_setting(self, text: bytes) -> None:
        setting = _SETTING.match(text)
        if setting is not None and setting[2].lower() not in _READABLE[setting[1].lower()]:
            name, value = setting[1].decode(), setting[2].decode()
            raise Invalid(f"The dump sets {name} to {value}, which is not read: dump it in UTF-8.", field="--dump")

    def _statement(self, start: int, *, keep: bool) -> bytes:
        """Read the statement that begins at ``start`` and stand behind its end; empty unless it is to be kept."""
        self._file.seek(start)
        state, pieces, length = b"", [], 0
        while line := self._line():
            state, end = statement_ends(line, state)
            piece = line if end is None else line[:end]
            length += len(piece)
            if keep and length > LONGEST_STATEMENT:
                raise Invalid("A statement of the dump is larger than 64 MiB: dump with COPY.", field="--dump")
            if keep:
                pieces.append(piece)
            if end is not None:
                if line[end:].strip():
                    self._file.seek(end - len(line), 1)
                return b"".join(pieces).lstrip()
        raise Invalid("The dump is cut off in the middle of a statement.", field="--dump")

    def _line(self) -> bytes:
        line = self._file.readline(LONGEST_STATEMENT + 1)
        if len(line) > LONGEST_STATEMENT:
            raise Invalid("A line of the dump is larger than 64 MiB.", field="--dump")
        return line

    def _copied(self, segment: Segment) -> Iterator[OldRow]:
        position = segment.start
        while position < segment.end:
            self._file.seek(position)
            line = self._line()
            position += len(line)
            yield _copied_row(segment.columns, line.rstrip(b"\r\n"))

    def _inserted(self, segment: Segment) -> Iterator[OldRow]:
        position = segment.start
        while position < segment.end:
            statement = self._statement(position, keep=True)
            position = self._file.tell()
            yield from _inserted_rows(segment.columns, statement)


def _copied_row(columns: tuple[str, ...], line: bytes) -> OldRow:
    fields = line.split(b"\t")
    if len(fields) != len(columns):
        return OldRow({}, "the line has another number of fields than the table has columns")
    try:
        return OldRow(dict(zip(columns, map(_copied_value, fields), strict=True)))
    except UnicodeDecodeError:
        return OldRow({}, "it holds what is no UTF-8")


def _copied_value(field: bytes) -> str | None:
    if field == b"\\N":
        return None
    return (_ESCAPE.sub(_unescaped, field) if b"\\" in field else field).decode()


def _unescaped(found: re.Match[bytes]) -> bytes:
    octal, hexadecimal, other = found.groups()
    if octal is not None:
        return bytes((int(octal, 8) & 0xFF,))
    if hexadecimal is not None:
        return bytes((int(hexadecimal, 16),))
    return _CONTROLS.get(other, other)


def _insert_columns(rest: bytes) -> tuple[str, ...] | None:
    given = re.match(rb"\s*\(([^)]*)\)\s*(?:OVERRIDING\s+\w+\s+VALUE\s*)?VALUES", rest, re.IGNORECASE)
    return None if given is None else names(given[1])


def _inserted_rows(columns: tuple[str, ...], statement: bytes) -> Iterator[OldRow]:
    try:
        for values in read_tuples(statement.decode()):
            if len(values) != len(columns):
                yield OldRow({}, "the statement has another number of values than the table has columns")
            else:
                yield OldRow(dict(zip(columns, values, strict=True)))
    except UnicodeDecodeError:
        yield OldRow({}, "it holds what is no UTF-8")
    except LiteralProblem as problem:
        yield OldRow({}, str(problem))
