"""What a push about the connection changes here: an authorisation given, taken back, or about to end.

Applied in both environments, to shops of exactly the push's own environment. Nothing is asked of the marketplace.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING
from uuid import UUID

from sqlalchemy.orm import Session

from kedai.connector_exceptions.service import Trouble
from kedai.inbox.claims import Outcome
from kedai.values.actor import SYSTEM
from kedai.values.environment import ConnectorName, Environment, Scope
from kedai.values.event import ConnectionChange, ConnectionKind, EndReason, EventState
from kedai.vault.queries import find_shop, get_credentials
from kedai.vault.shops import note_authorization, note_authorization_end, set_shop_state

if TYPE_CHECKING:
    from kedai.vault.models import Shop

_REASONS = {
    EndReason.CANCELLED_BY_SELLER: "the seller cancelled the authorisation",
    EndReason.EXPIRED: "the authorisation has ended",
    EndReason.APP_SUSPENDED: "the marketplace suspended the app",
    EndReason.UNLINKED_FROM_MAIN_ACCOUNT: "the shop left its main account",
    EndReason.UNKNOWN: "the marketplace ended the authorisation",
}


@dataclass(frozen=True, slots=True)
class Applied:
    """What became of a push, and what a person must know of it."""

    outcome: Outcome
    troubles: tuple[Trouble, ...] = ()


@dataclass(frozen=True, slots=True)
class _Effect:
    """What the push did to one shop."""

    note: str
    changed: bool = False
    trouble: Trouble | None = None


def apply(
    db: Session,
    connector: ConnectorName,
    environment: Environment,
    change: ConnectionChange,
    *,
    event_id: UUID,
    now: datetime,
) -> Applied:
    """Write what the push says into the shops it names; the shops' rows are locked in the order of their ids."""
    if change.kind is ConnectionKind.PROBE:
        return Applied(Outcome(EventState.SKIPPED, "a test of the push address"))
    our_partner_id = get_credentials(db, connector, environment).partner_id
    if change.partner_id is not None and change.partner_id != our_partner_id:
        return Applied(Outcome(EventState.SKIPPED, "the push names another app than ours"))
    effects = []
    for shop_id in sorted(change.shop_ids):
        scope = Scope(connector, environment, shop_id)
        shop = find_shop(db, scope, lock=True)
        effects.append(_affect(db, scope, shop, change, event_id, now))
    if change.merchant_ids:
        effects.append(_Effect("merchants are not kept here"))
    notes = "; ".join(effect.note for effect in effects)
    state = EventState.APPLIED if any(effect.changed for effect in effects) else EventState.SKIPPED
    return Applied(Outcome(state, notes[:500]), tuple(effect.trouble for effect in effects if effect.trouble))


def _affect(
    db: Session, scope: Scope, shop: Shop | None, change: ConnectionChange, event_id: UUID, now: datetime
) -> _Effect:
    if shop is None:
        return _Effect(f"shop {scope.shop_id} is not connected here")
    if _is_older(change, shop):
        return _Effect(f"older than the authorisation of shop {scope.shop_id}")
    if change.kind is ConnectionKind.AUTHORIZED:
        return _authorized(db, scope, shop, change, now)
    if shop.state == "disconnected":
        return _Effect(f"shop {scope.shop_id} is disconnected already")
    if change.kind is ConnectionKind.DEAUTHORIZED:
        return _deauthorized(db, scope, change, event_id, now)
    return _expiring(db, scope, shop, change, event_id, now)


def _is_older(change: ConnectionChange, shop: Shop) -> bool:
    """Late and repeated pushes must not touch a newer authorisation; both instants are the marketplace's own."""
    since = shop.authorized_at or shop.connected_at
    return change.pushed_at is not None and since is not None and change.pushed_at < since.replace(microsecond=0)


def _authorized(db: Session, scope: Scope, shop: Shop, change: ConnectionChange, now: datetime) -> _Effect:
    """The token pair comes with the browser's return, never with a push: only the fact is noted."""
    at = change.pushed_at or now
    if shop.authorized_at is not None and at <= shop.authorized_at:
        return _Effect(f"the authorisation of shop {scope.shop_id} is known")
    note_authorization(db, scope, at=at, actor=SYSTEM, now=now)
    return _Effect(f"shop {scope.shop_id} was authorised", changed=True)


def _deauthorized(db: Session, scope: Scope, change: ConnectionChange, event_id: UUID, now: datetime) -> _Effect:
    """The tokens stay where they are, sealed, for a later look; nothing uses those of a disconnected shop."""
    reason = _REASONS[change.end_reason or EndReason.UNKNOWN]
    set_shop_state(db, scope, "disconnected", reason=reason, actor=SYSTEM, now=now)
    trouble = Trouble(
        "shop_disconnected",
        f"Shop {scope.shop_id} was disconnected at the marketplace: {reason}",
        "Open the connector page and press Reconnect, if this shop shall be served further.",
        scope.shop_id,
        event_id=event_id,
    )
    return _Effect(f"shop {scope.shop_id} was disconnected", changed=True, trouble=trouble)


def _expiring(
    db: Session, scope: Scope, shop: Shop, change: ConnectionChange, event_id: UUID, now: datetime
) -> _Effect:
    """The push names a bound, not the end itself: an earlier date that is known already is the better one."""
    until = shop.authorized_until
    if change.ends_before is not None and (until is None or until > change.ends_before):
        until = change.ends_before
        note_authorization_end(db, scope, until=until, actor=SYSTEM, now=now)
    when = "soon" if until is None else f"by {until:%Y-%m-%d %H:%M} UTC"
    trouble = Trouble(
        "authorization_ending",
        f"The authorisation of shop {scope.shop_id} ends {when}",
        "Open the connector page and press Reconnect before then, so that the seller authorises again.",
        scope.shop_id,
        event_id=event_id,
    )
    return _Effect(f"the authorisation of shop {scope.shop_id} ends {when}", changed=True, trouble=trouble)
