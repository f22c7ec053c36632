"""Old token pairs: sealed anew, with their shops, which wait until a person says that the old system is stopped.

Two systems that renew one pair lose it. So a shop arrives paused, unless the operator says that the old one is gone.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from sqlalchemy.orm import Session

from kedai.errors import Invalid
from kedai.inbox.claims import wake_shop
from kedai.sync.medusa.fields import Fields, RefusedRow
from kedai.sync.medusa.job import SHOPEE, Job, Tally, decrypt
from kedai.values.credentials import ShopProfile, TokenSet
from kedai.values.environment import Environment, Scope
from kedai.vault.accounts import save_account, seal_tokens, set_state, store_tokens
from kedai.vault.queries import find_shop, find_token, get_credentials

CAME_OVER: Final = "it came from the old system"
_ACCESS_LIFETIME, _REFRESH_LIFETIME = timedelta(hours=4), timedelta(days=30)
"""Of Shopee's tokens (contract §3.3), where the old row does not say when they end."""


@dataclass(frozen=True, slots=True)
class OldToken:
    """One shop's pair as the old system had it."""

    scope: Scope
    partner_id: str
    tokens: TokenSet


def read_token(job: Job, fields: Fields) -> OldToken:
    """Decrypt and date a pair."""
    environment = fields.environment()
    scope = Scope(SHOPEE, environment, shop_id_of(job, fields, environment))
    partner_id = fields.text("partner_id") or job.partner_ids.get(environment)
    if partner_id is None:
        raise RefusedRow("neither it nor the old credentials name the partner id")
    partner_id = _checked(job, "partner_id", partner_id)
    access, refresh = fields.raw("access_token"), fields.raw("refresh_token")
    if access is None or refresh is None:
        raise RefusedRow("it holds no pair of tokens")
    issued = fields.instant("issued_at")
    tokens = TokenSet(
        decrypt(job, *access),
        decrypt(job, *refresh),
        _end(fields.instant("access_expires_at"), issued, _ACCESS_LIFETIME),
        _end(fields.instant("refresh_expires_at"), issued, _REFRESH_LIFETIME),
    )
    return OldToken(scope, partner_id, tokens)


def write_tokens(job: Job, db: Session, rows: Sequence[OldToken]) -> Tally:
    """A shop that this installation connected by itself is left alone; one that came over takes a later pair."""
    tally, seen = Tally(), set[Scope]()
    for old in sorted(rows, key=lambda one: (str(one.scope), one.tokens.access_expires_at)):
        if old.scope in seen:
            tally.refused["the shop has a pair already"] += 1
            continue
        seen.add(old.scope)
        _write_token(job, db, old, tally)
    return tally


def shop_id_of(job: Job, fields: Fields, environment: Environment) -> str:
    """The row's shop; an old system with one shop need not name it in every row."""
    text = fields.text("shop_id") or job.shop_ids.get(environment)
    if text is None:
        raise RefusedRow("neither it nor the old credentials name the shop")
    return _checked(job, "shop_id", text)


def ensure_shops(job: Job, db: Session, scopes: Sequence[Scope], *, now: datetime) -> None:
    """Rows for shops that only their orders tell of: known, and still to be connected."""
    for scope in sorted(scopes, key=str):
        if find_shop(db, scope) is None:
            save_account(db, scope, _profile(scope), state="needs_reauth", reason=CAME_OVER, actor=job.actor, now=now)


def _write_token(job: Job, db: Session, old: OldToken, tally: Tally) -> None:
    now = job.parts.clock.now()
    shop, stored = find_shop(db, old.scope, lock=job.apply), find_token(db, old.scope)
    state = _state(job, db, old, now)
    if shop is not None and shop.state_reason != CAME_OVER:
        tally.present += 1
        return
    same = stored is not None and stored.access_expires_at >= old.tokens.access_expires_at
    if same and shop is not None and (shop.state == state or not job.connect):
        tally.present += 1
        return
    if stored is None:
        tally.new += 1
    else:
        tally.changed += 1
    if not job.apply:
        return
    reason = "" if state == "connected" else CAME_OVER
    if same:
        set_state(db, old.scope, state, reason=reason, actor=job.actor, now=now)
    else:
        sealed = seal_tokens(db, job.parts.ring, old.scope, old.tokens)
        save_account(db, old.scope, _profile(old.scope), state=state, reason=reason, actor=job.actor, now=now)
        store_tokens(db, old.scope, old.partner_id, sealed, now=now)
    if state == "connected":
        wake_shop(db, SHOPEE, old.scope.environment, old.scope.shop_id, now=now)


def _state(job: Job, db: Session, old: OldToken, now: datetime) -> str:
    here = get_credentials(db, SHOPEE, old.scope.environment).partner_id
    ours = here or job.partner_ids.get(old.scope.environment)
    if old.tokens.refresh_expires_at <= now or old.partner_id != ours:
        return "needs_reauth"
    return "connected" if job.connect else "paused"


def _profile(scope: Scope) -> ShopProfile:
    return ShopProfile(scope.shop_id, "", "", None, None)


def _checked(job: Job, name: str, text: str) -> str:
    try:
        return job.shopee.validate_field(name, text)
    except Invalid:
        raise RefusedRow(f"its {name} is no number that Shopee gives") from None


def _end(said: datetime | None, issued: datetime | None, lifetime: timedelta) -> datetime:
    if said is not None:
        return said
    if issued is None:
        raise RefusedRow("it does not say when its tokens end")
    return issued + lifetime
