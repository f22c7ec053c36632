"""`kedai import`: coming from another system."""

from __future__ import annotations

import sys
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from kedai.settings import Settings
    from kedai.sync.medusa.database import OldDatabase
    from kedai.sync.medusa.dump import Dump

app = typer.Typer(help="Take over what another system holds.", no_args_is_help=True)


@app.callback()
def group() -> None:
    """Take over what another system holds."""


@app.command()
def medusa(
    dsn: Annotated[
        str | None,
        typer.Argument(help="postgresql://user@host/name of the old database; - reads it from standard input."),
    ] = None,
    dump: Annotated[
        Path | None, typer.Option(help="A plain SQL dump of it instead, as pg_dump writes it; it is never run.")
    ] = None,
    apply: Annotated[bool, typer.Option("--apply", help="Write. Without it, only say what would be done.")] = False,
    connect: Annotated[
        bool, typer.Option("--connect", help="The old system is stopped for good: connect its shops here at once.")
    ] = False,
) -> None:
    """Take over credentials, tokens, pushes, orders and exceptions of the Medusa plugin; a dry run unless --apply."""
    from kedai.runtime import open_runtime
    from kedai.settings import load_settings
    from kedai.sync.medusa.importer import run_import
    from kedai.values.actor import COMMAND_LINE

    if (dsn is None) == (dump is None):
        raise typer.BadParameter("give either a DSN or --dump FILE", param_hint="DSN")
    settings = load_settings()
    _require_started(settings)
    with _source(dsn, dump) as source, closing(open_runtime(settings)) as runtime:
        report = run_import(runtime.parts, source, apply=apply, connect=connect, actor=COMMAND_LINE)
    for line in report.lines():
        typer.echo(line)


def _require_started(settings: Settings) -> None:
    """Opening an installation makes what is missing; a dry run must not, so something must be there."""
    from kedai.cli.installation import open_database
    from kedai.errors import Conflict
    from kedai.vault.ring import has_canary

    with open_database(settings) as database, database.read() as db:
        if not has_canary(db):
            raise Conflict("This installation was never started: start Kedai once, then import.")


def _source(dsn: str | None, dump: Path | None) -> OldDatabase | Dump:
    from kedai.sync.medusa.database import OldDatabase, has_password
    from kedai.sync.medusa.dump import Dump
    from kedai.sync.medusa.tables import LAYOUTS

    if dump is not None:
        return Dump(dump, tuple(LAYOUTS))
    given = sys.stdin.readline(4000).strip() if dsn == "-" else str(dsn)
    if dsn != "-" and has_password(given):
        typer.echo("kedai: the DSN holds a password, which others can see among the processes: use -", err=True)
    return OldDatabase(given)
