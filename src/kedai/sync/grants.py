"""A grant: one token pair for a shop, or for several shops and merchants of a main account, kept for each of them.

The code was used up by the exchange, so the pair exists nowhere else: it is stored, sealed, for everybody it is for in
one transaction, together with a run (`setting_up`) for what must be asked afterwards. Nothing is asked here.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any, Literal

from sqlalchemy.orm import Session

from kedai.inbox.claims import wake_shop
from kedai.runs.service import create_run
from kedai.sync.guard import Status, judge_merchant, judge_shop, sum_up
from kedai.sync.parts import Parts
from kedai.sync.reconnected import end_troubles
from kedai.values.actor import Actor
from kedai.values.credentials import Grant, ShopProfile, TokenSet
from kedai.values.environment import Account, ConnectorName, Environment, MerchantScope, Scope
from kedai.vault.accounts import find_holder, find_pair, save_account, seal_tokens, store_tokens
from kedai.vault.held import account_of, drop_held, hold, seal_held
from kedai.vault.oauth_states import Purpose
from kedai.vault.queries import get_credentials

if TYPE_CHECKING:
    from kedai.vault.models import Merchant, Shop

KIND = "main_account"
"""The run that sees to whom a grant was for; `setting_up` has its steps."""

_STANDS: dict[str, Status] = {"connected": "connected", "pending": "pending_confirmation"}


@dataclass(frozen=True, slots=True)
class Facts:
    """What an exchange gave, to which app, through which main account (if one); what was expected, and who asked.

    ``profile`` is what the marketplace says of the one shop of a shop account, where it was asked already. An account
    that was granted anew, or disconnected, after ``answered_at`` is left as it is.
    """

    partner_id: str
    main_account_id: str | None
    grant: Grant
    purpose: Purpose
    actor: Actor
    answered_at: datetime
    profile: ShopProfile | None = None


@dataclass(frozen=True, slots=True)
class _Verdict:
    """What becomes of one shop or merchant; nothing where somebody was faster, whose ``status`` it has then."""

    owner: Account
    status: Status
    reason: str
    is_overtaken: bool = False


def keep(
    parts: Parts, db: Session, name: ConnectorName, environment: Environment, facts: Facts, *, now: datetime
) -> Status | Literal["remote_error"]:
    """Store the pair for everybody it is for, as the guard says, and queue what is left to do.

    The status is `guard.sum_up` of them all, or ``remote_error`` where the app was changed meanwhile. Credentials,
    shops and merchants are locked in this order, by id.
    """
    credentials = get_credentials(db, name, environment, lock=True)
    if credentials.partner_id != facts.partner_id:  # changed meanwhile: a pair of the app before is of no use
        return "remote_error"
    judged = list(_judge(db, name, environment, facts, credentials.shop_id))
    verdicts = [one for one in judged if not one.is_overtaken]
    sealed = [_seal(parts, db, one, facts.grant.tokens) for one in verdicts]
    for one, values in zip(verdicts, sealed, strict=True):
        _store(db, one, values, facts, now)
    accounts = [account_of(one.owner) for one in verdicts if one.status != "already_connected"]
    if accounts and facts.profile is None:
        by = {} if facts.main_account_id is None else {"main_account_id": facts.main_account_id}
        told = {**by, "accounts": accounts}
        create_run(db, KIND, name, environment, scope=told, total=len(accounts), actor=facts.actor, now=now)
    return sum_up(one.status for one in judged)


def read_status(db: Session, name: ConnectorName, environment: Environment, grant: Grant) -> Status:
    """How those stand whom a grant was for that another process has kept meanwhile."""
    accounts = [find_holder(db, owner) for owner in _owners(name, environment, grant)]
    return sum_up(_standing(account) for account in accounts if account is not None)


def _owners(name: ConnectorName, environment: Environment, grant: Grant) -> list[Account]:
    shops = [Scope(name, environment, one) for one in sorted(set(grant.shop_ids))]
    return [*shops, *(MerchantScope(name, environment, one) for one in sorted(set(grant.merchant_ids)))]


def _standing(account: Shop | Merchant) -> Status:
    return _STANDS.get(account.state, "already_connected")


def _judge(
    db: Session, name: ConnectorName, environment: Environment, facts: Facts, configured: str | None
) -> Iterator[_Verdict]:
    """What becomes of each, as the guard says; its row is locked."""
    purpose = facts.purpose
    for owner in _owners(name, environment, facts.grant):
        account = find_holder(db, owner, lock=True)
        existing = None if account is None else account.state
        if account is not None and _is_overtaken(db, owner, account, facts.answered_at):
            yield _Verdict(owner, _standing(account), "", is_overtaken=True)
            continue
        if isinstance(owner, Scope):
            said = judge_shop(owner.shop_id, purpose, configured=configured, existing=existing)
        else:
            said = judge_merchant(owner.merchant_id, purpose, existing=existing)
        yield _Verdict(owner, *said)


def _is_overtaken(db: Session, owner: Account, account: Shop | Merchant, answered_at: datetime) -> bool:
    pair = find_pair(db, owner)
    if pair is not None:
        return bool(pair.granted_at > answered_at)
    return account.state == "disconnected" and account.updated_at > answered_at


def _seal(parts: Parts, db: Session, one: _Verdict, tokens: TokenSet) -> dict[str, Any]:
    """Before anything is recorded: see `seal_tokens`."""
    if one.status == "already_connected":
        return seal_held(db, parts.ring, one.owner, tokens)
    return seal_tokens(db, parts.ring, one.owner, tokens)


def _store(db: Session, one: _Verdict, sealed: dict[str, Any], facts: Facts, now: datetime) -> None:
    owner, by, partner_id = one.owner, facts.main_account_id, facts.partner_id
    if one.status == "already_connected":
        hold(db, owner, partner_id, sealed, main_account_id=by, now=now)
        return
    drop_held(db, owner)
    stands = "connected" if one.status == "connected" else "pending"
    save_account(
        db, owner, facts.profile, main_account_id=by, state=stands, reason=one.reason, actor=facts.actor, now=now
    )
    given_at = facts.answered_at
    shared = by is not None or len(facts.grant.shop_ids) + len(facts.grant.merchant_ids) > 1
    store_tokens(db, owner, partner_id, sealed, shared=shared, granted_at=given_at, now=now)
    if stands == "connected":
        end_troubles(db, owner, is_granted=True, now=now)
    if stands == "connected" and isinstance(owner, Scope):
        wake_shop(db, owner.connector, owner.environment, owner.shop_id, now=now)
