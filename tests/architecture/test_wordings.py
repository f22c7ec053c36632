"""What a person may read is marked, so that a page can say it in another language (its other half: test_catalogues)."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from itertools import pairwise

import pytest
from jinja2 import Environment as Templates

import kedai.errors
from kedai.errors import KedaiError
from tests.architecture.sources import Source, parse_source, read_sources, read_templates

FAMILIES = frozenset(
    name for name, one in vars(kedai.errors).items() if isinstance(one, type) and issubclass(one, KedaiError)
)
NEVER_ON_A_PAGE = (
    "cli/",
    "migrations/",
    "simulator/",
    "sync/medusa/",  # of the command line alone
    "web/api/",  # JSON
    "connectors/shopee/api/",  # calls with arguments that no form asks for
    "connectors/registry.py",
    "vault/queries.py",
    "settings.py",  # what keeps a process from starting is said in its terminal
    "runtime.py",
    "vault/keys.py",
    "kit/lockfile.py",
    "db/engine.py",
    "web/server.py",
    "web/granian_server.py",
    "web/dashboard/assets.py",
    "sync/intake.py",  # answers to pushes
    "sync/admission.py",  # a bug, not a refusal
    "web/edge.py",
    "web/live.py",  # asked by a script, which shows nothing of it
)
LANGUAGE_OF_CODE = frozenset({"light dark"})
"""Strings of templates that no person reads."""


def unmarked_errors(source: Source) -> Iterator[str]:
    """Errors whose text is written where they are raised, and is no message."""
    for node in ast.walk(source.tree):
        if (
            isinstance(node, ast.Call)
            and isinstance(node.func, ast.Name)
            and node.func.id in FAMILIES
            and node.args
            and (isinstance(node.args[0], ast.JoinedStr | ast.BinOp) or is_text(node.args[0]))
        ):
            yield f"{source.path}:{node.lineno}"


def is_text(node: ast.expr) -> bool:
    return isinstance(node, ast.Constant) and isinstance(node.value, str)


def unsaid_errors(source: Source) -> Iterator[str]:
    """Where a page takes an error's message as it is: the default one of its family would stay English."""
    for node in ast.walk(source.tree):
        if isinstance(node, ast.Attribute) and node.attr == "message" and ast.unparse(node.value) == "error":
            yield f"{source.path}:{node.lineno}"


def said_by(source: Source) -> int:
    return sum(
        1
        for node in ast.walk(source.tree)
        if isinstance(node, ast.Call) and ast.unparse(node) == "known(error.message)"
    )


def plain_words(text: str) -> Iterator[str]:
    """Texts in a template's expressions that are neither a message nor a part of a class: `{{ name or "no name" }}`."""
    tokens = [
        one for one in Templates(extensions=["jinja2.ext.i18n"], autoescape=True).lex(text) if one[1] != "whitespace"
    ]
    for (_, _, before), (line, kind, value) in pairwise(tokens):
        words = value[1:-1]
        has_words = " " in (words if before == "~" else words.strip()) and any(one.isalpha() for one in words)
        if kind == "string" and before in {"or", "else", "~"} and has_words and words not in LANGUAGE_OF_CODE:
            yield f"{line}: {words}"


def test_errors_that_a_page_may_show_are_messages() -> None:
    seen = [source for source in read_sources() if not source.path.startswith(NEVER_ON_A_PAGE)]
    assert len(seen) > 200
    assert [one for source in seen for one in unmarked_errors(source)] == []


def test_pages_say_what_an_error_says_in_their_language() -> None:
    pages = [source for source in read_sources() if source.path.startswith("web/dashboard/")]
    unsaid = {source.path: len(list(unsaid_errors(source))) - said_by(source) for source in pages}
    assert {path: count for path, count in unsaid.items() if count} == {}
    assert sum(said_by(source) for source in pages) > 30


def test_templates_hold_no_words_outside_their_messages() -> None:
    found = {path: list(plain_words(text)) for path, text in read_templates().items()}
    assert {path: words for path, words in found.items() if words and not path.startswith("simulator/")} == {}


@pytest.mark.parametrize("raised", ['Invalid("Choose a shop.")', 'Conflict(f"Key {kid} is there.")', 'Stale("a" + b)'])
def test_an_error_in_plain_english_is_seen(raised: str) -> None:
    assert list(unmarked_errors(parse_source("planted.py", raised))) == ["planted.py:1"]


def test_words_of_a_template_are_seen() -> None:
    planted = '{{ name or "no name" }}{{ _("One") ~ " on this page" }}'
    assert list(plain_words(planted)) == ["1: no name", "1:  on this page"]
    assert list(plain_words("""{{ name or _("no name") }}<p class="a{{ ' late' if one else '' }}">""")) == []
