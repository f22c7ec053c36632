"""What each role may do: one table, and nothing that is not in it."""

from __future__ import annotations

from enum import StrEnum


class Role(StrEnum):
    """From least to most."""

    VIEWER = "viewer"
    OPERATOR = "operator"
    ADMIN = "admin"


class TokenScope(StrEnum):
    """What an API token may do only if it was given to it by name, whatever its role."""

    ACTIVATE_LIVE = "activate:live"


class Capability(StrEnum):
    """What a route asks for; every route names exactly one."""

    READ = "read"
    CREDENTIALS_WRITE = "credentials.write"
    SHOPS_CONNECT = "shops.connect"
    ENVIRONMENT_SWITCH = "environment.switch"
    CERTIFICATE_OVERRIDE = "certificate.override"
    EVENTS_REPLAY = "events.replay"
    PERSONAL_REVEAL = "personal.reveal"
    CATALOG_WRITE = "catalog.write"
    ACCOUNT = "account"
    AUDIT_READ = "audit.read"
    TOKENS_MANAGE = "tokens.manage"
    STAFF_MANAGE = "staff.manage"
    KEYS_MANAGE = "keys.manage"
    NOTIFICATIONS_MANAGE = "notifications.manage"


ROLE_CAPABILITIES: dict[Role, frozenset[Capability]] = {
    Role.VIEWER: frozenset({Capability.READ, Capability.ACCOUNT}),
    Role.OPERATOR: frozenset(
        {
            Capability.READ,
            Capability.ACCOUNT,
            Capability.SHOPS_CONNECT,
            Capability.ENVIRONMENT_SWITCH,
            Capability.CATALOG_WRITE,
            Capability.PERSONAL_REVEAL,
            Capability.EVENTS_REPLAY,
        }
    ),
    Role.ADMIN: frozenset(
        {
            Capability.READ,
            Capability.ACCOUNT,
            Capability.CREDENTIALS_WRITE,
            Capability.SHOPS_CONNECT,
            Capability.ENVIRONMENT_SWITCH,
            Capability.CERTIFICATE_OVERRIDE,
            Capability.CATALOG_WRITE,
            Capability.EVENTS_REPLAY,
            Capability.PERSONAL_REVEAL,
            Capability.AUDIT_READ,
            Capability.TOKENS_MANAGE,
            Capability.STAFF_MANAGE,
            Capability.KEYS_MANAGE,
            Capability.NOTIFICATIONS_MANAGE,
        }
    ),
}

INSTALLATION_WIDE = frozenset(
    {
        Capability.ACCOUNT,
        Capability.AUDIT_READ,
        Capability.TOKENS_MANAGE,
        Capability.STAFF_MANAGE,
        Capability.KEYS_MANAGE,
        Capability.NOTIFICATIONS_MANAGE,
        Capability.CERTIFICATE_OVERRIDE,
    }
)
"""Deeds that lie in no environment: a token, bound to one, may never do them (it could mint itself the other one).

Going live without a certificate is a person's word too, which a program cannot give.
"""


def has_capability(role: Role, capability: Capability) -> bool:
    """Whether the table grants it; a role that is not in the table may do nothing."""
    return capability in ROLE_CAPABILITIES.get(role, frozenset())
