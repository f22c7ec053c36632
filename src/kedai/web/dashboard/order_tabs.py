"""What the tabs of orders hold: their statuses and how many orders. Home and the list of orders show them."""

from __future__ import annotations

from collections.abc import Mapping

from kedai.web.dashboard.words import KNOWN_STATUSES, Tab


def count_tab(tab: Tab, counts: Mapping[str, int]) -> int:
    """How many orders a tab holds, from those of each status."""
    wanted = statuses_of(tab, tuple(counts))
    return sum(number for status, number in counts.items() if wanted is None or status in wanted)


def statuses_of(tab: Tab, known: tuple[str, ...]) -> tuple[str, ...] | None:
    """A tab's statuses among those that are known; ``None`` for all."""
    if tab.statuses is None:
        return None
    return tab.statuses or tuple(status for status in known if status not in KNOWN_STATUSES)
