"""How each shop is doing."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from sqlalchemy.orm import Session

from kedai.calls.rates import list_paused_for_the_day
from kedai.errors import NotFound
from kedai.inbox.queries import find_last_pushes
from kedai.inbox.waiting import count_waiting
from kedai.sync.connection import ShopView, get_connection
from kedai.sync.parts import Parts
from kedai.values.environment import ConnectorName, Environment, Scope
from kedai.values.pace import shop_account
from kedai.values.wording import N_
from kedai.vault.queries import get_credentials, list_shops

WARN_BEFORE = timedelta(days=30)
URGENT_BEFORE = timedelta(days=7)
_COUNTED = 10_000


class Authorization(StrEnum):
    """How long the shop's owner still lets us in."""

    VALID = "valid"
    ENDS_SOON = "ends_soon"
    """Within 30 days: connect it again in time."""

    URGENT = "urgent"
    """Within 7 days."""

    ENDED = "ended"
    UNKNOWN = "unknown"
    """The marketplace did not say."""


@dataclass(frozen=True, slots=True)
class ShopHealth:
    """How a shop is doing. ``last_push_at`` looks at the newest pushes of its environment only.

    ``waiting`` is capped at 10,000; ``last_call_problem`` is empty where the last call went well.
    """

    authorization: Authorization
    last_push_at: datetime | None
    last_call_at: datetime | None
    last_call_problem: str
    waiting: int
    oldest_waiting_at: datetime | None
    is_expected: bool
    """Whether it is the shop that the credentials name, or they name none."""
    calls_paused_until: datetime | None
    """Set while the marketplace takes no more calls for it: those of the day are used up."""


def read_health(db: Session, name: ConnectorName, environment: Environment, *, now: datetime) -> dict[str, ShopHealth]:
    """How every shop of an environment is doing, by its id."""
    shops = list_shops(db, name, environment=environment)
    pushes = find_last_pushes(db, name, environment=environment)
    app = get_credentials(db, name, environment)
    paused = list_paused_for_the_day(db, name, environment=environment, partner_id=app.partner_id or "", now=now)
    paused_until = {one.account: one.until for one in paused}
    found = {}
    for shop in shops:
        queue = count_waiting(db, name, environment=environment, shop_id=shop.shop_id, at_most=_COUNTED)
        found[shop.shop_id] = ShopHealth(
            authorization=judge_authorization(shop.authorized_until, now),
            last_push_at=pushes.get(shop.shop_id),
            last_call_at=shop.last_call_at,
            last_call_problem=shop.last_call_problem,
            waiting=queue.waiting,
            oldest_waiting_at=queue.oldest_received_at,
            is_expected=app.shop_id is None or app.shop_id == shop.shop_id,
            calls_paused_until=paused_until.get(shop_account(shop.shop_id)),
        )
    return found


def judge_authorization(until: datetime | None, now: datetime) -> Authorization:
    """How near the end is."""
    if until is None:
        return Authorization.UNKNOWN
    left = until - now
    if left <= timedelta():
        return Authorization.ENDED
    if left <= URGENT_BEFORE:
        return Authorization.URGENT
    return Authorization.ENDS_SOON if left <= WARN_BEFORE else Authorization.VALID


def get_shop_view(parts: Parts, db: Session, scope: Scope) -> ShopView:
    """One shop as the connection shows it.

    Raises:
        NotFound: no such shop in that environment.
    """
    shops: Sequence[ShopView] = get_connection(parts, db, scope.connector, scope.environment).shops
    for shop in shops:
        if shop.shop_id == scope.shop_id:
            return shop
    raise NotFound(N_("There is no such shop here."))
