"""Templates escape everything: no filter, function or tag that switches it off (T24)."""

from __future__ import annotations

import re

import pytest

from tests.architecture.sources import parse_source, read_sources, read_templates, used_names

UNESCAPED = re.compile(r"\|\s*safe\b|\bMarkup\s*\(|\{%-?\s*(end)?autoescape\b")


def test_no_template_switches_escaping_off() -> None:
    """Every text in a page comes from a database that strangers write to; there is no list of exceptions."""
    templates = read_templates()
    assert templates, "there are templates to look at"
    assert [path for path, text in templates.items() if UNESCAPED.search(text)] == []


def test_no_code_marks_a_text_as_safe() -> None:
    """`Markup` would pass every template's escaping."""
    found = [
        f"{source.path}:{line}"
        for source in read_sources()
        for line, name in used_names(source)
        if name in {"markupsafe.Markup", "jinja2.Markup", "jinja2.utils.markupsafe.Markup"}
    ]
    assert found == []


def test_no_template_holds_an_inline_script_or_handler() -> None:
    """The pages' policy forbids both, so they would be dead; and a dead one invites loosening the policy."""
    pattern = re.compile(r"<script(?![^>]*\bsrc=)[^>]*>|\son[a-z]+\s*=\s*[\"']", re.IGNORECASE)
    pages = {path: text for path, text in read_templates().items() if not path.startswith("simulator/")}
    assert [path for path, text in pages.items() if pattern.search(text)] == []


@pytest.mark.parametrize("text", ["{{ body|safe }}", "{{ body | safe }}", "{% autoescape false %}", "{{ Markup(x) }}"])
def test_each_way_to_switch_escaping_off_is_seen(text: str) -> None:
    """The search above would notice the violation in whatever form it comes."""
    assert UNESCAPED.search(text)


def test_an_imported_markup_is_seen() -> None:
    """The walk above would notice the violation under another name too."""
    planted = parse_source("planted.py", "from markupsafe import Markup as M\nM('<b>')")
    assert (2, "markupsafe.Markup") in set(used_names(planted))
