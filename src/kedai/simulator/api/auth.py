"""Token exchange and refresh (contract §3.3, §3.4)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from kedai.simulator.api import texts
from kedai.simulator.api.errors import ApiError
from kedai.simulator.api.params import body_number, body_text
from kedai.simulator.state.authorizations import REPLAY_SECONDS, Pair, Subject

if TYPE_CHECKING:
    from kedai.simulator.api.call import Answer, Call
    from kedai.simulator.state.authorizations import Kind

_EXCHANGE_SUBJECTS = ("shop_id", "main_account_id")
_REFRESH_SUBJECTS = ("shop_id", "merchant_id", "supplier_id", "user_id", "principal_id")
_KINDS: dict[str, Kind] = {"shop_id": "shop", "merchant_id": "merchant"}


def get_token(call: Call) -> Answer:
    """Give the first pair for a one-time code; a main account's is shared by all that it names (contract §3.4)."""
    _check_partner(call)
    text = body_text(call.body, "code")
    field = _one_subject(call.body, _EXCHANGE_SUBJECTS)
    number = body_number(call.body, field)
    now = call.world.clock.now()
    code = call.world.ledger.codes.get(text)
    if code is None or code.is_resend or code.used or code.expires_at <= now or code.partner_id != call.app.partner_id:
        raise ApiError(texts.CODE_INVALID)
    if field == "main_account_id":
        if code.main_account_id != number:
            raise ApiError(texts.CODE_OF_OTHER_ACCOUNT)
        return {**_tokens(call.world.ledger.redeem(code, now), code.subjects, now), **_lists(code.subjects)}
    if code.main_account_id is not None or code.subjects != (Subject("shop", number),):
        raise ApiError(texts.CODE_OF_OTHER_SHOP)
    return _tokens(call.world.ledger.redeem(code, now), code.subjects, now)


def refresh_token(call: Call) -> Answer:
    """Give a new pair for a refresh token, which is then used up for this shop or merchant."""
    _check_partner(call)
    text = body_text(call.body, "refresh_token")
    field = _one_subject(call.body, _REFRESH_SUBJECTS)
    number = body_number(call.body, field)
    kind = _KINDS.get(field)
    if kind is None:
        # No suppliers, users or principals exist here.
        raise ApiError(texts.REFRESH_TOKEN_INVALID)
    subject = Subject(kind, number)
    now = call.world.clock.now()
    _check_link(call, subject, now)
    pair = _renewed(call, _find_pair(call, text, subject), subject, now)
    return {"partner_id": call.app.partner_id, field: number, **_tokens(pair, (subject,), now)}


def get_token_by_resend_code(call: Call) -> Answer:
    """Give the newest pair for a code that the console's "resend code" sent; live only (contract §3.5)."""
    if call.app.environment != "live":
        raise ApiError(texts.API_OFFLINE)
    text = body_text(call.body, "resend_code")
    now = call.world.clock.now()
    code = call.world.ledger.codes.get(text)
    if code is None or not code.is_resend or code.used or code.expires_at <= now:
        raise ApiError(texts.CODE_INVALID)
    if code.partner_id != call.app.partner_id:
        raise ApiError(texts.CODE_INVALID)
    return {**_tokens(call.world.ledger.redeem(code, now), code.subjects, now), **_lists(code.subjects)}


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


def _check_link(call: Call, subject: Subject, now: int) -> None:
    link = call.world.ledger.links.get((call.app.partner_id, subject))
    if link is None or link.revoked:
        raise ApiError(texts.not_linked(subject.kind))
    if link.expire_time <= now:
        raise ApiError(texts.access_expired(subject.kind))


def _find_pair(call: Call, text: str, subject: Subject) -> Pair:
    pair = call.world.ledger.by_refresh.get(text)
    if pair is None or pair.partner_id != call.app.partner_id:
        raise ApiError(texts.REFRESH_TOKEN_INVALID)
    if subject not in pair.subjects:
        raise ApiError(texts.refresh_token_of_other(subject.kind))
    return pair


def _renewed(call: Call, pair: Pair, subject: Subject, now: int) -> Pair:
    if pair.refresh_expires_at <= now:
        raise ApiError(texts.REFRESH_TOKEN_EXPIRED)
    rotation = pair.rotations.get(subject)
    if rotation is None:
        return call.world.ledger.rotate(pair, subject, now)
    # Open question 1 of the contract: a used token is dead at once, or gives the same new pair for four hours.
    may_replay = call.world.switches.refresh_replay_mode == "same_pair_4h" and now < rotation.at + REPLAY_SECONDS
    if may_replay and subject not in rotation.successor.rotations:
        return rotation.successor
    raise ApiError(texts.REFRESH_TOKEN_INVALID)


def _tokens(pair: Pair, subjects: tuple[Subject, ...], now: int) -> Answer:
    ends = min(pair.access_end(subject) for subject in subjects)
    return {
        "access_token": pair.access_token,
        "refresh_token": pair.refresh_token,
        "expire_in": max(0, ends - now),
    }


def _lists(subjects: tuple[Subject, ...]) -> Answer:
    return {
        f"{kind}_id_list": [subject.number for subject in subjects if subject.kind == kind]
        for kind in ("shop", "merchant")
    }
