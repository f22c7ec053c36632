"""The saved views above a list: chips to choose one, and a form to keep the filter that is shown."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final
from urllib.parse import urlencode

from sqlalchemy.orm import Session

from kedai.staff.saved_views import list_views
from kedai.values.wording import N_
from kedai.web.dashboard.shell import Shell
from kedai.web.security import Principal

FIELDS: Final[Mapping[str, tuple[str, ...]]] = {
    "orders": ("tab", "shop", "q"),
    "events": ("state", "shop", "order", "diagnosis", "show"),
    "exceptions": ("state", "code", "shop", "assignee"),
    "calls": ("outcome", "shop", "path", "error", "request_id", "since", "until"),
}
"""The filters of each list that has views, in the order in which they are written."""


def read_views(db: Session, caller: Principal, shell: Shell, page: str, given: Mapping[str, str | None]) -> Any:
    """What the page shows of views; the filter that is shown may be kept unless a view has it already."""
    here, query = f"/e/{shell.viewed}/{page}", written(page, given)
    views = [] if caller.staff_id is None else list_views(db, caller.staff_id, page)
    entries = [
        {
            "label": one.name if one.is_own else f"{one.name} ({one.owner})",
            "on": one.query == query,
            "href": here if one.query == query else f"{here}?{one.query}",
        }
        for one in views
    ]
    may_save = bool(query) and not any(one["on"] for one in entries)
    manage = f"/e/{shell.viewed}/views/{page}"
    return {"chips": [{"label": N_("Views"), "entries": entries}], "query": query if may_save else "", "manage": manage}


def written(page: str, given: Mapping[str, str | None]) -> str:
    """A filter as it is kept: the page's own fields that have a value, in their order."""
    return urlencode([(name, text) for name in FIELDS[page] if (text := given.get(name))])
