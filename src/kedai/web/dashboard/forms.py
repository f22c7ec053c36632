"""Reads a posted form: one plain encoding, bounded, no files."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated
from urllib.parse import parse_qsl

from fastapi import Depends, Request
from starlette.requests import ClientDisconnect

from kedai.errors import Invalid, TooLarge
from kedai.values.wording import N_

MAX_BYTES = 64 * 1024
_MAX_FIELDS = 64
_ENCODING = "application/x-www-form-urlencoded"


async def read_form(request: Request) -> Mapping[str, str]:
    """The form's fields; of a field sent twice nobody knows which was meant, so that is refused.

    Raises:
        Invalid: another encoding, too many fields, or a field twice. TooLarge: over 64 KiB.
    """
    if request.headers.get("content-type", "").partition(";")[0].strip().lower() != _ENCODING:
        raise Invalid(N_("This form must be sent as the page sends it."))
    body = await _read_body(request)
    try:
        pairs = parse_qsl(body.decode(), keep_blank_values=True, max_num_fields=_MAX_FIELDS, errors="strict")
    except ValueError:
        raise Invalid(N_("The form could not be read.")) from None
    fields = dict(pairs)
    if len(fields) != len(pairs):
        raise Invalid(N_("The form holds a field twice."))
    return fields


async def _read_body(request: Request) -> bytes:
    body = bytearray()
    try:
        async for chunk in request.stream():
            body += chunk
            if len(body) > MAX_BYTES:
                raise TooLarge
    except ClientDisconnect:  # what the guard in front turns a too large body into
        raise TooLarge from None
    return bytes(body)


Form = Annotated[Mapping[str, str], Depends(read_form)]
"""The posted fields, by name."""
