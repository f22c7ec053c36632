"""Control routes for apps, authorizations, shops and merchants: what the console and the sellers would do."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import msgspec

from kedai.simulator.control.http import (
    ControlError,
    answer,
    find_app,
    find_main_account,
    find_merchant,
    find_shop,
    path_number,
    read_body,
    simulation_of,
)
from kedai.simulator.pushing.bodies import NamedIn
from kedai.simulator.redirects import BadRedirect, check_redirect, is_web_address, with_answer
from kedai.simulator.state.authorizations import DAY_SECONDS, LONGEST_LINK_DAYS, Subject
from kedai.simulator.state.push_settings import PUSH_CODES, PushStatus

if TYPE_CHECKING:
    from aiohttp import web

    from kedai.simulator.state.apps import App, MainAccount

_MOST_SECONDS = LONGEST_LINK_DAYS * DAY_SECONDS


class Authorization(msgspec.Struct, forbid_unknown_fields=True):
    """Body of ``POST /control/authorizations``: a shop, or a main account and those of its shops and merchants."""

    partner_id: int
    redirect: str
    shop_id: int | None = None
    main_account_id: int | None = None
    shop_ids: list[int] | None = None
    merchant_ids: list[int] | None = None
    days: Annotated[int, msgspec.Meta(ge=1, le=LONGEST_LINK_DAYS)] = LONGEST_LINK_DAYS
    state: str | None = None


class AppChange(msgspec.Struct, forbid_unknown_fields=True):
    """Body of ``POST /control/apps/{partner_id}``; null unsets, what is absent stays."""

    callback_url: str | msgspec.UnsetType | None = msgspec.UNSET
    redirect_domain: str | msgspec.UnsetType | None = msgspec.UNSET
    push_partner_key: str | msgspec.UnsetType = msgspec.UNSET
    push_status: PushStatus | msgspec.UnsetType = msgspec.UNSET
    push_codes_off: list[int] | msgspec.UnsetType = msgspec.UNSET


class Revocation(msgspec.Struct, forbid_unknown_fields=True):
    """Body of the routes that take a consent back: where the push names whom it is about."""

    named_in: NamedIn = "field"


class End(msgspec.Struct, forbid_unknown_fields=True):
    """Body of the routes that move a consent's end; 0 is now."""

    in_seconds: Annotated[int, msgspec.Meta(ge=0, le=_MOST_SECONDS)]


async def create_authorization(request: web.Request) -> web.Response:
    """Approve without a person; return the code and where the browser would be sent."""
    wish = await read_body(request, Authorization)
    app = find_app(request, wish.partner_id)
    try:
        check_redirect(wish.redirect, app.redirect_domain)
    except BadRedirect as problem:
        raise ControlError(400, "bad_redirect", str(problem)) from None
    code, named = _approve(request, app, wish)
    state = {} if wish.state is None else {"state": wish.state}
    location = with_answer(wish.redirect, {"code": code, **named, **state})
    return answer({"code": code, "location": location}, 201)


def _approve(request: web.Request, app: App, wish: Authorization) -> tuple[str, dict[str, str]]:
    consents = simulation_of(request).consents
    if (wish.shop_id is None) == (wish.main_account_id is None):
        raise ControlError(400, "bad_request", "Name either shop_id or main_account_id.")
    if wish.main_account_id is None:
        shop = find_shop(request, wish.shop_id or 0)
        return consents.approve_shop(app, shop.shop_id, days=wish.days), {"shop_id": str(shop.shop_id)}
    account = find_main_account(request, wish.main_account_id)
    code = consents.approve_main_account(app, account, _chosen(account, wish), days=wish.days)
    return code, {"main_account_id": str(account.main_account_id)}


def _chosen(account: MainAccount, wish: Authorization) -> tuple[Subject, ...]:
    """Return those of the account's shops and merchants that are wished: all of a kind that is not named."""
    wished = {"shop": wish.shop_ids, "merchant": wish.merchant_ids}
    known = account.subjects()
    for kind, numbers in wished.items():
        for number in numbers or ():
            if number not in [subject.number for subject in known if subject.kind == kind]:
                raise ControlError(404, f"unknown_{kind}", f"The main account has no {kind} {number}.")
    lists = [(subject, wished[subject.kind]) for subject in known]
    chosen = tuple(subject for subject, numbers in lists if numbers is None or subject.number in numbers)
    if not chosen:
        raise ControlError(400, "bad_request", "A main account consents for one shop or merchant at least.")
    return chosen


async def change_app(request: web.Request) -> web.Response:
    """Set the app's callback URL, redirect domain, push key, push status or the codes that are off; return the app."""
    simulation = simulation_of(request)
    app = find_app(request, path_number(request, "partner_id"))
    change = await read_body(request, AppChange)
    if change.callback_url is not msgspec.UNSET:
        app.callback_url = _checked_url(change.callback_url)
    if change.redirect_domain is not msgspec.UNSET:
        app.redirect_domain = change.redirect_domain
    if change.push_partner_key is not msgspec.UNSET:
        app.push_partner_key = change.push_partner_key
    if change.push_status is not msgspec.UNSET:
        app.push.force(change.push_status, simulation.world.clock.now())
    if change.push_codes_off is not msgspec.UNSET:
        app.push.off = _checked_codes(change.push_codes_off)
    return answer(simulation.world.app_json(app))


async def resend_code(request: web.Request) -> web.Response:
    """Give what the console's "resend code" would send: a one-time code for the pair that was lost."""
    world = simulation_of(request).world
    subject, now = _subject(request), world.clock.now()
    partner_ids = [link.partner_id for link in world.ledger.links_of(subject) if link.is_alive(now)]
    if not partner_ids:
        raise ControlError(409, "not_linked", f"No app is linked to {subject.kind} {subject.number}.")
    return answer({"resend_code": world.ledger.resend(partner_ids[0], (subject,), now)}, 201)


async def expire_tokens(request: web.Request) -> web.Response:
    """End the access tokens of a shop or merchant now; refresh tokens live on."""
    world = simulation_of(request).world
    return answer({"expired": world.ledger.expire_access(_subject(request), world.clock.now())})


async def revoke(request: web.Request) -> web.Response:
    """Cut the consent of a shop or merchant, as its seller can at any time."""
    subject = _subject(request)
    options = await read_body(request, Revocation)
    return answer({"revoked": simulation_of(request).consents.revoke(subject, named_in=options.named_in)})


async def end_authorization(request: web.Request) -> web.Response:
    """Move the end of the consent of a shop or merchant; pushes 12 and 2 come as it nears and passes."""
    subject = _subject(request)
    end = await read_body(request, End)
    return answer({"changed": simulation_of(request).consents.end_in(subject, end.in_seconds)})


def _subject(request: web.Request) -> Subject:
    if "shop_id" in request.match_info:
        return Subject("shop", find_shop(request, path_number(request, "shop_id")).shop_id)
    return Subject("merchant", find_merchant(request, path_number(request, "merchant_id")).merchant_id)


def _checked_codes(codes: list[int]) -> set[int]:
    if unknown := sorted(set(codes) - set(PUSH_CODES)):
        raise ControlError(400, "bad_request", f"push_codes_off: {unknown[0]} is no push that can be switched.")
    return set(codes)


def _checked_url(url: str | None) -> str | None:
    if not url:
        return None
    if not is_web_address(url):
        raise ControlError(400, "bad_callback_url", "callback_url must be an http or https URL of plain characters.")
    return url
