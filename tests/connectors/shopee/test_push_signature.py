"""Who may push: only somebody with a configured key, over a configured URL and these very bytes (T10 to T12)."""

from __future__ import annotations

import hmac
import json
from itertools import product
from pathlib import Path

import pytest

from kedai.connectors.shopee import push
from kedai.connectors.shopee.push import REASONS, verify_push
from kedai.connectors.shopee.sign import sign_push
from kedai.errors import BadSignature
from kedai.values.secret import Secret
from tests.connectors.shopee.suite import ALIAS, OLD_PUSH_KEY, PARTNER_KEY, PATH, PUSH_KEY, URL, push_keys, read, sign

BODY = read("push__order_status__ready_to_ship.json")
GOOD = sign_push(PUSH_KEY, URL, BODY).encode()
KEYS = push_keys(PUSH_KEY, OLD_PUSH_KEY)


def reason(headers: dict[bytes, bytes], keys=KEYS, body: bytes = BODY) -> str:
    with pytest.raises(BadSignature) as refused:
        verify_push(keys, headers, PATH, body)
    assert refused.value.message == REASONS[refused.value.facts["reason"]]
    return refused.value.facts["reason"]


def given(signature: bytes) -> dict[bytes, bytes]:
    return {b"authorization": signature}


def test_every_way_to_fail_has_a_message_of_its_own() -> None:
    assert len(set(REASONS.values())) == len(REASONS)


REFUSED_HEADERS = {
    "33 missing": ({}, "missing"),
    "34 empty": (given(b""), "empty"),
    "35 Bearer x": (given(b"Bearer x"), "scheme"),
    "35 a scheme before a right signature": (given(b"SHA256 " + GOOD), "scheme"),
    "36 upper-case hex": (given(GOOD.upper()), "upper_case"),
    "37 63 characters": (given(GOOD[:-1]), "length"),
    "37 65 characters": (given(GOOD + b"0"), "length"),
    "39 two headers joined by a proxy": (given(GOOD + b", " + GOOD), "scheme"),
    "39 the last of two is wrong": (given(b"0" * 64), "mismatch"),
    "40 NUL at the end": (given(GOOD[:-1] + b"\0"), "characters"),
    "40 CRLF at the end": (given(GOOD + b"\r\n"), "length"),
    "41 valid for another URL": (given(sign_push(PUSH_KEY, URL + "/", BODY).encode()), "mismatch"),
    "42 valid for the other environment's key": (given(sign_push(Secret("x" * 64), URL, BODY).encode()), "mismatch"),
    "42 valid for the API key": (given(sign_push(Secret(PARTNER_KEY), URL, BODY).encode()), "mismatch"),
    "43 valid for the body written again": (
        given(sign_push(PUSH_KEY, URL, json.dumps(json.loads(BODY), separators=(",", ":")).encode()).encode()),
        "mismatch",
    ),
    "valid for the body alone": (
        given(hmac.digest(PUSH_KEY.reveal().encode(), BODY, "sha256").hex().encode()),
        "mismatch",
    ),
    "64 bytes that are not ASCII": (given(b"\xe9" * 64), "characters"),
    "64 characters that are no hex": (given(b"g" * 64), "characters"),
    "as long as a header can be": (given(b"a" * 8_000), "length"),
}


@pytest.mark.parametrize("case", REFUSED_HEADERS)
def test_refused_header_says_why(case: str) -> None:
    headers, expected = REFUSED_HEADERS[case]
    assert reason(headers) == expected


def test_no_key_is_never_good_enough() -> None:
    empty_key_signature = hmac.digest(b"", URL.encode() + b"|" + BODY, "sha256").hex().encode()
    assert reason(given(GOOD), push_keys()) == "no_key"
    assert reason(given(empty_key_signature), push_keys(Secret(""))) == "no_key"
    assert reason({}, push_keys()) == "no_key"


@pytest.mark.parametrize("case", REFUSED_HEADERS)
def test_signatures_are_compared_in_constant_time_on_every_path(case: str, monkeypatch: pytest.MonkeyPatch) -> None:
    compared: list[tuple[bytes, bytes]] = []
    real = hmac.compare_digest

    def compare(one: bytes, other: bytes) -> bool:
        compared.append((one, other))
        return real(one, other)

    monkeypatch.setattr(hmac, "compare_digest", compare)
    reason(REFUSED_HEADERS[case][0])
    assert len(compared) == len(KEYS.keys) * len(KEYS.urls)
    assert all(isinstance(one, bytes) and isinstance(other, bytes) for one, other in compared)


def test_any_flipped_bit_is_refused() -> None:
    for place, bit in product(range(len(BODY)), range(8)):
        flipped = bytearray(BODY)
        flipped[place] ^= 1 << bit
        assert reason(given(GOOD), body=bytes(flipped)) == "mismatch"
    for place, bit in product(range(len(GOOD)), range(8)):
        flipped = bytearray(GOOD)
        flipped[place] ^= 1 << bit
        assert reason(given(bytes(flipped))) in {"mismatch", "characters", "upper_case", "scheme"}


@pytest.mark.parametrize(("name", "key"), [("current", PUSH_KEY), ("previous", OLD_PUSH_KEY)])
@pytest.mark.parametrize("url", [URL, ALIAS])
def test_each_key_and_url_verifies_and_is_named(name: str, key: Secret, url: str) -> None:
    match = verify_push(KEYS, sign(key, url, BODY), PATH, BODY)
    assert (match.key_name, match.url) == (name, url)


@pytest.mark.parametrize("path", [PATH, "/connectors/shopee/webhook", "/", "", "/elsewhere", "https://evil.test/x"])
@pytest.mark.parametrize("url", [URL, ALIAS])
def test_path_only_orders_the_candidates(path: str, url: str) -> None:
    assert verify_push(KEYS, sign(PUSH_KEY, url, BODY), path, BODY).url == url


def test_url_that_ends_in_the_path_is_tried_first(monkeypatch: pytest.MonkeyPatch) -> None:
    tried: list[str] = []
    monkeypatch.setattr(push, "sign_push", lambda key, url, body: tried.append(url) or sign_push(key, url, body))
    verify_push(push_keys(PUSH_KEY, urls=(ALIAS, URL)), sign(PUSH_KEY, URL, BODY), PATH, BODY)
    assert tried == [URL]


def test_request_cannot_choose_what_is_signed() -> None:
    evil = f"https://evil.example.test{PATH}"
    headers = {
        **sign(PUSH_KEY, evil, BODY),
        b"host": b"evil.example.test",
        b"x-forwarded-host": b"evil.example.test",
        b"x-forwarded-proto": b"https",
        b"x-original-url": evil.encode(),
    }
    assert reason(headers) == "mismatch"
    assert verify_push(KEYS, {**headers, **given(GOOD)}, PATH, BODY).url == URL


@pytest.mark.parametrize(
    "body",
    [
        b'{"code" : 3 ,  "shop_id":1}',
        b'{"name":"caf\\u00e9 \\/ \xc3\xa9"}',
        b'{"total": 1.0, "count": 1, "big": 12345678901234567890}',
        b'{"b":1,"a":2,"b":3}\n',
        b"\xff\xfe not even text",
        b"",
    ],
)
def test_exact_bytes_are_verified_and_never_written_again(body: bytes) -> None:
    assert verify_push(KEYS, sign(PUSH_KEY, URL, body), PATH, body).key_name == "current"


def test_vector_verifies() -> None:
    file = json.loads((Path(__file__).parent / "sign_vectors.json").read_text())
    vector = next(one for one in file["vectors"] if one["api_class"] == "push")
    keys = push_keys(Secret(vector["partner_key"]), urls=(vector["callback_url"],))
    body = vector["raw_body"].encode()
    assert verify_push(keys, given(vector["expected_hex"].encode()), "/hooks/shopee", body).key_name == "current"
    for negative in file["negative"]:
        assert reason(given(negative["hex"].encode()), keys, body) == "mismatch"
    written_again = file["negative"][0]["raw_body"].encode()
    assert reason(given(vector["expected_hex"].encode()), keys, written_again) == "mismatch"
