"""An installation in which every secret is known to the test: each is a canary, and none may ever be heard."""

from __future__ import annotations

import base64
import hashlib
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from urllib.parse import parse_qs, urlsplit

import pyotp
import sqlalchemy as sa
from sqlalchemy.orm import Session

from kedai.connector_exceptions.models import ConnectorException
from kedai.db.base import Model
from kedai.inbox.models import RawEvent, RejectedDelivery
from kedai.kit.ids import show_id
from kedai.notifications.models import NotificationChannel
from kedai.orders.models import OrderSync
from kedai.runs.models import Run
from kedai.runs.service import create_run
from kedai.settings import Settings, ShopeeSeed
from kedai.staff.models import ApiToken, Staff, StaffSession
from kedai.values.actor import COMMAND_LINE
from kedai.values.environment import Environment
from kedai.vault.models import HeldToken, MerchantToken
from kedai.vault.sealed import SEALED_TABLES, all_shelves, read_rows
from tests.feature.web.routes import SAMPLES
from tests.journeys.conftest import Place
from tests.support.installation import SHOPEE, Browser, Installation, order_push, request
from tests.support.processes import Process, wait_until

ADMIN = "/admin/dashboard/connectors/shopee"
EMAIL, PASSWORD = "anna@example.com", 'a "canary" sings & <nobody> hears 100% of it'
OTHERS = "correct horse battery staple"
"""The password of everybody whom `Installation.sign_in` makes."""

HASHED = {
    ("staff", "password_hash"): "password of anna",
    ("staff_session", "token_hash"): "session of anna",
    ("staff_challenge", "token_hash"): "sign-in that waits for its code",
    ("staff_recovery_code", "code_hash"): "recovery code 1",
    ("api_token", "token_hash"): "API token from the page",
    ("oauth_state", "token_hash"): "OAuth state in the address",
}
"""What is stored by its hash alone, and the canary that stands for it."""

NO_SECRETS = {
    *(("audit", "hash"), ("audit", "previous_hash")),
    *(("order_answer", "hash"), ("order_sync", "answer_hash"), ("order_escrow", "answer_hash")),
    *(("order_shadow", "answer_hash"), ("order_shadow", "standing_hash")),
}
"""Hashes of what is no secret."""

_READABLE = re.compile(r"\b[a-z2-7]{4}(?:-[a-z2-7]{4}){3}\b")


def _key(text: str) -> str:
    return base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()


MASTER_KEYS = {"k1": _key("the first canary of the tests"), "k2": _key("the second canary of the tests")}
SETTINGS = {
    "KEDAI_LOG_LEVEL": "debug",
    "KEDAI_MASTER_KEYS": ",".join(f"{kid}:{key}" for kid, key in MASTER_KEYS.items()),
    "KEDAI_V1_SECRET": 'canary of v1 "&<%2B>\\ 0123456789',
    "SHOPEE_PARTNER_ID": "1001",
    "SHOPEE_PARTNER_KEY": 'canary-seed-"&<%2B>\\partner-0123456789',
    "SHOPEE_PUSH_PARTNER_KEY": 'canary-seed-"&<%2B>\\push-0123456789',
}


@dataclass
class World:
    """The running installation, the canaries by name, who can ask it, and ids of what is there."""

    home: Installation
    canaries: dict[str, str] = field(default_factory=dict)
    people: dict[str, dict[str, str]] = field(default_factory=dict)
    ids: dict[str, str] = field(default_factory=dict)
    servers: list[Process] = field(default_factory=list)

    @property
    def url(self) -> str:
        return self.home.url

    def stop(self) -> str:
        """End all servers in good order; everything they wrote."""
        for server in self.servers:
            server.terminate()
        assert [server.wait_exit(30) for server in self.servers] == [0] * len(self.servers)
        return "\n".join(server.output() for server in self.servers)


def open_world(place: Place) -> World:
    """Everything that holds a secret is filled: settings, people, programs, both environments, what is under way."""
    world = World(place(extra=SETTINGS))
    home = world.home
    commands = ("serve",) if home.database_url is None else ("web", "worker")
    world.servers = [home.start(command) for command in commands]
    world.canaries |= {f"{name} of the settings": text for name, text in SETTINGS.items() if "KEY" in name}
    world.canaries |= {f"master key {kid}": key for kid, key in MASTER_KEYS.items()}
    world.canaries["KEDAI_V1_SECRET of the settings"] = SETTINGS["KEDAI_V1_SECRET"]
    del world.canaries["KEDAI_MASTER_KEYS of the settings"]  # each of its keys stands for itself
    _let_people_in(world)
    _connect_both(world)
    _leave_things_under_way(world)
    world.canaries |= _sealed(home)
    world.ids = _ids(home)
    return world


def _let_people_in(world: World) -> None:
    """A person with everything a person can have, one of each role, and a token of each environment."""
    home, canaries = world.home, world.canaries
    made = home.run("staff", "create", EMAIL, "--role", "admin", "--password-stdin", given=f"{PASSWORD}\n")
    assert made.returncode == 0, made.stderr
    anna = Browser()
    assert anna.post(f"{home.url}/login", {"email": EMAIL, "password": PASSWORD}, follow=False).status == 303
    canaries |= {"password of anna": PASSWORD, "password of the others": OTHERS}
    assert anna.post(f"{home.url}/account/totp", {}).status == 200
    shown = re.search(rb'<code class="id">([A-Z2-7 ]+)</code>', anna.page.body)
    assert shown is not None
    code = pyotp.TOTP(shown.group(1).decode().replace(" ", "")).now()
    codes = anna.post(f"{home.url}/account/totp/confirm", {"code": code}).body.decode()
    canaries |= {f"recovery code {number}": one for number, one in enumerate(_READABLE.findall(codes), start=1)}
    page = anna.post(f"{home.url}/staff", {"email": "new@example.com", "role": "viewer"}).body.decode()
    canaries["first password of somebody new"] = _READABLE.findall(page)[0]
    form = {"name": "till", "role": "viewer", "environment": "live"}
    token = re.search(r"kedai_live_[\w-]{43}", anna.post(f"{home.url}/tokens", form).body.decode())
    assert token is not None
    canaries["API token from the page"] = token.group()
    world.people |= {"nobody": {}, "admin": anna.cookie(home.url)}
    for role in ("operator", "viewer"):
        world.people[role] = home.sign_in(role=role, email=f"{role}@example.com").cookie(home.url)
    _tell_people(world, anna)
    for environment in Environment:
        canaries[f"API token of {environment.value}"] = token_text = home.token(environment.value)
        world.people[f"token of {environment.value}"] = {"Authorization": f"Bearer {token_text}"}
    sessions = {"admin": "session of anna", "operator": "session of the operator", "viewer": "session of the viewer"}
    canaries |= {name: world.people[role]["Cookie"].partition("=")[2] for role, name in sessions.items()}


def _tell_people(world: World, anna: Browser) -> None:
    """A webhook, whose secret is shown once, and a mail server with a password."""
    here, ours = f"{world.home.url}/settings/notifications", world.home.simulators["live"]
    chosen = {"environment_live": "on", "topic_switch": "on"}
    form = {"kind": "webhook", "name": "hook", "url": f"{ours}/hook", **chosen}
    secret = re.search(r"whsec_[\w+/=]{44}", anna.post(here, form).body.decode())
    assert secret is not None
    world.canaries["signing secret from the page"] = secret.group()
    world.canaries["password of the mail server"] = 'canary "&<%2B>\\ of the mail server'
    host, port = urlsplit(ours).hostname or "", str(urlsplit(ours).port)  # whatever is told leaves this machine never
    server = {"host": host, "port": port, "tls": "none", "user": "kedai"}
    form = {"kind": "email", "name": "mail", **server, "password": world.canaries["password of the mail server"]}
    people = {"sender": "kedai@shop.example", "recipients": "anna@shop.example"}
    assert anna.post(here, {**form, **people, **chosen}, follow=False).status == 303


def _connect_both(world: World) -> None:
    """Connect, let orders arrive, then put keys of our own over those that the marketplace knows."""
    home = world.home
    shop_id = home.shop_id("sandbox")
    batch = {"shop_id": int(shop_id), "count": 1, "pushes": False}
    (order_sn,) = home.control("sandbox", "POST", "/control/orders/batch", batch)["order_sns"]
    for environment in ("sandbox", "live"):
        token = world.canaries[f"API token of {environment}"]
        home.configure(environment, token=token, pushes=False)
        assert home.connect(environment, token=token) == "connected"
        key = home.credentials(environment)["push_partner_key"]
        body = order_push(order_sn, home.shop_id(environment))
        assert home.push(environment, body, key=key).status == 200
    wait_until(lambda: home.count_events("applied") == 1, timeout=30, message="the order was not read")
    for environment in Environment:
        _grant_a_main_account(world, environment)
    until = (datetime.now(UTC) + timedelta(hours=1)).isoformat()
    for environment in ("sandbox", "live"):
        keys = {name: _new_key(name, environment) for name in ("partner_key", "push_partner_key")}
        headers = {"token": world.canaries[f"API token of {environment}"]}
        value = {**keys, "old_push_key_until": until}
        answer = home.call("PATCH", f"{ADMIN}?env={environment}", value=value, **headers)
        assert answer.status == 200, answer


def _grant_a_main_account(world: World, environment: Environment) -> None:
    """Its merchant gets a pair; the one for the shop that is connected already is kept aside."""
    home = world.home
    token = world.canaries[f"API token of {environment.value}"]
    begun = home.call("GET", f"{ADMIN}/oauth/start?env={environment.value}", token=token)
    state = home.control(environment.value, "GET", "/control/state?orders=0&deliveries=0")
    wanted = {
        "partner_id": home.app(environment.value)["partner_id"],
        "main_account_id": state["main_accounts"][0]["main_account_id"],
        "redirect": parse_qs(urlsplit(begun.json()["authorization_url"]).query)["redirect"][0],
    }
    back = home.control(environment.value, "POST", "/control/authorizations", wanted)["location"]
    answer = request("GET", back, headers={"Cookie": begun.headers["set-cookie"].split(";")[0]})
    assert answer.status == 303, answer
    for table in (MerchantToken, HeldToken):
        pairs = sa.select(table.partner_id).where(table.environment == environment)
        wait_until(lambda pairs=pairs: home.rows(pairs), timeout=30, message=f"no {table.__tablename__}: {answer}")


def _new_key(name: str, environment: str) -> str:
    return f'canary-{environment}-"&<%2B>\\{name}-0123456789'


def _leave_things_under_way(world: World) -> None:
    """A sign-in without its code, a way to the marketplace not gone to its end, troubles, a run."""
    home, canaries = world.home, world.canaries
    waiting = Browser()
    waiting.post(f"{home.url}/login", {"email": EMAIL, "password": PASSWORD}, follow=False)
    canaries["sign-in that waits for its code"] = waiting.cookie(home.url)["Cookie"].partition("=")[2]
    begun = home.call("GET", f"{ADMIN}/oauth/start?env=live", token=canaries["API token of live"])
    redirect = parse_qs(urlsplit(begun.json()["authorization_url"]).query)["redirect"][0]
    canaries["OAuth state in the address"] = parse_qs(urlsplit(redirect).query)["nonce"][0]
    canaries["OAuth state in the cookie"] = begun.headers["set-cookie"].split(";")[0].partition("=")[2]
    body = order_push("CANARY0001", home.shop_id("sandbox"))
    assert home.push("sandbox", body, key=_new_key("push_partner_key", "sandbox")).status == 200
    secrets = {"Authorization": _new_key("push_partner_key", "live"), **world.people["admin"]}
    refused = request("POST", f"{home.url}/connectors/shopee/webhook/sandbox", headers=secrets, body=b"{}")
    assert refused.status == 401
    kept = sa.select(RejectedDelivery.id)
    wait_until(lambda: home.rows(kept), timeout=30, message="the rejected delivery was not kept")
    tried = sa.select(ConnectorException.code)
    wait_until(lambda: home.rows(tried), timeout=30, message="nobody tried with the new key")
    scope = {"reason": "order_not_found", "shop_id": None}
    with home.database.write() as db:
        now = datetime.now(UTC)
        create_run(db, "discard_parked", SHOPEE, Environment.LIVE, scope=scope, total=0, actor=COMMAND_LINE, now=now)


def _sealed(home: Installation) -> dict[str, str]:
    """Every sealed value that is stored, opened."""
    found = {}
    with home.runtime() as runtime, runtime.web_db.read() as db:
        for shelf in all_shelves(db):
            for row in read_rows(db, shelf, after="", limit=1000):
                for column, stored in row.values.items():
                    name = f"{shelf.sealed.name}.{column} {shelf.environment} {row.row}".strip()
                    found[name] = runtime.ring.open(shelf.place(column, row.row), stored)
    return found


def _ids(home: Installation) -> dict[str, str]:
    """What stands for each parameter of an address."""
    with home.database.read() as db:
        return {
            **SAMPLES,
            "shop_id": home.shop_id("sandbox"),
            "kid": "k2",
            "event_id": show_id("evt", _first(db, RawEvent)),
            "exception_id": show_id("exc", _first(db, ConnectorException)),
            "rejected_id": show_id("rej", _first(db, RejectedDelivery)),
            "order_id": show_id("ord", _first(db, OrderSync)),
            "run_id": show_id("run", _first(db, Run)),
            "staff_id": show_id("staff", db.scalars(sa.select(Staff.id).where(Staff.email == EMAIL)).one()),
            "session_id": show_id("session", _first(db, StaffSession)),
            "token_id": show_id("token", _first(db, ApiToken)),
            "channel_id": show_id("chn", _first(db, NotificationChannel)),
        }


_Shown = (
    RawEvent | RejectedDelivery | ConnectorException | OrderSync | Run | StaffSession | ApiToken | NotificationChannel
)


def _first(db: Session, model: type[_Shown]) -> object:
    return db.scalars(sa.select(model.id).order_by(model.id).limit(1)).one()


def secrets_without_a_canary(canaries: Mapping[str, str]) -> list[str]:
    """Sealed columns, hashed columns and secret settings that nothing stands for: a new one makes this grow."""
    missing = [
        f"{table.name}.{column} {environment}".strip()
        for table in SEALED_TABLES
        for column in table.columns
        for environment in (tuple(Environment) if table.of_environment else ("",))
        if not any(name.startswith(f"{table.name}.{column} {environment}".strip()) for name in canaries)
    ]
    hashed = {
        (table.name, column.name)
        for table in Model.metadata.tables.values()
        for column in table.columns
        if column.name.endswith("hash")
    }
    missing += [f"{table}.{column}" for table, column in sorted(hashed - NO_SECRETS - HASHED.keys())]
    missing += [name for name in HASHED.values() if name not in canaries]
    secret_settings = {
        f"{settings.model_config['env_prefix']}{name}".upper()
        for settings in (Settings, ShopeeSeed)
        for name, declared in settings.model_fields.items()
        if "SecretStr" in str(declared.annotation)
    }
    return missing + sorted(secret_settings - SETTINGS.keys())
