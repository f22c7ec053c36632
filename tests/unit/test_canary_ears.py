"""T8: the search for canaries finds a secret in whatever disguise, and takes a fingerprint for none."""

from __future__ import annotations

import base64
import html
import json
from collections.abc import Callable
from urllib.parse import quote, quote_plus

import pytest

from tests.support.canaries import Ears

SECRET = 'a "canary" & <nobody> + 100% \\ of it'
CANARIES = {"one": SECRET, "other": "something else altogether"}
DISGUISES: dict[str, Callable[[str], str]] = {
    "plain": str,
    "in the middle": lambda secret: f"x{secret}y",
    "cut off at its ends": lambda secret: secret[3:-3],
    "reversed": lambda secret: secret[::-1],
    "hex": lambda secret: secret.encode().hex(),
    "HEX": lambda secret: secret.encode().hex().upper(),
    "base64": lambda secret: base64.b64encode(secret.encode()).decode(),
    "base64 of more": lambda secret: base64.b64encode(f"{{1{secret}2}}".encode()).decode(),
    "base64 of still more": lambda secret: base64.urlsafe_b64encode(f"22{secret}!".encode()).decode().rstrip("="),
    "in an address": quote,
    "in a form": quote_plus,
    "in JSON": json.dumps,
    "in JSON in JSON": lambda secret: json.dumps(json.dumps([secret])),
    "in HTML": html.escape,
    "in Python": repr,
}


@pytest.mark.parametrize("disguise", DISGUISES)
def test_a_secret_is_found_in_every_disguise_and_named_but_not_told(disguise: str) -> None:
    ears = Ears()
    ears.hear("here", f"… {DISGUISES[disguise](SECRET)} …")
    ears.hear("there", "nothing")
    leaks = ears.leaks(CANARIES)
    assert leaks
    assert all(leak.startswith("here: one, ") and SECRET not in leak for leak in leaks)


def test_a_fingerprint_and_a_hash_are_no_secret() -> None:
    ears = Ears()
    ears.hear("here", f"{SECRET[:4]}…{SECRET[-4:]}·len{len(SECRET)} {hash(SECRET)}")
    assert ears.leaks(CANARIES) == []
    assert ears.places == {"here"}
