"""An installation in which every text that somebody else can write tries to run: in an attribute, in a tag, as a link.

The columns come from the models. A new text column is poisoned by itself; one that holds our own words, or what is
checked before it is stored, is named in `OWN` with its reason.
"""

from __future__ import annotations

import json
import socket
import sqlite3
import zlib
from collections.abc import Iterator, Mapping
from contextlib import closing, contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.orm import Session

from kedai.audit.service import record
from kedai.db.base import Model
from kedai.db.types import JsonText
from kedai.kit.clock import ManualClock
from kedai.kit.ids import show_id
from kedai.notifications.channels import ChannelKind, Draft
from kedai.notifications.service import add_channel
from kedai.notifications.telling import tell
from kedai.orders.shadow import Shadow, keep
from kedai.runs.schedules import make_schedule
from kedai.runs.service import create_run
from kedai.staff.passkeys import NewKey, add_passkey
from kedai.staff.roles import Role
from kedai.staff.saved_views import save_view
from kedai.staff.service import create_api_token, start_session
from kedai.sync import rebuild
from kedai.values.actor import COMMAND_LINE, Actor, ActorKind
from kedai.values.check import Check, CheckState
from kedai.values.environment import Environment, Scope
from kedai.values.notification import Change, Kind, News
from kedai.vault.certificates import keep_certificate
from kedai.vault.queries import get_credentials
from kedai.web.app import create_app
from kedai.web.edge import WebhookEdge
from kedai.web.security import session_cookie_name
from tests.feature.dashboard.browser import make_staff
from tests.feature.dashboard.world import fill
from tests.feature.web.routes import SAMPLES
from tests.feature.web.site import listening_on
from tests.support.check_schema import Filler
from tests.support.factories import FAKE, SANDBOX, SHOP, House, open_house

POISON = (
    "javascript:window.__ran=1//"  # a link's whole address
    "\u202e\u2066"  # turns what follows around
    "'\"` autofocus onfocus=window.__ran=2 style=display:block;background:url(//evil.example/s) "
    "hx-delete=/x hx-trigger=load data-live=//evil.example/l >"  # leaves an attribute
    "</title></textarea></pre></script></style></select><!-->"  # leaves an element
    "<script>window.__ran=3</script><img src=//evil.example/i onerror=window.__ran=4>"
    "<svg onload=window.__ran=5><a xlink:href=javascript:window.__ran=6></a></svg>"
    "<iframe srcdoc='<script>parent.__ran=7</script>'></iframe><base href=//evil.example/>"
    "<form action=//evil.example/f><link rel=stylesheet href=//evil.example/c>"
    "<meta http-equiv=refresh content='0;url=//evil.example/m'>"
    "{{7*7*191}}${7*7*191}{%raw%}<%=7*7*191%>&lt;script&gt;"  # a template's braces: 9359
)
"""In one line, whatever a stranger may try; `NAME` follows, which says which column it stood in."""

NAME = "§{}§"

OWN_ANYWHERE = {
    "connector": "the registry's names",
    "kind": "names of our runs, counters and answers",
    "state": "a check of the database",
    "environment": "a check of the database",
    "role": "our words",
    "region": "one of the marketplace's regions, checked where it is stored",
    "shop_id": "digits: whatever reads a push, a grant or a form says so",
    "merchant_id": "digits likewise",
    "main_account_id": "digits likewise",
    "partner_id": "digits likewise",
    "expected_shop_id": "digits likewise",
    "expected_merchant_id": "digits likewise",
    "grain": "a check of the database",
    "source": "a check of the database",
    "purpose": "a check of the database",
    "page": "a check of the database",
    "kid": "a setting of who runs Kedai, checked at the start",
    "topic": "our words for pushes",
    "canary": "sealed by us",
    "scopes": "our words for what a token may",
    "durations": "numbers",
    "kids": "settings of who runs Kedai",
    "cursor": "where a run of ours stands",
}
"""Columns of these names hold no text of others, wherever they are; so do sealed ones, by their names' ends."""

OWN = {
    "audit.action": "our words",
    "audit.actor_kind": "our words",
    "connector_exception.code": "our words",
    "connector_exception.fingerprint": "made of our words, a shop and a hash",
    "environment_credentials.host": "one of the named hosts",
    "environment_seal.identity": "a MAC of ours",
    "held_token.account": "a word of ours and digits",
    "installation.identity": "a MAC of ours",
    "notification_channel.environments": "our words",
    "notification_channel.topics": "our words",
    "notification_condition.level": "our words",
    "notification_condition.path": "a page of ours",
    "notification_condition.subject": "a page or an id of ours, and digits",
    "oauth_state.intent": "our words",
    "oauth_state.session_id": "an id of ours",
    "oauth_state.staff_id": "an id of ours",
    "outgoing_call.method": "one of HTTP's, chosen by us",
    "outgoing_call.outcome": "a check of the database",
    "order_package_change.field": "our words",
    "passkey.transports": "words of the protocol, the others dropped",
    "push_health.status": "a check of the database",
    "order_shadow.state": "a check of the database",
    "rate_bucket.account": "a word of ours and digits",
    "rate_bucket.paused_by": "a check of the database",
    "raw_event.matched_key": "the name of a key slot",
    "raw_event.parked_reason": "a check of the database",
    "rejected_count.reason": "our words",
    "rejected_delivery.diagnosis": "our words",
    "rejected_delivery.diagnosed_for": "an environment or nothing",
    "rejected_delivery.reason": "our words",
    "schedule.cron": "our plans",
    "sign_in_tries.subject": "an address or a hash",
    "staff.language": "one of the languages of the pages",
    "staff.password_hash": "a hash of ours",
    "staff.time_zone": "one of the system's names of zones, checked where it is stored",
}


JSON_VALUES: Mapping[str, Any] = {
    "environment_seal.found": {"public_url": {"was": "{}", "is": "{}"}, "database": {"was": "{}", "is": "{}"}},
    "notification_channel.settings": {"host": "{}"},
    "notification_delivery.entries": [{"change": "began", "title": "{}", "detail": "{}", "path": "{}"}],
    "order_package.items": [{"item_id": "{}", "model_id": "{}", "quantity": 1}],
    "order_shadow.differences": [{"field": "status", "now": "{}", "then": "{}"}],
    "raw_event.headers": {"user-agent": "{}", "x-{}": "{}"},
    "raw_event.tries": {"at": "2026-09-01T12:00:00Z", "state": "dead", "note": "{}"},
    "rejected_delivery.headers": {"user-agent": "{}", "x-{}": "{}"},
}
"""How a poisoned value of a JSON column looks."""

BY_SERVICE = {"audit", "go_live_certificate", "run.scope"}
"""What never changes, or has many shapes: it is written in the house's own way."""

SHARED = {"order_sn", "item_id", "model_id", "package_number"}
"""By these, rows of several tables belong together: they get the same poison."""


BRINGS_TO_LIGHT = (
    "UPDATE run SET paused_at = created_at WHERE kind = 'replay_parked'",
    "UPDATE schedule SET paused_at = next_due_at",
    "UPDATE rejected_delivery SET admitted_at = received_at",
    "UPDATE environment_credentials SET app_problem_version = version",
    "UPDATE connector_exception SET state = 'resolved', resolved_at = last_seen_at WHERE environment = 'sandbox'",
    "UPDATE shop SET last_call_at = updated_at",
    "UPDATE channel_listing SET sku_set_at = first_seen_at",
)
"""States in which pages tell more."""


@dataclass(frozen=True)
class Hostile:
    """Where it is served, the file it is stored in, the cookie of somebody who may do everything, and what is there."""

    url: str
    file: Path
    cookie: tuple[str, str]
    ids: Mapping[str, str]
    house: House


@contextmanager
def open_hostile(template: Path, directory: Path, *, poisoned: bool = True) -> Iterator[Hostile]:
    """Fill, poison (unless a test is about something else) and serve; nothing works on it meanwhile."""
    file = directory / "kedai.sqlite3"
    file.write_bytes(template.read_bytes())
    with socket.create_server(("127.0.0.1", 0), backlog=64) as listening:
        url = f"http://127.0.0.1:{listening.getsockname()[1]}"
        clock = ManualClock(datetime.now(UTC))
        with open_house(f"sqlite:///{file}", directory, clock=clock, public_url=url) as house:
            cookie = _furnish(house)
            if poisoned:
                with house.db.connect() as connection:
                    Filler(connection).fill()
                poison(file)
            edge = create_app(house.runtime)
            assert isinstance(edge, WebhookEdge)
            with listening_on(edge, listening):
                yield Hostile(url, file, cookie, _ids(house), house)


def foreign_columns() -> list[sa.Column[Any]]:
    """Every column in which a text of somebody else can stand, by the models."""
    found = [column for table in Model.metadata.sorted_tables for column in table.columns if _is_text(column)]
    return [one for one in found if not _is_own(one)]


def marker_of(column: sa.Column[Any]) -> str:
    """What its poison ends with."""
    return column.name if column.name in SHARED else str(column)


def poison_of(column: str) -> str:
    return POISON + NAME.format(column)


def poison(file: Path) -> None:
    """Put it before whatever stands in each of those columns: so what refers to each other still does."""
    with closing(sqlite3.connect(file)) as connection, connection:
        for table in Model.metadata.sorted_tables:
            if "connector" in table.c:
                connection.execute(f'UPDATE "{table.name}" SET connector = ? WHERE connector <> ?', (FAKE, FAKE))
        for column in foreign_columns():
            name, table = str(column), column.table.name
            if {name, table} & BY_SERVICE:
                continue
            if name in JSON_VALUES:
                shape = json.dumps(JSON_VALUES[name]).replace("{}", json.dumps(poison_of(name))[1:-1])
                connection.execute(f'UPDATE "{table}" SET "{column.name}" = ?', (shape,))
            else:
                changed = f"""UPDATE "{table}" SET "{column.name}" = ? || coalesce("{column.name}", '')"""
                connection.execute(changed, (poison_of(marker_of(column)),))
        _poison_bodies(connection)
        for change in BRINGS_TO_LIGHT:
            connection.execute(change)


def _poison_bodies(connection: sqlite3.Connection) -> None:
    """Readable ones and unreadable ones."""
    told = json.dumps(
        {"code": 3, "shop_id": 1, "data": {"ordersn": poison_of("a body"), poison_of("a body"): 1}}
    ).encode()
    for table in ("raw_event", "rejected_delivery"):
        connection.execute(f"UPDATE {table} SET body = ?", (told,))
    plain = "UPDATE raw_event SET body = ? WHERE id IN (SELECT id FROM raw_event ORDER BY id LIMIT 2)"
    connection.execute(plain, (poison_of("a body").encode(),))
    connection.execute("UPDATE order_answer SET body = ?", (zlib.compress(told),))


def _is_text(column: sa.Column[Any]) -> bool:
    return isinstance(column.type, JsonText) or type(column.type) is sa.Text


def _is_own(column: sa.Column[Any]) -> bool:
    sealed = column.name.endswith(("_encrypted", "_hash"))
    return sealed or column.name in OWN_ANYWHERE or str(column) in OWN


def _furnish(house: House) -> tuple[str, str]:
    """What the pages' world lacks: people and their things, schedules, a rebuild, certificates, a deed."""
    fill(house)
    staff = make_staff(house, "admin@example.com", Role.ADMIN)
    villain = Actor(ActorKind.STAFF, poison_of("audit.actor_id"), poison_of("audit.actor_name"))
    now = house.now
    with house.db.write() as db:
        _, token = start_session(db, staff, now=now, address="", user_agent="")
        key = NewKey(b"key", b"public", 0, "usb")
        add_passkey(db, staff, key, "key", actor=COMMAND_LINE, now=now)
        for page in ("orders", "events", "exceptions", "calls"):
            save_view(db, staff.id, page, "view", "q=1", shared=True, actor=COMMAND_LINE, now=now)
        for environment in Environment:
            create_api_token(
                db, "till", role=Role.VIEWER, environment=environment, scopes=(), actor=COMMAND_LINE, now=now
            )
            _furnish_environment(house, db, environment, villain)
        _furnish_channel(house, db)
    return session_cookie_name(secure=False), token.reveal()


def _furnish_environment(house: House, db: Session, environment: Environment, villain: Actor) -> None:
    scope, now, hour = Scope(FAKE, environment, SHOP), house.now, timedelta(hours=1)
    text = poison_of("go_live_certificate.checks")
    checks = [Check("configuration", text, CheckState.WARNING, text, text, text)]
    version = get_credentials(db, FAKE, environment).version
    keep_certificate(db, FAKE, environment, checks, credentials_version=version, checked_at=now, actor=villain, now=now)
    said = poison_of("audit.details")
    record(
        db,
        actor=villain,
        action="staff.created",
        subject=poison_of("audit.subject"),
        environment=environment,
        details={said: said, "changed": {"from": said, "to": said}, "list": [said]},
        now=now,
    )
    made = {"every": hour, "cron": None, "grace": hour, "offset": hour, "next_due_at": now}
    make_schedule(db, "reconcile", FAKE, environment, **made)
    told: dict[str, Any] = {"reason": poison_of("run.scope"), "shop_id": None}
    create_run(db, "replay_parked", FAKE, environment, scope=told, total=10, actor=villain, now=now)
    shop = {"shop_id": SHOP, "as_of": now.isoformat()}
    run = create_run(db, rebuild.KIND, FAKE, environment, scope=shop, total=1, actor=villain, now=now)
    sandbox_or_live = f"{environment.value.upper()}0"
    keep(db, scope, run.id, [Shadow(sandbox_or_live, "differs", None, standing_hash=b"x", events=1)])


def _furnish_channel(house: House, db: Session) -> None:
    """One that was told of something in each environment."""
    every = tuple(Environment)
    draft = Draft(ChannelKind.CHAT, "ops", every, (Kind.SWITCH,), {"host": "chat.example.com"}, None)
    add_channel(db, draft, None, actor=COMMAND_LINE, now=house.now)
    news = [News(Kind.SWITCH, one, Change.HAPPENED, "switched", "", "/", house.now) for one in every]
    tell(db, news, now=house.now)


def _ids(house: House) -> dict[str, str]:
    """What stands for each parameter of an address; all of the sandbox."""
    tables = Model.metadata.tables
    named = {
        "event_id": ("evt", "raw_event"),
        "exception_id": ("exc", "connector_exception"),
        "rejected_id": ("rej", "rejected_delivery"),
        "order_id": ("ord", "order_sync"),
        "notice_id": ("ntc", "notice"),
        "run_id": ("run", "run"),
        "listing_id": ("lst", "channel_listing"),
        "certificate_id": ("cert", "go_live_certificate"),
        "staff_id": ("staff", "staff"),
        "view_id": ("view", "saved_view"),
        "channel_id": ("chn", "notification_channel"),
    }
    found = {name: show_id(prefix, _first(house, tables[table])) for name, (prefix, table) in named.items()}
    merchant = house.scalar(
        sa.select(tables["merchant"].c.merchant_id).order_by(tables["merchant"].c.environment.desc())
    )
    rebuilt = sa.select(tables["run"].c.id).where(
        tables["run"].c.kind == rebuild.KIND, tables["run"].c.environment == SANDBOX
    )
    own = {
        "name": FAKE,
        "connector": FAKE,
        "shop_id": SHOP,
        "environment": "sandbox",
        "kid": "k1",
        "merchant_id": merchant,
    }
    return {**SAMPLES, **found, **own, "rebuild_id": show_id("run", house.scalar(rebuilt))}


def _first(house: House, table: sa.Table) -> UUID:
    """The oldest; where there is none, one that nothing is called by."""
    statement = sa.select(table.c.id).order_by(table.c.id)
    if "environment" in table.c:
        statement = statement.where(table.c.environment == SANDBOX)
    found: UUID | None = house.scalar(statement)
    return found or UUID(int=1)
