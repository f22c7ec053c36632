"""Where a message may go: only to addresses of the open internet, found once and then held on to.

A name is resolved once for each message, all of its addresses must be free, and the connection goes to those and no
others: a name that answers differently a moment later reaches nothing. The one exception are loopback addresses that
the installer named with their port (`KEDAI_EXTRA_HOSTS`), for development and tests.
"""

from __future__ import annotations

import asyncio
import ipaddress
import re
import socket
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv6Address
from typing import Final
from urllib.parse import urlsplit

from kedai.errors import Invalid
from kedai.values.wording import N_

Resolve = Callable[[str, int], Awaitable[Sequence[str]]]
"""The addresses of a name, as text. Raises OSError where there are none."""

Loopback = frozenset[tuple[str, int]]
"""Addresses on this machine that may be reached, each with its port."""

RESOLVE_SECONDS: Final = 5.0
_LONGEST: Final = 2000
_LABEL = r"(?!-)[a-z0-9_-]{1,63}(?<!-)"
_NAME: Final = re.compile(rf"{_LABEL}(\.{_LABEL})*")
_NOT_FREE_4: Final = tuple(map(ipaddress.IPv4Network, ("192.0.0.0/24", "192.88.99.0/24", "240.0.0.0/4")))
_GLOBAL_6: Final = ipaddress.IPv6Network("2000::/3")  # leaves out mapped, NAT64, local, link-local and multicast ones
_NOT_FREE_6: Final = tuple(
    map(
        ipaddress.IPv6Network,
        ("2001::/23", "2001:db8::/32", "2002::/16", "3fff::/20"),  # protocols, Teredo among them; documents; 6to4
    )
)


@dataclass(frozen=True, slots=True)
class Endpoint:
    """A host (a name in lower case, or an address) and its port."""

    host: str
    port: int


def parse_url(text: str, *, loopback: Loopback) -> Endpoint:
    """Where an address leads: https, or http to a loopback address that is allowed.

    Raises:
        Invalid: it is no plain https URL, has a user or a fragment, or names a place that is not free.
    """
    if len(text) > _LONGEST or not text.isascii() or not text.isprintable() or re.search(r"[\s\\#\"<>]", text):
        raise Invalid(N_("This is not a plain URL."), field="url")
    try:
        parts = urlsplit(text)
        port = parts.port
    except ValueError:
        raise Invalid(N_("This is not a plain URL."), field="url") from None
    if parts.scheme not in {"https", "http"} or "@" in parts.netloc or port == 0:
        raise Invalid(N_("The URL begins with https:// and holds no user or password."), field="url")
    endpoint = parse_host(parts.hostname or "", port or (443 if parts.scheme == "https" else 80), loopback=loopback)
    if parts.scheme == "http" and not is_allowed(endpoint, loopback):
        raise Invalid(N_("The URL must begin with https://."), field="url")
    return endpoint


def parse_host(host: str, port: int, *, loopback: Loopback) -> Endpoint:
    """A host as a form gives it; what it resolves to is judged when a message goes out.

    Raises:
        Invalid: it is no host name, a number in disguise, or an address that is not free.
    """
    endpoint = Endpoint(host.lower(), port)
    if not 0 < port < 65536:
        raise Invalid(N_("A port is a number from 1 to 65535."), field="port")
    if is_allowed(endpoint, loopback):
        return endpoint
    address = _literal(endpoint.host)
    if address is None:
        _check_name(endpoint.host)
    elif not is_free(address):
        raise Invalid(N_("This address is not on the open internet: messages may not go there."), field="host")
    return endpoint


async def find_addresses(endpoint: Endpoint, *, loopback: Loopback, resolve: Resolve) -> tuple[str, ...]:
    """The addresses to connect to, and no others.

    Raises:
        Invalid: one of them is not free. OSError: the name has none. TimeoutError: nobody said in time.
    """
    if is_allowed(endpoint, loopback) or _literal(endpoint.host) is not None:
        parse_host(endpoint.host, endpoint.port, loopback=loopback)
        return ("127.0.0.1" if endpoint.host == "localhost" else endpoint.host,)
    async with asyncio.timeout(RESOLVE_SECONDS):
        found = tuple(dict.fromkeys(await resolve(endpoint.host, endpoint.port)))
    addresses = [_literal(one) for one in found]
    if not found or not all(one is not None and is_free(one) for one in addresses):
        raise Invalid(
            N_("The name leads to an address that is not on the open internet: nothing was sent."), field="host"
        )
    return found


async def resolve_by_system(host: str, port: int) -> Sequence[str]:
    """What the machine's resolver says."""
    found = await asyncio.get_running_loop().getaddrinfo(host, port, type=socket.SOCK_STREAM)
    return [str(one[4][0]) for one in found]


def is_allowed(endpoint: Endpoint, loopback: Loopback) -> bool:
    """Whether it is one of the loopback addresses that the installer named."""
    return (endpoint.host, endpoint.port) in loopback


def is_free(address: IPv4Address | IPv6Address) -> bool:
    """Whether an address belongs to the open internet: to nobody's own network, machine or cloud."""
    if isinstance(address, IPv4Address):
        inside = any(address in network for network in _NOT_FREE_4)
        return address.is_global and not address.is_multicast and not inside
    return address in _GLOBAL_6 and address.is_global and not any(address in network for network in _NOT_FREE_6)


def _literal(text: str) -> IPv4Address | IPv6Address | None:
    try:
        return ipaddress.ip_address(text)
    except ValueError:
        return None


def _check_name(host: str) -> None:
    """A last label of digits is how `2130706433`, `0x7f.1` or `127.1` would get by: resolvers read them as numbers."""
    if len(host) > 253 or not _NAME.fullmatch(host.removesuffix(".")):
        raise Invalid(N_("This is not a host name."), field="host")
    last = host.removesuffix(".").rpartition(".")[2]
    if last.isdigit() or re.fullmatch(r"0x[0-9a-f]*", last):
        raise Invalid(N_("This is not a host name."), field="host")
