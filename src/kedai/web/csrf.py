"""Decides from its headers whether a request was made by a page of ours; pure, knows no framework."""

from __future__ import annotations

from urllib.parse import urlsplit

_SAFE_METHODS = frozenset({"GET", "HEAD", "OPTIONS"})
_DEFAULT_PORTS = {"http": 80, "https": 443}


def is_same_origin(method: str, sec_fetch_site: str | None, origin: str | None, public_origin: str) -> bool:
    """Whether a request may change something on behalf of a cookie.

    Safe methods always may pass: they change nothing. Else the browser must say `same-origin`, or, where it says
    nothing at all, name our own origin. Headers that are absent are ``None``.
    """
    if method in _SAFE_METHODS:
        return True
    if sec_fetch_site is not None:
        return sec_fetch_site == "same-origin"
    return bool(origin) and origin == public_origin


def origin_of(url: str) -> str:
    """The origin of an http(s) URL as browsers write it: lower case, no path, no default port."""
    parts = urlsplit(url)
    host = parts.hostname or ""
    shown = f"[{host}]" if ":" in host else host
    if parts.port is None or parts.port == _DEFAULT_PORTS.get(parts.scheme):
        return f"{parts.scheme}://{shown}"
    return f"{parts.scheme}://{shown}:{parts.port}"
