"""What the pages about people share: whose they are, and where the header's environments lead from them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from sqlalchemy.orm import Session

from kedai.errors import Unauthenticated
from kedai.staff.queries import get_staff
from kedai.web.security import Principal

if TYPE_CHECKING:
    from kedai.staff.models import Staff

EVERYWHERE: dict[str, Any] = {"scope_links": {name: f"/e/{name}/home" for name in ("sandbox", "live", "all")}}
"""For pages that concern the whole installation: the header's environments lead to their homes."""


def staff_of(db: Session, caller: Principal) -> Staff:
    """The person behind a page.

    Raises:
        Unauthenticated: it is no person.
    """
    if caller.staff_id is None:
        raise Unauthenticated
    return get_staff(db, caller.staff_id)
