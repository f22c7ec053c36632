"""T8: a distinct canary stands in every secret field, and nothing that the installation ever says holds one.

Asked are every GET route as every kind of caller, every form and JSON route with a secret where it does not belong,
every command; searched are all answers, the log at its most talkative with tracebacks in it, and the whole database.
"""

from __future__ import annotations

import json
import re
import sqlite3
from collections.abc import Iterator, Mapping
from contextlib import closing, contextmanager
from html.parser import HTMLParser
from typing import Any
from urllib.parse import quote, urlencode

import pytest
import sqlalchemy as sa
import typer

from kedai.cli.main import app as commands
from kedai.web.app import create_app
from kedai.web.edge import WebhookEdge
from tests.architecture.sources import ROOT
from tests.feature.web.routes import SAFE, Route, framework_of, routes_of
from tests.journeys.canary_world import ADMIN, EMAIL, World, open_world, secrets_without_a_canary
from tests.journeys.conftest import Place
from tests.support.canaries import Ears
from tests.support.installation import Answer, request

pytestmark = pytest.mark.journey

LOOKS = (
    "env=live&tab=live&to=sandbox",
    "env=sandbox&tab=sandbox&to=live",
    "state=rejected",
    "state=parked",
    "view=raw",
    "status=saved&changed=partner_key&trimmed=partner_key",
)
"""What addresses ask for beside their path; those that do not know a parameter leave it alone."""

ODD = ("/no/such/page", "/admin/nothing", "/api/v1/live/nothing", "/openapi.json", "/docs", "/%00", "/e/LIVE/orders")
TYPED_FIELDS = ("email", "name", "partner_id", "shop_id", "default_location_id", "default_shipping_option_id", "url")
"""Fields that are no secret and come back as they were typed, to who typed them, so that nothing is lost."""

OTHER_FIELDS = (
    *(
        "password",
        "code",
        "new",
        "partner_key",
        "push_partner_key",
        "version",
        "typed",
        "confirm",
        "role",
        "environment",
    ),
    *("address", "token", "kind"),
    *("kid", "tag", "next", "reason", "connector", "from", "back", "format", "old_push_key", "fields"),
)
OLD_SYSTEM = ROOT / "tests/feature/importing/data/old_system.inserts.sql"
DSN_PASSWORD = "canary-of-a-dsn-0123456789"

TRIED: Mapping[str, tuple[str, ...]] = {
    "serve": ("",),
    "web": (),
    "worker": (),
    "demo": (),
    "doctor": ("--offline", "--env all --json", "--env {secret}"),
    "simulator": (),
    "audit verify": ("",),
    "calls list": ("--env sandbox", "--env live --outcome failed --json", "--env live --request-id {secret}"),
    "audit export": ("--format csv", "--format json"),
    "db upgrade": ("",),
    "db check": ("",),
    "env list": ("", "--json"),
    "env show": ("sandbox", "live --json"),
    "env diff": ("", "--json"),
    "env copy": ("--from sandbox --to live", "--from sandbox --to live --json"),
    "env unseal": ("live --confirm live",),
    "env check": ("sandbox", "live --json"),
    "env register-pushes": ("sandbox", "live --confirm live --json"),
    "env resend-code": ("sandbox", "live"),
    "env activate": ("live --confirm live", "sandbox --json"),
    "exceptions list": ("--env sandbox", "--env live --json"),
    "exceptions show": ("exc_00000000000000000000000000000000 --env live",),
    "exceptions resolve": ("exc_00000000000000000000000000000000 --env live",),
    "exceptions snooze": ("exc_00000000000000000000000000000000 --env live --hours 1",),
    "exceptions assign": ("exc_00000000000000000000000000000000 --env live --to {email}",),
    "exceptions note": ("exc_00000000000000000000000000000000 {secret} --env live",),
    "exceptions retry": ("exc_00000000000000000000000000000000 --env live",),
    "quarantine list": ("--env sandbox", "--env live --json"),
    "quarantine show": ("rej_00000000000000000000000000000000 --env sandbox",),
    "quarantine admit": ("--env sandbox --all", "rej_00000000000000000000000000000000 --env live"),
    "events replay": ("--env sandbox --dry-run", "--env live --json", "--env sandbox --since {secret}"),
    "sku list": ("--env sandbox", "--env live --unmapped --json"),
    "sku set": ("1 {secret} --env sandbox", "1 --env live --remove"),
    "sku import": ("- --env sandbox --dry-run", "- --env live --json"),
    "sku export": ("--env sandbox", "--env live --unmapped"),
    "orders rebuild": (
        "--env sandbox --shop {secret} --as-of 2020-01-31T08:00:00Z",
        "--env live --shop 1 --as-of {secret} --json",
    ),
    "orders apply-rebuild": ("{secret} --env sandbox",),
    "orders discard-rebuild": ("run_x --env live --json",),
    "keys list": ("", "--json"),
    "keys verify": ("",),
    "keys add": ("k3", "k3 --generate"),
    "keys promote": ("k3",),
    "keys rewrap": ("--no-wait",),
    "keys retire": ("k1",),
    "notifications list": ("", "--json"),
    "notifications test": ("nobody", "{secret}"),
    "runs list": ("--env sandbox", "--env live --json"),
    "runs show": ("keep_tokens --env sandbox", "run_00000000000000000000000000000000 --env live --json"),
    "runs run": ("keep_tokens --env sandbox", "retention --env live --json"),
    "runs pause": ("retention --env sandbox --reason canary",),
    "runs resume": ("retention --env sandbox --json",),
    "runs cancel": ("run_00000000000000000000000000000000 --env sandbox",),
    "orders sync": ("A1 --env sandbox", "A1 --env live --json"),
    "orders backfill": (
        "--env sandbox --since 2026-07-01 --until 2026-07-31 --dry-run",
        "--env live --since 2026-07-01 --until 2026-07-31 --json",
    ),
    "orders audit": ("--env sandbox --since 2026-07-01 --until 2026-07-31 --json",),
    "orders list": ("--env sandbox", "--env live --json"),
    "orders show": ("--env sandbox CANARY0001", "--env live ord_00000000000000000000000000000000 --reveal"),
    "orders escrow": ("--env sandbox --days 1",),
    "staff create": ("{email} --role viewer --password-stdin", "x@example.com --role viewer --password {secret}"),
    "staff list": ("",),
    "staff role": ("new@example.com operator",),
    "staff disable": ("new@example.com",),
    "staff enable": ("new@example.com",),
    "staff password": ("nobody@example.com --password-stdin",),
    "staff totp-off": ("new@example.com",),
    "staff passkeys-off": ("new@example.com",),
    "token create": ("printer viewer sandbox",),
    "token list": ("",),
    "token revoke": ("token_00000000000000000000000000000000",),
    "import medusa": (f"--dump {OLD_SYSTEM}", f"postgresql://old:{DSN_PASSWORD}@127.0.0.1:1/old"),
}
"""How each command is tried. `serve` meets the running one; `web`, `worker` and `simulator` are what answers all along,
and `demo` is an installation of its own, with nothing of ours in it."""


def test_t8_no_secret_is_ever_heard(on_sqlite: Place) -> None:
    world, ears = open_world(on_sqlite), Ears()
    assert secrets_without_a_canary(world.canaries) == []
    routes = describe(world, ears)
    look_at_everything(world, ears, routes)
    misplace_secrets(world, ears, routes)
    say_every_command(world, ears)
    asked = {where.partition(" as ")[0] for where in ears.places}
    assert {route.name for route in routes if route.method == "GET"} <= asked
    search_what_stays(world, ears)


def test_t8_no_secret_stays_in_clear_on_postgresql_either(on_postgresql: Place) -> None:
    """Answers are the same there; what is stored, and what web and worker write apart, is not."""
    world, ears = open_world(on_postgresql), Ears()
    assert secrets_without_a_canary(world.canaries) == []
    misplace_secrets(world, ears, describe(world, ears))
    search_what_stays(world, ears)


def describe(world: World, ears: Ears) -> list[Route]:
    """The routes, with what the framework would publish of them."""
    with world.home.runtime() as runtime:
        edge = create_app(runtime)
        assert isinstance(edge, WebhookEdge)
        app = framework_of(edge)
        ears.hear("the description of the API", json.dumps(app.openapi()))
        return routes_of(app)


def search_what_stays(world: World, ears: Ears) -> None:
    """Exports, log and database after everything that went before, and the verdict on all that was heard."""
    export_the_trail(world, ears)
    force_tracebacks(world, ears)
    ears.hear("the log", log_of(world))
    dump(world, ears)
    assert ears.leaks({**world.canaries, "password of a DSN": DSN_PASSWORD}) == []


def look_at_everything(world: World, ears: Ears, routes: list[Route]) -> None:
    """Every GET route as everybody; what it answers is never kept by a browser, and asks browsers to keep no secret."""
    for route in routes:
        if route.method != "GET":
            continue
        for path in addresses(world, route):
            for who, headers in world.people.items():
                for look in LOOKS if who == "admin" else LOOKS[:1]:
                    answer = hear(world, ears, f"{route.name} as {who}", "GET", f"{path}?{look}", headers)
                    assert answer.status < 500, (route.name, who, look, answer)
                    assert_kept_by_no_browser(route.path, answer)
    for path in ODD:
        for who, headers in world.people.items():
            assert hear(world, ears, f"{path} as {who}", "GET", path, headers).status in {303, 400, 403, 404, 422}


def addresses(world: World, route: Route) -> list[str]:
    """A route's addresses in each environment."""
    scopes = ("sandbox", "live", "all") if "{scope}" in route.path else ("sandbox", "live")
    found = [route.path.format(**{**world.ids, "environment": scope, "scope": scope}) for scope in scopes]
    return list(dict.fromkeys(found))


def assert_kept_by_no_browser(path: str, answer: Answer) -> None:
    """`no-store` on all but what is the same for everybody, and a purpose on every field that takes a secret."""
    if not path.startswith("/static"):
        assert answer.headers["cache-control"] == "no-store", path
    for field in fields_of(answer):
        if field.get("type") == "password":
            assert field.get("autocomplete") in {"current-password", "new-password"}, (path, field)
        if field.get("name") == "code":
            assert field.get("autocomplete") == "one-time-code", (path, field)


def misplace_secrets(world: World, ears: Ears, routes: list[Route]) -> None:
    """A secret where it does not belong is refused, and never repeated; nor is one in a query written down."""
    secrets = [text for name, text in world.canaries.items() if name.startswith("environment_credentials")]
    secrets += [world.canaries["password of anna"], world.canaries["API token from the page"]]
    for route in routes:
        if route.method in SAFE:
            continue
        secret = secrets[len(route.name) % len(secrets)]
        if route.is_json:
            misplace_in_json(world, ears, route, secret)
        elif "/logout" not in route.path:
            misplace_in_a_form(world, ears, route, secret)
    given = urlencode(dict.fromkeys(("code", "nonce", "state", "error", "shop_id", "main_account_id"), secrets[0]))
    for path in ("/connectors/shopee/oauth/callback", "/connectors/shopee/oauth/callback/live"):
        assert hear(world, ears, f"GET {path}?…", "GET", f"{path}?{given}", world.people["admin"]).status == 303
    for name in ("env", "cursor", "state", "limit"):
        for path in (ADMIN, "/api/v1/live/runs"):
            address = f"{path}?{name}={quote(secrets[1])}"
            hear(world, ears, f"GET {path}?{name}=…", "GET", address, world.people["token of live"])


def misplace_in_json(world: World, ears: Ears, route: Route, secret: str) -> None:
    if not takes_a_body(route):
        return
    names = ("region", "partner_id", "shop_id", "host", "environment", "reason", "confirm", "partner_key", "password")
    bodies: list[Any] = [{name: wrong} for name in names for wrong in (secret, [secret], {"x": secret})]
    bodies = [one for one in bodies if one != {"partner_key": secret}]  # there it belongs
    bodies += [{"old_push_key_until": secret}, {"x": {"y": secret}}, [secret], secret, {"dry_run": secret}]
    written = [json.dumps(one) for one in bodies] + [f'{{"region": "{quote(secret)}', quote(secret)]
    for path in addresses(world, route):
        for body in written:
            headers = {**world.people["token of live"], "Content-Type": "application/json"}
            answer = hear(world, ears, f"{route.name} wrongly", route.method, f"{path}?env=live", headers, body)
            assert answer.status in {400, 403, 404, 409, 422}, (route.name, body[:40], answer)


def misplace_in_a_form(world: World, ears: Ears, route: Route, secret: str) -> None:
    """Only where a form is read: the others would do what they are for."""
    if not reads_a_form(route):
        return
    headers = {
        **world.people["admin"],
        "Content-Type": "application/x-www-form-urlencoded",
        "Sec-Fetch-Site": "same-origin",
    }
    for path in addresses(world, route):
        form = urlencode(dict.fromkeys((*TYPED_FIELDS, *OTHER_FIELDS), secret) | {"again": "another one"})
        address = f"{path}?env=live&to=live&tab=live"
        answer = request(route.method, world.url + address, headers=headers, body=form.encode())
        assert answer.status < 500, (route.name, answer)
        ears.hear(f"{route.name} wrongly", without_typed_values(answer) + str(answer.headers))


def export_the_trail(world: World, ears: Ears) -> None:
    """The audit trail as files."""
    headers = {
        **world.people["admin"],
        "Content-Type": "application/x-www-form-urlencoded",
        "Sec-Fetch-Site": "same-origin",
    }
    for form in ("csv", "json"):
        answer = hear(world, ears, f"the trail as {form}", "POST", "/audit/exports", headers, f"format={form}")
        assert (answer.status, b"credentials." in answer.body) == (200, True)


def force_tracebacks(world: World, ears: Ears) -> None:
    """One failure that the database causes in the middle of a secret's way, one that nobody foresaw."""
    token = world.people["token of live"]
    value = json.dumps({"partner_key": world.canaries["environment_credentials.partner_key_encrypted sandbox"]})
    with broken(world, "ALTER TABLE key_ring RENAME TO hidden", "ALTER TABLE hidden RENAME TO key_ring"):
        headers = {**token, "Content-Type": "application/json"}
        failed = hear(world, ears, "a failed write", "PATCH", f"{ADMIN}?env=live", headers, value)
        assert failed.status == 503
    wrong, right = "UPDATE run SET scope = 'no json'", "UPDATE run SET scope = '{}'"
    with broken(world, wrong, right):
        assert hear(world, ears, "a surprise", "GET", "/e/all/runs", world.people["admin"]).status == 500


@contextmanager
def broken(world: World, before: str, after: str) -> Iterator[None]:
    for statement in (before, after):
        with world.home.database.connect() as connection:
            connection.execute(sa.text(statement))
        if statement == before:
            yield


def say_every_command(world: World, ears: Ears) -> None:
    """Each command in at least one way; secrets that must be typed are typed."""
    leaves = {" ".join(path) for path in leaf_commands(typer.main.get_command(commands))}
    assert leaves == TRIED.keys()
    secret, password = world.canaries["API token from the page"], world.canaries["password of anna"]
    lines = [f"{command} {line}".format(email=EMAIL, secret=secret) for command in TRIED for line in TRIED[command]]
    for line in lines:
        done = world.home.run(*line.split(), given=f"{password}\n")
        assert "Traceback" not in done.stderr, (line, done)
        ears.hear(f"kedai {line.replace(secret, '…').replace(DSN_PASSWORD, '…')}", done.stdout + done.stderr)


def leaf_commands(command: Any, path: tuple[str, ...] = ()) -> Iterator[tuple[str, ...]]:
    """The words of each command that does something."""
    if not hasattr(command, "commands"):
        yield path
        return
    for name, inner in command.commands.items():
        yield from leaf_commands(inner, (*path, name))


def log_of(world: World) -> str:
    """All that the servers wrote, to their end; it tells of calls, of refusals and of both tracebacks."""
    written = world.stop()
    for part in ('"level":"debug"', "outgoing call", "a request failed unexpectedly", '"frames"'):
        assert part in written, part
    return written


def dump(world: World, ears: Ears) -> None:
    """Every table as text; of an embedded installation also each file as it lies there."""
    home = world.home
    if home.database_url is None:
        with closing(sqlite3.connect(home.data_dir / "kedai.sqlite3")) as connection:
            ears.hear("the database", "\n".join(connection.iterdump()))
    else:
        with home.database.connect() as connection:
            for table in sorted(sa.inspect(connection).get_table_names()):
                rows = connection.exec_driver_sql(f'SELECT one::text FROM "{table}" one').scalars()
                ears.hear(f"table {table}", "\n".join(rows))
    files = [path for path in home.data_dir.rglob("*") if path.is_file()]
    for path in files:
        ears.hear(path.name, path.read_bytes())


def hear(
    world: World, ears: Ears, where: str, method: str, path: str, headers: Mapping[str, str], body: str | None = None
) -> Answer:
    """Ask, and keep the whole answer."""
    answer = request(method, world.url + path, headers=headers, body=None if body is None else body.encode())
    ears.hear(where, answer.body)
    ears.hear(f"{where}: headers", str({name: text for name, text in answer.headers.items() if name != "x-request-id"}))
    return answer


def takes_a_body(route: Route) -> bool:
    return bool(route.dependant.body_params) or any(one.body_params for one in route.dependencies())


def reads_a_form(route: Route) -> bool:
    return any(getattr(one.call, "__name__", "") == "read_form" for one in route.dependencies())


def without_typed_values(answer: Answer) -> str:
    """A page without what it gives back to who typed it."""
    names = "|".join(TYPED_FIELDS)
    return re.sub(rf'(<input[^>]*\bname="(?:{names})"[^>]*\bvalue=)"[^"]*"', r'\1""', answer.body.decode())


def fields_of(answer: Answer) -> list[dict[str, str | None]]:
    """The attributes of each field of a page."""
    if "html" not in answer.headers.get("content-type", ""):
        return []
    found = _Fields()
    found.feed(answer.body.decode())
    return found.fields


class _Fields(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.fields: list[dict[str, str | None]] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag == "input":
            self.fields.append(dict(attrs))
