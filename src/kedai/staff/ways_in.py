"""How well administrators' ways in are kept: own passwords and second factors. Writes nothing."""

from __future__ import annotations

from typing import NamedTuple

import sqlalchemy as sa
from sqlalchemy.orm import Session

from kedai.staff.models import Passkey, Staff
from kedai.staff.roles import Role


class WaysIn(NamedTuple):
    """How many administrators may sign in, how many chose their password, how many have a second factor or passkey."""

    admins: int
    own_passwords: int
    second_factors: int


def count_ways_in(db: Session) -> WaysIn:
    """Of those who are not disabled."""
    has_passkey = sa.exists().where(Passkey.staff_id == Staff.id)
    is_own, is_second = Staff.must_change_password.is_(False), sa.or_(Staff.totp_confirmed_at.is_not(None), has_passkey)
    own, second = (sa.func.count(sa.case((one, 1))) for one in (is_own, is_second))
    statement = sa.select(sa.func.count(), own, second).select_from(Staff)
    row = db.execute(statement.where(Staff.role == Role.ADMIN.value, Staff.disabled_at.is_(None))).one()
    return WaysIn(row[0], row[1], row[2])
