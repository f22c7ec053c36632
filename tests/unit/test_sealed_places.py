"""T1 for every place there is: a value swapped between environments, tables, columns or rows never opens."""

from __future__ import annotations

import hashlib
from itertools import permutations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import kedai.runtime
from kedai.db.base import Model
from kedai.errors import SecretUnreadable
from kedai.kit.crypto import SecretPlace, open_v2, seal_v2
from kedai.notifications.channels import secret_place as channel_place
from kedai.staff.models import Staff
from kedai.sync.second_factor import totp_place
from kedai.values.environment import ConnectorName, Environment, MerchantScope, Scope
from kedai.vault.accounts import secret_place
from kedai.vault.held import account_of, held_place
from kedai.vault.queries import credentials_place
from kedai.vault.ring import fingerprint_place
from kedai.vault.sealed import SEALED_TABLES, Shelf, shelves_of_environment, shelves_of_installation

KEY = hashlib.sha256(b"a key for tests, of no use anywhere").digest()
FAKE = ConnectorName("fake")
SHELVES = [
    *shelves_of_installation(),
    *(one for environment in Environment for one in shelves_of_environment(FAKE, environment)),
]
COLUMNS = [(shelf, column) for shelf in SHELVES for column in shelf.sealed.columns]
"""Every (environment, table, column)."""

rows = st.text(max_size=12)
texts = st.text(min_size=1, max_size=60)


def place_of(where: tuple[Shelf, str], row: str) -> SecretPlace:
    shelf, column = where
    return shelf.place(column, row if shelf.sealed.row else "")


@settings(max_examples=15, deadline=None)
@given(st.data(), texts)
def test_t1_a_value_swapped_between_any_two_columns_never_opens(data: st.DataObject, text: str) -> None:
    """Fails when `associated_data` leaves out a part."""
    for home, other in permutations(COLUMNS, 2):
        row = data.draw(rows) if home[0].sealed.row and other[0].sealed.row else ""
        sealed = seal_v2(KEY, "k1", place_of(home, row), text)
        assert open_v2(KEY, place_of(home, row), sealed) == text
        with pytest.raises(SecretUnreadable):
            open_v2(KEY, place_of(other, row), sealed)


@given(st.sampled_from([one for one in COLUMNS if one[0].sealed.row]), rows, rows, texts)
def test_t1_a_value_swapped_between_two_rows_never_opens(
    where: tuple[Shelf, str], one: str, other: str, text: str
) -> None:
    sealed = seal_v2(KEY, "k1", place_of(where, one), text)
    if one == other:
        assert open_v2(KEY, place_of(where, other), sealed) == text
        return
    with pytest.raises(SecretUnreadable):
        open_v2(KEY, place_of(where, other), sealed)


def test_the_list_names_every_sealed_column_of_every_table() -> None:
    """A sealed column that a rewrap does not know would be lost with the key it was sealed with."""
    assert kedai.runtime.FEATURES  # importing it registers every table
    listed = {(table.name, column) for table in SEALED_TABLES for column in table.columns}
    there = {
        (table.name, column.name)
        for table in Model.metadata.tables.values()
        for column in table.columns
        if column.name.endswith("_encrypted")
    }
    assert listed == there


def test_the_list_agrees_with_those_who_seal() -> None:
    scope = Scope(FAKE, Environment.LIVE, "7001")
    shelves = {shelf.sealed.name: shelf for shelf in shelves_of_environment(FAKE, Environment.LIVE)}
    for column in shelves["environment_credentials"].sealed.columns:
        assert shelves["environment_credentials"].place(column, "") == credentials_place(FAKE, Environment.LIVE, column)
    for column in shelves["auth_token"].sealed.columns:
        assert shelves["auth_token"].place(column, "7001") == secret_place(scope, column)
    merchant = MerchantScope(FAKE, Environment.LIVE, "7001")
    for column in shelves["merchant_token"].sealed.columns:
        assert shelves["merchant_token"].place(column, "7001") == secret_place(merchant, column)
    for owner in (scope, merchant):
        for column in shelves["held_token"].sealed.columns:
            assert shelves["held_token"].place(column, account_of(owner)) == held_place(owner, column)
    assert account_of(scope) != account_of(merchant)
    own = {shelf.sealed.name: shelf for shelf in shelves_of_installation()}
    assert own["installation"].place("fingerprint_key_encrypted", "") == fingerprint_place()
    person = Staff(email="ana@shop.example")
    channel = own["notification_channel"]
    assert channel.place("secret_encrypted", "night shift") == channel_place("night shift")
    assert own["staff"].place("totp_secret_encrypted", person.email) == totp_place(person)
