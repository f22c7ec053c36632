"""`kedai orders`: what is believed about orders, and capturing what they earned."""

from __future__ import annotations

from typing import Annotated, Any

import typer

from kedai.cli.env import AsJson, Connector, open_runtime_beside, parse_environment, print_json, print_table

app = typer.Typer(help="Orders.", no_args_is_help=True)

Chosen = Annotated[str, typer.Option("--env", help="sandbox or live.")]


@app.callback()
def group() -> None:
    """Orders."""


@app.command("list")
def list_orders(
    environment: Chosen,
    status: Annotated[str | None, typer.Option(help="Only this status, in the marketplace's word.")] = None,
    limit: Annotated[int, typer.Option(min=1, max=100, help="How many.")] = 20,
    as_json: AsJson = False,
) -> None:
    """The orders that changed last; buyers are masked."""
    from kedai.orders.queries import list_orders as read
    from kedai.web.api.shown_order import shown_row

    chosen = parse_environment(environment, "--env")
    with open_runtime_beside() as runtime, runtime.web_db.read() as db:
        statuses = None if status is None else (status,)
        rows = read(
            db, environment=chosen, statuses=statuses, shop_id=None, cursor=None, cursor_key=b"", limit=limit
        ).rows
        shown = [{**shown_row(row), "buyer": row.buyer} for row in rows]
    if as_json:
        print_json(shown)
        return
    print_table(
        ("order", "shop", "status", "total", "buyer", "changed"),
        (
            (
                one["order_sn"],
                one["shop_id"],
                one["status"],
                _money(one["total"]),
                one["buyer"] or "-",
                one["changed_at"],
            )
            for one in shown
        ),
    )


@app.command()
def show(
    environment: Chosen,
    order: Annotated[str, typer.Argument(help="An order number, or Kedai's own id of it.")],
    shop: Annotated[str | None, typer.Option(help="Its shop, where two shops have this number.")] = None,
    reveal: Annotated[bool, typer.Option("--reveal", help="Show personal data in full; that is recorded.")] = False,
) -> None:
    """One order in JSON, with packages, earnings and timeline; personal data is masked."""
    from dataclasses import asdict

    from kedai.errors import Conflict, NotFound
    from kedai.kit.ids import parse_id
    from kedai.orders import people, queries
    from kedai.values.actor import COMMAND_LINE
    from kedai.web.api.shown_order import shown_order

    chosen = parse_environment(environment, "--env")
    with open_runtime_beside() as runtime:
        with runtime.web_db.read() as db:
            found = (
                [parse_id("ord", order)]
                if order.startswith("ord_")
                else queries.find_by_number(db, order, environment=chosen, shop_id=shop)
            )
            if not found:
                raise NotFound("There is no such order here.")
            if len(found) > 1:
                raise Conflict("Several shops have an order of this number: name the shop with --shop.")
            shown = shown_order(db, queries.get_order(db, found[0], environment=chosen))
        if reveal:
            now = runtime.clock.now()
            with runtime.web_db.write() as db:
                person = people.reveal(db, found[0], environment=chosen, actor=COMMAND_LINE, now=now)
            shown["person"] = asdict(person)
    print_json(shown)


@app.command()
def escrow(
    environment: Chosen,
    days: Annotated[int, typer.Option(min=1, max=365, help="How many days to look back.")] = 15,
    connector: Connector = "shopee",
) -> None:
    """Queue a run for each connected shop that captures what its orders earned; a worker takes it on."""
    from datetime import timedelta

    from kedai.sync.escrow import schedule
    from kedai.values.actor import COMMAND_LINE

    chosen = parse_environment(environment, "--env")
    with open_runtime_beside() as runtime, runtime.web_db.write() as db:
        name, now = runtime.parts.connector(connector).name, runtime.clock.now()
        since = now - timedelta(days=days)
        count = schedule(db, name, chosen, since=since, until=now, actor=COMMAND_LINE, now=now)
    typer.echo(f"Queued for {count} shops." if count != 1 else "Queued for 1 shop.")


def _money(shown: Any) -> str:
    return "-" if shown is None else f"{shown['currency']} {shown['amount']}"
