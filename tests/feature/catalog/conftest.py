"""An open installation for each test of this room, on both databases, and short words for the SKU map."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from kedai.values.environment import Environment
from tests.support.factories import House, open_house


@pytest.fixture
def house(database_url: str, tmp_path: Path) -> Iterator[House]:
    """A fresh installation with a fake marketplace."""
    with open_house(database_url, tmp_path) as opened:
        yield opened


@pytest.fixture
def shop(house: House) -> House:
    """Both environments complete, with a connected shop each; sandbox is active."""
    for environment in Environment:
        house.configure(environment)
        house.connect(environment)
    return house
