"""T7: what is shown of a stored secret never tells a short one, and of a long one eight characters at most."""

from __future__ import annotations

import string

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kedai.sync.connection import fingerprint

secrets = st.text(string.ascii_uppercase, max_size=64)


@given(secrets)
def test_short_secret_shows_nothing_and_a_long_one_eight_characters(secret: str) -> None:
    shown = fingerprint(secret)
    if len(secret) < 20:
        assert shown is None
        return
    assert shown is not None
    assert secret not in shown
    assert sum(character in string.ascii_uppercase for character in shown) == 8
    assert shown.endswith(f"len{len(secret)}")


@pytest.mark.parametrize("length", range(65))
def test_every_length(length: int) -> None:
    secret = (string.ascii_uppercase * 3)[:length]
    shown = fingerprint(secret)
    assert (shown is None) is (length < 20)
    assert not secret or secret not in (shown or "")
    if shown is not None:
        assert shown == f"{secret[:4]}…{secret[-4:]}·len{length}"
