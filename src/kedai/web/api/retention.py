"""What is kept for how long, in JSON: an environment's tables, what is due, and what the last sweep removed."""

from __future__ import annotations

from typing import Any

from fastapi import APIRouter

from kedai.sync.retention_view import read_retention
from kedai.web.api.place import PREFIX, Place, Reader
from kedai.web.api.shown import shown_run
from kedai.web.deps import ReadSession, RuntimeDep

router = APIRouter(prefix=f"{PREFIX}/connectors/{{connector}}/retention")


@router.get("")
def show(connector: str, place: Place, runtime: RuntimeDep, _caller: Reader, db: ReadSession) -> dict[str, Any]:
    """How an environment's retention stands; ``due`` is counted among the oldest rows, or null."""
    name = runtime.parts.connector(connector).name
    view = read_retention(runtime.parts, db, name, place, now=runtime.clock.now())
    tables = [
        {
            "name": one.label,
            "days": one.days,
            "setting": one.setting,
            "due": None if one.due is None else one.due.number,
            "due_is_all": one.due is not None and one.due.is_all,
            "removed": one.removed,
        }
        for one in view.tables
    ]
    last = None if view.last is None else shown_run(view.last)
    return {"connector": name, "environment": place.value, "last_run": last, "tables": tables}
