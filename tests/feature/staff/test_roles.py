"""Who may do what: written out once more, so that a change of the table is a change here too."""

from __future__ import annotations

from typing import cast

import pytest

from kedai.staff.roles import ROLE_CAPABILITIES, Capability, Role, has_capability

EXPECTED = {
    Capability.READ: {Role.VIEWER, Role.OPERATOR, Role.ADMIN},
    Capability.SHOPS_CONNECT: {Role.OPERATOR, Role.ADMIN},
    Capability.ENVIRONMENT_SWITCH: {Role.OPERATOR, Role.ADMIN},
    Capability.EVENTS_REPLAY: {Role.OPERATOR, Role.ADMIN},
    Capability.PERSONAL_REVEAL: {Role.OPERATOR, Role.ADMIN},
    Capability.CATALOG_WRITE: {Role.OPERATOR, Role.ADMIN},
    Capability.CREDENTIALS_WRITE: {Role.ADMIN},
    Capability.CERTIFICATE_OVERRIDE: {Role.ADMIN},
    Capability.ACCOUNT: {Role.VIEWER, Role.OPERATOR, Role.ADMIN},
    Capability.AUDIT_READ: {Role.ADMIN},
    Capability.TOKENS_MANAGE: {Role.ADMIN},
    Capability.STAFF_MANAGE: {Role.ADMIN},
    Capability.KEYS_MANAGE: {Role.ADMIN},
    Capability.NOTIFICATIONS_MANAGE: {Role.ADMIN},
}


@pytest.mark.parametrize("role", Role)
@pytest.mark.parametrize("capability", Capability)
def test_role_may_do_what_the_table_says_and_nothing_else(role: Role, capability: Capability) -> None:
    assert has_capability(role, capability) is (role in EXPECTED[capability])


def test_each_role_may_do_all_that_the_one_below_may() -> None:
    assert ROLE_CAPABILITIES[Role.VIEWER] < ROLE_CAPABILITIES[Role.OPERATOR] < ROLE_CAPABILITIES[Role.ADMIN]


def test_unknown_role_may_do_nothing() -> None:
    assert not any(has_capability(cast("Role", "owner"), capability) for capability in Capability)
