"""A dump is read as data, whichever way its rows are written, and what is no plain dump is refused in words."""

from __future__ import annotations

import tempfile
import tracemalloc
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kedai.errors import Invalid
from kedai.sync.medusa.dump import Dump
from kedai.sync.medusa.source import OldRow

HEAD = "SET client_encoding = 'UTF8';\nSET standard_conforming_strings = on;\n"
TABLE = "CREATE TABLE public.t (\n    id text NOT NULL,\n    \"Body\" text DEFAULT 'a, (b'::text,\n    n numeric(10,2),\n    CONSTRAINT t_pkey PRIMARY KEY (id)\n);\n"  # noqa: E501
texts = st.none() | st.text(st.characters(exclude_characters="\0", codec="utf-8"), max_size=40)
rows = st.lists(st.tuples(texts, texts, texts), max_size=8)


def read(text: str | bytes, table: str = "t") -> list[tuple[str | None, ...]]:
    """The rows of a dump; one that could not be read is its problem alone."""
    return [(row.problem,) if row.problem else tuple(row.values.values()) for row in open_rows(text, table)]


def open_rows(text: str | bytes, table: str) -> list[OldRow]:
    with tempfile.TemporaryDirectory() as directory:
        path = Path(directory) / "dump.sql"
        path.write_bytes(text if isinstance(text, bytes) else text.encode())
        with Dump(path, ["t", "u"]) as dump:
            return list(dump.rows(table))


def copied(value: str | None) -> str:
    if value is None:
        return "\\N"
    for plain, escaped in (("\\", "\\\\"), ("\t", "\\t"), ("\n", "\\n"), ("\r", "\\r"), ("\b", "\\b"), ("\v", "\\v")):
        value = value.replace(plain, escaped)
    return value


def quoted(value: str | None) -> str:
    return "NULL" if value is None else "'" + value.replace("'", "''") + "'"


@given(rows)
@settings(deadline=None)
def test_rows_of_a_copy_come_back_as_they_were(written: list[tuple[str | None, ...]]) -> None:
    lines = "".join("\t".join(map(copied, row)) + "\n" for row in written)
    assert read(f'{HEAD}COPY public.t (id, "Body", n) FROM stdin;\n{lines}\\.\n') == written


@given(rows, st.booleans())
@settings(deadline=None)
def test_rows_of_inserts_come_back_as_they_were(written: list[tuple[str | None, ...]], together: bool) -> None:
    tuples = [f"({', '.join(map(quoted, row))})" for row in written]
    if together and tuples:
        tuples = [",\n\t".join(tuples)]
    statements = "".join(f"INSERT INTO public.t VALUES {one};\n" for one in tuples)
    assert read(HEAD + TABLE + statements) == written


def test_columns_come_from_the_table_or_from_its_rows() -> None:
    assert open_rows(TABLE + "INSERT INTO t VALUES ('1', 'b', 2.50);", "t")[0].values == {
        "id": "1",
        "Body": "b",
        "n": "2.50",
    }
    assert open_rows("INSERT INTO t (\"Body\", ID) VALUES ('b', 7), (TRUE, -1);", "t")[1].values == {
        "Body": "t",
        "id": "-1",
    }


def test_what_stands_between_the_rows_is_passed_over() -> None:
    noise = (
        "\\restrict 0123456789\n-- a comment; with a semicolon and a 'quote\n"
        "CREATE FUNCTION public.f() RETURNS trigger LANGUAGE plpgsql AS $_$\nBEGIN\n"
        "INSERT INTO public.t VALUES ('from a function', NULL, NULL);\nEND;\n$_$;\n"
        "COPY public.other (a) FROM stdin;\nINSERT INTO public.t VALUES ('from other data', NULL, NULL);\n\\.\n"
        "COMMENT ON TABLE public.t IS 'it''s; INSERT INTO t';\n"
        "CREATE TABLE public.other (a text DEFAULT E'\\'; INSERT INTO t VALUES (''x'')');\n"
    )
    row = "INSERT INTO public.t VALUES ('1', E'a\\n\\'b''c\\\\', NULL);\n"
    assert read(HEAD + TABLE + noise + row + noise + row + row) == [("1", "a\n'b'c\\", None)] * 3


def test_several_statements_of_a_line_are_all_read() -> None:
    line = "INSERT INTO t (id) VALUES ('1');INSERT INTO t (id) VALUES (';'); INSERT INTO u (id) VALUES ('3');"
    assert read(line) == [("1",), (";",)]
    assert read(line, "u") == [("3",)]


def test_value_that_only_running_it_would_tell_is_refused() -> None:
    found = read(
        "INSERT INTO t (id, n) VALUES ('1', now());\nINSERT INTO t (id, n) VALUES ('2', '3'::numeric(10, 2));\n"
    )
    assert found == [("it holds a value that is no plain literal",), ("2", "3")]


def test_row_with_a_field_too_few_or_bytes_that_are_no_text_is_refused_alone() -> None:
    found = read(b"COPY t (id, n) FROM stdin;\n1\n2\t\xff\n3\t4\n\\.\n")
    assert found == [
        ("the line has another number of fields than the table has columns",),
        ("it holds what is no UTF-8",),
        ("3", "4"),
    ]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (b"PGDMP\x01\x0e", "pg_restore"),
        (b"\x1f\x8b\x08\x00", "unpack it first"),
        (b"\xff\xfeC\0O\0P\0Y\0", "no plain SQL dump"),
        (b"", "holds none of the tables t, u"),
        (b"SELECT 1;\n", "holds none of the tables t, u"),
        (b"COPY t (id) FROM stdin;\n1\n", "cut off in the middle of t"),
        (b"INSERT INTO t (id) VALUES ('1'", "cut off in the middle of a statement"),
        (b"INSERT INTO t VALUES ('1');\n", "does not say which columns t has"),
        (b"COPY t (id) FROM stdin WITH (FORMAT csv);\n1\n\\.\n", "has options"),
        (b"SET client_encoding = 'LATIN1';\n", "client_encoding to LATIN1"),
        (b"SET standard_conforming_strings = off;\n", "standard_conforming_strings to off"),
        (b"COPY a.t (id) FROM stdin;\n\\.\nCOPY b.t (id) FROM stdin;\n\\.\n", "in two schemas"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_what_cannot_be_read_as_a_plain_dump_is_said(text: bytes, message: str) -> None:
    with pytest.raises(Invalid, match=message):
        read(text)


def test_missing_file_is_said(tmp_path: Path) -> None:
    with pytest.raises(Invalid, match="cannot be opened: No such file"):
        Dump(tmp_path / "nothing.sql", ["t"])


def test_large_table_is_read_in_little_memory(tmp_path: Path) -> None:
    """40 MB of rows, in both forms; a row at a time is all that is held."""
    copy, inserts = tmp_path / "copy.sql", tmp_path / "inserts.sql"
    body = "x" * 4000
    with copy.open("w") as file:
        file.write("COPY t (id, body) FROM stdin;\n")
        file.writelines(f"{number}\t{body}\n" for number in range(10_000))
        file.write("\\.\n")
    with inserts.open("w") as file:
        file.writelines(f"INSERT INTO t (id, body) VALUES ('{number}', '{body}');\n" for number in range(10_000))
    for path in (copy, inserts):
        tracemalloc.start()
        with Dump(path, ["t"]) as dump:
            assert sum(1 for _ in dump.rows("t")) == 10_000
        _, peak = tracemalloc.get_traced_memory()
        tracemalloc.stop()
        assert peak < 2_000_000
