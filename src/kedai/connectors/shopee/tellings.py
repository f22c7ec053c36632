"""Reads what some pushes tell and no call does: tracking numbers, documents, bookings, notices (contract §4.4).

The worker asks for it, never the edge. Nothing here raises: what cannot be used is left out.
"""

from __future__ import annotations

import re
from datetime import UTC, datetime
from typing import Any, Final
from urllib.parse import urlsplit

import msgspec

from kedai.connectors.shopee.push import to_push_instant
from kedai.connectors.shopee.schemas import UNREADABLE, clean_text
from kedai.values.event import Announcement, PackageNews

_NUMBER: Final = re.compile(r"[0-9A-Za-z_-]{1,64}")
_TRACKING: Final = re.compile(r"[0-9A-Za-z][0-9A-Za-z ./_-]{0,99}")
_DOCUMENT: Final = re.compile(r"[A-Z_]{1,40}")
_MOST_ANNOUNCEMENTS: Final = 20
_TITLE_LENGTH, _CONTENT_LENGTH, _URL_LENGTH = 200, 4_000, 1_000
_BEFORE_ALL = datetime(2015, 1, 1, tzinfo=UTC)


def parse_package(body: bytes) -> PackageNews | None:
    """What pushes 4 and 15 say of a package, under either spelling of the order number.

    Neither has an instant of its own: the envelope's counts.
    """
    envelope, data = _read(body)
    number = _matching(_NUMBER, data.get("package_number"))
    tracking = _matching(_TRACKING, data.get("tracking_no") or data.get("tracking_number"))
    document = _matching(_DOCUMENT, data.get("status")) if envelope.get("code") == _DOCUMENT_PUSH else None
    if number is None or (tracking is None and document is None):
        return None
    order_sn = _matching(_NUMBER, data.get("ordersn")) or _matching(_NUMBER, data.get("order_sn"))
    stated_at = to_push_instant(envelope.get("timestamp")) or _BEFORE_ALL
    return PackageNews(order_sn, number, tracking, document, stated_at)


def parse_booking(body: bytes) -> str | None:
    """The booking that a push names."""
    return _matching(_NUMBER, _read(body)[1].get("booking_sn"))


def parse_announcements(body: bytes) -> tuple[Announcement, ...]:
    """What push 5 tells, each with a title or a text; an address only where it is a plain https one."""
    envelope, data = _read(body)
    actions = data.get("actions")
    found = []
    for action in actions[:_MOST_ANNOUNCEMENTS] if type(actions) is list else ():
        if type(action) is not dict:
            continue
        title, content = _text(action.get("title"), _TITLE_LENGTH), _text(action.get("content"), _CONTENT_LENGTH)
        if title or content:
            stated_at = to_push_instant(action.get("update_time")) or to_push_instant(envelope.get("timestamp"))
            found.append(Announcement(title, content, _address(action.get("url")), stated_at))
    return tuple(found)


_DOCUMENT_PUSH: Final = 15


def _read(body: bytes) -> tuple[dict[str, Any], dict[str, Any]]:
    """Envelope and data; empty where they are no objects."""
    try:
        envelope = msgspec.json.decode(body)
    except UNREADABLE:
        return {}, {}
    if type(envelope) is not dict:
        return {}, {}
    data = envelope.get("data")
    return envelope, data if type(data) is dict else {}


def _matching(pattern: re.Pattern[str], value: Any) -> str | None:
    return value if type(value) is str and pattern.fullmatch(value) else None


def _text(value: Any, length: int) -> str:
    text = value if type(value) is str else ""
    return clean_text(text.encode("utf-8", "replace").decode()).strip()[:length]


def _address(value: Any) -> str | None:
    if type(value) is not str or len(value) > _URL_LENGTH or not value.isprintable():
        return None
    try:
        parts = urlsplit(value)
    except ValueError:
        return None
    return value if parts.scheme == "https" and parts.hostname else None
