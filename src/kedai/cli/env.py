"""`kedai env`: how sandbox and live stand, what differs, copying settings across, and unsealing a copy."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Annotated, Any

import typer

if TYPE_CHECKING:
    from kedai.runtime import Runtime
    from kedai.sync.connection import ConnectionView, SecretView
    from kedai.sync.parity import CopyPlan
    from kedai.values.environment import Environment

app = typer.Typer(help="The two environments.", no_args_is_help=True)

Connector = Annotated[str, typer.Option(help="Which marketplace.")]
AsJson = Annotated[bool, typer.Option("--json", help="Print JSON.")]


@app.callback()
def group() -> None:
    """The two environments."""


@app.command("list")
def list_environments(connector: Connector = "shopee", as_json: AsJson = False) -> None:
    """Say which environment is active, which are complete, and which are sealed."""
    from kedai.values.environment import Environment

    with open_runtime_beside() as runtime:
        rows = [_summary(runtime, connector, environment) for environment in sorted(Environment)]
    if as_json:
        print_json(rows)
        return
    print_table(
        ("environment", "active", "complete", "sealed", "version", "missing"),
        (
            (
                row["environment"],
                _yes(row["active"]),
                _yes(row["complete"]),
                _yes(row["sealed"]),
                str(row["version"]),
                ", ".join(row["missing"]) or "-",
            )
            for row in rows
        ),
    )


@app.command()
def show(
    environment: Annotated[str, typer.Argument(help="sandbox or live.")],
    connector: Connector = "shopee",
    as_json: AsJson = False,
) -> None:
    """Show one environment: fields (of a secret only whether it is set, and its fingerprint), shops and merchants."""
    chosen = parse_environment(environment, "ENVIRONMENT")
    with open_runtime_beside() as runtime:
        shown = {**_summary(runtime, connector, chosen), **_details(runtime, connector, chosen)}
    if as_json:
        print_json(shown)
        return
    print_table(("field", "value"), ((name, _plain(value)) for name, value in shown.items()))


@app.command()
def diff(connector: Connector = "shopee", as_json: AsJson = False) -> None:
    """Compare sandbox and live field by field; secrets by a keyed fingerprint only."""
    from kedai.sync.parity import compare
    from kedai.values.environment import Environment

    with open_runtime_beside() as runtime, runtime.web_db.read() as db:
        found = compare(runtime.parts, db, runtime.parts.connector(connector).name)
    if as_json:
        fields = [
            {
                "field": one.name,
                "secret": one.secret,
                "copyable": one.copyable,
                **{environment.value: text for environment, text in one.texts.items()},
                "verdict": one.verdict.value,
            }
            for one in found.fields
        ]
        sides = {
            environment.value: {
                "version": side.version,
                "missing": list(side.missing),
                "shops": [{"shop_id": shop_id, "state": state} for shop_id, state in side.shops],
            }
            for environment, side in found.sides.items()
        }
        print_json({"connector": found.connector, "active_environment": found.active.value, "fields": fields, **sides})
        return
    rows = (
        (
            one.name,
            one.texts[Environment.SANDBOX] or "-",
            one.texts[Environment.LIVE] or "-",
            one.verdict.value.replace("_", " "),
        )
        for one in found.fields
    )
    print_table(("field", "sandbox", "live", "compared"), rows)


@app.command()
def copy(
    source: Annotated[str, typer.Option("--from", help="sandbox or live.")],
    target: Annotated[str, typer.Option("--to", help="sandbox or live.")],
    field: Annotated[list[str] | None, typer.Option(help="Copy only this field; may be repeated.")] = None,
    apply: Annotated[bool, typer.Option("--apply", help="Really copy; without it nothing is changed.")] = False,
    if_match: Annotated[str | None, typer.Option(help="The tag that the preview printed; --apply needs it.")] = None,
    confirm: Annotated[str | None, typer.Option(help="Type live to change live.")] = None,
    connector: Connector = "shopee",
    as_json: AsJson = False,
) -> None:
    """Copy settings that mean the same in both environments, never a secret; by default only a preview."""
    from kedai.sync.parity import plan_copy

    origin, goal = parse_environment(source, "--from"), parse_environment(target, "--to")
    if apply and if_match is None:
        raise typer.BadParameter("--apply needs the tag that the preview printed", param_hint="--if-match")
    if apply and goal.value == "live" and confirm != "live":
        raise typer.BadParameter("changing live needs --confirm live", param_hint="--confirm")
    with open_runtime_beside() as runtime:
        name = runtime.parts.connector(connector).name
        with runtime.web_db.read() as db:
            plan = plan_copy(runtime.parts, db, name, source=origin, target=goal)
        if not apply or if_match is None:
            _print_plan(plan, as_json=as_json)
            return
        changed = _copy(runtime, connector, plan, field, if_match)
    if as_json:
        print_json({"changed": list(changed)})
    else:
        typer.echo(f"Copied to {goal.value}: {', '.join(changed)}.")


@app.command()
def unseal(
    environment: Annotated[str, typer.Argument(help="sandbox or live.")],
    confirm: Annotated[str | None, typer.Option(help="The name of the environment once more.")] = None,
) -> None:
    """Confirm that an environment of a copy belongs here: its original is stopped for good."""
    from kedai.cli.installation import open_database
    from kedai.kit.clock import SystemClock
    from kedai.settings import load_settings
    from kedai.values.actor import COMMAND_LINE
    from kedai.vault import identity

    chosen = parse_environment(environment, "ENVIRONMENT")
    if confirm != chosen.value:
        raise typer.BadParameter(f"type --confirm {chosen.value}", param_hint="--confirm")
    with open_database(load_settings()) as database, database.write() as db:
        seal = identity.unseal(db, chosen, identity=None, actor=COMMAND_LINE, now=SystemClock().now())
    place = f"{seal.found.public_url or 'no public URL'}, {seal.found.database}"
    typer.echo(f"{chosen.value.title()} is unsealed. This installation belongs here now: {place}.")


def parse_environment(text: str, hint: str) -> Environment:
    """An environment by name; a wrong one is a usage error."""
    from kedai.values.environment import Environment

    try:
        return Environment(text)
    except ValueError:
        raise typer.BadParameter("one of sandbox, live", param_hint=hint) from None


@contextmanager
def open_runtime_beside() -> Iterator[Runtime]:
    """The installation, beside a running server or alone."""
    from kedai.cli.installation import open_beside
    from kedai.settings import load_settings

    with open_beside(load_settings()) as runtime:
        yield runtime


def _copy(runtime: Runtime, connector: str, plan: CopyPlan, fields: Sequence[str] | None, tag: str) -> tuple[str, ...]:
    from kedai.sync import parity
    from kedai.values.actor import COMMAND_LINE

    with runtime.web_db.write() as db:
        return parity.copy(
            runtime.parts,
            db,
            runtime.parts.connector(connector).name,
            source=plan.source,
            target=plan.target,
            fields=fields or [change.name for change in plan.changes],
            tag=tag,
            actor=COMMAND_LINE,
            now=runtime.clock.now(),
        )


def _print_plan(plan: CopyPlan, *, as_json: bool) -> None:
    if as_json:
        changes = [{"field": one.name, "before": one.before, "after": one.after} for one in plan.changes]
        print_json({"from": plan.source.value, "to": plan.target.value, "tag": plan.tag, "changes": changes})
        return
    rows = ((one.name, one.before or "-", one.after) for one in plan.changes)
    print_table(("field", f"in {plan.target.value} now", "afterwards"), rows)
    if not plan.changes:
        typer.echo("There is nothing to copy.", err=True)
        return
    command = f"kedai env copy --from {plan.source.value} --to {plan.target.value} --apply --if-match {plan.tag}"
    command += " --confirm live" if plan.target.value == "live" else ""
    typer.echo(f"Nothing was changed. To copy: {command}", err=True)


def _summary(runtime: Runtime, connector: str, environment: Environment) -> dict[str, Any]:
    view = _view(runtime, connector, environment)
    with runtime.web_db.read() as db:
        sealed = environment in runtime.parts.quarantine.sealed(db)
    return {
        "connector": view.connector,
        "environment": environment.value,
        "active": view.active_environment is environment,
        "complete": view.complete,
        "sealed": sealed,
        "version": view.version,
        "missing": list(view.missing),
    }


def _details(runtime: Runtime, connector: str, environment: Environment) -> dict[str, Any]:
    view = _view(runtime, connector, environment)
    fields = {
        field.name: _secret(getattr(view, field.name)) if field.secret else getattr(view, field.name)
        for field in runtime.parts.connector(connector).credential_fields
    }
    shops = [{"shop_id": shop.shop_id, "name": shop.name, "state": shop.state} for shop in view.shops]
    merchants = [{"merchant_id": one.merchant_id, "name": one.name, "state": one.state} for one in view.merchants]
    return {**fields, "effective_host": view.effective_host, "shops": shops, "merchants": merchants}


def _view(runtime: Runtime, connector: str, environment: Environment) -> ConnectionView:
    from kedai.sync.connection import get_connection

    with runtime.web_db.read() as db:
        return get_connection(runtime.parts, db, runtime.parts.connector(connector).name, environment)


def _secret(view: SecretView) -> str | None:
    if view.unreadable_kid:
        return f"set, needs key {view.unreadable_kid}"
    return (f"set, {view.fingerprint}" if view.fingerprint else "set") if view.set else None


def _plain(value: Any) -> str:
    if isinstance(value, bool):
        return _yes(value)
    if isinstance(value, list):
        return ", ".join(_plain_account(one) if isinstance(one, dict) else str(one) for one in value) or "-"
    return "-" if value is None or value == "" else str(value)


def _plain_account(one: dict[str, str]) -> str:
    account_id = one.get("shop_id") or one.get("merchant_id")
    return f"{account_id} ({one['state'].replace('_', ' ')})"


def _yes(value: bool) -> str:
    return "yes" if value else "no"


def print_json(value: Any) -> None:
    """A value for programs."""
    typer.echo(json.dumps(value, indent=2))


def print_table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> None:
    """Columns as wide as they must be; one record a line, whatever a stranger has put into a name."""
    lines = [head, *([_printable(cell) for cell in row] for row in rows)]
    widths = [max(len(line[column]) for line in lines) for column in range(len(head))]
    for line in lines:
        typer.echo("  ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)).rstrip())


def _printable(text: str) -> str:
    return "".join(one if one.isprintable() else "?" for one in text)
