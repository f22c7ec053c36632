"""Whose waiting pushes go together in a batch: all of an order's, those of many orders, and few that stalled."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final, NamedTuple

_STALLED_TOGETHER: Final = 10  # orders: a bad push takes few others with it, and a crash costs no call for each order


class Order(NamedTuple):
    """An order of a shop, as a due row tells of it."""

    connector: str
    environment: str
    shop_id: str
    order_sn: str


class Waiting(NamedTuple):
    """A due row, as far as choosing needs it; raw as the driver gives it, since most of a window is not chosen."""

    id: Any
    connector: str
    environment: str
    shop_id: str | None
    order_sn: str | None
    topic: str
    stalls: int
    lease_by: str | None

    @property
    def order(self) -> Order | None:
        """Its order, as far as was understood."""
        if self.shop_id is None or self.order_sn is None:
            return None
        return Order(self.connector, self.environment, self.shop_id, self.order_sn)


def find_head(window: Sequence[Waiting]) -> Waiting:
    """The oldest row; where a row of its order stalled, that one: the others wait until it has had its turn."""
    first = window[0]
    alike = (row for row in window if row.order_sn == first.order_sn and _same_shop(row, first))
    return first if first.order_sn is None else next((row for row in alike if _stalls(row)), first)


def goes_by_rows(head: Waiting) -> bool:
    """Whether single rows are claimed, and not all that waits for their orders."""
    return _is_loose(head) or _stalls(head) > 0


def rows_like(head: Waiting, window: Sequence[Waiting], orders: int) -> list[Any]:
    """Rows like the head, of so many orders: those that stalled as often, and tell of the same where of no order."""
    stalls = _stalls(head)
    if stalls > 1:
        return [head.id]
    mates = [row for row in window if _goes_with(row, head) and _stalls(row) == stalls]
    distinct = list(dict.fromkeys(_about(row) for row in mates))
    chosen = set(distinct[: min(orders, _STALLED_TOGETHER) if stalls else orders])
    return [row.id for row in mates if _about(row) in chosen]


def orders_like(head: Waiting, window: Sequence[Waiting], orders: int) -> list[str]:
    """The shop's orders in the window, oldest first; an order with a stalled row waits for that one's turn."""
    mates = [row for row in window if _same_shop(row, head) and row.order_sn is not None]
    stalled = {row.order_sn for row in mates if _stalls(row)}
    distinct = dict.fromkeys(row.order_sn for row in mates if row.order_sn is not None and row.order_sn not in stalled)
    return list(distinct)[:orders]


def _about(row: Waiting) -> Any:
    """Its order, or itself where it belongs to none."""
    return row.id if _is_loose(row) else row.order_sn


def _goes_with(row: Waiting, head: Waiting) -> bool:
    if not _same_shop(row, head) or _is_loose(row) != _is_loose(head):
        return False
    return not _is_loose(head) or row.topic == head.topic


def _is_loose(row: Waiting) -> bool:
    """Belongs to no order of a shop, as far as was understood."""
    return row.order_sn is None or row.shop_id is None


def _same_shop(row: Waiting, head: Waiting) -> bool:
    return (row.connector, row.environment, row.shop_id) == (head.connector, head.environment, head.shop_id)


def _stalls(row: Waiting) -> int:
    """How often it stalled, a lease that ran out included: that one is counted when it is claimed."""
    return row.stalls + (row.lease_by is not None)
