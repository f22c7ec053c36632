"""The guard over who came back from the consent page: what was not expected never touches a connection that stands."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Literal

from kedai.values.wording import N_
from kedai.vault.oauth_states import Purpose

Status = Literal["connected", "pending_confirmation", "already_connected"]
_STANDING = frozenset({"connected", "paused"})
_BEST_FIRST: tuple[Status, ...] = ("connected", "pending_confirmation", "already_connected")


def judge_shop(shop_id: str, purpose: Purpose, *, configured: str | None, existing: str | None) -> tuple[Status, str]:
    """What becomes of a shop that was granted, and why; ``existing`` is how its connection stands here.

    ``connected``: it is the one expected, or the configured one. ``already_connected``: it stands, and the new pair is
    kept aside. ``pending_confirmation``: it waits until a person types its id.
    """
    if purpose.intent == "reconnect" and purpose.expected_shop_id == shop_id:
        return "connected", ""
    if purpose.intent == "recover" and existing == "needs_reauth":
        return "connected", ""
    if existing in _STANDING:
        return "already_connected", ""
    if purpose.intent == "reconnect":
        return "pending_confirmation", N_("%(who)s was expected", who=_expected(purpose))
    if configured == shop_id:
        return "connected", ""
    return "pending_confirmation", N_("this is not the configured shop")


def judge_merchant(merchant_id: str, purpose: Purpose, *, existing: str | None) -> tuple[Status, str]:
    """The same for a merchant: no field names one, so that each is confirmed once."""
    if purpose.intent == "reconnect" and purpose.expected_merchant_id == merchant_id:
        return "connected", ""
    if purpose.intent == "recover" and existing == "needs_reauth":
        return "connected", ""
    if existing in _STANDING:
        return "already_connected", ""
    if purpose.intent == "reconnect":
        return "pending_confirmation", N_("%(who)s was expected", who=_expected(purpose))
    return "pending_confirmation", N_("this merchant was not connected before")


def sum_up(statuses: Iterable[Status]) -> Status:
    """The one word for a whole grant.

    ``connected`` if the expected or configured one is, whatever came along with it; else ``pending_confirmation`` if
    anything waits for a person; else ``already_connected``: all of it stood.
    """
    found = set(statuses)
    return next(one for one in _BEST_FIRST if one in found)


def _expected(purpose: Purpose) -> str:
    if purpose.expected_merchant_id is not None:
        return N_("merchant %(merchant_id)s", merchant_id=purpose.expected_merchant_id)
    return N_("shop %(shop_id)s", shop_id=purpose.expected_shop_id)
