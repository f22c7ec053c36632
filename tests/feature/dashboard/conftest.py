"""An open installation with pages, and somebody in front of it; on both databases."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.feature.dashboard.browser import Browser
from tests.support.factories import House, open_house


@pytest.fixture
def house(database_url: str, tmp_path: Path) -> Iterator[House]:
    """An open installation, nothing filled in yet."""
    with open_house(database_url, tmp_path) as opened:
        yield opened


@pytest.fixture
def browser(house: House) -> Browser:
    """Somebody who is not signed in."""
    return Browser(house)


@pytest.fixture
def admin(browser: Browser) -> Browser:
    """An administrator, signed in."""
    browser.sign_in()
    return browser
