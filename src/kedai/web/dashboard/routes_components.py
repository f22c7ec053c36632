"""One page of every component that pages are made of: for whoever writes a page, and for tests of how they look."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from decimal import Decimal

from fastapi import APIRouter, Request
from fastapi.responses import Response

from kedai.values.wording import N_, NP_
from kedai.web.dashboard.access import Reader
from kedai.web.dashboard.payload import pretty
from kedai.web.dashboard.render import render
from kedai.web.dashboard.shell import read_shell
from kedai.web.deps import RuntimeDep

router = APIRouter()

_HERE = "/settings/components"


@dataclass(frozen=True, slots=True)
class _SampleRun:
    """What the progress bar reads of a run."""

    kind: str = "backfill"
    state: str = "running"
    done: int = 1_240
    total: int | None = 5_000
    paused_at: None = None
    cancel_requested: bool = False


@router.get(_HERE)
def show_components(request: Request, runtime: RuntimeDep, caller: Reader) -> Response:
    """Each component with made-up content; nothing on it does anything."""
    with runtime.web_db.read() as db:
        shell = read_shell(request, runtime, db, viewed="all", section="", caller=caller)
    tabs = [
        {"label": label, "href": _HERE, "current": place == 0, "count": count}
        for place, (label, count) in enumerate(
            ((N_("All"), "1,204"), (N_("To ship"), "12"), (N_("Without a count"), None))
        )
    ]
    return render(
        shell,
        "components.html",
        tabs=tabs,
        run=_SampleRun(),
        payload=pretty(b'{"ordersn": "2611230SAMPLE", "status": "READY_TO_SHIP"}'),
        price=Decimal("120.5"),
        past=shell.now - timedelta(minutes=12),
        soon=shell.now + timedelta(hours=5),
        shown=NP_("%(num)s order on this page", "%(num)s orders on this page", 3),
    )
