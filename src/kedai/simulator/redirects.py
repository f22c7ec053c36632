"""Checks where a seller is sent back to and pushes go, and adds the answer to an address (contract §3.1, §3.2)."""

from __future__ import annotations

from urllib.parse import quote, urlencode, urlsplit

# Everything an address may hold already; what is left, such as a space or an accent, is escaped.
_KEEP = "!#$%&'()*+,-./:;=?@[]_~"

_PRINTABLE_FROM = "!"
_PRINTABLE_TO = "~"

_NOT_ABSOLUTE = "The redirect must be an absolute http or https address."
_OTHER_DOMAIN = "The domain of redirect_uri is not consistent with the Redirect URL Domain declared in console"


class BadRedirect(Exception):
    """The address cannot be used; the text says why, in the marketplace's words where it has any."""


def check_redirect(redirect: str, domain: str | None) -> None:
    """Refuse an address that is no absolute http or https one, or not on the app's declared domain.

    Raises:
        BadRedirect: with the reason.
    """
    try:
        parts = urlsplit(redirect)
        host = parts.hostname
    except ValueError:
        parts, host = urlsplit(""), None
    if parts.scheme not in ("http", "https") or not host:
        raise BadRedirect(_NOT_ABSOLUTE)
    if domain and host != domain.lower():
        raise BadRedirect(_OTHER_DOMAIN)


def with_answer(redirect: str, answer: dict[str, str]) -> str:
    """Return the address with the answer added to its own query, which stays as it is to the letter."""
    address, hash_sign, fragment = quote(redirect, safe=_KEEP).partition("#")
    joint = "?" if "?" not in address else "" if address.endswith(("?", "&")) else "&"
    return f"{address}{joint}{urlencode(answer)}{hash_sign}{fragment}"


def is_web_address(url: str) -> bool:
    """Whether this is an absolute http or https address of plain characters."""
    try:
        parts = urlsplit(url)
        host, _ = parts.hostname, parts.port
    except ValueError:
        return False
    printable = all(_PRINTABLE_FROM <= letter <= _PRINTABLE_TO for letter in url)
    return bool(host) and printable and parts.scheme in ("http", "https")
