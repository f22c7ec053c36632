"""The way out for webhooks and chats: a POST to addresses that were checked, never redirected; no answer is read."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Callable, Mapping
from typing import Any, Final

import aiohttp
from aiohttp.abc import AbstractResolver, ResolveResult

from kedai.errors import Invalid
from kedai.notifications.addresses import Loopback, Resolve, find_addresses, parse_url
from kedai.notifications.outcome import NotSentError
from kedai.values.wording import N_

SECONDS: Final = 15.0
_CONNECT_SECONDS: Final = 5.0
_JSON: Final = "application/json"
_MOST_HEADER_BYTES: Final = 8 * 1024
_GONE: Final = 410

OpenSocket = Callable[[Any], socket.socket]
"""Makes the socket of a connection, handed the address; a test puts a refusal here."""


async def post(
    url: str,
    body: bytes,
    *,
    headers: Mapping[str, str],
    loopback: Loopback,
    resolve: Resolve,
    open_socket: OpenSocket | None = None,
) -> None:
    """Send it, and return once the other side has said that it took it.

    Raises:
        NotSentError: it did not; ``permanent`` where trying again would be of no use. No text of the other side is in
            it: that could be anything.
    """
    try:
        async with asyncio.timeout(SECONDS):
            endpoint = parse_url(url, loopback=loopback)
            pinned = await find_addresses(endpoint, loopback=loopback, resolve=resolve)
            status = await _exchange(url, body, headers, _Pinned(pinned), open_socket)
    except Invalid as error:
        raise NotSentError(error.message, permanent=True) from None
    except aiohttp.ClientSSLError:
        raise NotSentError(N_("No secure connection could be made.")) from None
    except TimeoutError:
        raise NotSentError(N_("It took too long.")) from None
    except socket.gaierror:
        raise NotSentError(N_("The host name cannot be resolved.")) from None
    except (aiohttp.ClientError, OSError):  # their texts quote the URL, which may be a secret
        raise NotSentError(N_("The connection could not be made, or was lost.")) from None
    if not 200 <= status < 300:
        raise NotSentError(N_("The answer was %(status)s.", status=status), permanent=status == _GONE)


async def _exchange(
    url: str, body: bytes, headers: Mapping[str, str], resolver: AbstractResolver, open_socket: OpenSocket | None
) -> int:
    connector = aiohttp.TCPConnector(
        resolver=resolver, use_dns_cache=False, force_close=True, socket_factory=open_socket
    )
    async with (
        aiohttp.ClientSession(
            connector=connector,
            cookie_jar=aiohttp.DummyCookieJar(),
            trust_env=False,
            timeout=aiohttp.ClientTimeout(total=SECONDS, connect=_CONNECT_SECONDS),
            max_line_size=_MOST_HEADER_BYTES,
            max_field_size=_MOST_HEADER_BYTES,
        ) as session,
        session.post(
            url,
            data=body,
            headers={"User-Agent": "kedai", "Content-Type": _JSON, **headers},
            allow_redirects=False,
        ) as response,
    ):
        return response.status


class _Pinned(AbstractResolver):
    """Answers with the addresses that were checked, whoever is asked for."""

    def __init__(self, addresses: tuple[str, ...]) -> None:
        self._addresses = addresses

    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_UNSPEC
    ) -> list[ResolveResult]:
        return [
            ResolveResult(
                hostname=host,
                host=one,
                port=port,
                family=socket.AF_INET6 if ":" in one else socket.AF_INET,
                proto=socket.IPPROTO_TCP,
                flags=socket.AI_NUMERICHOST,
            )
            for one in self._addresses
            if family in {socket.AF_UNSPEC, socket.AF_INET6 if ":" in one else socket.AF_INET}
        ]

    async def close(self) -> None:
        return
