"""The static files of the pages, ours and the libraries': named by content, so that a browser keeps them for good."""

from __future__ import annotations

import gzip
import hashlib
from collections.abc import Collection, Iterator
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from importlib.resources.abc import Traversable

from fastapi import APIRouter, Request
from fastapi.responses import Response

from kedai.errors import NotFound, Unavailable
from kedai.values.wording import N_

router = APIRouter()

_TYPES = {
    ".css": "text/css; charset=utf-8",
    ".js": "text/javascript; charset=utf-8",
    ".svg": "image/svg+xml",
}
_VENDOR = ("basecoat.css", "uPlot.min.css", "uPlot.min.js")
_FOR_GOOD = "public, max-age=31536000, immutable"


@dataclass(frozen=True, slots=True)
class Asset:
    """One file: its bytes as they are and compressed, its type and a short hash of its content."""

    body: bytes
    packed: bytes
    media_type: str
    digest: str


@router.get("/static/{name}", include_in_schema=False)
def read_static(request: Request, name: str) -> Response:
    """One static file of ours."""
    return _answer(request, name)


@router.get("/static/vendor/{name}", include_in_schema=False)
def read_vendor(request: Request, name: str) -> Response:
    """One file of the browser libraries."""
    return _answer(request, f"vendor/{name}")


def static_url(name: str) -> str:
    """The address of a static file, with the hash of its content; `vendor/…` for a browser library."""
    return f"/static/{name}?v={all_assets()[name].digest}"


def require_vendor(found: Collection[str]) -> None:
    """See at the start that the browser libraries are among the files.

    Raises:
        Unavailable: the package was not built, so that every page would fail.
    """
    missing = [name for name in _VENDOR if f"vendor/{name}" not in found]
    if missing:
        raise Unavailable(
            f"The browser libraries are missing ({', '.join(missing)}): run `make install`, or in a checkout "
            "`python frontend/build.py`."
        )


@cache
def all_assets() -> dict[str, Asset]:
    """Every file of the `static` folder and of `static/vendor`; nothing else is ever served."""
    static = files("kedai.web.dashboard").joinpath("static")
    return {**dict(_assets_in(static, "")), **dict(_assets_in(static.joinpath("vendor"), "vendor/"))}


def _assets_in(folder: Traversable, prefix: str) -> Iterator[tuple[str, Asset]]:
    for entry in folder.iterdir() if folder.is_dir() else ():
        media_type = _TYPES.get("." + entry.name.rpartition(".")[2])
        if media_type is not None:
            body = entry.read_bytes()
            packed = gzip.compress(body, mtime=0)
            yield prefix + entry.name, Asset(body, packed, media_type, hashlib.sha256(body).hexdigest()[:16])


def _answer(request: Request, name: str) -> Response:
    """The file, compressed where that is taken; kept for good only where the address names this very content."""
    asset = all_assets().get(name)
    if asset is None:
        raise NotFound(N_("There is no such file."))
    is_packed = "gzip" in request.headers.get("accept-encoding", "")
    headers = {
        "Cache-Control": _FOR_GOOD if request.query_params.get("v") == asset.digest else "no-cache",
        "ETag": f'"{asset.digest}{"-gzip" if is_packed else ""}"',
        "Vary": "Accept-Encoding",
    }
    if request.headers.get("if-none-match") == headers["ETag"]:
        return Response(status_code=304, headers=headers)
    if not is_packed:
        return Response(asset.body, media_type=asset.media_type, headers=headers)
    headers["Content-Encoding"] = "gzip"
    return Response(asset.packed, media_type=asset.media_type, headers=headers)
