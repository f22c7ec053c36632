"""Whoever holds a token pair, shops and merchants alike: how their connection stands, and their pairs.

The kinds are told apart in one place, by their scope; a merchant is never found by a shop's id.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import partial
from typing import TYPE_CHECKING, Any, overload

import sqlalchemy as sa
from sqlalchemy.orm import Session

from kedai.audit.service import record
from kedai.audit.undo import changes_of
from kedai.db.upsert import insert_into
from kedai.kit.crypto import SecretPlace
from kedai.kit.ids import new_id
from kedai.values.actor import SYSTEM, Actor
from kedai.values.app import MerchantProfile
from kedai.values.credentials import ShopProfile, TokenSet
from kedai.values.environment import Account, ConnectorName, Environment, MerchantScope, Scope
from kedai.values.wording import N_
from kedai.vault.held import drop_held
from kedai.vault.models import AuthToken, Merchant, MerchantToken, Shop
from kedai.vault.pairs import open_pair, seal_pair
from kedai.vault.ring import KeyRing

if TYPE_CHECKING:
    from kedai.audit.models import AuditEntry

_NOTED_EVERY = timedelta(seconds=15)
_PROBLEM_LENGTH = 500


@dataclass(frozen=True, slots=True)
class AccountKind:
    """One kind of account: the type of its scope, its table, and the table of its pairs.

    ``key`` names one of them: it is a field of the scope and a column of both tables. ``name`` is stored,
    ``word`` is said.
    """

    name: str
    word: str
    key: str
    scope: type[Account]
    holder: type[Any]
    tokens: type[Any]


KINDS = (
    AccountKind("shop", N_("shop"), "shop_id", Scope, Shop, AuthToken),
    AccountKind("merchant", N_("merchant"), "merchant_id", MerchantScope, Merchant, MerchantToken),
)


def kind_of(scope: Account) -> AccountKind:
    """The kind of account that a scope is about."""
    return next(kind for kind in KINDS if isinstance(scope, kind.scope))


def find_kind(name: str) -> AccountKind | None:
    """The kind by its name."""
    return next((kind for kind in KINDS if kind.name == name), None)


def scope_of(kind: AccountKind, connector: str, environment: Environment, account_id: str) -> Account:
    """The scope of one account."""
    return kind.scope(ConnectorName(connector), environment, account_id)


def id_of(scope: Account) -> str:
    """The account's id inside its connector, environment and kind."""
    return str(getattr(scope, kind_of(scope).key))


def rows_of(scope: Account, table: type[Any]) -> tuple[sa.ColumnElement[bool], ...]:
    """Which row of its kind's tables is the account's own."""
    key = getattr(table, kind_of(scope).key)
    return table.connector == scope.connector, table.environment == scope.environment, key == id_of(scope)


@overload
def find_holder(db: Session, scope: Scope, *, lock: bool = False) -> Shop | None: ...
@overload
def find_holder(db: Session, scope: MerchantScope, *, lock: bool = False) -> Merchant | None: ...
@overload
def find_holder(db: Session, scope: Account, *, lock: bool = False) -> Shop | Merchant | None: ...
def find_holder(db: Session, scope: Account, *, lock: bool = False) -> Shop | Merchant | None:
    """The account's row, or None."""
    holder = kind_of(scope).holder
    statement = sa.select(holder).where(*rows_of(scope, holder))
    if lock:
        statement = statement.with_for_update(key_share=True).execution_options(populate_existing=True)
    return db.execute(statement).scalar_one_or_none()


def find_state(db: Session, scope: Account) -> str | None:
    """How the account's connection stands at this moment, whatever the session has loaded before; None if unknown."""
    holder = kind_of(scope).holder
    return db.execute(sa.select(holder.state).where(*rows_of(scope, holder))).scalar_one_or_none()


def find_pair(db: Session, scope: Account) -> Any:
    """The row of the account's token pair, or None."""
    tokens = kind_of(scope).tokens
    return db.execute(sa.select(tokens).where(*rows_of(scope, tokens))).scalar_one_or_none()


def list_pairs(db: Session, kind: AccountKind, connector: str, *, environment: Environment) -> dict[str, Any]:
    """The rows of the token pairs of all accounts of a kind, by the account's id."""
    where = (kind.tokens.connector == connector, kind.tokens.environment == environment)
    rows = db.execute(sa.select(kind.tokens).where(*where)).scalars()
    return {getattr(row, kind.key): row for row in rows}


def lock_foreign(db: Session, connector: str, environment: Environment, *, partner_id: str) -> Sequence[Account]:
    """Those whose tokens are of another app, each locked: shops before merchants, by id.

    Do this before anything that records: who holds an account waits for the audit trail's lock.
    """
    found = [scope for kind in KINDS for scope in _list_foreign(db, kind, connector, environment, partner_id)]
    for scope in found:
        find_holder(db, scope, lock=True)
    return found


def _list_foreign(
    db: Session, kind: AccountKind, connector: str, environment: Environment, partner_id: str
) -> Sequence[Account]:
    tokens, key = kind.tokens, getattr(kind.tokens, kind.key)
    statement = sa.select(key).where(
        tokens.connector == connector, tokens.environment == environment, tokens.partner_id != partner_id
    )
    ids = db.execute(statement.order_by(key)).scalars().all()
    return [scope_of(kind, connector, environment, one) for one in ids]


def save_account(
    db: Session,
    scope: Account,
    profile: ShopProfile | MerchantProfile | None,
    *,
    main_account_id: str | None = None,
    state: str,
    reason: str,
    actor: Actor,
    now: datetime,
) -> None:
    """Store how the connection of an account stands after a grant, and what the marketplace says of it.

    Without a profile, which is asked later, its name stays; until when it is authorised is not known then.
    """
    row = find_holder(db, scope, lock=True)
    if row is None:
        row = kind_of(scope).holder(**_key_of(scope), name="", region="", state=state, last_call_problem="")
        db.add(row)
    if profile is None:
        row.authorized_at = row.authorized_until = None
    else:
        _describe(row, profile)
    row.main_account_id = main_account_id
    row.state, row.state_reason, row.updated_at = state, reason, now
    if state == "connected":
        row.connected_at = now
    db.flush()
    _record(db, scope, state, {"reason": reason}, actor, now)


def describe_account(db: Session, scope: Account, profile: ShopProfile | MerchantProfile) -> None:
    """Keep what the marketplace says of an account; how its connection stands is not changed by that."""
    row = find_holder(db, scope, lock=True)
    if row is not None:
        _describe(row, profile)
        db.flush()


def set_state(db: Session, scope: Account, state: str, *, reason: str, actor: Actor, now: datetime) -> bool:
    """Change how an account's connection stands; False when it stood so already."""
    row = find_holder(db, scope, lock=True)
    if row is None or (row.state == state and row.state_reason == reason):
        return False
    if state == "connected" and row.state != "paused":
        row.connected_at = now
    row.state, row.state_reason = state, reason
    details = {"reason": reason, **changes_of(row)}
    row.updated_at = now
    db.flush()
    _record(db, scope, state, details, actor, now)
    return True


def scope_of_deed(deed: AuditEntry, *, environment: Environment) -> Account:
    """Whose account a deed of this room was about."""
    connector, name, account_id = deed.subject.split(" ", 2)
    return scope_of(next(kind for kind in KINDS if kind.name == name), connector, environment, account_id)


def lose_account(db: Session, scope: Account, *, reason: str, now: datetime) -> None:
    """The marketplace refuses the account's token: a person must connect it again, if nobody disconnected it."""
    row = find_holder(db, scope, lock=True)
    if row is not None and row.state != "disconnected":
        set_state(db, scope, "needs_reauth", reason=reason, actor=SYSTEM, now=now)


def note_authorization(db: Session, scope: Account, *, at: datetime, actor: Actor, now: datetime) -> None:
    """Keep when the seller authorised the app last; how the connection stands is not changed by that."""
    row = find_holder(db, scope, lock=True)
    if row is not None:
        row.authorized_at = at
        db.flush()
        _record(db, scope, "authorized", {"at": at.isoformat()}, actor, now)


def note_authorization_end(db: Session, scope: Account, *, until: datetime, actor: Actor, now: datetime) -> None:
    """Keep by when the seller's authorisation ends."""
    row = find_holder(db, scope, lock=True)
    if row is not None:
        row.authorized_until = until
        db.flush()
        _record(db, scope, "authorization_ending", {"until": until.isoformat()}, actor, now)


def disconnect_account(db: Session, scope: Account, *, reason: str, actor: Actor, now: datetime) -> bool:
    """Forget an account's tokens, a held pair too, and make no call for it any more; orders and events stay.

    One rule for a person's act and for the marketplace's word that access has ended: the pair is of no use to either.
    It does not ask who needs the account. False when it stood so.
    """
    tokens = kind_of(scope).tokens
    db.execute(sa.delete(tokens).where(*rows_of(scope, tokens)))
    drop_held(db, scope)
    return set_state(db, scope, "disconnected", reason=reason, actor=actor, now=now)


def note_call(db: Session, scope: Account, *, problem: str, now: datetime) -> None:
    """How the last call for an account went; ``problem`` is empty where it went well.

    Written every quarter minute unless something changed, so that no worker waits for another one's note.
    """
    holder, text = kind_of(scope).holder, problem[:_PROBLEM_LENGTH]
    stale = sa.or_(holder.last_call_at.is_(None), holder.last_call_at < now - _NOTED_EVERY)
    db.execute(
        sa.update(holder)
        .where(*rows_of(scope, holder), sa.or_(stale, holder.last_call_problem != text))
        .values(last_call_at=now, last_call_problem=text)
        .execution_options(synchronize_session=False)
    )


def secret_place(scope: Account, column: str) -> SecretPlace:
    """Where a column of the account's pair is stored."""
    table: str = kind_of(scope).tokens.__tablename__
    return SecretPlace(scope.connector, table, column, scope.environment.value, id_of(scope))


def open_tokens(ring: KeyRing, row: AuthToken | MerchantToken) -> TokenSet:
    """Decrypt the row of a pair.

    Raises:
        SecretUnreadable: it cannot be decrypted with the keys at hand.
    """
    kind = next(kind for kind in KINDS if isinstance(row, kind.tokens))
    scope = scope_of(kind, row.connector, row.environment, getattr(row, kind.key))
    return open_pair(ring, partial(secret_place, scope), row)


def seal_tokens(db: Session, ring: KeyRing, scope: Account, tokens: TokenSet) -> dict[str, Any]:
    """A token pair as column values.

    Do this before anything that records in the audit trail: transactions that take the key ring's row and the audit
    lock in one order never deadlock.
    """
    return seal_pair(db, ring, partial(secret_place, scope), tokens)


def store_tokens(
    db: Session,
    scope: Account,
    partner_id: str,
    sealed: Mapping[str, Any],
    *,
    shared: bool = False,
    granted_at: datetime | None = None,
    now: datetime,
) -> None:
    """Store a pair granted just now, or at ``granted_at``: it replaces any older one and frees the refresh lease.

    A pair that is ``shared`` by all of a main account's shops becomes the account's own with its first refresh.
    """
    tokens, key = kind_of(scope).tokens, _key_of(scope)
    values = {**sealed, "partner_id": partner_id, "granted_at": granted_at or now, "updated_at": now}
    following = tokens.generation + 1
    replaced = {**values, "generation": following, "lease_by": None, "lease_until": None}
    replaced["shared_generation"] = following if shared else None
    first = {"id": new_id(), "generation": 1, "shared_generation": 1 if shared else None}
    statement = insert_into(db, tokens).values({**first, **key, **values})
    db.execute(statement.on_conflict_do_update(index_elements=list(key), set_=replaced))


def _key_of(scope: Account) -> dict[str, Any]:
    return {"connector": scope.connector, "environment": scope.environment, kind_of(scope).key: id_of(scope)}


def _describe(row: Shop | Merchant, profile: ShopProfile | MerchantProfile) -> None:
    row.name, row.region = profile.name, profile.region
    row.authorized_at, row.authorized_until = profile.authorized_at, profile.authorized_until


def _record(db: Session, scope: Account, fact: str, details: Mapping[str, Any], actor: Actor, now: datetime) -> None:
    kind = kind_of(scope)
    record(
        db,
        actor=actor,
        action=f"{kind.name}.{fact}",
        environment=scope.environment,
        subject=f"{scope.connector} {kind.name} {id_of(scope)}",
        details=details,
        now=now,
    )
