"""Channels of notifications where they meet the key ring: a secret is sealed like every other, and shown only once."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from sqlalchemy.orm import Session

from kedai.errors import Conflict, Invalid, SecretUnreadable
from kedai.notifications import service
from kedai.notifications.addresses import Loopback
from kedai.notifications.channels import ChannelKind, Draft, parse_draft, secret_place
from kedai.notifications.signing import new_signing_secret
from kedai.settings import Settings, is_loopback
from kedai.sync.parts import Parts
from kedai.values.actor import Actor
from kedai.values.secret import Secret
from kedai.values.wording import N_

if TYPE_CHECKING:
    from kedai.notifications.models import NotificationChannel

_SERVER = ("host", "port", "tls", "user")
_NEEDS_SECRET = {ChannelKind.CHAT: "address", ChannelKind.TELEGRAM: "token"}


def add(
    parts: Parts, db: Session, kind: ChannelKind, given: Mapping[str, str], *, actor: Actor, now: datetime
) -> tuple[NotificationChannel, Secret | None]:
    """A new channel, and the secret that its receiver must be told, which is shown this once.

    Raises:
        Invalid: a field holds what it may not. Conflict: there are too many, or no secret can be sealed right now.
    """
    draft = parse_draft(kind, given, loopback=loopback_of(parts.settings))
    made = new_signing_secret() if kind is ChannelKind.WEBHOOK else None
    secret = made or draft.secret
    if secret is None and kind in _NEEDS_SECRET:
        raise Invalid(N_("This is needed."), field=_NEEDS_SECRET[kind])
    sealed = None if secret is None else parts.ring.seal(db, secret_place(draft.name), secret.reveal())
    return service.add_channel(db, draft, sealed, actor=actor, now=now), made


def change(
    parts: Parts, db: Session, channel: NotificationChannel, given: Mapping[str, str], *, actor: Actor, now: datetime
) -> bool:
    """Take over a form; a secret left blank stays. False where nothing is new.

    Raises:
        Invalid: a field holds what it may not; or the mail server is another one, and the password was left blank.
        Conflict: the secret cannot be sealed, or not be opened for its new name. NotFound: the channel is gone.
    """
    draft = parse_draft(ChannelKind(channel.kind), given, loopback=loopback_of(parts.settings))
    row = service.lock_channel(db, channel)
    sealed = _sealed_anew(parts, db, row, draft)
    return service.change_channel(db, row, draft, sealed, actor=actor, now=now)


def open_secret(parts: Parts, channel: NotificationChannel) -> Secret | None:
    """A channel's secret.

    Raises:
        SecretUnreadable: its key is not here.
    """
    if channel.secret_encrypted is None:
        return None
    return Secret(parts.ring.open(secret_place(channel.name), channel.secret_encrypted))


def loopback_of(settings: Settings) -> Loopback:
    """Addresses on this machine that the installer named as hosts: those alone may be told of something over http."""
    found = set()
    for one in settings.extra_hosts:
        for url in (one.api_url, one.auth_url):
            parts = urlsplit(url)
            if parts.hostname and is_loopback(parts.hostname):
                found.add((parts.hostname, parts.port or (443 if parts.scheme == "https" else 80)))
    return frozenset(found)


def _sealed_anew(parts: Parts, db: Session, row: NotificationChannel, draft: Draft) -> str | None:
    """What stands sealed afterwards: the new secret, the old one under its new name, or what stands there now."""
    if draft.secret is not None:
        return parts.ring.seal(db, secret_place(draft.name), draft.secret.reveal())
    if row.secret_encrypted is None:
        return None
    if row.kind == ChannelKind.EMAIL:
        if not draft.settings["user"]:
            return None
        if any(draft.settings[name] != row.settings[name] for name in _SERVER):
            # else whoever may change a channel could have the password handed to a server of theirs
            raise Invalid(N_("The server or user is another one: enter the password again."), field="password")
    if draft.name == row.name:
        return row.secret_encrypted
    try:
        secret = open_secret(parts, row)
    except SecretUnreadable as error:
        raise Conflict(N_("The channel cannot be renamed: %(why)s", why=error.message)) from None
    return None if secret is None else parts.ring.seal(db, secret_place(draft.name), secret.reveal())
