"""The dashboard's catalogues: every message that the sources mark. `python -m tests.support.messages` renews the files.

Python marks with `N_` and `NP_`, templates with Jinja's `_`, `ngettext` and `trans`; the default messages of an error
are the first line of its docstring, and its ``text``.
"""

from __future__ import annotations

import ast
import io
from collections.abc import Iterator
from pathlib import Path

from babel.messages.catalog import Catalog
from babel.messages.extract import extract
from babel.messages.pofile import read_po, write_po

import kedai.errors
from kedai.errors import KedaiError

SOURCES = Path(kedai.errors.__file__).parent
LOCALE = SOURCES / "web" / "dashboard" / "locale"
TEMPLATE = LOCALE / "dashboard.pot"
KEYWORDS = {"_": None, "gettext": None, "ngettext": (1, 2)}
OPTIONS = {"extensions": "jinja2.ext.i18n", "trim_blocks": "true", "lstrip_blocks": "true", "silent": "false"}
_APART = ("simulator", "cli", "migrations")

Message = str | tuple[str, str]


def po_file(language: str) -> Path:
    """The catalogue of a language."""
    return LOCALE / language / "LC_MESSAGES" / "dashboard.po"


def read_catalogue(path: Path) -> Catalog:
    """A catalogue as it stands in the tree."""
    return read_po(io.BytesIO(path.read_bytes()))


def extract_all() -> Catalog:
    """Every message of the sources, with the files that say it."""
    found = Catalog(project="Kedai", header_comment="# The texts of Kedai's dashboard; renewed by `make messages`.")
    for path in sorted(SOURCES.rglob("*.py")):
        if path.relative_to(SOURCES).parts[0] not in _APART:
            _add(found, path, _of_python(path))
    for path in sorted((SOURCES / "web" / "dashboard" / "templates").glob("*.html")):
        _add(found, path, _of_template(path))
    _add(found, Path(kedai.errors.__file__), _of_errors())
    return found


def written(catalogue: Catalog) -> bytes:
    """A catalogue as it is kept: in order, without line numbers or times, so that only texts make a difference."""
    told = io.BytesIO()
    write_po(told, catalogue, width=0, omit_header=False, sort_output=True, include_lineno=False)
    lines = told.getvalue().decode().splitlines(keepends=True)
    return "".join(line for line in lines if not line.startswith(('"POT-Creation', '"PO-Revision'))).encode()


def renew() -> None:
    """Write the template, and bring each language to its messages: what is new comes empty, what is gone goes."""
    template = extract_all()
    TEMPLATE.write_bytes(written(template))
    for path in sorted(LOCALE.glob("*/LC_MESSAGES/dashboard.po")):
        catalogue = read_catalogue(path)
        catalogue.update(template, no_fuzzy_matching=True)
        catalogue.obsolete.clear()
        catalogue.header_comment = template.header_comment
        path.write_bytes(written(catalogue))


def _add(found: Catalog, path: Path, messages: Iterator[Message]) -> None:
    where = path.relative_to(SOURCES).as_posix()
    for message in messages:
        found.add(message, locations=[(where, 1)])


def _of_python(path: Path) -> Iterator[Message]:
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in {"N_", "NP_"}:
            texts = [one.value for one in node.args if isinstance(one, ast.Constant) and isinstance(one.value, str)]
            if texts:
                yield (texts[0], texts[1]) if node.func.id == "NP_" else texts[0]


def _of_template(path: Path) -> Iterator[Message]:
    with path.open("rb") as file:
        for _line, message, _comments, _context in extract(
            "jinja2.ext:babel_extract", file, keywords=KEYWORDS, options=OPTIONS
        ):
            yield message if isinstance(message, str) else (message[0], message[1])


def _of_errors() -> Iterator[Message]:
    waiting = [KedaiError]
    while waiting:
        family = waiting.pop()
        waiting += family.__subclasses__()
        if family.__module__ == kedai.errors.__name__:
            yield (family.__doc__ or "").strip().splitlines()[0]
            if text := getattr(family, "text", None):
                yield text


if __name__ == "__main__":
    renew()
