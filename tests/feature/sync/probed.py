"""The fake marketplace with everything that can be asked before going live, and the network between it and us."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from email.utils import format_datetime
from typing import Any

from kedai.connectors.base import HttpAnswer, SignedPush
from kedai.db.database import refuse_open_transaction
from kedai.errors import KedaiError, OutcomeUnknown
from kedai.kit.clock import ManualClock
from kedai.values.app import AuthorizedMerchant, AuthorizedShop, PushConfig, PushConfigChange, PushStatus
from kedai.values.credentials import Credentials, ShopProfile
from kedai.values.order import Page
from kedai.values.secret import Secret
from tests.support.factories import PUBLIC_URL, START, FakeClient, FakeConnector, push_body, sign_push

OURS = f"{PUBLIC_URL}/connectors/fake/webhook/live"
NEEDED = frozenset({1, 3})


def registered() -> PushConfig:
    """Our address, and more codes than are needed."""
    return PushConfig(OURS, PushStatus.NORMAL, "Normal", None, (1, 2, 3), (99,), ())


async def at_once() -> None:
    """Nobody waits."""


@dataclass
class Outside:
    """What the world answers; a test changes one thing of it. Implements `Http`."""

    clock: ManualClock = field(default_factory=lambda: ManualClock(START))
    market_ahead: timedelta = timedelta()
    date: str | None = None
    host_error: KedaiError | None = None
    loopback: HttpAnswer | KedaiError = field(default_factory=lambda: HttpAnswer(200, {}, b""))
    sign_error: Exception | None = None
    config: PushConfig = field(default_factory=registered)
    registration_error: KedaiError | None = None
    registration_lost: PushConfig | None = None
    """What is registered after the next registration, whose answer is lost."""
    profile: dict[str, Any] = field(default_factory=dict)
    before: Callable[[], Awaitable[None]] = at_once
    sent: list[tuple[str, str]] = field(default_factory=list)
    changes: list[PushConfigChange] = field(default_factory=list)

    async def send(
        self,
        credentials: Credentials,
        method: str,
        path: str,
        query: Sequence[tuple[str, str]],
        *,
        json: bytes | None = None,
        shop_id: str | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> HttpAnswer:
        refuse_open_transaction()
        self.sent.append((method, credentials.api_url + path))
        if credentials.api_url == PUBLIC_URL:
            return given(self.loopback)
        if self.host_error is not None:
            raise self.host_error
        at = self.clock.now() + self.market_ahead
        date = format_datetime(at, usegmt=True) if self.date is None else self.date
        return HttpAnswer(404, {"date": date}, b"")

    async def close(self) -> None:
        return


def given(answer: HttpAnswer | KedaiError) -> HttpAnswer:
    """The answer, or what went wrong."""
    if isinstance(answer, KedaiError):
        raise answer
    return answer


class ProbedClient(FakeClient):
    """Implements `Probes` too, from an `Outside`."""

    outside: Outside

    async def get_ip_ranges(self) -> tuple[str, ...]:
        refuse_open_transaction()
        await self.outside.before()
        if self.outside.sign_error is not None:
            raise self.outside.sign_error
        return ()

    async def list_authorized_shops(self, *, cursor: str | None) -> Page[AuthorizedShop]:
        raise NotImplementedError

    async def list_authorized_merchants(self, *, cursor: str | None) -> Page[AuthorizedMerchant]:
        raise NotImplementedError

    async def get_push_config(self) -> PushConfig:
        refuse_open_transaction()
        return self.outside.config

    async def set_push_config(self, change: PushConfigChange) -> None:
        refuse_open_transaction()
        self.outside.changes.append(change)
        if self.outside.registration_error is not None:
            raise self.outside.registration_error
        if self.outside.registration_lost is not None:
            self.outside.config, self.outside.registration_lost = self.outside.registration_lost, None
            raise OutcomeUnknown

    async def get_shop(self, shop_id: str, access_token: Secret) -> ShopProfile:
        return replace(await super().get_shop(shop_id, access_token), **self.outside.profile)


def probed_connector(outside: Outside) -> type[FakeConnector]:
    """The fake marketplace's connector, with a client that asks this outside."""

    class ProbedConnector(FakeConnector):
        needed_push_codes = NEEDED
        retired_hosts = frozenset({"old.api.fake"})

        def sign_probe(self, key: Secret, url: str, now: datetime) -> SignedPush:
            body = push_body(None, topic="connection", nonce=str(now))
            return SignedPush({"authorization": sign_push(key.reveal(), url, body).decode()}, body)

        def client(self, http: Any, credentials: Credentials, pacing: Any) -> ProbedClient:
            made = ProbedClient(self._market, credentials, self._now)
            made.outside = outside
            return made

    return ProbedConnector
