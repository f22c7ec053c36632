"""`kedai notifications`: who is told of trouble, and whether it reaches them."""

from __future__ import annotations

from typing import Annotated

import typer

from kedai.cli.env import AsJson

app = typer.Typer(help="The channels by which people are told of trouble.", no_args_is_help=True)


@app.callback()
def group() -> None:
    """The channels by which people are told of trouble."""


@app.command("list")
def list_channels(as_json: AsJson = False) -> None:
    """Every channel: name, kind, environments, state, last sent, last error."""
    from kedai.cli.env import print_json
    from kedai.cli.installation import open_database
    from kedai.notifications import queries
    from kedai.settings import load_settings

    with open_database(load_settings()) as database, database.read() as db:
        rows = [
            {
                "name": one.name,
                "kind": one.kind,
                "environments": list(one.environments),
                "topics": list(one.topics),
                "state": "paused" if one.paused_at is not None else "active",
                "last_sent_at": None if one.last_sent_at is None else one.last_sent_at.strftime("%Y-%m-%dT%H:%M:%SZ"),
                "last_error": one.last_error or None,
            }
            for one in queries.list_channels(db)
        ]
    if as_json:
        print_json(rows)
        return
    for row in rows:
        environments = ",".join(row["environments"] or ())
        told = (row["name"], row["kind"], environments, row["state"], row["last_sent_at"], row["last_error"])
        typer.echo("\t".join(str(one or "-") for one in told))


@app.command()
def test(
    name: Annotated[str, typer.Argument(help="The channel's name, as `kedai notifications list` prints it.")],
) -> None:
    """Send a test message by a channel now; 6 if it was not taken."""
    from kedai.cli.env import open_runtime_beside
    from kedai.cli.golive import run_calls
    from kedai.errors import NotFound, RemoteUnavailable
    from kedai.notifications.queries import find_channel
    from kedai.sync.delivering import send_test
    from kedai.values.actor import COMMAND_LINE

    with open_runtime_beside() as runtime:
        with runtime.web_db.read() as db:
            channel = find_channel(db, name)
        if channel is None:
            raise NotFound("There is no such channel.")
        failure = run_calls(runtime, lambda: send_test(runtime.parts, channel, by=f"the {COMMAND_LINE.name}"))
    if failure:
        raise RemoteUnavailable(failure)
    typer.echo("The test was taken.")
