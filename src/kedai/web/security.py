"""Who is asking, the session cookie, the security headers, and where a sign-in may lead; decides nothing about data."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Literal
from urllib.parse import unquote
from uuid import UUID

from starlette.requests import Request
from starlette.responses import Response

from kedai.errors import StepUpRequired
from kedai.staff.actors import actor_of_api_token, actor_of_staff
from kedai.staff.queries import SignedIn
from kedai.staff.roles import INSTALLATION_WIDE, Capability, Role, TokenScope, has_capability
from kedai.values.actor import Actor
from kedai.values.environment import Environment
from kedai.values.secret import Secret

if TYPE_CHECKING:
    from kedai.staff.models import ApiToken

CONFIRMED_SPAN = timedelta(minutes=5)
"""For so long after a person proved who they are, a dangerous act asks for nothing more."""

_MAX_CREDENTIAL = 4096
_MAX_NEXT = 2000
_ORIGIN = re.compile(r"https?://(?:[A-Za-z0-9.-]+|\[[0-9A-Fa-f:.]+\])(?::[0-9]{1,5})?")
_PLAIN_PATH = re.compile(r"/[!-~]*")


@dataclass(frozen=True, slots=True)
class Principal:
    """Who makes this request: a person's browser, or a program with a token bound to one environment."""

    kind: Literal["session", "token"]
    actor: Actor
    role: Role
    session_id: UUID | None
    token_environment: Environment | None
    name: str
    staff_id: UUID | None = None
    confirmed_at: datetime | None = None
    must_change_password: bool = False
    scopes: frozenset[str] = frozenset()
    time_zone: str = "UTC"
    language: str | None = None

    def is_fresh(self, now: datetime) -> bool:
        """Whether a dangerous act may follow: a person proved lately who they are; a program has no password."""
        if self.kind == "token":
            return True
        return self.confirmed_at is not None and now - self.confirmed_at < CONFIRMED_SPAN

    def can(self, capability: Capability) -> bool:
        """Whether the role grants it; a token may do nothing that concerns the whole installation."""
        if self.kind == "token" and capability in INSTALLATION_WIDE:
            return False
        return has_capability(self.role, capability)

    def may_activate_live(self) -> bool:
        """A person proves who they are instead; a program needs the scope for it, whatever its role."""
        return self.kind == "session" or TokenScope.ACTIVATE_LIVE.value in self.scopes

    def reaches(self, environment: Environment) -> bool:
        """Whether this environment is open to them: both for a person, its own for a token."""
        return self.kind == "session" or self.token_environment is environment


def principal_of_session(found: SignedIn) -> Principal:
    """The person behind a valid session."""
    actor = actor_of_staff(found.staff)
    return Principal(
        "session",
        actor,
        Role(found.staff.role),
        found.session.id,
        None,
        found.staff.email,
        staff_id=found.staff.id,
        confirmed_at=found.session.confirmed_at,
        must_change_password=found.staff.must_change_password,
        time_zone=found.staff.time_zone,
        language=found.staff.language,
    )


def principal_of_api_token(token: ApiToken) -> Principal:
    """The program behind a valid token."""
    actor, scopes = actor_of_api_token(token), frozenset(token.scopes)
    return Principal("token", actor, Role(token.role), None, token.environment, token.name, scopes=scopes)


def demand_fresh(caller: Principal, now: datetime) -> None:
    """Before a dangerous act.

    Raises:
        StepUpRequired: the person must prove first that it is they.
    """
    if not caller.is_fresh(now):
        raise StepUpRequired


def session_cookie_name(*, secure: bool) -> str:
    """`__Host-` binds the cookie to this very host; browsers take that prefix over https only."""
    return "__Host-kedai-session" if secure else "kedai-session"


def set_session_cookie(response: Response, token: Secret, *, secure: bool) -> None:
    """Hand the token to the browser; ``secure`` when the public URL is https."""
    response.set_cookie(
        session_cookie_name(secure=secure), token.reveal(), path="/", secure=secure, httponly=True, samesite="lax"
    )


def clear_session_cookie(response: Response, *, secure: bool) -> None:
    """Make the browser forget its token."""
    response.delete_cookie(session_cookie_name(secure=secure), path="/", secure=secure, httponly=True, samesite="lax")


def challenge_cookie_name(*, secure: bool) -> str:
    """Of a sign-in whose code is awaited."""
    return "__Host-kedai-challenge" if secure else "kedai-challenge"


def passkey_cookie_name(*, secure: bool) -> str:
    """Of a challenge that a passkey is to sign."""
    return "__Host-kedai-passkey" if secure else "kedai-passkey"


def read_session_token(request: Request, *, secure: bool) -> str | None:
    """The text of the session cookie."""
    return read_cookie(request, session_cookie_name(secure=secure))


def read_cookie(request: Request, name: str) -> str | None:
    """The one cookie of a name; two of that name (one was planted) or one over 4 KiB count as none."""
    pairs = [pair.strip(" \t") for header in request.headers.getlist("cookie") for pair in header.split(";")]
    values = [value for found, equals, value in (pair.partition("=") for pair in pairs) if equals and found == name]
    if len(values) != 1 or len(values[0]) > _MAX_CREDENTIAL:
        return None
    return values[0] or None


def read_bearer(request: Request) -> str | None:
    """The token of the one `Authorization: Bearer …` header, exactly as sent; two headers count as none."""
    headers = request.headers.getlist("authorization")
    if len(headers) != 1 or len(headers[0]) > _MAX_CREDENTIAL:
        return None
    scheme, _, token = headers[0].partition(" ")
    return token or None if scheme.lower() == "bearer" else None


def security_headers(*, form_action_extra: tuple[str, ...] = ()) -> dict[str, str]:
    """The headers of every page; ``form_action_extra`` are the sign-in origins, for the connector page only.

    Raises:
        ValueError: an extra that is not just an origin.
    """
    for origin in form_action_extra:
        if not _ORIGIN.fullmatch(origin):
            raise ValueError(f"not an origin: {origin!r}")
    policy = {
        "default-src": "'none'",
        "style-src": "'self'",
        "img-src": "'self' data:",
        "script-src": "'self'",
        "connect-src": "'self'",
        "font-src": "'self'",
        "form-action": " ".join(("'self'", *form_action_extra)),
        "frame-ancestors": "'none'",
        "base-uri": "'none'",
    }
    return {
        "Content-Security-Policy": "; ".join(f"{name} {sources}" for name, sources in policy.items()),
        "Referrer-Policy": "same-origin",
        "X-Content-Type-Options": "nosniff",
        "Cross-Origin-Opener-Policy": "same-origin",
        "Permissions-Policy": "camera=(), microphone=(), geolocation=(), payment=(), usb=()",
        "Cache-Control": "no-store",
    }


SECURITY_HEADERS = security_headers()


def safe_next(text: str | None) -> str:
    """Where to go after signing in: a plain path on this host, or `/` for anything that could lead elsewhere.

    Looked at as sent and as a server in front may decode it; dot segments and empty segments are refused too, since
    they can become `//` on the way.
    """
    if text is None or len(text) > _MAX_NEXT or not _PLAIN_PATH.fullmatch(text):
        return "/"
    path = text.partition("?")[0].partition("#")[0]
    decoded = unquote(unquote(path))
    if any(_leads_away(form) for form in (path, decoded)):
        return "/"
    return text


def _leads_away(path: str) -> bool:
    if "\\" in path or "//" in path or not path.isprintable():
        return True
    return any(segment in {".", ".."} for segment in path.split("/"))
