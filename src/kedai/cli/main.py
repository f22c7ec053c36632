"""The `kedai` command: `kedai <noun> <verb>`, a file per noun; heavy rooms are imported only by the verb that runs."""

from __future__ import annotations

import sys
from typing import Annotated

import typer

from kedai.cli import (
    audit,
    calls,
    db,
    demo,
    doctor,
    env,
    events,
    exceptions,
    golive,
    imports,
    keys,
    notifications,
    orders,
    quarantine,
    rebuild,
    recovery,
    resend,
    runs,
    serve,
    simulator,
    sku,
    staff,
    token,
)
from kedai.cli.exits import EXIT_CODES_HELP, exit_code_of
from kedai.errors import KedaiError

app = typer.Typer(
    name="kedai",
    help="Kedai: one shop's sandbox and live marketplace accounts side by side, never mixed.",
    epilog=EXIT_CODES_HELP,
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)
app.command("serve")(serve.serve)
app.command("web")(serve.web)
app.command("worker")(serve.worker)
app.command("demo")(demo.demo)
app.command("doctor")(doctor.doctor)
app.command("simulator")(simulator.simulator)
app.add_typer(audit.app, name="audit")
app.add_typer(calls.app, name="calls")
app.add_typer(db.app, name="db")
app.add_typer(events.app, name="events")
golive.add_to(env.app)
resend.add_to(env.app)
app.add_typer(env.app, name="env")
app.add_typer(exceptions.app, name="exceptions")
app.add_typer(keys.app, name="keys")
app.add_typer(notifications.app, name="notifications")
rebuild.add_to(orders.app)
recovery.add_to(orders.app)
app.add_typer(orders.app, name="orders")
app.add_typer(quarantine.app, name="quarantine")
app.add_typer(runs.app, name="runs")
app.add_typer(sku.app, name="sku")
app.add_typer(staff.app, name="staff")
app.add_typer(token.app, name="token")
app.add_typer(imports.app, name="import")


def _show_version(wanted: bool) -> None:
    if wanted:
        from kedai import __version__

        typer.echo(f"kedai {__version__}")
        raise typer.Exit


@app.callback()
def common(
    version: Annotated[
        bool, typer.Option("--version", help="Show the version and exit.", callback=_show_version, is_eager=True)
    ] = False,
) -> None:
    """Kedai."""


def main() -> None:
    """Run a command; what we know to go wrong ends in one line on standard error and its exit code."""
    try:
        app()
    except KedaiError as error:
        typer.echo(f"kedai: {error.message}", err=True)
        sys.exit(exit_code_of(error))
