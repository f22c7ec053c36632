"""What the tests of notifications do: channels, looks, sending, and what came."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import Session

from kedai.notifications.channels import ChannelKind
from kedai.notifications.models import NotificationChannel, NotificationDelivery
from kedai.notifications.telling import tell
from kedai.sync import channels
from kedai.sync.delivering import send_due
from kedai.sync.notifying import ConditionWatch, Wrong
from kedai.sync.parts import Parts
from kedai.values.environment import Environment
from kedai.values.notification import Change, Condition, Kind, News
from kedai.values.secret import Secret
from tests.support.factories import ANNA, SANDBOX, House
from tests.support.receivers import MailReceiver, WebReceiver

EVERYTHING = {f"topic_{one}": "on" for one in Kind} | {f"environment_{one}": "on" for one in Environment}


@dataclass
class Desk:
    """An installation, and the receivers that it may reach."""

    house: House
    web: WebReceiver
    mail: MailReceiver

    @property
    def parts(self) -> Parts:
        return self.house.parts

    def add(self, kind: ChannelKind = ChannelKind.WEBHOOK, name: str = "ops", **given: str) -> NotificationChannel:
        """A channel that is told of everything, unless ``given`` names environments and topics."""
        return self.add_with_secret(kind, name, **given)[0]

    def add_with_secret(
        self, kind: ChannelKind = ChannelKind.WEBHOOK, name: str = "ops", **given: str
    ) -> tuple[NotificationChannel, Secret | None]:
        form = {
            "name": name,
            **self.fields(kind),
            **(given if any("_" in one for one in given) else EVERYTHING | given),
        }
        with self.house.db.write() as db:
            return channels.add(self.parts, db, kind, form, actor=ANNA, now=self.house.now)

    def fields(self, kind: ChannelKind) -> dict[str, str]:
        """A form of each kind, filled."""
        return {
            ChannelKind.WEBHOOK: {"url": f"{self.web.url}/hook"},
            ChannelKind.CHAT: {"address": f"{self.web.url}/services/chat-secret-of-the-tests"},
            ChannelKind.TELEGRAM: {"chat_id": "-100200300", "token": f"123456:{'t' * 35}"},
            ChannelKind.EMAIL: {
                "host": self.mail.host,
                "port": str(self.mail.port),
                "tls": "none",
                "sender": "kedai@shop.example",
                "recipients": "anna@shop.example, ben@shop.example",
            },
        }[kind]

    def tell(self, *news: News) -> int:
        with self.house.db.write() as db:
            return tell(db, news, now=self.house.now)

    def send(self) -> int:
        """Everything that is due now."""
        return asyncio.run(send_due(self.parts, must_stop=lambda: False))

    def watch(self, look: Callable[[Session], Sequence[Condition]], **more: Any) -> ConditionWatch:
        return ConditionWatch(self.parts, Wrong(look, **more))

    def pass_time(self, **span: float) -> None:
        self.house.clock.advance(timedelta(**span))

    def came(self) -> list[dict[str, Any]]:
        """The bodies that the web server got."""
        return [json.loads(one.body) for one in self.web.posted]

    def deliveries(self) -> list[NotificationDelivery]:
        with self.house.db.read() as db:
            return list(db.execute(sa.select(NotificationDelivery).order_by(NotificationDelivery.id)).scalars())

    def channel(self) -> NotificationChannel:
        with self.house.db.read() as db:
            return db.execute(sa.select(NotificationChannel)).scalar_one()


def news(
    title: str = "Shop 7001 must be connected again",
    *,
    kind: Kind = Kind.RECONNECT,
    environment: Environment = SANDBOX,
    change: Change = Change.BEGAN,
    desk: Desk,
) -> News:
    return News(kind, environment, change, title, "Its orders wait until then.", "/connectors/fake", desk.house.now)


def condition(subject: str = "a", *, environment: Environment = SANDBOX, level: str = "bad") -> Condition:
    title = f"Shop {subject} must be connected again"
    return Condition(Kind.RECONNECT, environment, subject, level, title, "Reconnect it.", "/connectors/fake")  # type: ignore[arg-type]
