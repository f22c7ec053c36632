"""What a push about the connection changes here: an authorisation given, taken back, or about to end.

Applied in both environments, to shops and merchants of exactly the push's own environment. Nothing is asked of the
marketplace.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING
from uuid import UUID

from sqlalchemy.orm import Session

from kedai.connector_exceptions.service import Trouble
from kedai.inbox.claims import Outcome
from kedai.sync.reconnected import ENDING, disconnected_code
from kedai.values.actor import SYSTEM
from kedai.values.environment import Account, ConnectorName, Environment, MerchantScope, Scope
from kedai.values.event import ConnectionChange, ConnectionKind, EndReason, EventState
from kedai.values.wording import N_
from kedai.vault.accounts import disconnect_account, find_holder, note_authorization, note_authorization_end
from kedai.vault.queries import get_credentials

if TYPE_CHECKING:
    from kedai.vault.models import Merchant, Shop

_REASONS = {
    EndReason.CANCELLED_BY_SELLER: N_("the seller cancelled the authorisation"),
    EndReason.EXPIRED: N_("the authorisation has ended"),
    EndReason.APP_SUSPENDED: N_("the marketplace suspended the app"),
    EndReason.UNLINKED_FROM_MAIN_ACCOUNT: N_("the shop left its main account"),
    EndReason.UNKNOWN: N_("the marketplace ended the authorisation"),
}


@dataclass(frozen=True, slots=True)
class Applied:
    """What became of a push, and what a person must know of it."""

    outcome: Outcome
    troubles: tuple[Trouble, ...] = ()


@dataclass(frozen=True, slots=True)
class _Effect:
    """What the push did to one shop or merchant."""

    note: str
    changed: bool = False
    trouble: Trouble | None = None


@dataclass(frozen=True, slots=True)
class _Account:
    """A shop or merchant that the push names, and its row, locked, if it is known here."""

    owner: Account
    row: Shop | Merchant | None

    @property
    def kind(self) -> str:
        return "shop" if isinstance(self.owner, Scope) else "merchant"

    @property
    def words(self) -> str:
        if isinstance(self.owner, Scope):
            return N_("shop %(shop_id)s", shop_id=self.owner.shop_id)
        return N_("merchant %(merchant_id)s", merchant_id=self.owner.merchant_id)

    @property
    def shop_id(self) -> str | None:
        """What an exception is filed under; a merchant's is told apart by its group."""
        return self.owner.shop_id if isinstance(self.owner, Scope) else None

    @property
    def group(self) -> str:
        return "" if isinstance(self.owner, Scope) else self.words


def lock_named(
    db: Session,
    connector: ConnectorName,
    environment: Environment,
    changes: Iterable[ConnectionChange],
    *,
    shop_id: str | None,
) -> None:
    """Lock whom several pushes name, and that shop, before any of them is applied: shops before merchants, by id.

    Whoever records holds the audit trail's lock to its end: one who then waited for an account, held by somebody who
    waits to record, would wait for ever.
    """
    known = list(changes)
    if not known:
        return
    shops = {one for change in known for one in change.shop_ids} | ({shop_id} if shop_id is not None else set())
    merchants = {one for change in known for one in change.merchant_ids}
    for owner in _owners(connector, environment, shops, merchants):
        find_holder(db, owner, lock=True)


def apply(
    db: Session,
    connector: ConnectorName,
    environment: Environment,
    change: ConnectionChange,
    *,
    event_id: UUID,
    now: datetime,
) -> Applied:
    """Write what the push says into the shops and merchants it names; several pushes at once need `lock_named`."""
    if change.kind is ConnectionKind.PROBE:
        return Applied(Outcome(EventState.SKIPPED, N_("a test of the push address")))
    our_partner_id = get_credentials(db, connector, environment).partner_id
    if change.partner_id is not None and change.partner_id != our_partner_id:
        return Applied(Outcome(EventState.SKIPPED, N_("the push names another app than ours")))
    owners = _owners(connector, environment, set(change.shop_ids), set(change.merchant_ids))
    accounts = [_Account(one, find_holder(db, one, lock=True)) for one in owners]
    effects = [_affect(db, one, change, event_id, now) for one in accounts]
    notes = "; ".join(effect.note for effect in effects)
    state = EventState.APPLIED if any(effect.changed for effect in effects) else EventState.SKIPPED
    return Applied(Outcome(state, notes[:500]), tuple(effect.trouble for effect in effects if effect.trouble))


def _owners(
    connector: ConnectorName, environment: Environment, shop_ids: Collection[str], merchant_ids: Collection[str]
) -> list[Account]:
    shops = [Scope(connector, environment, one) for one in sorted(shop_ids)]
    return [*shops, *(MerchantScope(connector, environment, one) for one in sorted(merchant_ids))]


def _affect(db: Session, account: _Account, change: ConnectionChange, event_id: UUID, now: datetime) -> _Effect:
    row, who = account.row, account.words
    if row is None:
        return _Effect(N_("%(who)s is not connected here", who=who))
    if _is_older(change, row):
        return _Effect(N_("older than the authorisation of %(who)s", who=who))
    if change.kind is ConnectionKind.AUTHORIZED:
        return _authorized(db, account, row, change, now)
    if row.state == "disconnected":
        return _Effect(N_("%(who)s is disconnected already", who=who))
    if change.kind is ConnectionKind.DEAUTHORIZED:
        return _deauthorized(db, account, change, event_id, now)
    return _expiring(db, account, row, change, event_id, now)


def _is_older(change: ConnectionChange, row: Shop | Merchant) -> bool:
    """Late and repeated pushes must not touch a newer authorisation; both instants are the marketplace's own."""
    since = row.authorized_at or row.connected_at
    return change.pushed_at is not None and since is not None and change.pushed_at < since.replace(microsecond=0)


def _authorized(
    db: Session, account: _Account, row: Shop | Merchant, change: ConnectionChange, now: datetime
) -> _Effect:
    """The token pair comes with the browser's return, never with a push: only the fact is noted."""
    at = change.pushed_at or now
    if row.authorized_at is not None and at <= row.authorized_at:
        return _Effect(N_("the authorisation of %(who)s is known", who=account.words))
    note_authorization(db, account.owner, at=at, actor=SYSTEM, now=now)
    return _Effect(N_("%(who)s was authorised", who=account.words), changed=True)


def _deauthorized(db: Session, account: _Account, change: ConnectionChange, event_id: UUID, now: datetime) -> _Effect:
    """As when a person disconnects: the tokens, which open nothing any more, are forgotten."""
    reason = _REASONS[change.end_reason or EndReason.UNKNOWN]
    disconnect_account(db, account.owner, reason=reason, actor=SYSTEM, now=now)
    trouble = Trouble(
        disconnected_code(account.kind),
        _tell_disconnected(account, reason),
        N_("Open the connector page and press Reconnect, if it shall be served further."),
        account.shop_id,
        group=account.group,
        event_id=event_id,
    )
    return _Effect(N_("%(who)s was disconnected", who=account.words), changed=True, trouble=trouble)


def _tell_disconnected(account: _Account, reason: str) -> str:
    if isinstance(account.owner, Scope):
        return N_(
            "Shop %(shop_id)s was disconnected at the marketplace: %(reason)s",
            shop_id=account.owner.shop_id,
            reason=reason,
        )
    return N_(
        "Merchant %(merchant_id)s was disconnected at the marketplace: %(reason)s",
        merchant_id=account.owner.merchant_id,
        reason=reason,
    )


def _expiring(
    db: Session, account: _Account, row: Shop | Merchant, change: ConnectionChange, event_id: UUID, now: datetime
) -> _Effect:
    """The push names a bound, not the end itself: an earlier date that is known already is the better one."""
    until = row.authorized_until
    if change.ends_before is not None and (until is None or until > change.ends_before):
        until = change.ends_before
        note_authorization_end(db, account.owner, until=until, actor=SYSTEM, now=now)
    when = N_("soon") if until is None else N_("by %(until)s UTC", until=f"{until:%Y-%m-%d %H:%M}")
    trouble = Trouble(
        ENDING,
        N_("The authorisation of %(who)s ends %(when)s", who=account.words, when=when),
        N_("Open the connector page and press Reconnect before then, so that the seller authorises again."),
        account.shop_id,
        group=account.group,
        event_id=event_id,
    )
    note = N_("the authorisation of %(who)s ends %(when)s", who=account.words, when=when)
    return _Effect(note, changed=True, trouble=trouble)
