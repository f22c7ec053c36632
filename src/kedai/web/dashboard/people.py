"""What the pages about people share: whose they are, which time zones there are, where the header leads to."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache
from itertools import groupby
from typing import TYPE_CHECKING, Any

from sqlalchemy.orm import Session

from kedai.errors import Unauthenticated
from kedai.kit.zones import list_zones
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


@cache
def group_zones() -> Sequence[tuple[str, Sequence[tuple[str, str]]]]:
    """The time zones that may be chosen, by area: each one's name, and what it is called inside its area."""
    named = [(name, *name.partition("/")[::2]) for name in list_zones()]
    return [
        (area, [(name, (place or name).replace("_", " ").replace("/", " / ")) for name, _area, place in group])
        for area, group in groupby(named, key=lambda one: one[1])
    ]
