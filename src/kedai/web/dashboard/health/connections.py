"""What is wrong with a marketplace's connection: its credentials, its pushes, its shops and merchants, its limits."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from sqlalchemy.orm import Session

from kedai.calls.rates import list_paused_for_the_day
from kedai.connectors.base import Connector
from kedai.coverage.queries import find_push_health
from kedai.sync.connection import ConnectionView, MerchantView, ShopView
from kedai.sync.shops import Authorization, judge_authorization
from kedai.values.console import Place
from kedai.values.environment import Environment
from kedai.values.notification import Kind
from kedai.values.pace import merchant_account, shop_account
from kedai.values.wording import N_, joined
from kedai.web.dashboard.console import read_console
from kedai.web.dashboard.formats import stamp
from kedai.web.dashboard.health.item import Item
from kedai.web.dashboard.render import known, url
from kedai.web.dashboard.shell import Shell
from kedai.web.dashboard.words import AUTHORIZATION, Level

_USELESS_TOKENS = frozenset({"dead", "foreign", "unreadable"})


def of_connection(
    db: Session, shell: Shell, connector: Connector, environment: Environment, view: ConnectionView | None
) -> Iterator[Item]:
    """One environment of a marketplace; ``view`` is ``None`` where nothing was seeded yet."""
    name, label = connector.name, connector.label
    here = url(f"/connectors/{name}", tab=environment.value)
    is_active = environment is shell.active
    if view is None or (view.missing and not _is_touched(view)):
        detail = N_("Enter its credentials and connect a shop to begin.")
        level: Level = "warn" if is_active else "info"
        yield Item(level, environment, N_("%(label)s is not set up yet", label=label), detail, here, N_("Set it up"))
        return
    if view.missing:
        detail = N_(
            "Missing: %(missing)s.", missing=joined(", ", [_field_label(connector, one) for one in view.missing])
        )
        level = "bad" if is_active else "info"
        yield Item(
            level, environment, N_("%(label)s: something is missing", label=label), detail, here, N_("Fill it in")
        )
    kids = {one.unreadable_kid for one in (view.partner_key, view.push_partner_key) if one.unreadable_kid}
    for kid in sorted(kids):
        title = N_("A %(label)s secret cannot be read: it needs key %(kid)s", label=label, kid=kid)
        detail = N_("Give Kedai this master key again, or enter the secret anew.")
        yield Item("bad", environment, title, detail, here, N_("Look at it"))
    yield from _of_pushes(db, connector, environment)
    for shop in view.shops:
        yield from _of_shop(shell, shop, label, f"{here}#shops", environment)
    for merchant in view.merchants:
        yield from _of_merchant(shell, merchant, label, f"{here}#merchants", environment)
    yield from _of_limits(shell, db, view, label, here)


def _of_pushes(db: Session, connector: Connector, environment: Environment) -> Iterator[Item]:
    name, label = connector.name, connector.label
    health = find_push_health(db, name, environment)
    if health is None or health.status == "normal":
        return
    here = url(f"/connectors/{name}/certificates", env=environment.value)
    page = read_console(connector, environment).get(Place.PUSHES)
    told: dict[str, Any] = {"kind": Kind.PUSHES, "subject": name, "outside": page and (page, label)}
    if health.status == "suspended":
        title = N_("%(label)s has switched its pushes to us off", label=label)
        detail = N_("Nothing of this time is sent later: orders are looked for every few minutes meanwhile.")
        yield Item("bad", environment, title, detail, here, N_("Mend it"), health.since, **told)
        return
    title = N_("%(label)s is not content with our answers to its pushes", label=label)
    detail = N_("It switches them off if this goes on; orders are looked for every few minutes meanwhile.")
    yield Item("warn", environment, title, detail, here, N_("Look at it"), health.since, **told)


def _of_shop(shell: Shell, shop: ShopView, label: str, here: str, environment: Environment) -> Iterator[Item]:
    who = N_("%(label)s shop %(name)s", label=label, name=shop.name or shop.shop_id)
    is_connected = shop.state == "connected"
    if shop.state == "needs_reauth":
        detail = joined(" ", [*_reasons(shop.state_reason), N_("Its orders wait until then.")])
        yield _to_reconnect(environment, who, shop.shop_id, detail, here)
    elif shop.state == "pending":
        detail = N_("It is not the shop that was expected. Confirm it, or leave it.")
        yield Item("warn", environment, N_("%(who)s waits for you", who=who), detail, here, N_("Look at it"))
    elif is_connected and shop.token is not None and shop.token.state in _USELESS_TOKENS:
        yield _to_reconnect(environment, who, shop.shop_id, N_("Its token can no longer be used."), here)
    elif is_connected or shop.state == "paused":
        yield from _of_authorization(shell, shop, who, here, environment)
    yield from _of_held(shop, who, here, environment)


def _of_merchant(
    shell: Shell, merchant: MerchantView, label: str, here: str, environment: Environment
) -> Iterator[Item]:
    who = N_("%(label)s merchant %(name)s", label=label, name=merchant.name or merchant.merchant_id)
    is_useless = merchant.token is not None and merchant.token.state in _USELESS_TOKENS
    if merchant.state == "needs_reauth" or (merchant.state == "connected" and is_useless):
        detail = joined(" ", _reasons(merchant.state_reason))
        yield _to_reconnect(environment, who, merchant.merchant_id, detail, here)
    elif merchant.state == "pending":
        detail = N_("It came with a main account and was not connected before. Confirm it, or leave it.")
        yield Item("warn", environment, N_("%(who)s waits for you", who=who), detail, here, N_("Look at it"))
    elif merchant.state == "connected":
        yield from _of_authorization(shell, merchant, who, here, environment)
    yield from _of_held(merchant, who, here, environment)


def _reasons(stored: str) -> list[str]:
    """Why an account's connection ended, as it was stored; none where nobody said so."""
    return [N_("The reason: %(reason)s.", reason=known(stored))] if stored else []


def _to_reconnect(environment: Environment, who: str, account: str, detail: str, here: str) -> Item:
    subject = f"{here} {account}"  # the same number may be a shop's and a merchant's
    title = N_("%(who)s must be connected again", who=who)
    return Item("bad", environment, title, detail, here, N_("Reconnect"), kind=Kind.RECONNECT, subject=subject)


def _of_held(one: ShopView | MerchantView, who: str, here: str, environment: Environment) -> Iterator[Item]:
    if one.held_at is not None and one.state not in {"pending", "disconnected"}:
        title, detail = (
            N_("A newer permission for %(who)s is kept aside", who=who),
            N_("The marketplace may have ended the older one."),
        )
        yield Item("warn", environment, title, detail, here, N_("Look at it"), one.held_at)


def _of_authorization(
    shell: Shell, shop: ShopView | MerchantView, who: str, here: str, environment: Environment
) -> Iterator[Item]:
    """From 30 days before the shop's owner must agree again."""
    how = judge_authorization(shop.authorized_until, shell.now)
    if how in {Authorization.VALID, Authorization.UNKNOWN}:
        return
    level: Level = "warn" if how is Authorization.ENDS_SOON else "bad"
    has_ended = how is Authorization.ENDED
    title = (
        N_("The authorisation of %(who)s has ended", who=who)
        if has_ended
        else N_("The authorisation of %(who)s ends soon", who=who)
    )
    account = shop.shop_id if isinstance(shop, ShopView) else shop.merchant_id
    subject, until = f"{here} {account}", shop.authorized_until
    detail = AUTHORIZATION[how][2]
    yield Item(level, environment, title, detail, here, N_("Reconnect"), until, Kind.AUTHORIZATION, subject)


def _of_limits(shell: Shell, db: Session, view: ConnectionView, label: str, here: str) -> Iterator[Item]:
    """Whose calls of the day are used up."""
    names = {shop_account(shop.shop_id): N_("shop %(name)s", name=shop.name or shop.shop_id) for shop in view.shops}
    names |= {
        merchant_account(one.merchant_id): N_("merchant %(name)s", name=one.name or one.merchant_id)
        for one in view.merchants
    }
    paused = list_paused_for_the_day(
        db, view.connector, environment=view.environment, partner_id=view.partner_id or "", now=shell.now
    )
    for one in paused:
        title = N_(
            "%(label)s takes no more calls today for %(account)s",
            label=label,
            account=names.get(one.account, N_("the app itself")),
        )
        until = stamp(one.until, zone=shell.zone)
        detail = N_("Paused until %(until)s. What waits is kept, and goes on by itself then.", until=until)
        subject = f"{view.connector} {one.account}"
        yield Item("warn", view.environment, title, detail, here, N_("Look at it"), one.until, Kind.QUOTA, subject)


def _field_label(connector: Connector, field: str) -> str:
    return next((one.label for one in connector.credential_fields if one.name == field), field)


def _is_touched(view: ConnectionView) -> bool:
    return bool(view.partner_id or view.partner_key.set or view.push_partner_key.set or view.shops)
