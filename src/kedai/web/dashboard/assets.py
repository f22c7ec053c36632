"""The pages' own static files: few, small, named by their content so that a browser keeps them for good."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from functools import cache
from importlib.resources import files

from fastapi import APIRouter, Request
from fastapi.responses import Response

from kedai.errors import NotFound

router = APIRouter()

_TYPES = {
    ".css": "text/css; charset=utf-8",
    ".js": "text/javascript; charset=utf-8",
    ".svg": "image/svg+xml",
}
_FOR_GOOD = "public, max-age=31536000, immutable"


@dataclass(frozen=True, slots=True)
class Asset:
    """One file: its bytes, its type and a short hash of its content."""

    body: bytes
    media_type: str
    digest: str


@router.get("/static/{name}", include_in_schema=False)
def read_static(request: Request, name: str) -> Response:
    """One static file; kept for good only where the address names this very content."""
    asset = all_assets().get(name)
    if asset is None:
        raise NotFound("There is no such file.")
    headers = {
        "Cache-Control": _FOR_GOOD if request.query_params.get("v") == asset.digest else "no-cache",
        "ETag": f'"{asset.digest}"',
    }
    if request.headers.get("if-none-match") == headers["ETag"]:
        return Response(status_code=304, headers=headers)
    return Response(asset.body, media_type=asset.media_type, headers=headers)


def static_url(name: str) -> str:
    """The address of a static file, with the hash of its content."""
    return f"/static/{name}?v={all_assets()[name].digest}"


@cache
def all_assets() -> dict[str, Asset]:
    """Every file of the `static` folder; nothing else is ever served."""
    found = {}
    for entry in files("kedai.web.dashboard").joinpath("static").iterdir():
        media_type = _TYPES.get("." + entry.name.rpartition(".")[2])
        if media_type is not None:
            body = entry.read_bytes()
            found[entry.name] = Asset(body, media_type, hashlib.sha256(body).hexdigest()[:16])
    return found
