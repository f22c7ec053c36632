"""`kedai orders`: read one anew, back-fill a period, and prove that nothing is missing."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Annotated

import typer

from kedai.cli.env import AsJson, Connector, open_runtime_beside, parse_environment, print_json, print_table
from kedai.cli.golive import run_calls

if TYPE_CHECKING:
    from uuid import UUID

    from kedai.runs.models import Run
    from kedai.runtime import Runtime
    from kedai.sync.backfill import Estimate
    from kedai.values.environment import Environment

app = typer.Typer(help="Orders.", no_args_is_help=True)

Chosen = Annotated[str, typer.Option("--env", help="sandbox or live.")]
Shop = Annotated[str | None, typer.Option(help="The shop's id; needed where several are connected.")]
Since = Annotated[str, typer.Option(help="A day (UTC), or an instant with its zone.")]
Until = Annotated[str, typer.Option(help="A day, which belongs to the period, or an instant with its zone.")]
_LOOK_SECONDS = 1.0


@app.callback()
def group() -> None:
    """Orders."""


@app.command()
def sync(
    order_sn: Annotated[str, typer.Argument(help="The order's number.")],
    environment: Chosen,
    shop: Shop = None,
    connector: Connector = "shopee",
    as_json: AsJson = False,
) -> None:
    """Read one order anew and store what the marketplace says of it."""
    from kedai.sync.reread import choose_shop, read_order

    chosen = parse_environment(environment, "--env")
    with open_runtime_beside() as runtime:
        parts, name = runtime.parts, runtime.parts.connector(connector).name

        async def read() -> dict[str, str]:
            scope = await choose_shop(parts, name, chosen, shop)
            order = await read_order(parts, scope, order_sn)
            changed_at = order.remote_updated_at.strftime("%Y-%m-%dT%H:%M:%SZ")
            told = {"environment": chosen.value, "shop_id": scope.shop_id, "order_sn": order.order_sn}
            return {**told, "status": order.status, "changed_at": changed_at}

        shown = run_calls(runtime, read)
    if as_json:
        print_json(shown)
    else:
        print_table(("field", "value"), shown.items())


@app.command()
def backfill(
    environment: Chosen,
    since: Since,
    until: Until,
    shop: Shop = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only say how much there is.")] = False,
    wait: Annotated[bool, typer.Option("--wait", help="Show the progress until it has ended; 1 if it fails.")] = False,
    connector: Connector = "shopee",
    as_json: AsJson = False,
) -> None:
    """Queue a run that reads every order of a period anew; a running “kedai serve” or “kedai worker” takes it on."""
    from kedai.kit.ids import show_id
    from kedai.sync import backfill as work
    from kedai.sync.period import parse_period
    from kedai.sync.reread import choose_shop
    from kedai.values.actor import COMMAND_LINE

    chosen = parse_environment(environment, "--env")
    with open_runtime_beside() as runtime:
        parts, name = runtime.parts, runtime.parts.connector(connector).name
        period = parse_period(since, until, now=runtime.clock.now())

        async def estimate() -> Estimate:
            return await work.estimate(parts, await choose_shop(parts, name, chosen, shop), period)

        async def begin() -> Run:
            return await work.begin(parts, await choose_shop(parts, name, chosen, shop), period, actor=COMMAND_LINE)

        if dry_run:
            _tell_estimate(run_calls(runtime, estimate), as_json=as_json)
            return
        run = run_calls(runtime, begin)
        if wait:
            run = _follow(runtime, run.id, chosen)
    shown = {"run": show_id("run", run.id), "state": run.state, "done": run.done, "total": run.total, "note": run.note}
    if as_json:
        print_json(shown)
    else:
        typer.echo(f"{shown['run']} {run.state}{f': {run.note}' if run.note else ''}")
    if run.state == "failed":
        raise typer.Exit(1)


@app.command()
def audit(
    environment: Chosen,
    since: Since,
    until: Until,
    shop: Shop = None,
    connector: Connector = "shopee",
    as_json: AsJson = False,
) -> None:
    """Compare what the marketplace lists for a period with what is held, order by order; 1 if anything differs."""
    from kedai.sync.completeness import Statement, state
    from kedai.sync.completeness import as_json as shown_statement
    from kedai.sync.period import parse_period
    from kedai.sync.reread import choose_shop
    from kedai.web.api.shown import plain

    chosen = parse_environment(environment, "--env")
    with open_runtime_beside() as runtime:
        parts, name = runtime.parts, runtime.parts.connector(connector).name
        period = parse_period(since, until, now=runtime.clock.now())

        async def ask() -> Statement:
            return await state(parts, await choose_shop(parts, name, chosen, shop), period)

        found = run_calls(runtime, ask)
    if as_json:
        print_json(plain(shown_statement(found)))
    else:
        print_table(
            ("", "orders", "sha256"),
            (("listed", f"{found.listed:,}", found.listed_hash), ("held", f"{found.held:,}", found.held_hash)),
        )
        for one in found.differences:
            typer.echo(f"{one.order_sn}: {one.kind.value.replace('_', ' ')}: {one.reason}")
        for gap in found.gaps:
            typer.echo(f"Covered by nothing: {gap.since:%Y-%m-%d %H:%M} to {gap.until:%Y-%m-%d %H:%M} UTC", err=True)
        typer.echo("Complete." if found.is_complete else "Not complete: see above.", err=True)
    if not found.is_complete:
        raise typer.Exit(1)


def _tell_estimate(found: Estimate, *, as_json: bool) -> None:
    if as_json:
        told = {"windows": found.windows, "pages": found.pages, "orders": found.orders, "complete": found.is_complete}
        print_json({**told, "expected_orders": found.expected})
        return
    known = f"{found.orders:,} orders" if found.is_complete else f"more than {found.orders:,} orders"
    about = "" if found.is_complete or found.expected is None else f", about {found.expected:,} in all"
    typer.echo(f"{known}{about}, in {found.windows} windows. Nothing was changed.")


def _follow(runtime: Runtime, run_id: UUID, environment: Environment) -> Run:
    """Until it has ended; whoever stops looking does not stop the run."""
    from kedai.runs.queries import OPEN_STATES, get_run

    said = ""
    while True:
        with runtime.web_db.read() as db:
            run = get_run(db, run_id, environment=environment)
        line = f"{run.done:,}{f' of {run.total:,}' if run.total else ''} {run.note}".rstrip()
        if line != said:
            typer.echo(line, err=True)
            said = line
        if run.state not in OPEN_STATES:
            return run
        time.sleep(_LOOK_SECONDS)
