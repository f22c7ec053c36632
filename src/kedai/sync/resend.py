"""The last resort for a pair that was lost: a code that the marketplace's console sends again, without a new consent.

Whoever types it brings a permission that was given already: it counts for shops and merchants that wait to be connected
again. Any other is treated as one that nobody expected.
"""

from __future__ import annotations

import asyncio
import secrets
from datetime import timedelta

from sqlalchemy.orm import Session

from kedai.connectors.base import Client, Resends
from kedai.errors import NotFound, RemoteUnreadable
from kedai.sync.exchange import Attempt, exchange
from kedai.sync.parts import Parts
from kedai.values.actor import Actor
from kedai.values.credentials import Grant
from kedai.values.environment import ConnectorName, Environment
from kedai.values.wording import N_
from kedai.vault import oauth_states
from kedai.vault.oauth_states import Purpose

_LIFETIME = timedelta(minutes=10)
_PURPOSE = Purpose("recover", None, None)


async def take_again(parts: Parts, name: ConnectorName, environment: Environment, code: str, *, actor: Actor) -> str:
    """Exchange a resend code, and keep what it gives; a status of `grants.keep`.

    Raises:
        NotFound: this marketplace has no such code. Invalid: it can be none. Unavailable: it could not be kept here.
        KedaiError: as the marketplace refuses it.
    """
    attempt = Attempt(name, environment, secrets.token_bytes(32), _PURPOSE, actor)

    async def ask(client: Client) -> Grant:
        if not isinstance(client, Resends):
            raise NotFound(N_("This marketplace sends no code again."))
        grant = await client.exchange_resend_code(code)
        if not grant.shop_ids and not grant.merchant_ids:
            raise RemoteUnreadable(N_("The marketplace granted nobody."))
        return grant

    async def describe(_client: Client, _grant: Grant) -> None:
        await asyncio.sleep(0)  # whom it is for is only known now: the run that sees to them asks for their names

    await parts.write(lambda db: _begin(parts, db, attempt))
    return await exchange(parts, attempt, ask, describe)


def _begin(parts: Parts, db: Session, attempt: Attempt) -> None:
    now = parts.clock.now()
    oauth_states.create(
        db,
        attempt.connector,
        attempt.environment,
        token_hash=attempt.token_hash,
        staff_id=attempt.actor.id,
        session_id="",
        intent=_PURPOSE.intent,
        expected_shop_id=None,
        expected_merchant_id=None,
        expires_at=now + _LIFETIME,
        now=now,
    )
    oauth_states.consume(db, attempt.connector, attempt.environment, token_hash=attempt.token_hash, now=now)
