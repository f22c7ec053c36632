"""Does each shop let us in, is it the one that is expected, and for how long?"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from datetime import datetime
from typing import Final

from kedai.errors import KedaiError
from kedai.sync.parts import Parts
from kedai.sync.preflight.facts import Facts, ShopFacts
from kedai.sync.preflight.findings import failed, not_applicable, not_tried, passed, refused, warning
from kedai.sync.preflight.place import why_not
from kedai.sync.shops import Authorization, judge_authorization
from kedai.sync.tokens import call_with_token
from kedai.values.check import Check
from kedai.values.credentials import ShopProfile
from kedai.values.environment import Scope
from kedai.values.wording import N_

_AT_ONCE: Final = 5
_ANY_REGION: Final = "GLOBAL"
_CONNECT: Final = N_("Connect the shop on this environment's tab.")
_RECONNECT: Final = N_("Connect the shop again on this environment's tab; nothing is lost by doing so early.")


async def check_shops(parts: Parts, facts: Facts) -> Sequence[Check]:
    """Two checks for each shop that is meant to work, and one more where the expected shop is not among them."""
    if facts.app is None:
        return [not_tried(name, why_not(facts)) for name in ("token", "authorization")]
    room = asyncio.Semaphore(_AT_ONCE)

    async def ask(shop: ShopFacts) -> Sequence[Check]:
        async with room:
            return await _check_shop(parts, facts, shop)

    answers = await asyncio.gather(*(ask(shop) for shop in facts.shops))
    return [*_expected(facts), *(check for checks in answers for check in checks)]


def _expected(facts: Facts) -> Sequence[Check]:
    known = {shop.shop_id for shop in facts.shops}
    if facts.expected_shop_id is not None and facts.expected_shop_id not in known:
        found = N_("The shop that the form names is not connected.")
        return [failed("token", found, _CONNECT, subject=facts.expected_shop_id)]
    if not known:
        return [failed("token", N_("No shop is connected."), _CONNECT)]
    return []


async def _check_shop(parts: Parts, facts: Facts, shop: ShopFacts) -> Sequence[Check]:
    scope = Scope(facts.connector.name, facts.environment, shop.shop_id)
    try:
        if shop.state == "needs_reauth":
            profile, token = None, failed("token", N_("It must be connected again."), _RECONNECT, subject=shop.shop_id)
        else:
            profile = await call_with_token(parts, scope, lambda client, token: client.get_shop(shop.shop_id, token))
            token = _judge_profile(facts, shop, profile)
    except KedaiError as error:
        profile, token = None, refused("token", error, subject=shop.shop_id)
    if profile is not None:
        return [token, _judge_end(profile.authorized_until, facts.read_at, shop.shop_id)]
    if judge_authorization(shop.authorized_until, facts.read_at) is Authorization.ENDED:
        return [token, _judge_end(shop.authorized_until, facts.read_at, shop.shop_id)]
    # what was stored may be long out of date: the owner can take the consent back at any time
    return [token, not_applicable("authorization", N_("Not known: the shop did not answer."), subject=shop.shop_id)]


def _judge_profile(facts: Facts, shop: ShopFacts, profile: ShopProfile) -> Check:
    """The token was accepted for this shop: is it also the shop, and in the region, that is expected here?"""
    if profile.shop_id != shop.shop_id:
        found = N_("The marketplace answered about shop %(shop_id)s.", shop_id=profile.shop_id)
        return failed("token", found, _RECONNECT, subject=shop.shop_id)
    for expected, named_by in ((facts.region, N_("the form")), (shop.region, N_("the connection"))):
        if expected not in {"", _ANY_REGION, profile.region}:
            said = {"region": profile.region, "named_by": named_by, "expected": expected}
            found = N_("The shop is in %(region)s, but %(named_by)s says %(expected)s.", **said)
            fix = N_("Choose the shop's region (or GLOBAL) in the form, or connect the right shop.")
            return failed("token", found, fix, subject=shop.shop_id)
    found = N_("%(name)s (%(region)s) answered.", name=profile.name or N_("The shop"), region=profile.region)
    return passed("token", found, subject=shop.shop_id)


def _judge_end(until: datetime | None, now: datetime, shop_id: str) -> Check:
    standing = judge_authorization(until, now)
    if until is None:
        return warning(
            "authorization",
            N_("The marketplace did not say until when."),
            N_("Look at its console when the consent ends."),
            subject=shop_id,
        )
    day, days = f"{until:%Y-%m-%d}", max(0, (until - now).days)
    if standing is Authorization.ENDED:
        return failed("authorization", N_("It was over on %(day)s.", day=day), _RECONNECT, subject=shop_id)
    if standing is Authorization.VALID:
        found = N_("Until %(day)s, %(days)s days from now.", day=day, days=days)
        return passed("authorization", found, subject=shop_id)
    found = N_("It ends on %(day)s, in %(days)s days.", day=day, days=days)
    return warning("authorization", found, _RECONNECT, subject=shop_id)
