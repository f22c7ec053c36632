"""Who is told of trouble outside the pages: channels, a test, and what was sent lately; for administrators."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from fastapi import APIRouter, Request
from fastapi.responses import RedirectResponse, Response
from sqlalchemy.orm import Session

from kedai.errors import Conflict, Invalid
from kedai.kit.ids import parse_id, show_id
from kedai.notifications import service
from kedai.notifications.channels import MAX_NAME, PREFIX, TLS, ChannelKind, parse_kind
from kedai.notifications.queries import FAILING, get_channel, list_channels, list_deliveries
from kedai.runtime import Runtime
from kedai.sync import channels
from kedai.sync.delivering import send_test
from kedai.web.dashboard import notification_words
from kedai.web.dashboard.access import FreshNotifier, Notifier
from kedai.web.dashboard.forms import Form
from kedai.web.dashboard.notice_words import find_notice
from kedai.web.dashboard.people import EVERYWHERE
from kedai.web.dashboard.render import known, render, url
from kedai.web.dashboard.shell import read_shell, text_param
from kedai.web.deps import RuntimeDep
from kedai.web.security import Principal

if TYPE_CHECKING:
    from kedai.notifications.models import NotificationChannel

router = APIRouter()

_HERE = "/settings/notifications"
_SHOWN = 50
_SHOWN_OF_ONE = 20
_SHOWABLE = frozenset({"name", "url", "host", "port", "tls", "user", "sender", "recipients", "chat_id"})
"""Fields that come back as they were typed; the others may hold a secret."""

_ADDRESS_FIELD = {ChannelKind.WEBHOOK: "url", ChannelKind.CHAT: "address"}
"""Where a form has one field for what an address consists of."""


@router.get(_HERE)
def show_all(request: Request, runtime: RuntimeDep, caller: Notifier) -> Response:
    """Every channel with its last result, and the latest messages."""
    return _show(request, runtime, caller)


@router.get(f"{_HERE}/new")
def begin(request: Request, runtime: RuntimeDep, caller: Notifier) -> Response:
    """The form of one kind of channel."""
    return _form(request, runtime, caller, parse_kind(text_param(request, "kind") or ""))


@router.post(_HERE)
def add(request: Request, runtime: RuntimeDep, caller: FreshNotifier, form: Form) -> Response:
    """A new channel; a webhook's secret is shown this once."""
    kind = parse_kind(form.get("kind", ""))
    try:
        with runtime.web_db.write() as db:
            channel, secret = channels.add(runtime.parts, db, kind, form, actor=caller.actor, now=runtime.clock.now())
    except Invalid as error:
        return _form(request, runtime, caller, kind, typed=form, error=error)
    except Conflict as error:
        return _show(request, runtime, caller, problem=known(error.message))
    if secret is None:
        return RedirectResponse(url(_HERE, status="channel_added"), 303)
    with runtime.web_db.read() as db:
        shell = read_shell(request, runtime, db, viewed="all", section="notifications", caller=caller)
    return render(shell, "channel_made.html", channel=channel, secret=secret.reveal(), here=_HERE, **EVERYWHERE)


@router.get(f"{_HERE}/{{channel_id}}")
def show_one(request: Request, runtime: RuntimeDep, caller: Notifier, channel_id: str) -> Response:
    """A channel's form, filled but for its secret, and its latest messages."""
    with runtime.web_db.read() as db:
        channel = _get(db, channel_id)
    return _form(request, runtime, caller, ChannelKind(channel.kind), channel=channel)


@router.post(f"{_HERE}/{{channel_id}}")
def change(request: Request, runtime: RuntimeDep, caller: FreshNotifier, channel_id: str, form: Form) -> Response:
    """Take over the form; a secret left blank stays."""
    with runtime.web_db.read() as db:
        channel = _get(db, channel_id)
    kind = ChannelKind(channel.kind)
    try:
        with runtime.web_db.write() as db:
            row = _get(db, channel_id)
            changed = channels.change(runtime.parts, db, row, form, actor=caller.actor, now=runtime.clock.now())
    except Invalid as error:
        return _form(request, runtime, caller, kind, channel=channel, typed=form, error=error)
    except Conflict as error:
        return _show(request, runtime, caller, problem=known(error.message))
    return RedirectResponse(url(_HERE, status="channel_saved" if changed else "unchanged"), 303)


@router.post(f"{_HERE}/{{channel_id}}/pause")
def pause(request: Request, runtime: RuntimeDep, caller: FreshNotifier, channel_id: str) -> Response:
    """Tell nobody by it until it is resumed."""
    return _do(request, runtime, caller, channel_id, service.pause_channel, "channel_paused")


@router.post(f"{_HERE}/{{channel_id}}/resume")
def resume(request: Request, runtime: RuntimeDep, caller: FreshNotifier, channel_id: str) -> Response:
    """Tell people by it again."""
    return _do(request, runtime, caller, channel_id, service.resume_channel, "channel_resumed")


@router.post(f"{_HERE}/{{channel_id}}/remove")
def remove(request: Request, runtime: RuntimeDep, caller: FreshNotifier, channel_id: str) -> Response:
    """Forget it, its secret and its messages."""
    return _do(request, runtime, caller, channel_id, service.remove_channel, "channel_removed")


@router.post(f"{_HERE}/{{channel_id}}/tests")
async def test(request: Request, runtime: RuntimeDep, caller: FreshNotifier, channel_id: str) -> Response:
    """Send a message now, and say how it went."""
    channel = await runtime.parts.read(lambda db: _get(db, channel_id))
    try:
        failure = await send_test(runtime.parts, channel, by=caller.name)
    except Conflict as error:
        problem = known(error.message)
        return await asyncio.to_thread(lambda: _show(request, runtime, caller, problem=problem))
    return RedirectResponse(url(_HERE, status="test_failed" if failure else "test_sent"), 303)


def _do(request: Request, runtime: Runtime, caller: Principal, channel_id: str, deed: Any, status: str) -> Response:
    try:
        with runtime.web_db.write() as db:
            row = service.lock_channel(db, _get(db, channel_id))
            deed(db, row, actor=caller.actor, now=runtime.clock.now())
    except Conflict as error:
        return _show(request, runtime, caller, problem=known(error.message))
    return RedirectResponse(url(_HERE, status=status), 303)


def _get(db: Session, channel_id: str) -> NotificationChannel:
    return get_channel(db, parse_id(PREFIX, channel_id))


def _show(request: Request, runtime: Runtime, caller: Principal, *, problem: str = "") -> Response:
    with runtime.web_db.read() as db:
        shell = read_shell(request, runtime, db, viewed="all", section="notifications", caller=caller)
        found = list_channels(db)
        deliveries = list_deliveries(db, environment=None, channel_id=None, limit=_SHOWN)
    return render(
        shell,
        "notifications.html",
        status=409 if problem else 200,
        here=_HERE,
        rows=[(one, f"{_HERE}/{show_id(PREFIX, one.id)}") for one in found],
        failing=FAILING,
        deliveries=deliveries,
        problem=problem,
        notice=None if problem else find_notice(text_param(request, "status")),
        said=notification_words,
        **EVERYWHERE,
    )


def _form(
    request: Request,
    runtime: Runtime,
    caller: Principal,
    kind: ChannelKind,
    *,
    channel: NotificationChannel | None = None,
    typed: Mapping[str, str] | None = None,
    error: Invalid | None = None,
) -> Response:
    with runtime.web_db.read() as db:
        shell = read_shell(request, runtime, db, viewed="all", section="notifications", caller=caller)
        deliveries = (
            [] if channel is None else list_deliveries(db, environment=None, channel_id=channel.id, limit=_SHOWN_OF_ONE)
        )
    loopback = channels.loopback_of(runtime.settings)
    return render(
        shell,
        "channel.html",
        status=422 if error else 200,
        here=_HERE,
        action=_HERE if channel is None else f"{_HERE}/{show_id(PREFIX, channel.id)}",
        kind=kind.value,
        channel=channel,
        values=_stored(channel) if typed is None else {name: typed.get(name, "") for name in _SHOWABLE},
        chosen=_chosen(channel, typed),
        tls=[one for one in TLS if one != "none" or loopback],
        error=None if error is None else {"field": _field_of(kind, error), "message": known(error.message)},
        deliveries=deliveries,
        max_name=MAX_NAME,
        said=notification_words,
        **EVERYWHERE,
    )


def _field_of(kind: ChannelKind, error: Invalid) -> str | None:
    """The field of the form that an error is about."""
    return _ADDRESS_FIELD.get(kind, error.field) if error.field in {"url", "host", "port"} else error.field


def _stored(channel: NotificationChannel | None) -> dict[str, Any]:
    empty = dict.fromkeys(_SHOWABLE, "") | {"tls": "tls", "port": "465"}
    if channel is None:
        return empty
    settings = dict(channel.settings)
    if "recipients" in settings:
        settings["recipients"] = ", ".join(settings["recipients"])
    return {**empty, **settings, "name": channel.name}


def _chosen(channel: NotificationChannel | None, typed: Mapping[str, str] | None) -> set[str]:
    """Which boxes are ticked; a new channel is told of everything."""
    if typed is not None:
        return {name for name in typed if name.startswith(("environment_", "topic_"))}
    if channel is not None:
        return {f"environment_{one}" for one in channel.environments} | {f"topic_{one}" for one in channel.topics}
    return {"environment_sandbox", "environment_live", *(f"topic_{one}" for one in notification_words.TOPIC)}
