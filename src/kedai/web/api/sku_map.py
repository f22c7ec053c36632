"""The SKU map in JSON and CSV: listings with their SKU, entries one by one, import with a preview, export, refresh."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

from fastapi import APIRouter, Depends, Query, Request, Response
from fastapi.responses import JSONResponse
from pydantic import BaseModel, ConfigDict, Field

from kedai.catalog import csv_file, queries
from kedai.catalog.csv_file import Parsed
from kedai.catalog.importing import Plan
from kedai.catalog.queries import Wish
from kedai.errors import Invalid, TooLarge
from kedai.kit.ids import parse_id, show_id
from kedai.kit.sheets import SheetFormat
from kedai.sync import listings, sku_import, skus
from kedai.vault.queries import get_cursor_key
from kedai.web.api.place import PREFIX, CatalogKeeper, Place, Reader
from kedai.web.api.shown import plain, shown_run
from kedai.web.api.versions import IfMatch, demand_version, etag
from kedai.web.deps import ReadSession, RuntimeDep, WriteSession
from kedai.web.sku_files import export_response

if TYPE_CHECKING:
    from kedai.catalog.models import ChannelListing

router = APIRouter(prefix=f"{PREFIX}/connectors/{{connector}}/sku-map")

_MAPPED = {"all": None, "mapped": True, "unmapped": False}
_MOST_LINES_SHOWN = 500
ShopQuery = Annotated[str | None, Query(alias="shop_id", max_length=64)]


class SkuBody(BaseModel):
    """The merchant's own SKU."""

    model_config = ConfigDict(extra="forbid", hide_input_in_errors=True)

    sku: str = Field(max_length=200)


class DemandBody(BaseModel):
    """Whether an order with a line that is not in the map is told to a person."""

    model_config = ConfigDict(extra="forbid", hide_input_in_errors=True)

    demanded: bool


class ExportBody(BaseModel):
    """Which part of the map is taken away; everything where nothing is said."""

    model_config = ConfigDict(extra="forbid", hide_input_in_errors=True)

    state: str = Field(default="all", max_length=20)
    shop_id: str | None = Field(default=None, max_length=64)
    q: str | None = Field(default=None, max_length=100)


async def read_csv(request: Request) -> Parsed:
    """The file in the body, after the caller was let in.

    Raises:
        Invalid: it is no CSV. TooLarge: it is more than a map can be.
    """
    if request.headers.get("content-type", "").partition(";")[0].strip().lower() != "text/csv":
        raise Invalid("Send the file as it is, as text/csv.", field="file")
    body = bytearray()
    async for chunk in request.stream():
        body += chunk
        if len(body) > csv_file.MOST_BYTES:
            raise TooLarge(f"The file is larger than {csv_file.MOST_BYTES // 1024:,} KiB: import it in parts.")
    return csv_file.parse(bytes(body))


@router.get("")
def show(
    connector: str,
    place: Place,
    runtime: RuntimeDep,
    _caller: Reader,
    db: ReadSession,
    state: Annotated[str, Query(max_length=20)] = "all",
    shop_id: ShopQuery = None,
    q: Annotated[str | None, Query(max_length=100)] = None,
    cursor: Annotated[str | None, Query(max_length=600)] = None,
    limit: Annotated[int, Query(ge=1, le=100)] = 50,
) -> Response:
    """Listings with their SKU, those without one first; the ETag is the map's."""
    name = runtime.parts.connector(connector).name
    wish = _wish(state, shop_id, q)
    standing = queries.find_map(db, name, place)
    counts = queries.count_listings(db, Wish(shop_id=shop_id), environment=place)
    page = queries.list_listings(db, wish, environment=place, cursor=cursor, cursor_key=get_cursor_key(db), limit=limit)
    body = {
        "connector": name,
        "environment": place.value,
        "demanded": standing is not None and standing.demanded,
        "version": skus.version_of(standing),
        "mapped": counts[True],
        "unmapped": counts[False],
        "listings": [_shown(one) for one in page.rows],
        "next_cursor": page.next_cursor,
        "has_more": page.next_cursor is not None,
    }
    return JSONResponse(body, headers=etag(skus.version_of(standing)))


@router.patch("")
def demand(
    connector: str,
    place: Place,
    body: DemandBody,
    runtime: RuntimeDep,
    caller: CatalogKeeper,
    db: WriteSession,
    if_match: IfMatch = None,
) -> Response:
    """Say whether orders need the map; `If-Match` is the map's."""
    name = runtime.parts.connector(connector).name
    expected, now = demand_version(if_match), runtime.clock.now()
    changed = skus.set_demanded(db, name, place, body.demanded, expected_version=expected, actor=caller.actor, now=now)
    version = skus.version_of(queries.find_map(db, name, place))
    told = {"connector": name, "environment": place.value, "demanded": body.demanded, "version": version}
    return JSONResponse({**told, "changed": changed}, headers=etag(version))


@router.get("/listings/{listing_id}")
def show_listing(
    connector: str, place: Place, listing_id: str, runtime: RuntimeDep, _caller: Reader, db: ReadSession
) -> Response:
    """One listing and its entry; the ETag is the entry's."""
    runtime.parts.connector(connector)
    return _one(queries.get_listing(db, parse_id("lst", listing_id), environment=place))


@router.put("/listings/{listing_id}/sku")
def set_sku(
    connector: str,
    place: Place,
    listing_id: str,
    body: SkuBody,
    runtime: RuntimeDep,
    caller: CatalogKeeper,
    db: WriteSession,
    if_match: IfMatch = None,
) -> Response:
    """Map a listing; `If-Match` is its entry's."""
    runtime.parts.connector(connector)
    expected, found, now = demand_version(if_match), parse_id("lst", listing_id), runtime.clock.now()
    skus.set_sku(db, found, body.sku, environment=place, expected_version=expected, actor=caller.actor, now=now)
    return _one(queries.get_listing(db, found, environment=place))


@router.delete("/listings/{listing_id}/sku")
def remove_sku(
    connector: str,
    place: Place,
    listing_id: str,
    runtime: RuntimeDep,
    caller: CatalogKeeper,
    db: WriteSession,
    if_match: IfMatch = None,
) -> Response:
    """Take a listing out of the map; `If-Match` is its entry's."""
    runtime.parts.connector(connector)
    expected, found, now = demand_version(if_match), parse_id("lst", listing_id), runtime.clock.now()
    skus.set_sku(db, found, None, environment=place, expected_version=expected, actor=caller.actor, now=now)
    return _one(queries.get_listing(db, found, environment=place))


@router.post("/imports")
def import_file(
    connector: str,
    place: Place,
    runtime: RuntimeDep,
    caller: CatalogKeeper,
    parsed: Annotated[Parsed, Depends(read_csv)],
    dry_run: bool = False,
    shop_id: ShopQuery = None,
    if_match: IfMatch = None,
) -> Response:
    """Import a CSV as a whole, or with `dry_run` only say what it would do; `If-Match` is the map's."""
    name, now = runtime.parts.connector(connector).name, runtime.clock.now()
    if dry_run:
        with runtime.web_db.read() as db:
            plan = sku_import.plan(db, name, place, parsed, shop_id=shop_id)
            version = skus.version_of(queries.find_map(db, name, place))
    else:
        expected = demand_version(if_match)
        with runtime.web_db.write() as db:
            plan = sku_import.apply(
                db,
                name,
                place,
                parsed,
                shop_id=shop_id,
                expected_version=expected,
                actor=caller.actor,
                now=now,
            )
            version = skus.version_of(queries.find_map(db, name, place))
    return JSONResponse({"dry_run": dry_run, "version": version, **_shown_plan(plan)}, headers=etag(version))


@router.post("/exports")
def export(connector: str, place: Place, body: ExportBody, runtime: RuntimeDep, caller: Reader) -> Response:
    """The map as a CSV file, streamed; that somebody took it stands in the trail."""
    name = runtime.parts.connector(connector).name
    return export_response(runtime, name, place, _wish(body.state, body.shop_id, body.q), caller, SheetFormat.CSV)


@router.post("/refreshes")
def refresh(connector: str, place: Place, runtime: RuntimeDep, caller: CatalogKeeper, db: WriteSession) -> Response:
    """Start a run for each connected shop that fetches what it offers."""
    name, now = runtime.parts.connector(connector).name, runtime.clock.now()
    runs = listings.start(runtime.parts, db, name, place, actor=caller.actor, now=now)
    place_of_first = f"/api/v1/{place.value}/runs/{show_id('run', runs[0].id)}"
    return JSONResponse({"runs": [shown_run(one) for one in runs]}, 202, headers={"Location": place_of_first})


def _wish(state: str, shop_id: str | None, text: str | None) -> Wish:
    if state not in _MAPPED:
        raise Invalid(f"A state is {', '.join(_MAPPED)}.", field="state")
    for name, given in (("shop_id", shop_id), ("q", text)):
        if given is not None and "\0" in given:
            raise Invalid("No text holds U+0000.", field=name)
    return Wish(_MAPPED[state], shop_id or None, (text or "").strip() or None)


def _one(row: ChannelListing) -> Response:
    return JSONResponse(_shown(row), headers=etag(row.sku_version))


def _shown(row: ChannelListing) -> dict[str, Any]:
    body = {
        "id": show_id("lst", row.id),
        "connector": row.connector,
        "environment": row.environment.value,
        "shop_id": row.shop_id,
        "item_id": row.item_id,
        "model_id": row.model_id,
        "name": row.name,
        "model_name": row.model_name,
        "channel_sku": row.channel_sku,
        "sku": row.sku,
        "version": row.sku_version,
        "set_at": row.sku_set_at,
        "set_by": row.sku_set_by,
        "first_seen_at": row.first_seen_at,
        "last_seen_at": row.last_seen_at,
    }
    shown: dict[str, Any] = plain(body)
    return shown


def _shown_plan(plan: Plan) -> dict[str, Any]:
    changes = [
        {
            "line": one.number,
            "effect": one.effect.value,
            **one.entry.key._asdict(),
            "from": one.before,
            "to": one.entry.sku,
            "seen": one.seen,
        }
        for one in plan.changes[:_MOST_LINES_SHOWN]
    ]
    problems = [{"line": one.line, "detail": one.text} for one in plan.problems[:_MOST_LINES_SHOWN]]
    return {
        "counts": plan.counts,
        "unseen": plan.unseen,
        "changes": changes,
        "problems": problems,
        "ignored_columns": list(plan.ignored),
    }
