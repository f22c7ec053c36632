"""The SKU map as a file to take away, the same for pages and programs."""

from __future__ import annotations

from fastapi.responses import StreamingResponse

from kedai.catalog.queries import Wish
from kedai.kit.sheets import SheetFormat
from kedai.runtime import Runtime
from kedai.sync import sku_import
from kedai.values.environment import ConnectorName, Environment
from kedai.web.security import Principal


def export_response(
    runtime: Runtime, name: ConnectorName, environment: Environment, wish: Wish, caller: Principal, form: SheetFormat
) -> StreamingResponse:
    """The listings that fit, streamed; that somebody took them is in the trail before the first byte leaves."""
    now = runtime.clock.now()
    with runtime.web_db.write() as db:
        sku_import.record_export(db, name, environment, wish, actor=caller.actor, now=now)
    pieces = sku_import.export if form is SheetFormat.CSV else sku_import.export_lines
    return StreamingResponse(
        pieces(runtime.web_db, name, environment, wish),
        media_type=form.media_type,
        headers={
            "Content-Disposition": f'attachment; filename="{sku_import.export_name(name, environment, now, form)}"',
        },
    )
