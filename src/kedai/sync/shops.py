"""What a person does with a connected shop (pause, resume, disconnect), and how each shop is doing."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from sqlalchemy.orm import Session

from kedai.calls.rates import list_paused_for_the_day
from kedai.errors import Conflict, Invalid, NotFound
from kedai.inbox.claims import wake_shop
from kedai.inbox.queries import count_waiting, find_last_pushes
from kedai.sync.connection import ShopView, get_connection, switch_fields
from kedai.sync.parts import Parts
from kedai.values.actor import Actor
from kedai.values.environment import ConnectorName, Environment, Scope
from kedai.values.pace import shop_account
from kedai.vault.queries import find_shop, get_active_environment, get_credentials, list_shops
from kedai.vault.service import missing_fields
from kedai.vault.shops import disconnect_shop, set_shop_state

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


def pause(parts: Parts, db: Session, scope: Scope, *, actor: Actor, now: datetime) -> None:
    """Let a shop's events wait until it is resumed; its tokens stay.

    Raises:
        NotFound: no such shop. Conflict: it is not connected, or the active environment would be without a shop.
    """
    before = _lock(parts, db, scope, allowed=("connected",), verb="paused")
    set_shop_state(db, scope, "paused", reason=f"paused by {actor.name}", actor=actor, now=now)
    _refuse_incomplete(parts, db, scope, before)


def resume(parts: Parts, db: Session, scope: Scope, *, actor: Actor, now: datetime) -> None:
    """Go on with a paused shop: what waited is worked on at once.

    Raises:
        NotFound: no such shop. Conflict: it is not paused.
    """
    _lock(parts, db, scope, allowed=("paused",), verb="resumed")
    set_shop_state(db, scope, "connected", reason="", actor=actor, now=now)
    wake_shop(db, scope.connector, scope.environment, scope.shop_id, now=now)


def disconnect(parts: Parts, db: Session, scope: Scope, *, typed: str, actor: Actor, now: datetime) -> None:
    """Forget a shop's tokens on purpose; its orders and events stay, and it can be connected again.

    Raises:
        NotFound: no such shop. Invalid: another id was typed.
        Conflict: it is disconnected, or the active environment would be without a shop.
    """
    allowed = ("connected", "paused", "needs_reauth", "pending")
    before = _lock(parts, db, scope, allowed=allowed, verb="disconnected")
    if typed.strip() != scope.shop_id:
        raise Invalid("Type the shop's id exactly as it is shown.", field="shop_id")
    disconnect_shop(db, scope, reason=f"disconnected by {actor.name}", actor=actor, now=now)
    _refuse_incomplete(parts, db, scope, before)


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
    raise NotFound("There is no such shop here.")


def _lock(parts: Parts, db: Session, scope: Scope, *, allowed: Sequence[str], verb: str) -> str:
    """The credentials first, then the shop: the order in which everybody locks them. Returns how the shop stands."""
    parts.connector(scope.connector)
    get_credentials(db, scope.connector, scope.environment, lock=True)
    shop = find_shop(db, scope, lock=True)
    if shop is None:
        raise NotFound("There is no such shop here.")
    if shop.state not in allowed:
        raise Conflict(f"This shop is {shop.state.replace('_', ' ')}: it cannot be {verb} now.")
    return shop.state


def _refuse_incomplete(parts: Parts, db: Session, scope: Scope, before: str) -> None:
    """A connected shop stands in for a missing shop id: the active environment must not lose its last one."""
    if before != "connected" or get_active_environment(db, scope.connector) is not scope.environment:
        return
    row = get_credentials(db, scope.connector, scope.environment)
    missing = missing_fields(db, row, switch_fields(parts.connector(scope.connector)))
    if "shop_id" in missing:
        raise Conflict(
            "It is the last connected shop of the active environment, and no shop id is entered: enter one, or connect"
            " another shop first.",
            missing=missing,
        )
