"""The way out for e-mail: SMTP in a thread, to addresses that were checked, under the server's certificate."""

from __future__ import annotations

import asyncio
import smtplib
import socket
import ssl
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from email.message import EmailMessage
from typing import Any, Final

from kedai.errors import Invalid
from kedai.notifications.addresses import Endpoint, Loopback, Resolve, find_addresses
from kedai.notifications.outcome import NotSentError
from kedai.values.secret import Secret
from kedai.values.wording import N_

SECONDS: Final = 25.0
_SILENCE_SECONDS: Final = 8.0
_PERMANENT: Final = range(500, 600)

Connect = Callable[[tuple[str, int], float], socket.socket]
"""Opens a connection to an address that was checked; a test puts a refusal here."""


@dataclass(frozen=True, slots=True)
class Server:
    """Which server to hand mail to, and how. ``tls`` is tls (from the start), starttls or none (loopback only)."""

    endpoint: Endpoint
    tls: str
    user: str
    password: Secret | None


async def send_mail(
    server: Server,
    message: EmailMessage,
    *,
    loopback: Loopback,
    resolve: Resolve,
    connect: Connect = socket.create_connection,
) -> None:
    """Hand a message to the server, and return once it has taken it.

    Raises:
        NotSentError: it did not; ``permanent`` where it said so itself. No text of the other side is in it.
    """
    try:
        pinned = await find_addresses(server.endpoint, loopback=loopback, resolve=resolve)
        await _within_time(server, message, pinned, connect)
    except Invalid as error:
        raise NotSentError(error.message, permanent=True) from None
    except smtplib.SMTPAuthenticationError as error:
        raise NotSentError(N_("The mail server refused user and password (%(code)s).", code=error.smtp_code)) from None
    except smtplib.SMTPResponseException as error:
        is_final = error.smtp_code in _PERMANENT
        told = N_("The mail server answered %(code)s.", code=error.smtp_code)
        raise NotSentError(told, permanent=is_final) from None
    except smtplib.SMTPRecipientsRefused as error:
        codes = {code for code, _text in error.recipients.values()}
        told = N_("The mail server refused the recipient (%(codes)s).", codes=", ".join(map(str, sorted(codes))))
        raise NotSentError(told, permanent=all(code in _PERMANENT for code in codes)) from None
    except ssl.SSLError:
        raise NotSentError(N_("No secure connection to the mail server could be made.")) from None
    except TimeoutError:
        raise NotSentError(N_("The mail server took too long.")) from None
    except socket.gaierror:
        raise NotSentError(N_("The mail server's name cannot be resolved.")) from None
    except smtplib.SMTPNotSupportedError:
        raise NotSentError(N_("The mail server does not offer what is needed: TLS, or signing in.")) from None
    except (smtplib.SMTPException, OSError, ValueError):
        raise NotSentError(N_("The connection to the mail server was lost, or it cannot be understood.")) from None


async def _within_time(server: Server, message: EmailMessage, pinned: tuple[str, ...], connect: Connect) -> None:
    """Each answer has its bound, and all of them together: a server may be slow without ever being silent."""
    held: list[socket.socket] = []

    def connect_held(address: tuple[str, int], seconds: float) -> socket.socket:
        held.append(connect(address, seconds))
        return held[-1]

    work = asyncio.ensure_future(asyncio.to_thread(_send, server, message, pinned, connect_held))
    try:
        async with asyncio.timeout(SECONDS):
            await asyncio.shield(work)
    except TimeoutError:
        for one in held:
            with suppress(OSError):
                one.shutdown(socket.SHUT_RDWR)  # the thread's next read ends at once
        await asyncio.wait([work])
        work.exception()
        raise


def _send(server: Server, message: EmailMessage, pinned: tuple[str, ...], connect: Connect) -> None:
    with _open(server, pinned, connect) as smtp:
        if server.tls == "starttls":
            smtp.starttls(context=ssl.create_default_context())
        if server.user and server.password is not None:
            smtp.login(server.user, server.password.reveal())
        smtp.send_message(message)


def _open(server: Server, pinned: tuple[str, ...], connect: Connect) -> smtplib.SMTP:
    kind = _PinnedTls if server.tls == "tls" else _Pinned
    smtp = kind(server.endpoint.host, pinned, connect)
    code, _text = smtp.connect(server.endpoint.host, server.endpoint.port)
    if code != 220:
        smtp.close()
        raise smtplib.SMTPConnectError(code, b"")
    return smtp


class _Pinned(smtplib.SMTP):
    """The library's own, but for whom it connects to."""

    def __init__(self, host: str, pinned: tuple[str, ...], connect: Connect) -> None:
        self._pinned, self._connect = pinned, connect
        super().__init__(local_hostname="[127.0.0.1]", timeout=_SILENCE_SECONDS)
        self._host = host  # what the certificate must be for; the library sets it only where it connects at once

    def _get_socket(self, host: str, port: int, timeout: float) -> socket.socket:
        problem: OSError = OSError("no address")
        for address in self._pinned:
            try:
                return self._connect((address, port), timeout)
            except OSError as error:
                problem = error
        raise problem


class _PinnedTls(_Pinned):
    """The same with TLS from the first byte."""

    def _get_socket(self, host: str, port: int, timeout: float) -> Any:
        plain = super()._get_socket(host, port, timeout)
        return ssl.create_default_context().wrap_socket(plain, server_hostname=host)
