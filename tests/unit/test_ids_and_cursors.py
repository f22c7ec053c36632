"""Public ids and page cursors: what is accepted, and that a changed one is refused."""

from __future__ import annotations

import base64
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kedai.errors import Invalid, NotFound
from kedai.kit.ids import new_id, parse_id, show_id
from kedai.kit.paging import decode_cursor, encode_cursor

KEY, OTHER_KEY = b"k" * 32, b"o" * 32


def test_later_ids_sort_later() -> None:
    made = [new_id() for _ in range(10_000)]
    assert made == sorted(made)
    assert len(set(made)) == len(made)
    assert {one.version for one in made} == {7}


@given(st.uuids(), st.sampled_from(["evt", "ord", "exc", "run"]))
def test_shown_id_leads_back(value: UUID, prefix: str) -> None:
    assert parse_id(prefix, show_id(prefix, value)) == value


@pytest.mark.parametrize(
    "text",
    [
        "",
        "evt",
        "evt_",
        "evt_0",
        "ord_" + "0" * 32,
        "evt_" + "0" * 31,
        "evt_" + "0" * 33,
        "evt_" + "g" * 32,
        "evt_" + "٣" * 32,
        "evt_{" + "0" * 30 + "}",
        "evt_0-" + "0" * 30,
        "EVT_" + "0" * 32,
        " evt_" + "0" * 32,
        "evt_" + "0" * 32 + "\n",
        "evt_" + "0" * 1_000_000,
    ],
)
def test_anything_else_names_nothing(text: str) -> None:
    with pytest.raises(NotFound):
        parse_id("evt", text)


@given(st.lists(st.integers(-(2**63), 2**63 - 1) | st.text(max_size=20), max_size=4))
def test_cursor_gives_back_its_position(position: list[int | str]) -> None:
    assert decode_cursor(KEY, "orders", encode_cursor(KEY, "orders", tuple(position))) == tuple(position)


@given(st.integers(0, 10_000))
def test_cursor_with_one_flipped_bit_is_refused(bit: int) -> None:
    cursor = encode_cursor(KEY, "orders", (1_577_880_000_000_000, "0" * 32))
    raw = bytearray(base64.urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4)))
    raw[bit // 8 % len(raw)] ^= 1 << (bit % 8)
    with pytest.raises(Invalid) as caught:
        decode_cursor(KEY, "orders", base64.urlsafe_b64encode(raw).rstrip(b"=").decode())
    assert caught.value.field == "cursor"


@pytest.mark.parametrize("bound_to", ["", "order", "orders\0", "orders\0live", "events"])
def test_cursor_of_another_list_or_filter_is_refused(bound_to: str) -> None:
    with pytest.raises(Invalid):
        decode_cursor(KEY, bound_to, encode_cursor(KEY, "orders", (1, "a")))


def test_filter_cannot_lend_its_end_to_the_position() -> None:
    """Text that moves between filter and position must not give the same tag."""
    cursor = encode_cursor(KEY, "orders", (1, "a"))
    raw = base64.urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4))
    with pytest.raises(Invalid):
        decode_cursor(KEY, "orders\0[", base64.urlsafe_b64encode(raw[:12] + raw[13:]).decode())


def test_cursor_of_another_installation_is_refused() -> None:
    with pytest.raises(Invalid):
        decode_cursor(OTHER_KEY, "orders", encode_cursor(KEY, "orders", (1, "a")))


@pytest.mark.parametrize("cursor", ["", "a", "====", "é", "\ud800", "%00", "a b", "[1]", "x" * 513, "A" * 1_000_000])
def test_text_that_is_no_cursor_is_refused(cursor: str) -> None:
    with pytest.raises(Invalid):
        decode_cursor(KEY, "orders", cursor)
