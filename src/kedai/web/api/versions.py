"""`If-Match` below `/api/v1`: whoever changes something says which version they saw."""

from __future__ import annotations

import re
from typing import Annotated

from fastapi import Header

from kedai.errors import PreconditionRequired, Stale

_ETAG = re.compile(r'"v([0-9]{1,18})"')

IfMatch = Annotated[str | None, Header(alias="if-match", max_length=100)]


def etag(version: int) -> dict[str, str]:
    """The header that names a version."""
    return {"ETag": f'"v{version}"'}


def demand_version(if_match: str | None) -> int:
    """The version that a caller saw.

    Raises:
        PreconditionRequired: they do not say. Stale: it is none of ours.
    """
    if if_match is None:
        raise PreconditionRequired
    found = _ETAG.fullmatch(if_match.strip())
    if found is None:
        raise Stale("If-Match must be the ETag of the last answer.")
    return int(found[1])
