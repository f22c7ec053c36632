"""T26: each form of each template that changes something posts to a route of ours, and each such route has its form."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from tests.support.check_docs import routes

WEB = Path(__file__).parents[2] / "src" / "kedai" / "web" / "dashboard"
FORM = re.compile(r"<form\b(?=[^>]*\bmethod=\"post\")(?:[^>{]|{{.*?}})*?\baction=\"((?:[^\"{]|{{.*?}})*)\"", re.DOTALL)
ELSEWHERE = re.compile(r"\bformaction=\"((?:[^\"{]|{{.*?}})*)\"")
SCRIPTED = {"/login/passkey", "/login/passkey/options", "/confirm/passkey", "/confirm/passkey/options"}
SCRIPTED |= {"/account/passkeys", "/account/passkeys/options"}
"""Passkeys need a script: it asks these."""


ANYTHING = ".+"
COMPUTED = {f"/e/{{scope}}/{name}/exports" for name in ("calls", "events", "exceptions", "orders")}
COMPUTED |= {"/e/{environment}/sku-map", "/e/{scope}/views/{page}", "/settings/keys", "/tokens/{token_id}/revoke"}
COMPUTED |= {"/settings/notifications", "/settings/notifications/{channel_id}"}
"""Of these a page computes the whole address."""


def changing() -> set[str]:
    return {path for method, path in routes() if method == "POST" and not path.startswith(("/api/", "/admin/"))} - {
        path for _method, path in routes() if "/webhook" in path
    }


def posted() -> dict[str, str]:
    """What forms post to, as patterns of paths, each with a template that holds one."""
    found = {}
    for template in sorted((WEB / "templates").glob("*.html")):
        text = template.read_text()
        for action in (*FORM.findall(text), *ELSEWHERE.findall(text)):
            found[pattern_of(action)] = template.name
    return found


def pattern_of(action: str) -> str:
    """An expression at the beginning may stand for several parts of a path, any other for one."""
    pattern = ""
    for literal, expression in re.findall(r"([^{]+)|{{(.*?)}}", action, re.DOTALL):
        named = re.match(r"\s*url\((here ~ )?'([^']*)'", expression)
        if named:
            pattern += ANYTHING if named[1] else ""
            pattern += "[^/]+".join(re.escape(part) for part in named[2].split("%s"))
        elif expression:
            pattern += "[^/]+" if pattern else ANYTHING
        else:
            pattern += re.escape(literal.partition("?")[0])
    return pattern


def test_every_form_of_every_template_posts_to_a_route() -> None:
    known = changing()
    assert len(posted()) > 60
    assert {pattern: where for pattern, where in posted().items() if not leads(pattern, known)} == {}


def test_every_route_that_changes_something_has_a_form() -> None:
    """What only a script could reach would be missing where none runs (D40)."""
    telling = [one for one in posted() if one != ANYTHING]
    assert (
        sorted(path for path in changing() - SCRIPTED - COMPUTED if not any(leads(one, {path}) for one in telling))
        == []
    )


@pytest.mark.parametrize("action", ["/no/such/deed", "{{ here }}/undone", "{{ url('/connectors/%s/explode' % name) }}"])
def test_a_form_that_leads_nowhere_is_noticed(action: str) -> None:
    assert not leads(pattern_of(action), changing())


def leads(pattern: str, paths: set[str]) -> bool:
    """Whether a pattern fits one of the paths, its parameters being something."""
    return any(re.fullmatch(pattern, re.sub(r"\{\w+\}", "X", path)) for path in paths)
