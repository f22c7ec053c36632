"""What is wrong, since when, and what to do: the first thing an operator reads."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy.orm import Session

from kedai.calls.rates import list_paused_for_the_day
from kedai.connector_exceptions.queries import count_exceptions
from kedai.connectors.base import Connector
from kedai.coverage.queries import find_push_health
from kedai.errors import NotFound
from kedai.inbox import notices
from kedai.inbox import queries as inbox
from kedai.runs.timing import ScheduleState
from kedai.runtime import Runtime
from kedai.sync.admission import count_admittable
from kedai.sync.connection import ConnectionView, MerchantView, ShopView, get_connection
from kedai.sync.schedule_view import read_schedules
from kedai.sync.shops import Authorization, judge_authorization
from kedai.values.console import ConsolePage, Place
from kedai.values.environment import ConnectorName, Environment
from kedai.values.event import EventState
from kedai.values.notification import Kind
from kedai.values.pace import merchant_account, shop_account
from kedai.values.wording import N_, NP_, joined
from kedai.web.dashboard.console import read_console
from kedai.web.dashboard.formats import counted, span, stamp
from kedai.web.dashboard.render import url
from kedai.web.dashboard.shell import Shell
from kedai.web.dashboard.words import AUTHORIZATION, Level

_COUNTED = 1_000
_SILENT = timedelta(minutes=2)
_USELESS_TOKENS = frozenset({"dead", "foreign", "unreadable"})
_ORDER: dict[str, int] = {"bad": 0, "warn": 1, "info": 2, "good": 3}


@dataclass(frozen=True, slots=True)
class Item:
    """One thing to know. ``environment`` is ``None`` where it concerns the whole installation.

    What people are also told of elsewhere has a ``kind``, and a ``subject`` that stays for as long as it lasts.
    ``outside`` is where it is looked after at the marketplace, and the marketplace's name.
    """

    level: Level
    environment: Environment | None
    title: str
    detail: str
    href: str | None
    action: str
    at: datetime | None = None
    kind: Kind | None = None
    subject: str = ""
    outside: tuple[ConsolePage, str] | None = None


def read_health(runtime: Runtime, db: Session, shell: Shell) -> list[Item]:
    """The worst first. The active environment is always looked at, whatever is viewed."""
    items = list(_of_installation(runtime, db, shell))
    shown = set(Environment) if shell.environment is None else {shell.environment}
    if shell.active is not None:
        shown.add(shell.active)
    for environment in sorted(shown):
        for name in runtime.connectors:
            items += _of_connection(runtime, db, shell, name, environment)
            items += _of_rejected(db, name, environment)
        items += _of_work(db, shell, environment)
        items += _of_schedules(db, shell, environment)
    return sorted(items, key=lambda item: _ORDER[item.level])


def _of_installation(runtime: Runtime, db: Session, shell: Shell) -> Iterator[Item]:
    for environment in shell.sealed:
        title = N_(
            "%(environment)s is sealed: this seems to be a copy of another installation",
            environment=environment.value.title(),
        )
        detail = N_(
            "Pushes are stored; nothing is asked of the marketplace and no order is worked on until you confirm."
        )
        yield Item("bad", environment, title, detail, "/quarantine", N_("What to do"), kind=Kind.SEALED)
    if runtime.ring.trouble is not None:
        title = N_("Stored secrets cannot be opened: this installation %(trouble)s", trouble=runtime.ring.trouble)
        detail = N_(
            "Nothing can be signed or verified, and no secret can be saved, until the master key is given back."
        )
        href = "/settings/keys" if "keys.manage" in shell.can else None
        yield Item("bad", None, title, detail, href, N_("Show the keys"))
    due = inbox.find_next_due(db)
    if due is not None and shell.now - due > _SILENT and not shell.sealed:  # what is sealed rests on purpose
        title = N_("Events have been waiting for %(now)s and nothing works on them", now=span(shell.now - due))
        detail = N_(
            "Is a worker running? On one machine “kedai serve” does this too; apart from it, start “kedai worker”."
        )
        yield Item("bad", None, title, detail, url("/e/all/events", state="received"), N_("Show waiting events"))


def _of_schedules(db: Session, shell: Shell, environment: Environment) -> Iterator[Item]:
    here = f"/e/{environment.value}/runs"
    for one in read_schedules(db, environments={environment}, now=shell.now):
        subject = f"{one.connector} {one.kind}"
        if one.state is ScheduleState.DOWN and environment not in shell.sealed:
            since = one.last_success_at
            ended = (
                N_("It never succeeded.")
                if since is None
                else N_("Its last success was %(now)s ago.", now=span(shell.now - since))
            )
            title, detail = N_("“%(label)s” is down", label=one.label), joined(" ", [one.does, ended])
            yield Item("bad", environment, title, detail, here, N_("Look at it"), None, Kind.SCHEDULE, subject)
        elif one.state is ScheduleState.LATE and environment not in shell.sealed:
            title = N_("“%(label)s” is late", label=one.label)
            yield Item("warn", environment, title, one.does, here, N_("Look at it"), None, Kind.SCHEDULE, subject)
        elif one.state is ScheduleState.PAUSED:
            if one.pause_reason:
                detail = N_(
                    "%(does)s %(who)s paused it: %(why)s.", does=one.does, who=one.paused_by, why=one.pause_reason
                )
            else:
                detail = N_("%(does)s %(who)s paused it.", does=one.does, who=one.paused_by)
            yield Item(
                "info",
                environment,
                N_("“%(label)s” is paused", label=one.label),
                detail,
                here,
                N_("Look at it"),
                at=one.paused_at,
            )


def _of_connection(
    runtime: Runtime, db: Session, shell: Shell, name: ConnectorName, environment: Environment
) -> Iterator[Item]:
    view = _find_connection(runtime, db, name, environment)
    label = runtime.connectors[name].label
    here = url(f"/connectors/{name}", tab=environment.value)
    is_active = environment is shell.active
    if view is None or (view.missing and not _is_touched(view)):
        detail = N_("Enter its credentials and connect a shop to begin.")
        level: Level = "warn" if is_active else "info"
        yield Item(level, environment, N_("%(label)s is not set up yet", label=label), detail, here, N_("Set it up"))
        return
    if view.missing:
        detail = N_(
            "Missing: %(missing)s.", missing=joined(", ", [_field_label(runtime, name, one) for one in view.missing])
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
    yield from _of_pushes(db, runtime.connectors[name], environment)
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
        reason = [f"{shop.state_reason[:1].upper()}{shop.state_reason[1:]}."] if shop.state_reason else []
        detail = joined(" ", [*reason, N_("Its orders wait until then.")])
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
        reason = f"{merchant.state_reason[:1].upper()}{merchant.state_reason[1:]}." if merchant.state_reason else ""
        yield _to_reconnect(environment, who, merchant.merchant_id, reason, here)
    elif merchant.state == "pending":
        detail = N_("It came with a main account and was not connected before. Confirm it, or leave it.")
        yield Item("warn", environment, N_("%(who)s waits for you", who=who), detail, here, N_("Look at it"))
    elif merchant.state == "connected":
        yield from _of_authorization(shell, merchant, who, here, environment)
    yield from _of_held(merchant, who, here, environment)


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


def _of_rejected(db: Session, name: ConnectorName, environment: Environment) -> Iterator[Item]:
    waiting = count_admittable(db, name, environment=environment)
    if waiting:
        title = NP_("%(num)s rejected delivery verifies now", "%(num)s rejected deliveries verify now", waiting)
        detail = N_("A key or an address was mended since. Admit them, and they are worked on like any other push.")
        href = url(f"/e/{environment.value}/events", state="rejected")
        yield Item("warn", environment, title, detail, href, N_("Admit them"))


def _of_work(db: Session, shell: Shell, environment: Environment) -> Iterator[Item]:
    events, is_active = f"/e/{environment.value}/events", environment is shell.active
    yield from _of_troubles(db, shell, environment, events)
    parked = inbox.count_events(db, EventState.PARKED, environment=environment, at_most=_COUNTED)
    if parked:
        told = counted(parked, _COUNTED)
        title = NP_("%(told)s parked event waits", "%(told)s parked events wait", parked, told=told)
        detail = (
            N_("Replay or discard them when you are ready.")
            if is_active
            else N_("They wait until this environment is active again.")
        )
        level: Level = "warn" if is_active else "info"
        yield Item(level, environment, title, detail, url(events, state="parked"), N_("Show parked events"))
    unseen = notices.count_unseen(db, environment=environment, at_most=_COUNTED)
    if unseen:
        told = counted(unseen, _COUNTED)
        title = NP_(
            "%(told)s notice of the marketplace to read",
            "%(told)s notices of the marketplace to read",
            unseen,
            told=told,
        )
        detail = N_("It tells its sellers of changes and maintenance.")
        yield Item("info", environment, title, detail, f"/e/{environment.value}/notices", N_("Read them"))


def _of_troubles(db: Session, shell: Shell, environment: Environment, events: str) -> Iterator[Item]:
    """Exceptions, and events that could not be applied: one entry while an open exception says what to do."""
    dead = inbox.count_events(db, EventState.DEAD, environment=environment, at_most=_COUNTED)
    told = counted(dead, _COUNTED)
    counts = count_exceptions(db, environment=environment, now=shell.now)
    fresh, ongoing = counts["new"] + counts["regressed"], counts["ongoing"]
    if fresh or ongoing:
        named = [NP_("%(num)s new one", "%(num)s new ones", fresh)] if fresh else []
        named += [N_("%(ongoing)s ongoing", ongoing=ongoing)] if ongoing else []
        title = N_("Exceptions: %(named)s", named=joined(", ", named))
        stuck = NP_("%(told)s event could not be applied.", "%(told)s events could not be applied.", dead, told=told)
        detail = joined(" ", [*([stuck] if dead else []), N_("Each exception says what happened and what to do next.")])
        level: Level = "bad" if fresh or dead else "warn"
        yield Item(level, environment, title, detail, f"/e/{environment.value}/exceptions", N_("Show exceptions"))
    elif dead:
        title = NP_("%(told)s event could not be applied", "%(told)s events could not be applied", dead, told=told)
        detail = N_("Kedai gave up after many tries. Mend the cause, then replay them.")
        yield Item("bad", environment, title, detail, url(events, state="dead"), N_("Show dead events"))


def _field_label(runtime: Runtime, name: ConnectorName, field: str) -> str:
    fields = runtime.connectors[name].credential_fields
    return next((one.label for one in fields if one.name == field), field)


def _is_touched(view: ConnectionView) -> bool:
    return bool(view.partner_id or view.partner_key.set or view.push_partner_key.set or view.shops)


def _find_connection(
    runtime: Runtime, db: Session, name: ConnectorName, environment: Environment
) -> ConnectionView | None:
    try:
        return get_connection(runtime.parts, db, name, environment)
    except NotFound:  # without a master key nothing has been seeded yet
        return None
