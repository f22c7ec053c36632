"""D29: WCAG 2.2 AA by axe-core: on every page, in both themes, on a desk and on a telephone, and for each role.

What a rule can see is half of it; keyboard, zoom, sizes of targets and widths have tests of their own beside this one.
"""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Page

from tests.browser.conftest import PASSWORD, Sit
from tests.browser.test_every_page import PAGES, details, furnished
from tests.support.installation import Installation

__all__ = ["furnished"]
pytestmark = [pytest.mark.browser, pytest.mark.xdist_group("browser")]

AXE = Path(__file__).parents[2] / "frontend/node_modules/axe-core/axe.min.js"
"""Installed with the browser libraries, and never packed."""
RULES = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa"]
WINDOWS = ((1440, "light"), (1440, "dark"), (375, "light"), (375, "dark"))


def test_no_page_breaks_a_rule_in_either_theme(furnished: Installation, sit: Sit) -> None:
    seat = sit()
    seat.sign_in()
    found: dict[str, list[str]] = {}
    for path in (*PAGES, *details(seat)):
        page = seat.open(path)
        page.evaluate("document.querySelectorAll('details').forEach(one => { one.open = true })")
        for width, theme in WINDOWS:
            seat.change_window(width, theme)
            found[f"{path} at {width} {theme}"] = violations(page)
    assert {place: told for place, told in found.items() if told} == {}


@pytest.mark.parametrize("role", ["viewer", "operator"])
def test_no_page_breaks_a_rule_for_another_role(furnished: Installation, sit: Sit, role: str) -> None:
    """They see other buttons, and refusals with a page of their own."""
    email = f"{role}@toko.example"
    with ThreadPoolExecutor(1) as pool:
        pool.submit(furnished.add_person, email, PASSWORD, role=role).result()
    seat = sit()
    seat.sign_in(email)
    found = {path: violations(seat.open(path)) for path in (*PAGES, *details(seat))}
    assert {place: told for place, told in found.items() if told} == {}


def test_who_is_not_signed_in_meets_no_violation_either(installation: Installation, sit: Sit) -> None:
    for theme in ("light", "dark"):
        page = sit(theme=theme).open("/login")
        assert violations(page) == []


def test_a_broken_page_is_noticed(installation: Installation, sit: Sit) -> None:
    """That nothing is found must not come from looking at nothing."""
    page = sit().open("/login")
    page.evaluate("document.querySelector('label[for=email]').remove()")
    assert [one.partition(":")[0] for one in violations(page)] == ["label"]


def violations(page: Page) -> list[str]:
    """What axe finds: the rule, and where."""
    if not page.evaluate("'axe' in window"):
        page.evaluate(_axe())  # by the browser's own tools, since the policy of our pages allows no such script
    told: list[dict[str, Any]] = page.evaluate(
        "rules => axe.run({ runOnly: { type: 'tag', values: rules } }).then(told => told.violations)", RULES
    )
    return [f"{one['id']}: {node['target']} {node['failureSummary']}" for one in told for node in one["nodes"][:3]]


@cache
def _axe() -> str:
    return AXE.read_text()
