"""One box for everything that has a name: an exact hit leads to its page, whose address names its environment."""

from __future__ import annotations

from fastapi import APIRouter, Request
from fastapi.responses import RedirectResponse, Response

from kedai.sync.search import LONGEST, Hit, find_things
from kedai.web.dashboard.access import Reader
from kedai.web.dashboard.render import render, url
from kedai.web.dashboard.shell import environment_of, parse_viewed, read_shell, text_param
from kedai.web.deps import RuntimeDep

router = APIRouter()


@router.get("/search")
def search(request: Request, runtime: RuntimeDep, caller: Reader) -> Response:
    """What has this name; one alone is opened at once, unless that would lead out of the environment looked at."""
    text = text_param(request, "q", at_most=LONGEST)
    viewed = parse_viewed(text_param(request, "from") or "all")
    with runtime.web_db.read() as db:
        shell = read_shell(request, runtime, db, viewed=viewed, section="search", caller=caller)
        hits = find_things(runtime.parts, db, text) if text else []
    here = environment_of(viewed)
    if len(hits) == 1 and here in {None, hits[0].environment}:
        return RedirectResponse(address_of(hits[0]), 303)
    return render(
        shell,
        "search.html",
        text=text,
        hits=[(hit, address_of(hit)) for hit in hits],
        elsewhere=len(hits) == 1,
        scope_links={one: url("/search", q=text, **{"from": one}) for one in ("sandbox", "live", "all")},
    )


def address_of(hit: Hit) -> str:
    """Its page, in its own environment."""
    scope = f"/e/{hit.environment.value}"
    if hit.kind == "shop":
        return url(f"/connectors/{hit.connector}/shops/{hit.name}", env=hit.environment.value)
    if hit.kind == "events":
        return url(f"{scope}/events", order=hit.name)
    folder = hit.kind if hit.kind == "rejected" else f"{hit.kind}s"
    return f"{scope}/{folder}/{hit.name}"
