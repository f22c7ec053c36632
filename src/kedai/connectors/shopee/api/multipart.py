"""Writes one file as a multipart form: the same bytes for the same file, so that a call can be repeated exactly."""

from __future__ import annotations

import hashlib
import re
from typing import Final

from kedai.connectors.base import Upload
from kedai.errors import Invalid


def write_form(fields: dict[str, str], *, file_field: str, file_name: str, content: bytes) -> Upload:
    """A form of text fields and one file.

    Raises:
        Invalid: the file is empty, or its name cannot stand in a header.
    """
    if not content:
        raise Invalid("The file is empty.", field=file_field)
    if not _FILE_NAME.fullmatch(file_name):
        raise Invalid("A file's name is of letters, digits, dots, dashes and underscores.", field=file_field)
    boundary = f"kedai-{hashlib.sha256(content).hexdigest()}"
    parts = [_part(boundary, f'name="{name}"', text.encode()) for name, text in fields.items()]
    disposition = f'name="{file_field}"; filename="{file_name}"\r\nContent-Type: {_tell_type(content)}'
    body = b"".join([*parts, _part(boundary, disposition, content), f"--{boundary}--\r\n".encode()])
    return Upload(body, f"multipart/form-data; boundary={boundary}")


def _part(boundary: str, disposition: str, content: bytes) -> bytes:
    head = f"--{boundary}\r\nContent-Disposition: form-data; {disposition}\r\n\r\n"
    return b"".join((head.encode(), content, b"\r\n"))


def _tell_type(content: bytes) -> str:
    return next((name for magic, name in _TYPES if content.startswith(magic)), "application/octet-stream")


_FILE_NAME: Final = re.compile(r"[A-Za-z0-9_.-]{1,100}")
_TYPES: Final = (
    (b"\xff\xd8\xff", "image/jpeg"),
    (b"\x89PNG\r\n\x1a\n", "image/png"),
    (b"GIF8", "image/gif"),
)
