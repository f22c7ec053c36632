"""`kedai keys`: turning the master keys, beside a running server; nothing ever shows a key."""

from __future__ import annotations

import json
import sys
import threading
import time
from typing import TYPE_CHECKING, Annotated, Any

import typer

if TYPE_CHECKING:
    from collections.abc import Sequence
    from contextlib import AbstractContextManager
    from uuid import UUID

    from kedai.runs.models import Run
    from kedai.runtime import Runtime
    from kedai.sync.keys import RingView

app = typer.Typer(help="Master keys: add, promote, rewrap, verify, retire.", no_args_is_help=True)

Kid = Annotated[str, typer.Argument(metavar="KEY", help="The key's id, for example k2.")]
POLL_SECONDS = 0.25


@app.callback()
def group() -> None:
    """Master keys: add, promote, rewrap, verify, retire."""


@app.command("list")
def list_keys(as_json: Annotated[bool, typer.Option("--json", help="For programs.")] = False) -> None:
    """Say which keys there are, what each seals, and which running processes hold them."""
    from kedai.sync.keys import read_ring

    with _runtime() as runtime, runtime.web_db.read() as db:
        view = read_ring(db, runtime.ring)
    typer.echo(json.dumps(_as_json(view), indent=2) if as_json else "\n".join(_table(view)))


@app.command()
def add(
    kid: Kid,
    generate: Annotated[
        bool, typer.Option("--generate", help="Make a new random key and add it to the key file first.")
    ] = False,
) -> None:
    """Make a key from the key file known to the database; nothing is sealed with it yet."""
    from kedai.settings import load_settings
    from kedai.values.actor import COMMAND_LINE
    from kedai.vault.keys import append_key
    from kedai.vault.rotation import add_key

    if generate:
        typer.echo(f"A new key {kid} was added to {append_key(load_settings(), kid)}. Keep a copy.", err=True)
    with _runtime() as runtime, runtime.web_db.write() as db:
        is_new = add_key(db, runtime.ring, kid, actor=COMMAND_LINE, now=runtime.clock.now())
    typer.echo(f"Key {kid} {'joined the ring' if is_new else 'was in the ring already'}.")


@app.command()
def promote(kid: Kid) -> None:
    """Seal with this key from now on; refused while a running process lacks it."""
    from kedai.sync.keys import promote as promote_key
    from kedai.values.actor import COMMAND_LINE

    with _runtime() as runtime, runtime.web_db.write() as db:
        changed = promote_key(db, runtime.ring, kid, actor=COMMAND_LINE, now=runtime.clock.now())
    typer.echo(f"Key {kid} {'is the primary now' if changed else 'was the primary already'}.")


@app.command()
def rewrap(
    wait: Annotated[
        bool, typer.Option("--wait/--no-wait", help="Show how far it is until it has ended, or only start it.")
    ] = True,
) -> None:
    """Seal everything again under the primary key, and print how many values each key had before and has now.

    A running worker does it; where there is none, this command does. Stopped anywhere, it goes on where it was.
    """
    from kedai.sync.keys import report_of
    from kedai.sync.rewrap import cursor_of, start_rewrap, take_census
    from kedai.values.actor import COMMAND_LINE

    with _runtime() as runtime:
        with runtime.web_db.read() as db:
            census = take_census(db)
        now = runtime.clock.now()
        with runtime.web_db.write() as db:
            started = [run.id for run in start_rewrap(db, runtime.ring, census, actor=COMMAND_LINE, now=now)]
        if not started:
            typer.echo("Everything is sealed with the primary key already.")
            return
        if not wait:
            typer.echo(f"{len(started)} runs started: a worker does them.")
            return
        runs = _watch(runtime, started)
    typer.echo("key  before  after")
    for kid, (before, after) in report_of(runs).items():
        typer.echo(f"{kid}  {before}  {after}")
    unreadable = sum(cursor_of(run)["unreadable"] for run in runs)
    if unreadable:
        typer.echo(f"{unreadable} values could not be opened and stay as they are: `kedai keys verify` names them.")
    unfinished = [run for run in runs if run.state != "succeeded"]
    for run in unfinished:
        typer.echo(f"The run of {run.connector} {run.environment} has {run.state}: {run.note}", err=True)
    if unreadable or unfinished:
        raise typer.Exit(1)


@app.command()
def verify() -> None:
    """Open everything that is sealed and change nothing; exit 1 where something does not open."""
    from kedai.vault.rotation import verify_sealed

    with _runtime() as runtime, runtime.web_db.read() as db:
        runtime.ring.check(db)
        found = verify_sealed(db, runtime.ring)
    for kid, number in found.opened.items():
        typer.echo(f"{kid}: {number} {'value opens' if number == 1 else 'values open'}")
    for place in found.unreadable:
        typer.echo(f"does not open: {place}")
    if found.unreadable:
        raise typer.Exit(1)


@app.command()
def retire(kid: Kid) -> None:
    """Give a key up for good; refused while anything needs it. `v1` stands for the older format."""
    from kedai.sync.keys import retire as retire_key
    from kedai.values.actor import COMMAND_LINE

    with _runtime() as runtime, runtime.web_db.write() as db:
        changed = retire_key(db, runtime.ring, kid, actor=COMMAND_LINE, now=runtime.clock.now())
    typer.echo(f"{kid} {'is retired: it may leave the key file now' if changed else 'was retired already'}.")


def _runtime() -> AbstractContextManager[Runtime]:
    from kedai.cli.installation import open_beside
    from kedai.settings import load_settings

    return open_beside(load_settings())


def _watch(runtime: Runtime, run_ids: Sequence[UUID]) -> Sequence[Run]:
    """Until all have ended, with a bar on a terminal; with no worker alive they are taken here."""
    runs, ours = _read_runs(runtime, run_ids), None
    length = sum(run.total or 0 for run in runs)
    try:
        with typer.progressbar(length=length, label="Rewrapping", file=sys.stderr) as bar:
            while any(run.finished_at is None for run in runs):
                if not (_has_worker(runtime) or (ours is not None and ours.is_alive())):
                    ours = _take_run(runtime)
                time.sleep(POLL_SECONDS)
                runs = _read_runs(runtime, run_ids)
                bar.update(max(0, sum(run.done for run in runs) - bar.pos))
    except KeyboardInterrupt:
        typer.echo("Not ended yet: a worker goes on with it, or `kedai keys rewrap` does.", err=True)
        raise typer.Exit(130) from None
    return runs


def _take_run(runtime: Runtime) -> threading.Thread:
    """Take a run in a thread of its own; killed with this command anywhere, it is resumed later."""
    import asyncio

    from kedai.sync.rewrap import KIND
    from kedai.sync.runner import run_next

    async def take() -> None:
        while await run_next(runtime.worker_parts, kind=KIND):
            pass

    thread = threading.Thread(target=lambda: asyncio.run(take()), daemon=True)
    thread.start()
    return thread


def _read_runs(runtime: Runtime, run_ids: Sequence[UUID]) -> Sequence[Run]:
    from kedai.runs.queries import list_by_id

    with runtime.web_db.read() as db:
        return list_by_id(db, run_ids)


def _has_worker(runtime: Runtime) -> bool:
    from kedai.vault.processes import WORKERS, list_processes

    with runtime.web_db.read() as db:
        return any(one.role in WORKERS for one in list_processes(db))


def _table(view: RingView) -> list[str]:
    lines = [f"This installation {view.trouble}."] if view.trouble else []
    heads = ("KEY", "STATE", "HERE", "VALUES", "HELD BY")
    rows = [heads]
    for one in view.keys:
        held_by = "" if one.held_by is None else f"{one.held_by} of {len(view.processes)} processes"
        rows.append((one.kid, one.state, one.at_hand, str(one.values), held_by))
    widths = [max(len(row[column]) for row in rows) for column in range(len(heads))]
    lines += ["  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in rows]
    lines += [f"{kid} is given here and not in the ring yet: `kedai keys add {kid}`" for kid in view.unregistered]
    lines += [f"{kid} seals stored values and is no key of this ring" for kid in view.unknown]
    return lines


def _as_json(view: RingView) -> dict[str, Any]:
    return {
        "trouble": view.trouble,
        "primary": view.primary,
        "keys": [
            {
                "id": one.kid,
                "state": one.state,
                "at_hand": one.at_hand,
                "values": one.values,
                "writes": one.writes,
                "held_by": one.held_by,
                "created_at": None if one.created_at is None else one.created_at.isoformat(),
            }
            for one in view.keys
        ],
        "unregistered": list(view.unregistered),
        "unknown": list(view.unknown),
        "stale": view.stale,
        "processes": [
            {"role": one.role, "host": one.host, "keys": one.kids, "seen_at": one.seen_at.isoformat()}
            for one in view.processes
        ],
    }
