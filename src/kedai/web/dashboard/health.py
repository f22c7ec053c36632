"""What is wrong, since when, and what to do: the first thing an operator reads."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy.orm import Session

from kedai.calls.rates import list_paused_for_the_day
from kedai.connector_exceptions.queries import count_exceptions
from kedai.coverage.queries import find_push_health
from kedai.errors import NotFound
from kedai.inbox import queries as inbox
from kedai.runs.timing import ScheduleState
from kedai.runtime import Runtime
from kedai.sync.connection import ConnectionView, MerchantView, ShopView, get_connection
from kedai.sync.schedule_view import read_schedules
from kedai.sync.shops import Authorization, judge_authorization
from kedai.values.environment import ConnectorName, Environment
from kedai.values.event import EventState
from kedai.values.pace import merchant_account, shop_account
from kedai.web.dashboard.formats import counted, plural, span, stamp
from kedai.web.dashboard.render import url
from kedai.web.dashboard.shell import Shell
from kedai.web.dashboard.words import AUTHORIZATION, Level

_COUNTED = 1_000
_SILENT = timedelta(minutes=2)
_USELESS_TOKENS = frozenset({"dead", "foreign", "unreadable"})
_ORDER: dict[str, int] = {"bad": 0, "warn": 1, "info": 2, "good": 3}


@dataclass(frozen=True, slots=True)
class Item:
    """One thing to know. ``environment`` is ``None`` where it concerns the whole installation."""

    level: Level
    environment: Environment | None
    title: str
    detail: str
    href: str | None
    action: str
    at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Step:
    """One step of setting an environment up."""

    label: str
    done: bool
    href: str


def read_health(runtime: Runtime, db: Session, shell: Shell) -> list[Item]:
    """The worst first. The active environment is always looked at, whatever is viewed."""
    items = list(_of_installation(runtime, db, shell))
    shown = set(Environment) if shell.environment is None else {shell.environment}
    if shell.active is not None:
        shown.add(shell.active)
    for environment in sorted(shown):
        for name in runtime.connectors:
            items += _of_connection(runtime, db, shell, name, environment)
        items += _of_work(db, shell, environment)
        items += _of_schedules(db, shell, environment)
    return sorted(items, key=lambda item: _ORDER[item.level])


def read_steps(runtime: Runtime, db: Session, shell: Shell) -> list[Step]:
    """What is left to set up in the viewed environment; empty where all is done, or all environments are viewed."""
    if shell.environment is None:
        return []
    for name in runtime.connectors:
        view = _find_connection(runtime, db, name, shell.environment)
        if view is None:
            continue
        here = url(f"/connectors/{name}", tab=shell.environment.value)
        connected = any(shop.state == "connected" for shop in view.shops)
        steps = [
            Step("Enter the app's credentials", not view.connect_missing and view.push_partner_key.set, here),
            Step("Register the push URL and the redirect URL in the marketplace's console", connected, f"{here}#urls"),
            Step("Connect a shop", connected, f"{here}#shops"),
            Step(
                "Receive the first event",
                inbox.has_events(db, environment=shell.environment),
                f"/e/{shell.viewed}/events",
            ),
        ]
        if not all(step.done for step in steps):
            return steps
    return []


def _of_installation(runtime: Runtime, db: Session, shell: Shell) -> Iterator[Item]:
    for environment in shell.sealed:
        title = f"{environment.value.title()} is sealed: this seems to be a copy of another installation"
        detail = "Pushes are stored; nothing is asked of the marketplace and no order is worked on until you confirm."
        yield Item("bad", environment, title, detail, "/quarantine", "What to do")
    if runtime.ring.trouble is not None:
        title = f"Stored secrets cannot be opened: this installation {runtime.ring.trouble}"
        detail = "Nothing can be signed or verified, and no secret can be saved, until the master key is given back."
        href = "/settings/keys" if "keys.manage" in shell.can else None
        yield Item("bad", None, title, detail, href, "Show the keys")
    due = inbox.find_next_due(db)
    if due is not None and shell.now - due > _SILENT and not shell.sealed:  # what is sealed rests on purpose
        title = f"Events have been waiting for {span(shell.now - due)} and nothing works on them"
        detail = "Is a worker running? On one machine “kedai serve” does this too; apart from it, start “kedai worker”."
        yield Item("bad", None, title, detail, url("/e/all/events", state="received"), "Show waiting events")


def _of_schedules(db: Session, shell: Shell, environment: Environment) -> Iterator[Item]:
    here = f"/e/{environment.value}/runs"
    for one in read_schedules(db, environments={environment}, now=shell.now):
        if one.state is ScheduleState.DOWN and environment not in shell.sealed:
            since = one.last_success_at
            ended = "It never succeeded." if since is None else f"Its last success was {span(shell.now - since)} ago."
            detail = f"{one.does} {ended}"
            yield Item("bad", environment, f"“{one.label}” is down", detail, here, "Look at it")
        elif one.state is ScheduleState.PAUSED:
            detail = f"{one.does} {one.paused_by} paused it{f': {one.pause_reason}' if one.pause_reason else ''}."
            yield Item("info", environment, f"“{one.label}” is paused", detail, here, "Look at it", at=one.paused_at)


def _of_connection(
    runtime: Runtime, db: Session, shell: Shell, name: ConnectorName, environment: Environment
) -> Iterator[Item]:
    view = _find_connection(runtime, db, name, environment)
    label = runtime.connectors[name].label
    here = url(f"/connectors/{name}", tab=environment.value)
    is_active = environment is shell.active
    if view is None or (view.missing and not _is_touched(view)):
        detail = "Enter its credentials and connect a shop to begin."
        level: Level = "warn" if is_active else "info"
        yield Item(level, environment, f"{label} is not set up yet", detail, here, "Set it up")
        return
    if view.missing:
        detail = f"Missing: {', '.join(_field_label(runtime, name, one) for one in view.missing)}."
        level = "bad" if is_active else "info"
        yield Item(level, environment, f"{label}: something is missing", detail, here, "Fill it in")
    kids = {one.unreadable_kid for one in (view.partner_key, view.push_partner_key) if one.unreadable_kid}
    for kid in sorted(kids):
        title = f"A {label} secret cannot be read: it needs key {kid}"
        detail = "Give Kedai this master key again, or enter the secret anew."
        yield Item("bad", environment, title, detail, here, "Look at it")
    yield from _of_pushes(db, name, label, environment)
    for shop in view.shops:
        yield from _of_shop(shell, shop, label, f"{here}#shops", environment)
    for merchant in view.merchants:
        yield from _of_merchant(shell, merchant, label, f"{here}#merchants", environment)
    yield from _of_limits(shell, db, view, label, here)


def _of_pushes(db: Session, name: ConnectorName, label: str, environment: Environment) -> Iterator[Item]:
    health = find_push_health(db, name, environment)
    if health is None or health.status == "normal":
        return
    here = url(f"/connectors/{name}/certificates", env=environment.value)
    if health.status == "suspended":
        title = f"{label} has switched its pushes to us off"
        detail = "Nothing of this time is sent later: orders are looked for every few minutes meanwhile."
        yield Item("bad", environment, title, detail, here, "Mend it", health.since)
        return
    title = f"{label} is not content with our answers to its pushes"
    detail = "It switches them off if this goes on; orders are looked for every few minutes meanwhile."
    yield Item("warn", environment, title, detail, here, "Look at it", health.since)


def _of_shop(shell: Shell, shop: ShopView, label: str, here: str, environment: Environment) -> Iterator[Item]:
    who = f"{label} shop {shop.name or shop.shop_id}"
    is_connected = shop.state == "connected"
    if shop.state == "needs_reauth":
        reason = f"{shop.state_reason[:1].upper()}{shop.state_reason[1:]}. " if shop.state_reason else ""
        title = f"{who} must be connected again"
        yield Item("bad", environment, title, f"{reason}Its orders wait until then.", here, "Reconnect")
    elif shop.state == "pending":
        detail = "It is not the shop that was expected. Confirm it, or leave it."
        yield Item("warn", environment, f"{who} waits for you", detail, here, "Look at it")
    elif is_connected and shop.token is not None and shop.token.state in _USELESS_TOKENS:
        title = f"{who} must be connected again"
        yield Item("bad", environment, title, "Its token can no longer be used.", here, "Reconnect")
    elif is_connected or shop.state == "paused":
        yield from _of_authorization(shell, shop, who, here, environment)
    yield from _of_held(shop, who, here, environment)


def _of_merchant(
    shell: Shell, merchant: MerchantView, label: str, here: str, environment: Environment
) -> Iterator[Item]:
    who = f"{label} merchant {merchant.name or merchant.merchant_id}"
    is_useless = merchant.token is not None and merchant.token.state in _USELESS_TOKENS
    if merchant.state == "needs_reauth" or (merchant.state == "connected" and is_useless):
        reason = f"{merchant.state_reason[:1].upper()}{merchant.state_reason[1:]}." if merchant.state_reason else ""
        yield Item("bad", environment, f"{who} must be connected again", reason, here, "Reconnect")
    elif merchant.state == "pending":
        detail = "It came with a main account and was not connected before. Confirm it, or leave it."
        yield Item("warn", environment, f"{who} waits for you", detail, here, "Look at it")
    elif merchant.state == "connected":
        yield from _of_authorization(shell, merchant, who, here, environment)
    yield from _of_held(merchant, who, here, environment)


def _of_held(one: ShopView | MerchantView, who: str, here: str, environment: Environment) -> Iterator[Item]:
    if one.held_at is not None and one.state not in {"pending", "disconnected"}:
        title, detail = f"A newer permission for {who} is kept aside", "The marketplace may have ended the older one."
        yield Item("warn", environment, title, detail, here, "Look at it", one.held_at)


def _of_authorization(
    shell: Shell, shop: ShopView | MerchantView, who: str, here: str, environment: Environment
) -> Iterator[Item]:
    """From 30 days before the shop's owner must agree again."""
    how = judge_authorization(shop.authorized_until, shell.now)
    if how in {Authorization.VALID, Authorization.UNKNOWN}:
        return
    level: Level = "warn" if how is Authorization.ENDS_SOON else "bad"
    title = f"The authorisation of {who} {'has ended' if how is Authorization.ENDED else 'ends soon'}"
    yield Item(level, environment, title, AUTHORIZATION[how][2], here, "Reconnect", shop.authorized_until)


def _of_limits(shell: Shell, db: Session, view: ConnectionView, label: str, here: str) -> Iterator[Item]:
    """Whose calls of the day are used up."""
    names = {shop_account(shop.shop_id): f"shop {shop.name or shop.shop_id}" for shop in view.shops}
    names |= {merchant_account(one.merchant_id): f"merchant {one.name or one.merchant_id}" for one in view.merchants}
    paused = list_paused_for_the_day(
        db, view.connector, environment=view.environment, partner_id=view.partner_id or "", now=shell.now
    )
    for one in paused:
        title = f"{label} takes no more calls today for {names.get(one.account, 'the app itself')}"
        detail = f"Paused until {stamp(one.until)}. What waits is kept, and goes on by itself then."
        yield Item("warn", view.environment, title, detail, here, "Look at it", one.until)


def _of_work(db: Session, shell: Shell, environment: Environment) -> Iterator[Item]:
    events, is_active = f"/e/{environment.value}/events", environment is shell.active
    dead = inbox.count_events(db, EventState.DEAD, environment=environment, at_most=_COUNTED)
    if dead:
        title = f"{counted(dead, _COUNTED)} {'event' if dead == 1 else 'events'} could not be applied"
        detail = "Kedai gave up after many tries. Mend the cause, then replay them."
        yield Item("bad", environment, title, detail, url(events, state="dead"), "Show dead events")
    parked = inbox.count_events(db, EventState.PARKED, environment=environment, at_most=_COUNTED)
    if parked:
        title = f"{counted(parked, _COUNTED)} parked {'event waits' if parked == 1 else 'events wait'}"
        detail = (
            "Replay or discard them when you are ready."
            if is_active
            else "They wait until this environment is active again."
        )
        level: Level = "warn" if is_active else "info"
        yield Item(level, environment, title, detail, url(events, state="parked"), "Show parked events")
    counts = count_exceptions(db, environment=environment)
    fresh, ongoing = counts["new"] + counts["regressed"], counts["ongoing"]
    if fresh or ongoing:
        named = [plural(fresh, "new one", "new ones")] if fresh else []
        named += [f"{ongoing:,} ongoing"] if ongoing else []
        title, detail = f"Exceptions: {', '.join(named)}", "Each says what happened and what to do next."
        level = "bad" if fresh else "warn"
        yield Item(level, environment, title, detail, f"/e/{environment.value}/exceptions", "Show exceptions")


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
