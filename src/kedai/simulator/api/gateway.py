"""The checks before any endpoint, in the order of contract §6.7 and with the texts of §6.2."""

from __future__ import annotations

from typing import TYPE_CHECKING

from kedai.simulator.api import texts
from kedai.simulator.api.errors import GatewayError
from kedai.simulator.api.params import parse_uint
from kedai.simulator.signing import is_same, sign_call
from kedai.simulator.state.authorizations import Subject

if TYPE_CHECKING:
    from collections.abc import Mapping

    from kedai.simulator.state.apps import App
    from kedai.simulator.state.authorizations import Kind, Link
    from kedai.simulator.state.world import World

# Open question 3 of the contract: how far a clock may run ahead is not documented; the same both ways.
CLOCK_SECONDS = 300


def check_app(world: World, query: Mapping[str, str]) -> App:
    """Return the app that calls: present, a number, known to this environment."""
    text = query.get("partner_id")
    if text is None:
        raise GatewayError(texts.PARTNER_ID_MISSING)
    if not text:
        raise GatewayError(texts.PARTNER_ID_EMPTY)
    partner_id = parse_uint(text)
    if partner_id is None:
        raise GatewayError(texts.PARTNER_ID_NO_NUMBER)
    app = world.apps.get(partner_id)
    if app is None:
        raise GatewayError(texts.PARTNER_ID_UNKNOWN)
    return app


def check_timestamp(world: World, query: Mapping[str, str], *, tolerance: int = CLOCK_SECONDS) -> None:
    """Refuse a call that was signed too long ago, or too far ahead."""
    text = query.get("timestamp")
    if text is None:
        raise GatewayError(texts.TIMESTAMP_MISSING)
    if not text:
        raise GatewayError(texts.TIMESTAMP_EMPTY)
    timestamp = parse_uint(text)
    if timestamp is None:
        raise GatewayError(texts.TIMESTAMP_NO_NUMBER)
    if abs(world.clock.now() - timestamp) > tolerance:
        raise GatewayError(texts.TIMESTAMP_EXPIRED)


def check_public_sign(app: App, path: str, query: Mapping[str, str]) -> None:
    """Check the short base, or the long one if token and shop came along.

    Several clients sign public calls like shop calls; whether the real gateway takes that is open question 4.
    """
    given = _given_sign(query)
    base = f"{query['partner_id']}{path}{query['timestamp']}"
    if is_same(sign_call(app.partner_key, base), given):
        return
    if "access_token" in query and "shop_id" in query:
        base += query["access_token"] + query["shop_id"]
        if is_same(sign_call(app.partner_key, base), given):
            return
    raise GatewayError(texts.SIGN_WRONG)


def check_subject_sign(app: App, path: str, query: Mapping[str, str], kind: Kind) -> Subject:
    """Check token and shop (or merchant) are there and the long base is signed; return whom the call is for."""
    given = _given_sign(query)
    token, text = query.get("access_token"), query.get(f"{kind}_id")
    if not token:
        raise GatewayError(texts.ACCESS_TOKEN_MISSING)
    if not text:
        raise GatewayError(texts.subject_id_missing(kind))
    number = parse_uint(text)
    if number is None:
        raise GatewayError(texts.subject_id_no_number(kind))
    base = f"{query['partner_id']}{path}{query['timestamp']}{token}{text}"
    has_both = "merchant_id" in query and "shop_id" in query
    if has_both or not is_same(sign_call(app.partner_key, base), given):
        raise GatewayError(texts.SIGN_WRONG)
    return Subject(kind, number)


def check_link(world: World, app: App, query: Mapping[str, str], subject: Subject) -> Link:
    """Check the token is known, alive and this subject's, and that the consent still stands."""
    pair = world.ledger.by_access.get(query["access_token"])
    now = world.clock.now()
    if pair is None or not pair.lets_in(app.partner_id, subject, now):
        raise GatewayError(texts.ACCESS_TOKEN_INVALID)
    link = world.ledger.links[app.partner_id, subject]
    if link.revoked:
        raise GatewayError(texts.not_linked(subject.kind))
    if link.expire_time <= now:
        raise GatewayError(texts.LINK_ENDED)
    return link


def _given_sign(query: Mapping[str, str]) -> str:
    given = query.get("sign")
    if not given:
        raise GatewayError(texts.SIGN_MISSING)
    return given
