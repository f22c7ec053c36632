"""`kedai events`: what arrived, and working on it once more."""

from __future__ import annotations

from typing import Annotated

import typer

from kedai.cli.env import AsJson, Connector, open_runtime_beside, parse_environment, print_json

app = typer.Typer(help="Events: what the marketplace pushed.", no_args_is_help=True)


@app.callback()
def group() -> None:
    """Events: what the marketplace pushed."""


@app.command()
def replay(
    env: Annotated[str, typer.Option("--env", help="sandbox or live.")],
    state: Annotated[list[str] | None, typer.Option(help="Only those in this state; may be repeated.")] = None,
    code: Annotated[int | None, typer.Option(help="Only those with this push code.")] = None,
    shop: Annotated[str | None, typer.Option(help="Only those of this shop.")] = None,
    order: Annotated[str | None, typer.Option(help="Only those about this order.")] = None,
    since: Annotated[str | None, typer.Option(help="Received from then on, like 2026-01-31T08:00:00Z.")] = None,
    until: Annotated[str | None, typer.Option(help="Received before then.")] = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only say how many are meant.")] = False,
    connector: Connector = "shopee",
    as_json: AsJson = False,
) -> None:
    """Put chosen events back in the queue, in order of arrival; a running worker takes them on."""
    from kedai.inbox.replays import REPLAYABLE, Choice
    from kedai.kit.ids import show_id
    from kedai.kit.instants import parse_instant
    from kedai.sync.replay_events import preview, replay_events
    from kedai.values.actor import COMMAND_LINE
    from kedai.values.event import EventState

    chosen = parse_environment(env, "--env")
    unknown = sorted(set(state or ()) - set(REPLAYABLE))
    if unknown:
        raise typer.BadParameter(f"one of {', '.join(sorted(REPLAYABLE))}", param_hint="--state")
    choice = Choice(
        tuple(EventState(one) for one in state) if state else REPLAYABLE,
        code,
        shop,
        order,
        None if since is None else parse_instant(since, field="since"),
        None if until is None else parse_instant(until, field="until"),
    )
    with open_runtime_beside() as runtime:
        name = runtime.parts.connector(connector).name
        with runtime.web_db.read() as db:
            number = preview(db, name, chosen, choice)
        run = None
        if not dry_run:
            with runtime.web_db.write() as db:
                now = runtime.clock.now()
                queued = replay_events(
                    runtime.parts, db, name, chosen, choice, counted=number, actor=COMMAND_LINE, now=now
                )
                run = show_id("run", queued.id)
    if as_json:
        print_json({"environment": chosen.value, "events": number, "dry_run": dry_run, "run": run})
    else:
        typer.echo(f"{number} events of {chosen.value} are meant." + ("" if run is None else f" Queued as {run}."))
