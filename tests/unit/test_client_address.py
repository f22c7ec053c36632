"""T28, F49: where a request comes from: proxies are believed only where the installer named them."""

from __future__ import annotations

from ipaddress import ip_network

import pytest
from starlette.requests import Request

from kedai.web.addresses import client_address

TRUSTED = (ip_network("10.0.0.0/8"), ip_network("fd00::1"))


def request_from(peer: str, *forwarded: str) -> Request:
    headers = [(b"x-forwarded-for", one.encode()) for one in forwarded]
    return Request({"type": "http", "method": "GET", "path": "/", "headers": headers, "client": (peer, 1)})


@pytest.mark.parametrize(
    ("peer", "forwarded", "address"),
    [
        ("192.0.2.1", (), "192.0.2.1"),
        ("192.0.2.1", ("198.51.100.9",), "192.0.2.1"),
        ("10.0.0.1", (), "10.0.0.1"),
        ("10.0.0.1", ("198.51.100.9",), "198.51.100.9"),
        ("10.0.0.1", ("203.0.113.66, 198.51.100.9",), "198.51.100.9"),
        ("10.0.0.1", ("203.0.113.66", "198.51.100.9, 10.1.1.1"), "198.51.100.9"),
        ("10.0.0.1", ("198.51.100.9, <script>",), "10.0.0.1"),
        ("10.0.0.1", ("",), "10.0.0.1"),
        ("10.0.0.1", ("10.0.0.2, 10.0.0.3",), "10.0.0.2"),
        ("fd00::1", ("2001:db8::5",), "2001:db8::5"),
        ("fd00::2", ("2001:db8::5",), "fd00::2"),
        ("", ("198.51.100.9",), ""),
    ],
)
def test_only_a_trusted_proxy_says_who_came(peer: str, forwarded: tuple[str, ...], address: str) -> None:
    assert client_address(request_from(peer, *forwarded), TRUSTED) == address


def test_without_trusted_proxies_the_peer_counts() -> None:
    assert client_address(request_from("10.0.0.1", "198.51.100.9"), ()) == "10.0.0.1"
