"""Token exchange and refresh (contract §3.3, §3.4)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from kedai.simulator.api import texts
from kedai.simulator.api.errors import ApiError
from kedai.simulator.api.params import body_number, body_text
from kedai.simulator.state.authorizations import REPLAY_SECONDS, Pair

if TYPE_CHECKING:
    from kedai.simulator.api.call import Answer, Call

_EXCHANGE_SUBJECTS = ("shop_id", "main_account_id")
_REFRESH_SUBJECTS = ("shop_id", "merchant_id", "supplier_id", "user_id", "principal_id")


def get_token(call: Call) -> Answer:
    """Give the first pair for a one-time code; it replaces the shop's earlier pairs."""
    _check_partner(call)
    text = body_text(call.body, "code")
    subject = _one_subject(call.body, _EXCHANGE_SUBJECTS)
    subject_id = body_number(call.body, subject)
    now = call.world.clock.now()
    code = call.world.ledger.codes.get(text)
    if code is None or code.used or code.expires_at <= now or code.partner_id != call.app.partner_id:
        raise ApiError(texts.CODE_INVALID)
    if subject == "main_account_id":
        # Every account here is a shop account.
        raise ApiError(texts.CODE_OF_OTHER_ACCOUNT)
    if code.shop_id != subject_id:
        raise ApiError(texts.CODE_OF_OTHER_SHOP)
    return _tokens(call.world.ledger.redeem(code, now), now)


def refresh_token(call: Call) -> Answer:
    """Give a new pair for a refresh token, which is then used up."""
    _check_partner(call)
    text = body_text(call.body, "refresh_token")
    subject = _one_subject(call.body, _REFRESH_SUBJECTS)
    subject_id = body_number(call.body, subject)
    if subject != "shop_id":
        # No merchants, suppliers or users exist here yet.
        raise ApiError(texts.REFRESH_TOKEN_INVALID)
    now = call.world.clock.now()
    _check_link(call, subject_id, now)
    pair = _renewed(call, _find_pair(call, text, subject_id), now)
    return {"partner_id": call.app.partner_id, "shop_id": subject_id, **_tokens(pair, now)}


def _check_partner(call: Call) -> None:
    # Needed in the body as well as in the query.
    if body_number(call.body, "partner_id") != call.app.partner_id:
        raise ApiError(texts.PARTNER_ID_EMPTY)


def _one_subject(body: dict[str, Any], names: tuple[str, ...]) -> str:
    given = [name for name in names if body.get(name) is not None]
    if len(given) != 1:
        detail = f"exactly one of {' '.join(names)} is required"
        raise ApiError(texts.wrong_parameters(detail))
    return given[0]


def _check_link(call: Call, shop_id: int, now: int) -> None:
    link = call.world.ledger.links.get((call.app.partner_id, shop_id))
    if link is None or link.revoked:
        raise ApiError(texts.SHOP_NOT_LINKED)
    if link.expire_time <= now:
        raise ApiError(texts.SHOP_ACCESS_EXPIRED)


def _find_pair(call: Call, text: str, shop_id: int) -> Pair:
    pair = call.world.ledger.by_refresh.get(text)
    if pair is None or pair.partner_id != call.app.partner_id:
        raise ApiError(texts.REFRESH_TOKEN_INVALID)
    if pair.shop_id != shop_id:
        raise ApiError(texts.REFRESH_TOKEN_OF_OTHER_SHOP)
    return pair


def _renewed(call: Call, pair: Pair, now: int) -> Pair:
    if pair.refresh_expires_at <= now:
        raise ApiError(texts.REFRESH_TOKEN_EXPIRED)
    if pair.rotated_at is None:
        return call.world.ledger.rotate(pair, now)
    # Open question 1 of the contract: a used token is dead at once, or gives the same new pair for four hours.
    may_replay = call.world.switches.refresh_replay_mode == "same_pair_4h" and now < pair.rotated_at + REPLAY_SECONDS
    if may_replay and pair.successor is not None and pair.successor.rotated_at is None:
        return pair.successor
    raise ApiError(texts.REFRESH_TOKEN_INVALID)


def _tokens(pair: Pair, now: int) -> Answer:
    return {
        "access_token": pair.access_token,
        "refresh_token": pair.refresh_token,
        "expire_in": max(0, pair.access_expires_at - now),
    }
