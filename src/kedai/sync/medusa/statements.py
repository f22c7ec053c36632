"""The little of SQL that a dump's data needs: where a statement ends, the names of columns, and plain literals."""

from __future__ import annotations

import re
from collections.abc import Iterator

_OPENERS = re.compile(rb"'|\"|--|/\*|\$(?:[A-Za-z_\x80-\xff][\w\x80-\xff]*)?\$|;")
_ESCAPED_END = re.compile(rb"\\.|''|'", re.DOTALL)
_NAMES = re.compile(r'"((?:[^"]|"")+)"|([^\s,"]+)')
_NO_COLUMN = {"constraint", "primary", "unique", "check", "foreign", "exclude", "like"}
_TOKEN = re.compile(
    r"\s*(?:(?P<null>NULL\b)|(?P<truth>TRUE\b|FALSE\b)|(?P<number>[+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?)"
    r"|(?P<escaped>E'(?:[^'\\]|\\.|'')*')|(?P<string>'(?:[^']|'')*')|(?P<sign>[(),;]))"
    r"(?P<cast>(?:::[\w\". ]+?(?:\([\d, ]+\))?(?:\[\])?(?=\s*[,);:]))*)",
    re.IGNORECASE | re.DOTALL,
)
_ESCAPES = {"b": "\b", "f": "\f", "n": "\n", "r": "\r", "t": "\t"}


class LiteralProblem(ValueError):
    """A value that is no plain literal, so that only running the statement could tell what it is."""

    def __init__(self) -> None:
        super().__init__("it holds a value that is no plain literal")


def statement_ends(line: bytes, state: bytes) -> tuple[bytes, int | None]:
    """Walk one line of a statement: the state at its end, and behind which byte the statement ends, if it does.

    ``state`` is what is open: nothing, a quote (``E`` one with backslashes), a comment, or a dollar tag.
    """
    at = 0
    while at < len(line):
        if state:
            at, state = _close(line, at, state)
            continue
        opener = _OPENERS.search(line, at)
        if opener is None or opener[0] == b"--":
            break
        at = opener.end()
        if opener[0] == b";":
            return b"", at
        state = b"E" if opener[0] == b"'" and _is_escaped(line, opener.start()) else opener[0]
    return state, None


def _close(line: bytes, at: int, state: bytes) -> tuple[int, bytes]:
    if state == b"E":
        for found in _ESCAPED_END.finditer(line, at):
            if found[0] == b"'":
                return found.end(), b""
        return len(line), state
    end = line.find(b"*/" if state == b"/*" else state, at)
    width = 2 if state == b"/*" else len(state)
    return (len(line), state) if end < 0 else (end + width, b"")


def _is_escaped(line: bytes, quote: int) -> bool:
    before = line[max(quote - 2, 0) : quote]
    return before[-1:] in {b"E", b"e"} and not (len(before) > 1 and (before[:1].isalnum() or before[:1] == b"_"))


def name_of(raw: bytes) -> str:
    """An identifier as PostgreSQL understands it: quoted as it stands, else in lower case."""
    text = raw.decode("utf-8", "replace")
    return text[1:-1].replace('""', '"') if text.startswith('"') else text.lower()


def names(raw: bytes) -> tuple[str, ...]:
    """A list of identifiers."""
    found = _NAMES.finditer(raw.decode("utf-8", "replace"))
    return tuple(one[1].replace('""', '"') if one[1] is not None else one[2].lower() for one in found)


def column_names(statement: bytes) -> tuple[str, ...]:
    """The columns of a CREATE TABLE, in their order."""
    text = statement.decode("utf-8", "replace")
    found = []
    for part in _parts(text[text.find("(") + 1 :]):
        first = _NAMES.match(part.strip())
        if first is not None and (first[1] is not None or first[2].lower() not in _NO_COLUMN):
            found.append(first[1].replace('""', '"') if first[1] is not None else first[2].lower())
    return tuple(found)


def _parts(text: str) -> Iterator[str]:
    """What stands between the commas of a table's outermost parentheses."""
    depth, start = 0, 0
    for found in re.finditer(r"'(?:[^']|'')*'|\"(?:[^\"]|\"\")*\"|[(),]", text):
        sign = found[0]
        if sign == "(":
            depth += 1
        elif sign == ")":
            depth -= 1
        if depth < 0 or (sign == "," and depth == 0):
            yield text[start : found.start()]
            start = found.end()
        if depth < 0:
            return


def read_tuples(statement: str) -> Iterator[list[str | None]]:
    """The rows of an INSERT; each value as the text PostgreSQL would write.

    Raises:
        LiteralProblem: a value is an expression.
    """
    found = re.search(r"\bVALUES\s*(?=\()", statement, re.IGNORECASE)
    if found is None:
        raise LiteralProblem
    at = found.end()
    row: list[str | None] | None = None
    while at < len(statement):
        token = _TOKEN.match(statement, at)
        if token is None:
            raise LiteralProblem
        at = token.end()
        sign = token["sign"]
        if sign == ";":
            return
        if sign == "(" and row is None:
            row = []
        elif sign == ")" and row is not None:
            yield row
            row = None
        elif sign is None and row is not None:
            row.append(_value(token))
        elif sign != ",":
            raise LiteralProblem


def _value(token: re.Match[str]) -> str | None:
    if token["null"]:
        return None
    if token["truth"]:
        return token["truth"][0].lower()
    if token["number"]:
        return token["number"]
    if token["string"]:
        return token["string"][1:-1].replace("''", "'")
    return re.sub(r"\\(.)|''", _plain, token["escaped"][2:-1], flags=re.DOTALL)


def _plain(found: re.Match[str]) -> str:
    if found[1] is None:
        return "'"
    if found[1] in "01234567xuU":
        raise LiteralProblem
    return _ESCAPES.get(found[1], found[1])
