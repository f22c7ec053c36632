"""What a channel is made of, by its kind: which fields, which of them is the secret, and what they may hold."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from email.utils import getaddresses
from enum import StrEnum
from typing import Any, Final

from kedai.errors import Invalid
from kedai.kit.crypto import SecretPlace
from kedai.notifications.addresses import Endpoint, Loopback, is_allowed, parse_host, parse_url
from kedai.values.environment import Environment
from kedai.values.notification import Kind
from kedai.values.secret import Secret
from kedai.values.wording import N_

MAX_NAME: Final = 60
MAX_RECIPIENTS: Final = 20
PREFIX: Final = "chn"
TLS: Final = ("tls", "starttls", "none")

_MAX_TEXT: Final = 300
_CHAT_ID: Final = re.compile(r"-?[0-9]{1,20}|@[A-Za-z0-9_]{5,32}")
_BOT_TOKEN: Final = re.compile(r"[0-9]{5,15}:[A-Za-z0-9_-]{30,60}")
_ADDRESS: Final = re.compile(r"[^\s@<>,;:\"()\\]{1,64}@[A-Za-z0-9.-]{1,190}")


class ChannelKind(StrEnum):
    """How people are reached."""

    WEBHOOK = "webhook"
    EMAIL = "email"
    CHAT = "chat"
    TELEGRAM = "telegram"


@dataclass(frozen=True, slots=True)
class Draft:
    """A channel as a form gives it. A ``secret`` of ``None`` keeps the one that is stored."""

    kind: ChannelKind
    name: str
    environments: tuple[Environment, ...]
    topics: tuple[Kind, ...]
    settings: Mapping[str, Any]
    secret: Secret | None


def secret_place(name: str) -> SecretPlace:
    """Where a channel's secret is stored: moved to another channel's row it does not open."""
    return SecretPlace("", "notification_channel", "secret_encrypted", "", name)


def parse_kind(text: str) -> ChannelKind:
    """Raises `Invalid` for a kind that there is not."""
    try:
        return ChannelKind(text)
    except ValueError:
        raise Invalid(N_("Choose how people are reached."), field="kind") from None


def parse_draft(kind: ChannelKind, given: Mapping[str, str], *, loopback: Loopback) -> Draft:
    """Read a form.

    Raises:
        Invalid: a field holds what it may not; ``field`` names it.
    """
    settings, secret = _PARSERS[kind](given, loopback)
    environments = tuple(one for one in Environment if f"environment_{one}" in given)
    topics = tuple(one for one in Kind if f"topic_{one}" in given)
    if not environments:
        raise Invalid(N_("Choose at least one environment."), field="environments")
    if not topics:
        raise Invalid(N_("Choose at least one thing to be told of."), field="topics")
    name = _name(given)
    return Draft(kind, name, environments, topics, settings, secret)


def endpoint_of(settings: Mapping[str, Any]) -> Endpoint:
    """The mail server of an e-mail channel."""
    return Endpoint(settings["host"], settings["port"])


def _parse_webhook(given: Mapping[str, str], loopback: Loopback) -> tuple[dict[str, Any], Secret | None]:
    url = given.get("url", "").strip()
    parse_url(url, loopback=loopback)
    return {"url": url}, None


def _parse_chat(given: Mapping[str, str], loopback: Loopback) -> tuple[dict[str, Any], Secret | None]:
    """The whole address is the secret: who has it may write there. Its host alone is shown."""
    url = given.get("address", "").strip()
    if not url:
        return {}, None
    return {"host": parse_url(url, loopback=loopback).host}, Secret(url)


def _parse_telegram(given: Mapping[str, str], _loopback: Loopback) -> tuple[dict[str, Any], Secret | None]:
    chat_id, token = given.get("chat_id", "").strip(), given.get("token", "").strip()
    if not _CHAT_ID.fullmatch(chat_id):
        raise Invalid(N_("A chat is a number, or @ and a channel's name."), field="chat_id")
    if token and not _BOT_TOKEN.fullmatch(token):
        raise Invalid(N_("This is not a bot's token."), field="token")
    return {"chat_id": chat_id}, Secret(token) if token else None


def _parse_email(given: Mapping[str, str], loopback: Loopback) -> tuple[dict[str, Any], Secret | None]:
    port = given.get("port", "").strip()
    if not (port.isascii() and port.isdigit() and len(port) < 6):
        raise Invalid(N_("A port is a number from 1 to 65535."), field="port")
    endpoint = parse_host(given.get("host", "").strip(), int(port), loopback=loopback)
    tls = given.get("tls", "")
    if tls not in TLS or (tls == "none" and not is_allowed(endpoint, loopback)):
        raise Invalid(N_("Choose TLS or STARTTLS: nothing is sent in the open."), field="tls")
    user = given.get("user", "").strip()
    if len(user) > _MAX_TEXT or not (user.isascii() and (user.isprintable() or not user)):
        raise Invalid(N_("This is no user name of a mail server."), field="user")
    password = given.get("password", "")
    if len(password) > _MAX_TEXT or not password.isascii():
        raise Invalid(N_("This is no password of a mail server."), field="password")
    (sender,) = _addresses(given.get("sender", ""), "sender", at_most=1)
    recipients = _addresses(given.get("recipients", ""), "recipients", at_most=MAX_RECIPIENTS)
    named = {"host": endpoint.host, "port": endpoint.port, "tls": tls, "user": user}
    return {**named, "sender": sender, "recipients": recipients}, Secret(password) if password else None


_PARSERS = {
    ChannelKind.WEBHOOK: _parse_webhook,
    ChannelKind.CHAT: _parse_chat,
    ChannelKind.TELEGRAM: _parse_telegram,
    ChannelKind.EMAIL: _parse_email,
}


def _name(given: Mapping[str, str]) -> str:
    text = given.get("name", "").strip()
    if not text or len(text) > MAX_NAME or not text.isprintable():
        raise Invalid(N_("Enter a name of at most %(most)s characters.", most=MAX_NAME), field="name")
    return text


def _addresses(text: str, field: str, *, at_most: int) -> list[str]:
    found = [one.strip() for _name, one in getaddresses([text.replace("\n", ",").replace("\r", "")]) if one.strip()]
    if not found or len(found) > at_most or not all(_ADDRESS.fullmatch(one) for one in found):
        many = N_("Enter 1 to %(most)s e-mail addresses, separated by commas.", most=at_most)
        raise Invalid(many if at_most > 1 else N_("Enter one e-mail address."), field=field)
    return list(dict.fromkeys(found))
