"""Reads and renders the page of one environment's connection; several routes end in it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from fastapi import Request
from fastapi.responses import Response
from sqlalchemy.orm import Session

from kedai.connectors.base import Connector
from kedai.coverage.queries import find_push_health
from kedai.inbox.queries import EventRow, find_last_by_old_key, find_last_event
from kedai.inbox.rejected import count_rejected
from kedai.runs.queries import find_open_runs
from kedai.runtime import Runtime
from kedai.sync.admission import count_admittable
from kedai.sync.catch_up import KIND as CATCH_UP
from kedai.sync.connection import ConnectionView, get_connection
from kedai.sync.grants import KIND as MAIN_ACCOUNT
from kedai.sync.lost_pushes import KIND as LOST_PUSHES
from kedai.sync.parts import find_host
from kedai.sync.shops import judge_authorization, read_health
from kedai.values.environment import Environment
from kedai.web.dashboard.certification import read_certification
from kedai.web.dashboard.connection_form import OVERLAPS, Typed, chosen_overlap, form_fields
from kedai.web.dashboard.console import read_console
from kedai.web.dashboard.notice_words import Notice
from kedai.web.dashboard.parked import read_parked
from kedai.web.dashboard.render import render, url
from kedai.web.dashboard.shell import Shell, read_shell
from kedai.web.security import Principal, security_headers

if TYPE_CHECKING:
    from kedai.coverage.models import PushHealth as Rating


@dataclass(frozen=True, slots=True)
class Attempt:
    """What a form on this page brought about: what to say, and what was typed where it failed."""

    status: int = 200
    notice: Notice | None = None
    typed: Typed | None = None
    shop_errors: dict[str, str] = field(default_factory=dict)
    merchant_errors: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class OldPushKey:
    """A push key that was replaced and is still accepted; ``last_at`` is when it last signed anything since."""

    replaced_at: datetime
    valid_until: datetime
    last_at: datetime | None


@dataclass(frozen=True, slots=True)
class PushHealth:
    """How pushes of an environment arrive; ``rating`` is what the marketplace itself said when it was last asked."""

    rating: Rating | None
    last: EventRow | None
    old_key: OldPushKey | None
    rejected: int
    rejected_at: datetime | None
    admittable: int


def show_connection(
    request: Request,
    runtime: Runtime,
    caller: Principal,
    connector: Connector,
    environment: Environment,
    attempt: Attempt,
) -> Response:
    """The page: how the connection stands, shops, credentials, addresses, push health."""
    with runtime.web_db.read() as db:
        shell, view = read_connection(request, runtime, db, caller, connector, environment)
        last = find_last_event(db, connector.name, environment=environment)
        old_key = _read_old_key(db, view, shell.now)
        rejected = count_rejected(db, connector.name, environment=environment)
        admittable = count_admittable(db, connector.name, environment=environment)
        rating = find_push_health(db, connector.name, environment)
        push = PushHealth(rating, last, old_key, *rejected, admittable)
        here = url(f"/connectors/{connector.name}", tab=environment.value)
        parked = read_parked(db, connector.name, environment, back="connection", refresh_href=here)
        health = read_health(db, connector.name, environment, now=shell.now)
        grants = find_open_runs(db, (MAIN_ACCOUNT,), connector.name, environment=environment)
        certification = read_certification(db, connector.name, environment, now=shell.now)
        catch_ups = find_open_runs(db, (CATCH_UP,), connector.name, environment=environment)
    return render(
        shell,
        "connection.html",
        status=attempt.status,
        policy=security_headers(form_action_extra=sign_in_origins(runtime, connector, view)),
        connector=connector,
        view=view,
        notice=attempt.notice,
        typed=attempt.typed,
        shop_errors=attempt.shop_errors,
        fields=form_fields(runtime.parts, connector, view, attempt.typed),
        overlaps=[(key, one.label) for key, one in OVERLAPS.items()],
        overlap=chosen_overlap({} if attempt.typed is None else attempt.typed.values),
        checklist=_checklist(connector, view),
        connect_missing=labels(connector, view.connect_missing),
        push=push,
        lost_pushes=LOST_PUSHES,
        certification=certification,
        shop_health=health,
        merchant_errors=attempt.merchant_errors,
        merchant_authorization={
            one.merchant_id: judge_authorization(one.authorized_until, shell.now) for one in view.merchants
        },
        grants=grants,
        catch_ups=catch_ups,
        drops_events=runtime.settings.inactive_events == "drop",
        parked=[parked] if parked.number else [],
        latest_run=parked.run if _is_fresh(parked.run, shell) else None,
        **frame(connector, environment),
    )


def read_connection(
    request: Request, runtime: Runtime, db: Session, caller: Principal, connector: Connector, environment: Environment
) -> tuple[Shell, ConnectionView]:
    """The frame and the state of one environment's connection."""
    section = f"connectors/{connector.name}"
    shell = read_shell(request, runtime, db, viewed=environment.value, section=section, caller=caller)
    return shell, get_connection(runtime.parts, db, connector.name, environment)


def frame(connector: Connector, environment: Environment) -> dict[str, Any]:
    """What every page about this connection shows: its two tabs, also as the header's environments, and the console."""
    links = {one.value: url(f"/connectors/{connector.name}", tab=one.value) for one in Environment}
    tabs = [
        {"label": one.value.title(), "href": links[one.value], "current": one is environment, "value": one.value}
        for one in Environment
    ]
    return {"scope_links": links, "tabs": tabs, "console": read_console(connector, environment)}


def labels(connector: Connector, names: Sequence[str]) -> list[str]:
    """Fields as the form calls them."""
    known = {one.name: one.label for one in connector.credential_fields}
    return [known.get(name, name) for name in names]


def _checklist(connector: Connector, view: ConnectionView) -> list[dict[str, Any]]:
    """Every field that matters, and whether it is there."""
    return [
        {"name": one.name, "label": one.label, "done": one.name not in view.missing}
        for one in connector.credential_fields
        if one.connect or one.switch
    ]


def _read_old_key(db: Session, view: ConnectionView, now: datetime) -> OldPushKey | None:
    """Whether the marketplace still signs with it is what an operator must know before ending it."""
    replaced_at, until = view.push_partner_key.changed_at, view.push_partner_key.previous_valid_until
    if replaced_at is None or until is None or until <= now:
        return None
    last_at = find_last_by_old_key(db, view.connector, environment=view.environment, since=replaced_at)
    return OldPushKey(replaced_at, until, last_at)


def sign_in_origins(runtime: Runtime, connector: Connector, view: ConnectionView) -> tuple[str, ...]:
    """Where Connect leads: browsers follow a form's redirect only to places that the page names."""
    host = find_host(runtime.parts, connector, view.environment, view.host)
    origins = ("{0.scheme}://{0.netloc}".format(urlsplit(address)) for address in (host.auth_url, host.api_url))
    return tuple(sorted(set(origins)))


def _is_fresh(run: Any, shell: Shell) -> bool:
    """A replay that goes on, or ended within the last hour, is worth a line."""
    return run is not None and (run.finished_at is None or (shell.now - run.finished_at).total_seconds() < 3600)
