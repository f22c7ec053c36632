"""Reads a posted form that brings a file along: bounded, in memory, one file at most."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated

from fastapi import Depends, Request
from starlette.datastructures import UploadFile
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect

from kedai.errors import Invalid, TooLarge
from kedai.values.wording import N_

_ENCODING = "multipart/form-data"
_MOST_FIELDS = 16
_MOST_BYTES_OF_A_FIELD = 1536 * 1024


@dataclass(frozen=True, slots=True)
class Upload:
    """The form's fields, and the file; ``file`` is empty where none was chosen."""

    fields: Mapping[str, str]
    file: bytes
    name: str


async def read_upload(request: Request) -> Upload:
    """What was sent.

    Raises:
        Invalid: another encoding, or it cannot be read. TooLarge: more than the address takes.
    """
    if request.headers.get("content-type", "").partition(";")[0].strip().lower() != _ENCODING:
        raise Invalid(N_("This form must be sent as the page sends it."))
    try:
        async with request.form(max_files=1, max_fields=_MOST_FIELDS, max_part_size=_MOST_BYTES_OF_A_FIELD) as form:
            fields, file, name = {}, b"", ""
            for key, value in form.multi_items():
                if isinstance(value, UploadFile):
                    file, name = await value.read(), value.filename or ""
                elif key in fields:
                    raise Invalid(N_("The form holds a field twice."))
                else:
                    fields[key] = value
            return Upload(fields, file, name)
    except ClientDisconnect:  # what the guard in front turns a too large body into
        raise TooLarge(N_("The file is too large: import it in parts.")) from None
    except HTTPException as error:
        if error.status_code == 413:
            raise TooLarge(N_("The file is too large: import it in parts.")) from None
        raise Invalid(N_("The form could not be read.")) from None
    except UnicodeDecodeError:
        raise Invalid(N_("The form could not be read.")) from None


Uploaded = Annotated[Upload, Depends(read_upload)]
"""The posted fields and the file."""
