"""Reads request bodies: what cannot be read is the sender's fault, so it is a 400, never a 500."""

from __future__ import annotations

from typing import Any
from urllib.parse import parse_qsl

from aiohttp import web

_MAX_FIELDS = 50


async def read_raw(request: web.Request) -> bytes:
    """Return the whole body.

    Raises:
        HTTPBadRequest: it cannot be decoded, for example no gzip though it says so.
    """
    try:
        return await request.read()
    except web.RequestPayloadError:
        raise web.HTTPBadRequest from None


async def read_upload(request: web.Request) -> dict[str, Any]:
    """Return the fields of a multipart body; a file as its bytes.

    Raises:
        HTTPBadRequest: no multipart body after all.
    """
    try:
        fields = await request.post()
    except (ValueError, web.RequestPayloadError):
        raise web.HTTPBadRequest from None
    return {name: value.file.read() if isinstance(value, web.FileField) else value for name, value in fields.items()}


async def read_form(request: web.Request) -> dict[str, str]:
    """Return a form's fields, the last of each name.

    Raises:
        HTTPBadRequest: too many fields, or a body that cannot be decoded.
    """
    text = (await read_raw(request)).decode(errors="replace")
    try:
        return dict(parse_qsl(text, keep_blank_values=True, max_num_fields=_MAX_FIELDS))
    except ValueError:
        raise web.HTTPBadRequest from None
