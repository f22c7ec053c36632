"""`kedai sku`: which product of a marketplace is which of the merchant's own SKUs."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from kedai.cli.env import AsJson, Connector, open_runtime_beside, parse_environment, print_json, print_table

if TYPE_CHECKING:
    from sqlalchemy.orm import Session

    from kedai.catalog.importing import Plan
    from kedai.catalog.models import ChannelListing
    from kedai.values.environment import ConnectorName, Environment

app = typer.Typer(help="The SKU map.", no_args_is_help=True)

Env = Annotated[str, typer.Option(help="sandbox or live.")]
Shop = Annotated[str | None, typer.Option(help="The shop's id, where there are several.")]
_PROBLEMS_SHOWN = 50


@app.callback()
def group() -> None:
    """The SKU map."""


@app.command("list")
def list_listings(
    env: Env,
    shop: Shop = None,
    unmapped: Annotated[bool, typer.Option("--unmapped", help="Only products without a SKU.")] = False,
    connector: Connector = "shopee",
    as_json: AsJson = False,
) -> None:
    """Print products and their SKUs, the one that was seen first at the top."""
    from kedai.catalog.queries import Wish, each_listing

    chosen = parse_environment(env, "--env")
    with open_runtime_beside() as runtime:
        name = runtime.parts.connector(connector).name
        pieces = each_listing(runtime.web_db, name, chosen, Wish(False if unmapped else None, shop))
        rows = [row for piece in pieces for row in piece]
    if as_json:
        print_json([_shown(row) for row in rows])
        return
    shown = (
        (one.shop_id, one.item_id, one.model_id, one.sku or "-", one.channel_sku or "-", _named(one)) for one in rows
    )
    print_table(("shop", "item", "model", "sku", "marketplace's sku", "name"), shown)


@app.command("set")
def set_sku(
    item_id: Annotated[str, typer.Argument(help="The item's id at the marketplace.")],
    env: Env,
    sku: Annotated[str | None, typer.Argument(help="Your own SKU.")] = None,
    model: Annotated[str, typer.Option(help="The variant's id, where the item has some.")] = "0",
    shop: Shop = None,
    remove: Annotated[bool, typer.Option("--remove", help="Take the product out of the map instead.")] = False,
    connector: Connector = "shopee",
) -> None:
    """Map one product to a SKU; what waited for it ends by itself."""
    from kedai.catalog.queries import find_listings
    from kedai.errors import NotFound
    from kedai.sync import skus
    from kedai.values.actor import COMMAND_LINE
    from kedai.values.listing import ListingKey

    chosen = parse_environment(env, "--env")
    if (sku is None) is not remove:
        raise typer.BadParameter("give either a SKU or --remove", param_hint="SKU")
    with open_runtime_beside() as runtime, runtime.web_db.write() as db:
        name = runtime.parts.connector(connector).name
        key = ListingKey(_only_shop(db, name, chosen, shop), item_id, model)
        listing = find_listings(db, name, chosen, [key]).get(key)
        if listing is None:
            raise NotFound(
                f"There is no product {item_id} with variant {model} in shop {key.shop_id} of {chosen.value}."
            )
        changed = skus.set_sku(
            db,
            listing.id,
            sku,
            environment=chosen,
            expected_version=listing.sku_version,
            actor=COMMAND_LINE,
            now=runtime.clock.now(),
        )
    typer.echo("Saved." if changed else "It was so already.", err=True)


@app.command("import")
def import_file(
    file: Annotated[Path, typer.Argument(help="A CSV file; - reads it from standard input.")],
    env: Env,
    shop: Shop = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only say what would change.")] = False,
    connector: Connector = "shopee",
    as_json: AsJson = False,
) -> None:
    """Import a file of SKUs as a whole, or nothing of it where a line makes no sense."""
    from kedai.catalog.csv_file import MOST_BYTES, parse
    from kedai.sync import sku_import
    from kedai.values.actor import COMMAND_LINE

    chosen = parse_environment(env, "--env")
    parsed = parse(_read(file, MOST_BYTES + 1))
    with open_runtime_beside() as runtime, runtime.web_db.write() as db:
        name = runtime.parts.connector(connector).name
        plan = sku_import.plan(db, name, chosen, parsed, shop_id=shop)
        if not dry_run and not plan.problems:
            now = runtime.clock.now()
            sku_import.apply(db, name, chosen, parsed, shop_id=shop, expected_version=None, actor=COMMAND_LINE, now=now)
    if as_json:
        print_json(_shown_plan(plan, dry_run=dry_run))
    else:
        _print_plan(plan, chosen.value, dry_run=dry_run)
    if plan.problems:
        raise typer.Exit(2)


@app.command()
def export(
    env: Env,
    shop: Shop = None,
    unmapped: Annotated[bool, typer.Option("--unmapped", help="Only products without a SKU.")] = False,
    connector: Connector = "shopee",
) -> None:
    """Write the map to standard output as CSV, to be filled in and imported; that it was done is in the trail."""
    from kedai.catalog.queries import Wish
    from kedai.sync import sku_import
    from kedai.values.actor import COMMAND_LINE

    chosen = parse_environment(env, "--env")
    wish = Wish(False if unmapped else None, shop)
    with open_runtime_beside() as runtime:
        name = runtime.parts.connector(connector).name
        with runtime.web_db.write() as db:
            now = runtime.clock.now()
            sku_import.record_export(db, name, chosen, wish, actor=COMMAND_LINE, now=now)
        for piece in sku_import.export(runtime.web_db, name, chosen, wish):
            typer.echo(piece, nl=False)


def _read(file: Path, most: int) -> bytes:
    """One byte more than a file may have is enough to tell that it is too large."""
    if str(file) == "-":
        return sys.stdin.buffer.read(most)
    try:
        with file.open("rb") as opened:
            return opened.read(most)
    except OSError as error:
        raise typer.BadParameter(f"cannot be read: {error.strerror}", param_hint="FILE") from None


def _only_shop(db: Session, name: ConnectorName, environment: Environment, shop: str | None) -> str:
    from kedai.vault.queries import list_shops

    known = [one.shop_id for one in list_shops(db, name, environment=environment)]
    if shop is None and len(known) != 1:
        raise typer.BadParameter(f"name the shop: there are {len(known)}", param_hint="--shop")
    return shop or known[0]


def _print_plan(plan: Plan, environment: str, *, dry_run: bool) -> None:
    rows = (
        (str(one.number), one.effect.value, "/".join(one.entry.key), one.before or "-", one.entry.sku or "-")
        for one in plan.changes
    )
    print_table(("line", "what", "shop/item/model", "now", "afterwards"), rows)
    for problem in plan.problems[:_PROBLEMS_SHOWN]:
        typer.echo(f"line {problem.line}: {problem.text}", err=True)
    if plan.ignored:
        typer.echo(f"Columns that are not read: {', '.join(plan.ignored)}.", err=True)
    counts = ", ".join(f"{number} {name}" for name, number in plan.counts.items())
    if plan.problems:
        typer.echo(f"Nothing was imported into {environment}: {counts}.", err=True)
    else:
        typer.echo(f"{'Would be' if dry_run else 'Was'} imported into {environment}: {counts}.", err=True)


def _shown_plan(plan: Plan, *, dry_run: bool) -> dict[str, Any]:
    changes = [
        {
            "line": one.number,
            "effect": one.effect.value,
            **one.entry.key._asdict(),
            "from": one.before,
            "to": one.entry.sku,
            "seen": one.seen,
        }
        for one in plan.changes
    ]
    problems = [{"line": one.line, "detail": one.text} for one in plan.problems]
    return {"dry_run": dry_run, "counts": plan.counts, "changes": changes, "problems": problems}


def _shown(one: ChannelListing) -> dict[str, Any]:
    return {
        "environment": one.environment.value,
        "shop_id": one.shop_id,
        "item_id": one.item_id,
        "model_id": one.model_id,
        "name": one.name,
        "model_name": one.model_name,
        "channel_sku": one.channel_sku,
        "sku": one.sku,
        "set_by": one.sku_set_by,
    }


def _named(one: ChannelListing) -> str:
    return f"{one.name}, {one.model_name}" if one.model_name else one.name
