"""The simulator computes the contract's signing vectors, and none of the mistakes the vectors warn of."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from kedai.simulator.signing import is_same, sign_call, sign_push

VECTORS: dict[str, Any] = json.loads(Path(__file__).with_name("sign_vectors.json").read_text(encoding="utf-8"))
CALLS = [vector for vector in VECTORS["vectors"] if vector["api_class"] != "push"]
PUSH = next(vector for vector in VECTORS["vectors"] if vector["api_class"] == "push")


@pytest.mark.parametrize("vector", CALLS, ids=lambda vector: vector["id"])
def test_call_vectors(vector: dict[str, Any]) -> None:
    signature = sign_call(vector["partner_key"], vector["base_string"])
    assert signature == vector["expected_hex"]
    assert signature != vector.get("must_not_equal_hex_decoded_key")


def test_push_vector() -> None:
    body = PUSH["raw_body"].encode()
    assert sign_push(PUSH["partner_key"], PUSH["callback_url"], body) == PUSH["expected_hex"]


def test_reserialised_body_and_trailing_slash_sign_differently() -> None:
    reserialised, slash = VECTORS["negative"][0], VECTORS["negative"][1]
    key, url, body = PUSH["partner_key"], PUSH["callback_url"], PUSH["raw_body"].encode()
    assert sign_push(key, url, reserialised["raw_body"].encode()) == reserialised["hex"] != PUSH["expected_hex"]
    assert sign_push(key, url + "/", body) == slash["hex"] != PUSH["expected_hex"]


def test_comparison_takes_no_other_text_for_the_same() -> None:
    assert is_same("ab", "ab")
    assert not is_same("ab", "AB")
    assert not is_same("ab", "äb")
