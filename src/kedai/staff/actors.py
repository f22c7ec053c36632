"""How people, sessions and API tokens are named in the audit trail and on pages."""

from __future__ import annotations

from kedai.kit.ids import show_id
from kedai.staff.models import ApiToken, Staff, StaffSession
from kedai.values.actor import Actor, ActorKind

STAFF_PREFIX = "staff"
SESSION_PREFIX = "session"
PASSKEY_PREFIX = "passkey"
TOKEN_PREFIX = "token"  # noqa: S105  the word, no secret


def show_staff(staff: Staff) -> str:
    """``staff_…``."""
    return show_id(STAFF_PREFIX, staff.id)


def show_session(session: StaffSession) -> str:
    """``session_…``: the row's id, which opens nothing."""
    return show_id(SESSION_PREFIX, session.id)


def show_api_token(token: ApiToken) -> str:
    """``token_…``: the row's id, which opens nothing."""
    return show_id(TOKEN_PREFIX, token.id)


def actor_of_staff(staff: Staff) -> Actor:
    """The person as the cause of a deed."""
    return Actor(ActorKind.STAFF, show_staff(staff), staff.email)


def actor_of_api_token(token: ApiToken) -> Actor:
    """The program as the cause of a deed."""
    return Actor(ActorKind.TOKEN, show_api_token(token), token.name)
