"""T1 on the pages: a sealed value that lies where it does not belong is shown as unreadable, and nothing breaks."""

from __future__ import annotations

from itertools import combinations

import pytest
import sqlalchemy as sa

from kedai.values.environment import Environment
from kedai.vault.sealed import SEALED_TABLES, Shelf, read_rows, shelves_of_environment
from tests.feature.dashboard.browser import Browser
from tests.support.factories import COMPLETE, COMPLETE_LIVE, FAKE, SHOP, House

HERE = f"/connectors/{FAKE}"
OTHER, MERCHANT = "7002", "9001"
UNREADABLE = "Cannot be read"
PAGES = (
    *(f"{HERE}?tab={environment}" for environment in Environment),
    *(f"{HERE}/shops/{SHOP}?env={environment}" for environment in Environment),
    f"{HERE}/parity",
    "/e/sandbox/home",
    "/e/live/home",
    "/settings/keys",
)

ROWS = {
    "environment_credentials": [""],
    "auth_token": [SHOP, OTHER],
    "merchant_token": [MERCHANT],
    "held_token": [],  # opened only when a person takes the pair that is kept aside
}

Place = tuple[Shelf, str, str]
"""Shelf, row and column."""


def places() -> list[Place]:
    """Every sealed value of an environment that a page looks at; a shop's tokens for two shops."""
    found = []
    for environment in Environment:
        for shelf in shelves_of_environment(FAKE, environment):
            rows = ROWS[shelf.sealed.name]
            columns = [column for column in shelf.sealed.columns if "previous" not in column]
            found += [(shelf, row, column) for row in rows for column in columns]
    return found


def name(place: Place) -> str:
    shelf, row, column = place
    return f"{shelf.environment} {row} {column.removesuffix('_encrypted')}".replace("  ", " ")


@pytest.fixture
def filled(house: House) -> House:
    for environment in Environment:
        house.configure(environment)
        house.connect(environment)
        house.connect(environment, OTHER)
        house.connect_merchant(environment, MERCHANT)
    return house


def read(house: House, place: Place) -> str:
    shelf, row, column = place
    with house.db.read() as db:
        return next(one.values[column] for one in read_rows(db, shelf, after="", limit=10) if one.row == row)


def write(house: House, place: Place, stored: str) -> None:
    shelf, row, column = place
    where = shelf.where()
    if shelf.sealed.row is not None:
        where.append(shelf.table.c[shelf.sealed.row] == row)
    assert house.execute(sa.update(shelf.table).where(*where).values({column: stored})) == 1


def test_every_table_of_an_environment_is_swapped_here() -> None:
    assert ROWS.keys() == {one.name for one in SEALED_TABLES if one.of_environment}


def test_t1_values_in_each_others_place_are_shown_as_unreadable_and_no_page_breaks(
    filled: House, browser: Browser
) -> None:
    """Every pair of (environment, table, column) and of two rows: swapped, looked at, put back."""
    browser.sign_in()
    stored = {name(one): read(filled, one) for one in places()}
    secrets = [*COMPLETE.values(), *COMPLETE_LIVE.values()]
    for one, other in combinations(places(), 2):
        write(filled, one, stored[name(other)])
        write(filled, other, stored[name(one)])
        for place in (one, other):
            shown = browser.get(_page_of(place))
            assert shown.status == 200, (name(one), name(other))
            assert UNREADABLE in shown.words or "cannot be read" in shown.words, (name(one), name(other))
            assert [secret for secret in secrets if len(secret) > 10 and secret in shown.text] == []
        write(filled, one, stored[name(one)])
        write(filled, other, stored[name(other)])
    assert UNREADABLE not in browser.get(f"{HERE}?tab=sandbox").words


def test_t1_all_pages_open_while_nothing_can_be_read(filled: House, browser: Browser) -> None:
    """Each value lies one place further: no page, no call of the worker and no edit ends in a 500."""
    browser.sign_in()
    values = [read(filled, one) for one in places()]
    for place, stored in zip(places(), values[1:] + values[:1], strict=True):
        write(filled, place, stored)
    assert {path: browser.get(path).status for path in PAGES} == dict.fromkeys(PAGES, 200)
    page = browser.get(f"{HERE}?tab=sandbox")
    again = {"version": page.value("version"), "partner_key": COMPLETE["partner_key"]}
    assert browser.post(f"{HERE}/credentials?env=sandbox", again).status == 303  # typed anew, it is whole again
    assert "push partner key" in browser.get(f"{HERE}?tab=sandbox").words.lower()


def _page_of(place: Place) -> str:
    shelf, row, _ = place
    of_a_shop = shelf.sealed.name == "auth_token"
    return f"{HERE}/shops/{row}?env={shelf.environment}" if of_a_shop else f"{HERE}?tab={shelf.environment}"
