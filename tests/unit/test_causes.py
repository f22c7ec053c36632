"""Codes of trouble in an operator's words: one table of ours, one of each marketplace's, and an honest default."""

from __future__ import annotations

import pytest

from kedai.connector_exceptions import causes
from kedai.connectors.base import ExplainsCodes, KeepsSignatures
from kedai.connectors.shopee.causes import CAUSES
from kedai.connectors.shopee.causes import explain as explain_shopee
from kedai.connectors.shopee.connector import SHOPEE


def test_every_cause_has_a_title_a_reason_and_a_next_step() -> None:
    for code, cause in {**causes.CAUSES, **CAUSES, "": causes.UNKNOWN}.items():
        assert all(text.strip() for text in (cause.title, cause.cause, cause.next_step)), code


def test_an_unknown_code_says_so() -> None:
    assert causes.explain("never heard of") is causes.UNKNOWN
    assert explain_shopee("never heard of") is None


@pytest.mark.parametrize("code", ["error_param", "order.error_param", "order. error_param", "ERROR_PARAM"])
def test_a_code_is_known_with_its_modules_prefix_and_without(code: str) -> None:
    assert explain_shopee(code) is CAUSES["error_param"]


def test_f26_an_undeclared_address_names_the_consoles_page() -> None:
    """F26: what to do stands on the exception; the message beside it names the address."""
    found = explain_shopee("source_ip_undeclared")
    assert found is not None
    assert "IP Address Whitelist" in found.next_step


def test_shopee_explains_its_codes_and_keeps_signatures() -> None:
    assert isinstance(SHOPEE, ExplainsCodes)
    assert isinstance(SHOPEE, KeepsSignatures)
    assert SHOPEE.is_signature(b"0" * 64)
    assert not any(SHOPEE.is_signature(one) for one in (b"", b"A" * 64, b"0" * 63, b"Bearer x", b"0" * 64 + b"\n"))


@pytest.mark.parametrize(
    ("body", "is_one"),
    [
        (b'{"code":0,"data":{"verify_info":"This is a Verification message."}}', True),
        (b'{"code":3,"data":{"verify_info":"x"}}', False),
        (b'{"code":0,"data":[]}', False),
        (b'{"code":0}', False),
        (b"[]", False),
        (b"[" * 100_000, False),
        (b"\xff\xfe", False),
        (b"", False),
    ],
)
def test_a_probe_is_told_from_whatever_else_comes(body: bytes, *, is_one: bool) -> None:
    assert SHOPEE.is_probe(body) is is_one
