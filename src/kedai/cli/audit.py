"""`kedai audit`: the trail of who did what."""

from __future__ import annotations

import sys
from typing import Annotated

import typer

app = typer.Typer(help="The audit trail.", no_args_is_help=True)


@app.callback()
def group() -> None:
    """The audit trail."""


@app.command()
def verify(
    noted: Annotated[
        str | None, typer.Option(help="An earlier last entry, as this command printed it: NUMBER:HASH.")
    ] = None,
) -> None:
    """Read the whole trail; name the first entry that was removed, changed or moved (exit 1), or the last one."""
    from kedai.audit import queries
    from kedai.cli.installation import open_database
    from kedai.settings import load_settings

    mark = None if noted is None else queries.parse_mark(noted)
    with open_database(load_settings()) as database, database.read() as db:
        verdict = queries.verify(db)
        still_there = mark is None or queries.is_there(db, mark)
    if verdict.broken is not None:
        typer.echo(f"The trail is broken: entry {verdict.broken} was removed, changed or moved.", err=True)
        raise typer.Exit(1)
    if mark is not None and not still_there:
        typer.echo(f"The trail is not the one that was noted: entry {mark.sequence} is gone or another one.", err=True)
        raise typer.Exit(1)
    if verdict.last is None:
        typer.echo("The trail is empty.")
        return
    typer.echo(f"The trail is whole: {verdict.last.sequence} entries. Note the last one to notice later if it is cut:")
    typer.echo(str(verdict.last))


@app.command()
def export(
    export_format: Annotated[str, typer.Option("--format", help="csv, or json (one object a line).")] = "csv",
    who: Annotated[str | None, typer.Option(help="Part of the name of who did it.")] = None,
    what: Annotated[str | None, typer.Option(help="Part of what was done.")] = None,
    env: Annotated[str | None, typer.Option(help="sandbox, live or installation.")] = None,
    since: Annotated[str | None, typer.Option("--from", help="First day, UTC: 2026-11-01.")] = None,
    until: Annotated[str | None, typer.Option("--to", help="Last day, UTC.")] = None,
) -> None:
    """Write entries to standard output, oldest first; that it was done is an entry too."""
    from kedai.audit import service
    from kedai.audit.export import export as pieces
    from kedai.audit.queries import parse_filter
    from kedai.cli.installation import open_database
    from kedai.kit.clock import SystemClock
    from kedai.kit.sheets import parse_format
    from kedai.settings import load_settings
    from kedai.values.actor import COMMAND_LINE

    options = {"who": who, "what": what, "env": env, "from": since, "to": until}
    given = {name: text for name, text in options.items() if text}
    chosen, wanted = parse_format(export_format), parse_filter(given)
    with open_database(load_settings()) as database:
        with database.write() as db:
            now = SystemClock().now()
            up_to = service.record_export(
                db, wanted, export_format=chosen.value, given=given, actor=COMMAND_LINE, now=now
            )
        for piece in pieces(database, wanted, chosen, up_to_sequence=up_to):
            sys.stdout.buffer.write(piece)
        sys.stdout.buffer.flush()
