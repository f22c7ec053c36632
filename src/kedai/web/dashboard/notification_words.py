"""The words of the pages about notifications: labels and explanations, each looked up by a code."""

from __future__ import annotations

from typing import Literal

from kedai.notifications.channels import ChannelKind
from kedai.values.notification import Kind
from kedai.values.wording import N_
from kedai.web.dashboard.words import Level

CHANNEL: dict[str, tuple[str, str]] = {
    ChannelKind.EMAIL: (N_("E-mail"), N_("By a mail server of yours (SMTP).")),
    ChannelKind.WEBHOOK: (N_("Webhook"), N_("A signed JSON message to a program of yours.")),
    ChannelKind.CHAT: (N_("Chat"), N_("An incoming webhook of Slack, Mattermost or another chat that takes the same.")),
    ChannelKind.TELEGRAM: (N_("Telegram"), N_("A message of your bot to a person, group or channel.")),
}

TOPIC: dict[str, tuple[str, str]] = {
    Kind.RECONNECT: (N_("Reconnect needed"), N_("A shop or merchant must be connected again.")),
    Kind.AUTHORIZATION: (N_("Authorisation ends"), N_("From 30 days before a shop's owner must agree again.")),
    Kind.PUSHES: (
        N_("Pushes in trouble"),
        N_("The marketplace is not content with our answers, or sends no pushes any more."),
    ),
    Kind.SCHEDULE: (N_("Late or down"), N_("What comes round by itself did not.")),
    Kind.EXCEPTION: (N_("Exceptions"), N_("A group of exceptions is new or came back.")),
    Kind.QUOTA: (N_("Calls used up"), N_("The marketplace takes no more calls today.")),
    Kind.STORAGE: (N_("Storage"), N_("The database takes no writes.")),
    Kind.SWITCH: (N_("Environment switched"), N_("Somebody made Live or Sandbox the active environment.")),
    Kind.SEALED: (N_("Sealed"), N_("This seems to be a copy of another installation.")),
}

DELIVERY: dict[str, tuple[str, Level | Literal["quiet"]]] = {
    "waiting": (N_("Waiting"), "info"),
    "sent": (N_("Delivered"), "good"),
    "dead": (N_("Given up"), "bad"),
}

TLS = {
    "tls": N_("TLS from the start (port 465)"),
    "starttls": N_("STARTTLS (port 587)"),
    "none": N_("None (loopback only)"),
}
