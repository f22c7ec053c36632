"""`kedai orders rebuild`, `apply-rebuild` and `discard-rebuild`: orders as they were known at a time."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Annotated, Any

import typer

from kedai.cli.env import AsJson, Connector, open_runtime_beside, parse_environment, print_json, print_table

if TYPE_CHECKING:
    from collections.abc import Callable
    from uuid import UUID

    from sqlalchemy.orm import Session

    from kedai.runs.models import Run
    from kedai.runtime import Runtime
    from kedai.values.environment import Environment

Where = Annotated[str, typer.Option("--env", help="sandbox or live.")]
Which = Annotated[str, typer.Argument(metavar="RUN", help="The rebuild's run, as it was printed.")]
_SHOWN = 100


def add_to(app: typer.Typer) -> None:
    """Put these verbs beside the others of `kedai orders`."""
    app.command("rebuild")(rebuild)
    app.command("apply-rebuild")(apply)
    app.command("discard-rebuild")(discard)


def rebuild(
    env: Where,
    shop: Annotated[str, typer.Option(help="The shop's id.")],
    as_of: Annotated[str, typer.Option(help="An instant with its zone, for example 2026-01-31T08:00:00Z.")],
    order: Annotated[str | None, typer.Option(help="One order, by number.")] = None,
    placed_from: Annotated[str | None, typer.Option(help="Orders placed from then on.")] = None,
    placed_until: Annotated[str | None, typer.Option(help="Orders placed before then.")] = None,
    connector: Connector = "shopee",
    as_json: AsJson = False,
) -> None:
    """Work out from stored answers how orders were known at a time, and say what differs; changes no order."""
    from kedai.kit.instants import parse_instant
    from kedai.sync import rebuild as rebuilds
    from kedai.values.actor import COMMAND_LINE
    from kedai.values.environment import Scope

    chosen = parse_environment(env, "--env")
    ends = {
        name: None if text is None else parse_instant(text, field=name)
        for name, text in (("placed_from", placed_from), ("placed_until", placed_until))
    }
    wish = rebuilds.Wish(parse_instant(as_of, field="as_of"), order, **ends)
    with open_runtime_beside() as runtime:
        scope, now = Scope(runtime.parts.connector(connector).name, chosen, shop), runtime.clock.now()
        with runtime.web_db.read() as db:
            counted = rebuilds.count_meant(db, scope, wish)
        with runtime.web_db.write() as db:
            run = rebuilds.start_rebuild(runtime.parts, db, scope, wish, counted=counted, actor=COMMAND_LINE, now=now)
        shown = _finish(runtime, run, chosen)
    _print(shown, as_json)


def apply(run: Which, env: Where, as_json: AsJson = False) -> None:
    """Leave the orders as a rebuild found they were; those that have changed since are left alone."""
    from kedai.sync.rebuild import apply_rebuild

    _settle(apply_rebuild, run, env, as_json)


def discard(run: Which, env: Where, as_json: AsJson = False) -> None:
    """Note that the orders stay as they are."""
    from kedai.sync.rebuild import discard_rebuild

    _settle(discard_rebuild, run, env, as_json)


def _settle(verb: Callable[..., Run], run: str, env: str, as_json: bool) -> None:
    from kedai.kit.ids import parse_id
    from kedai.values.actor import COMMAND_LINE

    chosen, found = parse_environment(env, "--env"), parse_id("run", run)
    with open_runtime_beside() as runtime:
        with runtime.web_db.write() as db:
            queued = verb(db, found, environment=chosen, actor=COMMAND_LINE, now=runtime.clock.now())
        shown = _finish(runtime, queued, chosen, rebuild_id=found)
    _print(shown, as_json)


def _finish(runtime: Runtime, run: Run, environment: Environment, rebuild_id: UUID | None = None) -> dict[str, Any]:
    """Take the run on here until it has ended; a worker that took it first is waited for."""
    from kedai.sync.runner import run_next

    async def go_on() -> str:
        while True:
            state, note = await runtime.parts.read(lambda db: _state(db, run.id, environment))
            if state not in {"queued", "running"}:
                return note
            if not await run_next(runtime.parts, kind=run.kind):
                await asyncio.sleep(0.2)

    note = asyncio.run(go_on())
    with runtime.web_db.read() as db:
        return {**_found(db, rebuild_id or run.id, environment), "note": note}


def _state(db: Session, run_id: UUID, environment: Environment) -> tuple[str, str]:
    from kedai.runs.queries import get_run

    run = get_run(db, run_id, environment=environment)
    return run.state, run.note


def _found(db: Session, rebuild_id: UUID, environment: Environment) -> dict[str, Any]:
    from kedai.kit.ids import show_id
    from kedai.orders.shadow import count_shadows, list_shadows

    rows = list_shadows(db, rebuild_id, environment=environment, after="", limit=_SHOWN)
    return {
        "rebuild": show_id("run", rebuild_id),
        "environment": environment.value,
        "counts": count_shadows(db, rebuild_id, environment=environment),
        "orders": [{"order_sn": row.order_sn, "state": row.state, "differences": row.differences} for row in rows],
    }


def _print(shown: dict[str, Any], as_json: bool) -> None:
    if as_json:
        print_json(shown)
        return
    typer.echo(f"Rebuild {shown['rebuild']} of {shown['environment']}.", err=True)
    if not shown["orders"]:
        typer.echo("Nothing differs.")
        return
    print_table(
        ("order", "found", "field", "now", "then"),
        (
            (one["order_sn"], one["state"], change["field"], str(change["now"]), str(change["then"]))
            for one in shown["orders"]
            for change in one["differences"] or [{"field": "-", "now": "-", "then": "-"}]
        ),
    )
    total = sum(shown["counts"].values())
    if total > len(shown["orders"]):
        typer.echo(f"The first {len(shown['orders'])} of {total} orders are shown.", err=True)
