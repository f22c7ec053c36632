"""Public endpoints about the app (contract §3.5): all answer at top level, without ``response``."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeVar

from kedai.simulator.api import texts
from kedai.simulator.api.errors import ApiError
from kedai.simulator.api.params import MAX_PAGE, checked_page_size, optional_number

if TYPE_CHECKING:
    from collections.abc import Sequence

    from kedai.simulator.api.call import Answer, Call

T = TypeVar("T")

# Addresses set aside for documentation, and where pushes of a simulator really come from.
_IP_RANGES = ["192.0.2.0/24", "198.51.100.0/24", "127.0.0.0/8"]


def get_shopee_ip_ranges(_call: Call) -> Answer:
    """List the networks that pushes come from."""
    return {"ip_list": _IP_RANGES}


def get_shops_by_partner(call: Call) -> Answer:
    """List the shops whose consent stands, a page at a time."""
    links = call.world.ledger.alive(call.app.partner_id, "shop", call.world.clock.now())
    page, more = _page(call, links)
    rows = [
        {
            "region": call.world.shops[link.subject.number].region,
            "shop_id": link.subject.number,
            "auth_time": link.auth_time,
            "expire_time": link.expire_time,
            "sip_affi_shop_list": [],
        }
        for link in page
    ]
    return {"authed_shop_list": rows, "more": more}


def get_merchants_by_partner(call: Call) -> Answer:
    """List the merchants whose consent stands, a page at a time."""
    links = call.world.ledger.alive(call.app.partner_id, "merchant", call.world.clock.now())
    page, more = _page(call, links)
    rows = [
        {
            "region": call.world.merchants[link.subject.number].region,
            "merchant_id": link.subject.number,
            "auth_time": link.auth_time,
            "expire_time": link.expire_time,
        }
        for link in page
    ]
    return {"authed_merchant_list": rows, "more": more}


def _page(call: Call, rows: Sequence[T]) -> tuple[Sequence[T], bool]:
    """Return the wished page, which counts from 1, and whether there is another."""
    size = checked_page_size(optional_number(call.query, "page_size", MAX_PAGE))
    number = optional_number(call.query, "page_no", 1)
    if number < 1:
        raise ApiError(texts.wrong_parameters("page_no must be 1 or more"))
    return rows[(number - 1) * size : number * size], number * size < len(rows)
