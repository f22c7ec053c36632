"""One-time passwords as RFC 6238 has them, each used once, and recovery codes in whatever spelling."""

from __future__ import annotations

import base64
from datetime import UTC, datetime, timedelta
from urllib.parse import parse_qs, urlsplit

import pytest

from kedai.staff.totp import (
    find_step,
    new_recovery_codes,
    new_totp_secret,
    provisioning_uri,
    recovery_code_hash,
)
from kedai.values.secret import Secret

RFC_SECRET = Secret(base64.b32encode(b"12345678901234567890").decode())
STEP = timedelta(seconds=30)
NOW = datetime(2009, 2, 13, 23, 31, 30, tzinfo=UTC)
"""1234567890 seconds: a time of the RFC's appendix B, whose code there ends in 005924; 41152263 is its step."""


@pytest.mark.parametrize(
    ("seconds", "code"),
    [(59, "287082"), (1111111109, "081804"), (1111111111, "050471"), (1234567890, "005924"), (2000000000, "279037")],
)
def test_codes_are_those_of_the_rfc(seconds: int, code: str) -> None:
    at = datetime.fromtimestamp(seconds, UTC)
    assert find_step(RFC_SECRET, code, now=at, last_step=None) == seconds // 30


def test_a_code_counts_a_step_early_and_a_step_late_and_no_further() -> None:
    for span, found in ((-2, None), (-1, 41152263), (0, 41152263), (1, 41152263), (2, None)):
        assert find_step(RFC_SECRET, "005924", now=NOW + STEP * span, last_step=None) == found


@pytest.mark.parametrize("last_step", [41152263, 41152264])
def test_a_used_step_counts_no_more(last_step: int) -> None:
    """Bad input 73: the same code again, in the same step or the next."""
    assert find_step(RFC_SECRET, "005924", now=NOW, last_step=last_step) is None
    assert find_step(RFC_SECRET, "005924", now=NOW, last_step=41152262) == 41152263


@pytest.mark.parametrize("text", ["", "00592", "0059240", "00592\u0664", "-05924", "0x5924", "005924\0", "a" * 10_000])
def test_what_is_no_code_is_none(text: str) -> None:
    assert find_step(RFC_SECRET, text, now=NOW, last_step=None) is None


def test_spaces_that_people_type_do_not_matter() -> None:
    assert find_step(RFC_SECRET, " 005 924\n", now=NOW, last_step=None) == 41152263


def test_the_address_for_the_app_names_us_the_person_and_the_secret() -> None:
    secret = new_totp_secret()
    parts = urlsplit(provisioning_uri(secret, email="anna@example.com", issuer="Kedai kedai.example"))
    assert (parts.scheme, parts.netloc) == ("otpauth", "totp")
    query = parse_qs(parts.query)
    assert query["secret"] == [secret.reveal()]
    assert query["issuer"] == ["Kedai kedai.example"]
    assert len(base64.b32decode(secret.reveal())) == 20


def test_recovery_codes_are_long_different_and_found_in_any_spelling() -> None:
    codes = [code.reveal() for code in new_recovery_codes()]
    assert len(set(codes)) == 10
    for code in codes:
        assert len(code.replace("-", "")) == 16  # of 32 letters: 80 bits
        spellings = (code, code.upper(), code.replace("-", ""), f" {code.replace('-', ' ')} ")
        assert len({recovery_code_hash(one) for one in spellings}) == 1
    assert len({recovery_code_hash(code) for code in codes}) == 10


@pytest.mark.parametrize("text", ["", "123456", "abcd-efgh-ijkl-mno", "abcd-efgh-ijkl-mno1", "a" * 10_000])
def test_what_is_no_recovery_code_has_no_hash(text: str) -> None:
    assert recovery_code_hash(text) is None
