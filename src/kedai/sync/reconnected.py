"""What a person was told of a lost connection ends once the account is connected again."""

from __future__ import annotations

from datetime import datetime
from typing import Final

from sqlalchemy.orm import Session

from kedai.connector_exceptions.service import clear_exception, fingerprint_of
from kedai.errors import NeedsReconnect
from kedai.values.environment import Account, Scope
from kedai.values.wording import N_
from kedai.vault.accounts import kind_of

ENDING: Final = "authorization_ending"


def end_troubles(db: Session, owner: Account, *, is_granted: bool, now: datetime) -> None:
    """End the exceptions about this account's connection; nothing where there are none.

    ``is_granted``: the seller has authorised anew, so that the end of the authorisation before is over too. The
    account's row must be locked: who raises these exceptions locks it first, too.
    """
    note = N_("It was connected again.") if is_granted else N_("Its token was renewed.")
    kind = kind_of(owner).name
    codes = (NeedsReconnect.code, ENDING, disconnected_code(kind)) if is_granted else (NeedsReconnect.code,)
    told = [fingerprint_of(code, *_whereabouts(owner)) for code in codes]
    for fingerprint in sorted(told):
        clear_exception(db, owner.connector, owner.environment, fingerprint, note=note, now=now)


def _whereabouts(owner: Account) -> tuple[str | None, str]:
    """The shop that its exceptions are filed under, and their group: a merchant's are told apart by that."""
    return (owner.shop_id, "") if isinstance(owner, Scope) else (None, f"merchant {owner.merchant_id}")


def disconnected_code(kind: str) -> str:
    """The code under which a person is told that the marketplace disconnected a shop or merchant."""
    return f"{kind}_disconnected"
