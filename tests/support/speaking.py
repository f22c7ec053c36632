"""The fake marketplace with Shopee's own tongue: it parses real push bodies, and tells what orders earned."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any

import msgspec

from kedai.connectors.shopee.connector import SHOPEE
from kedai.inbox.flush import IncomingPush
from kedai.sync.parts import Parts
from kedai.values.credentials import Credentials
from kedai.values.environment import Environment
from kedai.values.event import Announcement, Effect, InboundEvent, PackageNews
from kedai.values.order import Page
from kedai.values.secret import Secret
from kedai.values.settlement import ReleasedOrder, Settlement
from tests.support.factories import FAKE, SANDBOX, SHOP, Call, FakeClient, FakeConnector, House, Market, incoming

SECONDS = 1_788_000_000


@dataclass
class Till:
    """What the marketplace paid out, by shop: the list, and what each order earned."""

    released: dict[str, list[ReleasedOrder]] = field(default_factory=dict)
    earned: dict[str, Settlement] = field(default_factory=dict)
    per_page: int = 40


class SpeakingClient(FakeClient):
    """A `FakeClient` that is also `Settles`."""

    def __init__(self, market: Market, credentials: Credentials, now: Callable[[], datetime], till: Till) -> None:
        super().__init__(market, credentials, now)
        self._till = till

    async def list_released(
        self, shop_id: str, access_token: Secret, *, released_from: datetime, released_to: datetime, cursor: str | None
    ) -> Page[ReleasedOrder]:
        window = released_from, released_to
        call = Call("list_released", self._environment, shop_id, token=access_token.reveal(), window=window)
        await self._note(call)
        rows = [
            one
            for one in self._till.released.get(shop_id, [])
            if one.released_at is not None and released_from <= one.released_at <= released_to
        ]
        first = (int(cursor or 1) - 1) * self._till.per_page
        more = first + self._till.per_page < len(rows)
        return Page(tuple(rows[first : first + self._till.per_page]), str(int(cursor or 1) + 1) if more else None)

    async def get_settlements(
        self, shop_id: str, access_token: Secret, order_sns: Sequence[str]
    ) -> tuple[Settlement, ...]:
        await self._note(Call("get_settlements", self._environment, shop_id, tuple(order_sns), access_token.reveal()))
        found = (self._till.earned.get(one) for one in order_sns)
        return tuple(replace(one, read_started_at=self._now()) for one in found if one is not None)


class SpeakingConnector(FakeConnector):
    """A `FakeConnector` that understands pushes as Shopee's does."""

    def __init__(self, market: Market, now: Callable[[], datetime], till: Till) -> None:
        super().__init__(market, now)
        self._till = till

    def parse_push(self, body: bytes) -> InboundEvent:
        return SHOPEE.parse_push(body)

    def name_push(self, code: int | None) -> str:
        return SHOPEE.name_push(code)

    def effect_of(self, code: int | None) -> Effect:
        return SHOPEE.effect_of(code)

    def parse_package(self, body: bytes) -> PackageNews | None:
        return SHOPEE.parse_package(body)

    def parse_booking(self, body: bytes) -> str | None:
        return SHOPEE.parse_booking(body)

    def parse_announcements(self, body: bytes) -> tuple[Announcement, ...]:
        return SHOPEE.parse_announcements(body)

    def client(self, http: Any, credentials: Credentials, pacing: Any) -> FakeClient:
        return SpeakingClient(self._market, credentials, self._now, self._till)


def speaking(house: House, till: Till | None = None) -> Parts:
    """The house's parts with that connector."""
    connector = SpeakingConnector(house.market, house.clock.now, till or Till())
    return replace(house.parts, connectors={FAKE: connector})


def push_body(code: int, data: Any, *, shop_id: str = SHOP, at: int = SECONDS, **envelope: Any) -> bytes:
    """A push body as Shopee shapes it (contract §4.4)."""
    return msgspec.json.encode({"data": data, "shop_id": int(shop_id), "code": code, "timestamp": at, **envelope})


def arrived(body: bytes, *, environment: Environment = SANDBOX) -> IncomingPush:
    """A verified push, as the intake would store it."""
    event = SHOPEE.parse_push(body)
    return msgspec.structs.replace(incoming(environment=environment), event=event, body=body)
