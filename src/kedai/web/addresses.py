"""Where a request comes from: the peer itself, or what a trusted proxy says of it."""

from __future__ import annotations

import ipaddress
from collections.abc import Sequence
from ipaddress import IPv4Network, IPv6Network

from starlette.requests import Request

Networks = Sequence[IPv4Network | IPv6Network]


def client_address(request: Request, trusted_proxies: Networks) -> str:
    """The nearest hop that is no trusted proxy; what a stranger writes into `X-Forwarded-For` counts for nothing."""
    address = request.client.host if request.client is not None else ""
    hops = ",".join(request.headers.getlist("x-forwarded-for")).split(",")
    for hop in reversed(hops):
        if not _is_trusted(address, trusted_proxies) or not _is_address(hop.strip()):
            return address
        address = hop.strip()
    return address


def _is_trusted(text: str, networks: Networks) -> bool:
    return _is_address(text) and any(ipaddress.ip_address(text) in network for network in networks)


def _is_address(text: str) -> bool:
    try:
        ipaddress.ip_address(text)
    except ValueError:
        return False
    return True
