"""Importing and exporting an environment's SKU map: the plan, its application as a whole, and the file to take away."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from typing import TYPE_CHECKING

from sqlalchemy.orm import Session

from kedai.audit.service import record
from kedai.catalog import csv_file, queries, service
from kedai.catalog.csv_file import Parsed
from kedai.catalog.importing import Plan, plan_import
from kedai.catalog.queries import Wish
from kedai.db.database import Database
from kedai.errors import Invalid, Stale
from kedai.kit import sheets
from kedai.kit.sheets import SheetFormat
from kedai.sync import skus
from kedai.values.actor import Actor
from kedai.values.environment import ConnectorName, Environment
from kedai.values.wording import N_
from kedai.vault.queries import list_shops

if TYPE_CHECKING:
    from kedai.catalog.models import ChannelListing

_TOLD_AT_ONCE = 50  # changes in one entry of the trail


def plan(
    db: Session, connector: ConnectorName, environment: Environment, parsed: Parsed, *, shop_id: str | None
) -> Plan:
    """What a file would do; nothing is written.

    Raises:
        Invalid: there is no such shop.
    """
    shops = _shop_ids(db, connector, environment)
    return plan_import(db, connector, environment, parsed, shops=shops, shop_id=shop_id)


def apply(
    db: Session,
    connector: ConnectorName,
    environment: Environment,
    parsed: Parsed,
    *,
    shop_id: str | None,
    expected_version: int | None,
    actor: Actor,
    now: datetime,
) -> Plan:
    """Do all that a file asks for, in the caller's transaction; ``expected_version`` is the map's at the preview.

    Raises:
        Stale: the map was changed after the preview. Invalid: a line makes no sense, so that nothing is done.
    """
    standing = service.lock_map(db, connector, environment)
    if expected_version not in {None, skus.version_of(standing)}:
        raise Stale(N_("Somebody changed the SKU map after this preview: look at it anew."))
    planned = plan(db, connector, environment, parsed, shop_id=shop_id)
    if planned.problems:
        first = planned.problems[0]
        raise Invalid(
            N_(
                "Nothing was imported, since %(problems)s of the lines make no sense. Line %(line)s: %(text)s",
                problems=len(planned.problems),
                line=first.line,
                text=first.text,
            ),
            field="file",
        )
    if not planned.changes:
        return planned
    entries = [one.entry for one in planned.changes]
    service.write_entries(db, connector, environment, entries, actor=actor, now=now)
    skus.end_waiting(db, connector, environment, entries, now=now)
    for at in range(0, len(planned.changes), _TOLD_AT_ONCE):
        some = planned.changes[at : at + _TOLD_AT_ONCE]
        changes = [{"listing": "/".join(one.entry.key), "from": one.before, "to": one.entry.sku} for one in some]
        record(
            db,
            actor=actor,
            action="sku.imported",
            environment=environment,
            subject=f"{connector}/sku-map",
            details={"changes": changes},
            now=now,
        )
    return planned


def record_export(
    db: Session, connector: ConnectorName, environment: Environment, wish: Wish, *, actor: Actor, now: datetime
) -> None:
    """Somebody takes a copy of the map away: of which part.

    Raises:
        Invalid: there is no such shop.
    """
    if wish.shop_id is not None and wish.shop_id not in _shop_ids(db, connector, environment):
        raise Invalid(N_("There is no such shop in %(environment)s.", environment=environment.value), field="shop_id")
    told = {"mapped": wish.mapped, "shop_id": wish.shop_id, "search": wish.text}
    record(
        db,
        actor=actor,
        action="sku.exported",
        environment=environment,
        subject=f"{connector}/sku-map",
        details={name: value for name, value in told.items() if value is not None},
        now=now,
    )


def export_lines(database: Database, connector: ConnectorName, environment: Environment, wish: Wish) -> Iterator[bytes]:
    """The map as one JSON object a line, never more than a piece in memory."""
    for rows in queries.each_listing(database, connector, environment, wish):
        told = (dict(zip(csv_file.COLUMNS, _cells(one), strict=True)) for one in rows)
        yield sheets.lines(csv_file.COLUMNS, told, SheetFormat.JSON)


def export(database: Database, connector: ConnectorName, environment: Environment, wish: Wish) -> Iterator[bytes]:
    """The map as a CSV file that can be imported again, never more than a piece in memory."""
    yield csv_file.write([csv_file.COLUMNS])
    for rows in queries.each_listing(database, connector, environment, wish):
        yield csv_file.write([_cells(one) for one in rows])


def export_name(connector: ConnectorName, environment: Environment, now: datetime, form: SheetFormat) -> str:
    """What the file is called: it says its environment."""
    return f"kedai-sku-map-{connector}-{environment.value}-{now.strftime('%Y%m%dT%H%M%SZ')}.{form.ending}"


def _shop_ids(db: Session, connector: ConnectorName, environment: Environment) -> set[str]:
    return {shop.shop_id for shop in list_shops(db, connector, environment=environment)}


def _cells(one: ChannelListing) -> tuple[str, ...]:
    return (
        one.environment.value,
        one.shop_id,
        one.item_id,
        one.model_id,
        one.name,
        one.model_name,
        one.channel_sku,
        one.sku or "",
    )
