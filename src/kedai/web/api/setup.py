"""The first run in JSON: how far one environment is on its way to its first order, and what proves it."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

from fastapi import APIRouter

from kedai.sync.getting_started.steps import read_setup
from kedai.web.api.place import PREFIX, Place, Reader
from kedai.web.api.shown import plain
from kedai.web.deps import ReadSession, RuntimeDep

router = APIRouter(prefix=f"{PREFIX}/connectors/{{connector}}/setup")


@router.get("")
def show(connector: str, place: Place, runtime: RuntimeDep, _caller: Reader, db: ReadSession) -> dict[str, Any]:
    """An environment's steps in order, and the addresses that its app at the marketplace needs."""
    name = runtime.parts.connector(connector).name
    setup = read_setup(runtime.parts, db, name, place, now=runtime.clock.now())
    shown: dict[str, Any] = plain(
        {
            "connector": name,
            "environment": place.value,
            "done": all(step.done for step in setup.steps),
            "callback_urls": asdict(setup.urls),
            "steps": [{**asdict(step), "key": step.key.value, "waits": step.waits} for step in setup.steps],
        }
    )
    return shown
