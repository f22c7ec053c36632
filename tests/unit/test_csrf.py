"""T26, F49: which header combinations may change something on behalf of a cookie."""

from __future__ import annotations

import pytest

from kedai.web.csrf import is_same_origin, origin_of

OURS = "https://kedai.example"
OTHER = "https://evil.example"

HEADER_MATRIX = [
    ("POST", "same-origin", OURS, True),
    ("POST", "same-origin", None, True),
    ("POST", "same-site", OURS, False),
    ("POST", "cross-site", OURS, False),
    ("POST", "cross-site", OTHER, False),
    ("POST", "none", None, False),
    ("POST", "", OURS, False),
    ("POST", None, OURS, True),
    ("POST", None, OTHER, False),
    ("POST", None, "null", False),
    ("POST", None, None, False),
    ("GET", "cross-site", OTHER, True),
]


@pytest.mark.parametrize(("method", "sec_fetch_site", "origin", "accepted"), HEADER_MATRIX)
def test_only_our_own_pages_may_change_something(
    *, method: str, sec_fetch_site: str | None, origin: str | None, accepted: bool
) -> None:
    assert is_same_origin(method, sec_fetch_site, origin, OURS) is accepted


@pytest.mark.parametrize("method", ["POST", "PUT", "PATCH", "DELETE", "TRACE", "get", "QUERY"])
def test_every_method_not_known_as_safe_is_checked(method: str) -> None:
    assert not is_same_origin(method, "cross-site", OTHER, OURS)


@pytest.mark.parametrize("method", ["GET", "HEAD", "OPTIONS"])
def test_safe_methods_pass_from_anywhere(method: str) -> None:
    assert is_same_origin(method, "cross-site", OTHER, OURS)


@pytest.mark.parametrize(
    "origin",
    [
        "http://kedai.example",
        "https://kedai.example:8443",
        "https://kedai.example/",
        "https://kedai.example.evil.example",
        "https://sub.kedai.example",
        "https://evil.example, https://kedai.example",
        " https://kedai.example",
        "",
    ],
)
def test_origin_that_only_resembles_ours_is_refused(origin: str) -> None:
    assert not is_same_origin("POST", None, origin, OURS)


def test_empty_origin_is_never_ours() -> None:
    assert not is_same_origin("POST", None, "", "")


@pytest.mark.parametrize(
    ("url", "origin"),
    [
        ("https://kedai.example", "https://kedai.example"),
        ("HTTPS://Kedai.Example/base", "https://kedai.example"),
        ("https://kedai.example:443", "https://kedai.example"),
        ("https://kedai.example:8443/x", "https://kedai.example:8443"),
        ("http://127.0.0.1:8080", "http://127.0.0.1:8080"),
        ("http://[::1]:80", "http://[::1]"),
    ],
)
def test_origin_is_written_as_browsers_write_it(url: str, origin: str) -> None:
    assert origin_of(url) == origin
