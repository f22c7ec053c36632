"""The envelope of a stored secret: what opens it, and everything that must not."""

from __future__ import annotations

import base64
import json
import os
from itertools import permutations, product
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kedai.errors import SecretUnreadable
from kedai.kit.crypto import (
    IvSource,
    SecretPlace,
    associated_data,
    derive_v1_key,
    key_id,
    open_v1,
    open_v2,
    seal_v1,
    seal_v2,
)

KEY = bytes(range(100, 132))
OTHER_KEY = bytes(range(101, 133))
PLACE = SecretPlace("shopee", "environment_credentials", "partner_key_encrypted", "sandbox", "")
FIXTURE: dict[str, Any] = json.loads((Path(__file__).parent / "fixtures" / "v1_from_node.json").read_text("utf-8"))

texts = st.text(max_size=200)
places = st.builds(
    SecretPlace,
    st.sampled_from(["shopee", "lazada"]),
    st.sampled_from(["environment_credentials", "auth_token"]),
    st.sampled_from(["partner_key_encrypted", "push_partner_key_encrypted", "access_token_encrypted"]),
    st.sampled_from(["sandbox", "live"]),
    st.sampled_from(["", "7001", "7002"]),
)
every_place = [
    SecretPlace("shopee", table, column, environment, row)
    for environment, table, column, row in product(
        ("sandbox", "live"),
        ("environment_credentials", "auth_token"),
        ("partner_key_encrypted", "push_partner_key_encrypted"),
        ("", "7001"),
    )
]


@given(texts)
def test_v1_gives_back_what_was_sealed(text: str) -> None:
    assert open_v1(KEY, seal_v1(KEY, text)) == text


@given(texts, places)
def test_v2_gives_back_what_was_sealed(text: str, place: SecretPlace) -> None:
    stored = seal_v2(KEY, "k1", place, text)
    assert open_v2(KEY, place, stored) == text
    assert key_id(stored) == "k1"


@pytest.mark.parametrize("known", FIXTURE["from_node"], ids=lambda one: f"{len(one['text'])} characters")
def test_v1_value_made_by_node_opens(known: dict[str, str]) -> None:
    key = derive_v1_key(FIXTURE["secret"], FIXTURE["salt"], FIXTURE["info"])
    assert key.hex() == FIXTURE["key_hex"]
    assert open_v1(key, known["stored"]) == known["text"]


def test_value_of_ours_that_node_opened_reads_the_same_here() -> None:
    key = derive_v1_key(FIXTURE["secret"], FIXTURE["salt"], FIXTURE["info"])
    ours = FIXTURE["from_kedai"]
    assert open_v1(key, ours["stored"]) == ours["text_as_node_opened_it"]


def test_v1_layout_is_iv_then_tag_then_ciphertext() -> None:
    raw = base64.b64decode(seal_v1(KEY, "twenty-four characters..").removeprefix("v1:"))
    assert len(raw) == 12 + 16 + 24
    turned = raw[:12] + raw[28:] + raw[12:28]  # the tag behind the ciphertext, as most libraries have it
    with pytest.raises(SecretUnreadable):
        open_v1(KEY, "v1:" + base64.b64encode(turned).decode())


def test_v2_layout_is_unpadded_base64url() -> None:
    stored = seal_v2(KEY, "key-2", PLACE, "x" * 17)
    version, kid, encoded = stored.split(":")
    assert (version, kid) == ("v2", "key-2")
    assert not set(encoded) & set("+/=")
    assert len(base64.urlsafe_b64decode(encoded + "=" * (-len(encoded) % 4))) == 12 + 17 + 16


def test_value_moved_to_any_other_place_does_not_open() -> None:
    """T1, also for tables whose columns have the same names."""
    stored = {place: seal_v2(KEY, "k1", place, "secret") for place in every_place}
    for home, other in permutations(every_place, 2):
        with pytest.raises(SecretUnreadable):
            open_v2(KEY, other, stored[home])


@given(places, places, texts)
def test_value_opens_in_its_own_place_only(home: SecretPlace, other: SecretPlace, text: str) -> None:
    stored = seal_v2(KEY, "k1", home, text)
    if home == other:
        assert open_v2(KEY, other, stored) == text
    else:
        with pytest.raises(SecretUnreadable):
            open_v2(KEY, other, stored)


def test_value_that_names_another_key_id_does_not_open_even_with_the_same_key() -> None:
    stored = seal_v2(KEY, "k1", PLACE, "secret")
    with pytest.raises(SecretUnreadable):
        open_v2(KEY, PLACE, stored.replace("v2:k1:", "v2:k2:"))


def test_letters_shifted_between_neighbouring_parts_make_another_place() -> None:
    one = SecretPlace("ab", "c", "", "sandbox", "1")
    for other in (
        SecretPlace("a", "bc", "", "sandbox", "1"),
        SecretPlace("ab", "", "c", "sandbox", "1"),
        SecretPlace("ab", "c", "sandbox", "", "1"),
        SecretPlace("ab", "c", "", "sandbox1", ""),
    ):
        assert associated_data(one, "k1") != associated_data(other, "k1")
        with pytest.raises(SecretUnreadable):
            open_v2(KEY, other, seal_v2(KEY, "k1", one, "secret"))


@given(st.tuples(*[st.text("ab|:,\0", max_size=3)] * 6), st.tuples(*[st.text("ab|:,\0", max_size=3)] * 6))
def test_no_two_places_share_their_associated_data(one: tuple[str, ...], other: tuple[str, ...]) -> None:
    data = [associated_data(SecretPlace(*parts[:5]), parts[5]) for parts in (one, other)]
    assert (data[0] == data[1]) == (one == other)


def test_every_single_flipped_bit_is_noticed() -> None:
    sealed = base64.b64decode(seal_v1(KEY, "secret").removeprefix("v1:"))
    encoded = seal_v2(KEY, "k1", PLACE, "secret").removeprefix("v2:k1:")
    bound = base64.urlsafe_b64decode(encoded + "=" * (-len(encoded) % 4))
    for position in range(8 * len(sealed)):
        with pytest.raises(SecretUnreadable):
            open_v1(KEY, "v1:" + base64.b64encode(_flipped(sealed, position)).decode())
        with pytest.raises(SecretUnreadable):
            open_v2(KEY, PLACE, "v2:k1:" + base64.urlsafe_b64encode(_flipped(bound, position)).rstrip(b"=").decode())


def test_another_key_opens_nothing() -> None:
    with pytest.raises(SecretUnreadable):
        open_v1(OTHER_KEY, seal_v1(KEY, "secret"))
    with pytest.raises(SecretUnreadable):
        open_v2(OTHER_KEY, PLACE, seal_v2(KEY, "k1", PLACE, "secret"))


@given(st.text(max_size=80))
def test_text_that_is_no_sealed_value_is_unreadable_and_nothing_worse(text: str) -> None:
    for stored in (text, f"v1:{text}", f"v2:k1:{text}", f"v2:{text}"):
        with pytest.raises(SecretUnreadable):
            open_v1(KEY, stored)
        with pytest.raises(SecretUnreadable):
            open_v2(KEY, PLACE, stored)


@pytest.mark.parametrize("stored", ["", "v1", "v2", "v2:", "v2:k1", "v2::AAAA", "v3:k1:AAAA", "k1:AAAA", "V2:k1:AAAA"])
def test_value_of_neither_format_names_no_key(stored: str) -> None:
    with pytest.raises(SecretUnreadable):
        key_id(stored)


def test_t6_a_million_ivs_are_all_different() -> None:
    source = IvSource()
    count = 1_000_000
    assert len({source.draw() for _ in range(count)}) == count


def test_t6_sealing_the_same_text_often_gives_another_iv_each_time() -> None:
    """Fewer than the million above, which are drawn alone: sealing costs fifty times as much."""
    sealed = [seal_v2(KEY, "k1", PLACE, "secret").rpartition(":")[2][:16] for _ in range(20_000)]
    assert len(set(sealed)) == len(sealed)
    assert seal_v1(KEY, "secret") != seal_v1(KEY, "secret")
    assert seal_v2(KEY, "k1", PLACE, "secret") != seal_v2(KEY, "k1", PLACE, "secret")


def test_t6_a_generator_that_repeats_itself_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "urandom", lambda size: b"\7" * size)
    seal_v2(KEY, "k1", PLACE, "secret")
    with pytest.raises(RuntimeError, match="repeats itself"):
        seal_v2(KEY, "k1", PLACE, "secret")
    with pytest.raises(RuntimeError, match="repeats itself"):
        seal_v1(KEY, "secret")


def _flipped(raw: bytes, bit: int) -> bytes:
    changed = bytearray(raw)
    changed[bit // 8] ^= 1 << (bit % 8)
    return bytes(changed)
