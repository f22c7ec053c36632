"""Sending messages: claimed by a lease, sent with no transaction open, and noted. At least once, always by one id."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final
from uuid import UUID

import msgspec
import structlog
from sqlalchemy.orm import Session

from kedai.db.database import refuse_open_transaction
from kedai.errors import Conflict, SecretUnreadable
from kedai.kit import crash
from kedai.notifications import deliveries, mail
from kedai.notifications.addresses import Resolve, resolve_by_system
from kedai.notifications.channels import ChannelKind, endpoint_of
from kedai.notifications.messages import Message, json_of, mail_of, text_of
from kedai.notifications.outcome import NotSentError
from kedai.notifications.post import OpenSocket, post
from kedai.notifications.queries import get_channel, is_due
from kedai.notifications.service import lock_channel
from kedai.notifications.signing import signed_headers
from kedai.notifications.telling import add_delivery
from kedai.sync.channels import loopback_of, open_secret
from kedai.sync.parts import Parts
from kedai.values.environment import Environment
from kedai.values.notification import Change, Kind, News
from kedai.values.secret import Secret
from kedai.values.wording import N_

if TYPE_CHECKING:
    from kedai.notifications.models import NotificationChannel, NotificationDelivery

EVERY_SECONDS: Final = 2.0
_AT_ONCE: Final = 4
_TELEGRAM: Final = "https://api.telegram.org/bot{token}/sendMessage"
_MOST_CHAT_CHARACTERS: Final = 3_500  # Telegram takes 4,096, Slack more
_TEST_DETAIL: Final = N_("Somebody asked for a test message. Nothing is wrong.")

log = structlog.get_logger("notifications")


@dataclass(frozen=True, slots=True)
class Ways:
    """How names are resolved and connections opened; tests put their own in."""

    resolve: Resolve = resolve_by_system
    open_socket: OpenSocket | None = None
    connect: mail.Connect = socket.create_connection


@dataclass(frozen=True, slots=True)
class _Letter:
    """Everything that a try needs, read at once."""

    kind: ChannelKind
    settings: dict[str, Any]
    secret: Secret | None
    message: Message


async def send_due(parts: Parts, *, must_stop: Callable[[], bool], ways: Ways | None = None) -> int:
    """Send what is due, a few side by side; returns how many were tried."""
    tried, now = 0, parts.clock.now
    while not must_stop() and await parts.read(lambda db: is_due(db, sealed=parts.quarantine.sealed(db), now=now())):
        claimed = await parts.write(
            lambda db: deliveries.claim_due(db, sealed=parts.quarantine.sealed(db), now=now(), limit=_AT_ONCE)
        )
        if not claimed:
            return tried
        await asyncio.gather(*(_try(parts, one, ways or Ways()) for one in claimed))
        tried += len(claimed)
    return tried


async def send_test(parts: Parts, channel: NotificationChannel, *, by: str, ways: Ways | None = None) -> str:
    """Send a test message now, of the first environment that the channel is told of; why it failed, or nothing.

    Raises:
        Conflict: the channel is paused, or its environments are sealed. NotFound: it is gone.
    """

    def begin(db: Session) -> NotificationDelivery:
        row, now = lock_channel(db, channel), parts.clock.now()
        if row.paused_at is not None:
            raise Conflict(N_("This channel is paused: resume it first."))
        open_ones = [one for one in Environment if one.value in row.environments]
        environment = next((one for one in open_ones if one not in parts.quarantine.sealed(db)), None)
        if environment is None:
            raise Conflict(
                N_("Its environments are sealed: nothing is sent until you confirm on the page /quarantine.")
            )
        title = N_("A test of the channel “%(name)s”, sent by %(by)s", name=row.name, by=by)
        test = News(Kind.EXCEPTION, environment, Change.TEST, title, _TEST_DETAIL, "/settings/notifications", now)
        delivery = add_delivery(db, row, environment, [test], of_seal=False, due_at=now, now=now)
        deliveries.hold(db, delivery)
        return delivery

    return await _try(parts, await parts.write(begin), ways or Ways(), only_once=True)


async def send_message(parts: Parts, channel: NotificationChannel, message: Message, ways: Ways) -> None:
    """One try to send by a channel as it stands.

    Raises:
        NotSentError: it was not taken.
    """
    try:
        secret = open_secret(parts, channel)
    except SecretUnreadable as error:
        raise NotSentError(error.message) from None
    await _send(parts, _Letter(ChannelKind(channel.kind), channel.settings, secret, message), ways)


async def _try(parts: Parts, row: NotificationDelivery, ways: Ways, *, only_once: bool = False) -> str:
    """Why it failed, in words, or nothing."""
    channel = await parts.read(lambda db: get_channel(db, row.channel_id))
    failure: NotSentError | None = None
    try:
        await send_message(parts, channel, message_of(parts, row), ways)
    except NotSentError as error:
        failure = NotSentError(error.message, permanent=error.permanent or only_once)
    crash.point("notification.sent")
    now = parts.clock.now()
    if failure is None:
        await parts.write(lambda db: deliveries.note_sent(db, row, now=now))
        return ""
    told = failure
    await parts.write(lambda db: deliveries.note_failed(db, row, told, now=now))
    log.warning("a notification was not taken", channel=channel.name, reason=told.message, attempts=row.attempts)
    return told.message


def message_of(parts: Parts, row: NotificationDelivery) -> Message:
    """A stored message as it is sent, the same each time."""
    url = parts.settings.public_url
    return Message(message_id(row.id), row.environment, row.entries, row.left_out, row.created_at, url)


def message_id(row_id: UUID) -> str:
    """What receivers know a message by."""
    return f"msg_{row_id.hex}"


async def _send(parts: Parts, letter: _Letter, ways: Ways) -> None:
    refuse_open_transaction()
    loopback = loopback_of(parts.settings)
    if letter.kind is ChannelKind.EMAIL:
        settings = letter.settings
        server = mail.Server(endpoint_of(settings), settings["tls"], settings["user"], letter.secret)
        message = mail_of(letter.message, sender=settings["sender"], recipients=settings["recipients"])
        await mail.send_mail(server, message, loopback=loopback, resolve=ways.resolve, connect=ways.connect)
        return
    url, body, headers = _request_of(parts, letter)
    await post(url, body, headers=headers, loopback=loopback, resolve=ways.resolve, open_socket=ways.open_socket)


def _request_of(parts: Parts, letter: _Letter) -> tuple[str, bytes, dict[str, str]]:
    message, secret = letter.message, letter.secret
    if secret is None:
        raise NotSentError(N_("The channel has no secret: enter it anew."), permanent=True)
    if letter.kind is ChannelKind.WEBHOOK:
        body = json_of(message)
        return letter.settings["url"], body, signed_headers(secret, message.id, body, now=parts.clock.now())
    text = text_of(message)[:_MOST_CHAT_CHARACTERS]
    if letter.kind is ChannelKind.CHAT:
        for sign, name in (("&", "&amp;"), ("<", "&lt;"), (">", "&gt;")):  # else a name could ring a whole room
            text = text.replace(sign, name)
        return secret.reveal(), msgspec.json.encode({"text": text}), {}
    told = {"chat_id": letter.settings["chat_id"], "text": text, "link_preview_options": {"is_disabled": True}}
    return _TELEGRAM.format(token=secret.reveal()), msgspec.json.encode(told), {}
