"""The signing vectors, positive and negative, and what they leave open."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from kedai.connectors.shopee.sign import sign_public, sign_push, sign_shop
from kedai.values.secret import Secret

FILE = json.loads((Path(__file__).parent / "sign_vectors.json").read_text())
VECTORS = {vector["id"]: vector for vector in FILE["vectors"]}
NEGATIVE = {vector["id"]: vector for vector in FILE["negative"]}
PUSH = VECTORS["push_order_status_ascii"]


def sign(vector: dict[str, Any]) -> str:
    key = Secret(vector["partner_key"])
    if vector["api_class"] == "push":
        return sign_push(key, vector["callback_url"], vector["raw_body"].encode())
    common = (key, str(vector["partner_id"]), vector["path"], vector["timestamp"])
    if vector["api_class"] == "public":
        return sign_public(*common)
    return sign_shop(*common, access_token=Secret(vector["access_token"]), shop_id=str(vector["shop_id"]))


@pytest.mark.parametrize("name", sorted(VECTORS))
def test_vector_is_signed_as_written(name: str) -> None:
    assert sign(VECTORS[name]) == VECTORS[name]["expected_hex"]


def test_key_is_its_characters_and_never_hex_decoded() -> None:
    vector = VECTORS["public_auth_partner_link"]
    assert sign(vector) != vector["must_not_equal_hex_decoded_key"]


@pytest.mark.parametrize("name", sorted(NEGATIVE))
def test_negative_vector_is_another_signature(name: str) -> None:
    assert NEGATIVE[name]["hex"] != PUSH["expected_hex"]


def test_negative_vectors_are_what_they_say() -> None:
    key, url, body = Secret(PUSH["partner_key"]), PUSH["callback_url"], PUSH["raw_body"].encode()
    again = NEGATIVE["push_reserialised_body_fails"]["raw_body"].encode()
    assert sign_push(key, url, again) == NEGATIVE["push_reserialised_body_fails"]["hex"]
    assert sign_push(key, url + "/", body) == NEGATIVE["push_trailing_slash_fails"]["hex"]


def test_signature_keeps_its_leading_zeros() -> None:
    signs = [sign_public(Secret("k" * 64), "2009876", "/api/v2/auth/token/get", second) for second in range(500)]
    assert all(len(one) == 64 for one in signs)
    assert any(one.startswith("00") for one in signs)
