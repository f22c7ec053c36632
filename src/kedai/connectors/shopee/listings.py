"""What a Shopee shop offers: items with their names, and the variants of those that have some (contract §5.4)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from kedai.connectors.shopee.api.product import Products
from kedai.connectors.shopee.api.product_shapes import Item
from kedai.connectors.shopee.api.stock_shapes import TierVariation
from kedai.connectors.shopee.api.words import ItemStatus
from kedai.connectors.shopee.schemas import clean_text
from kedai.errors import Invalid, RemoteUnreadable
from kedai.values.listing import Listing
from kedai.values.order import Page
from kedai.values.wording import N_

ITEMS_PER_PAGE: Final = 20
"""Each of them may need a call of its own for its variants, and a page is one step of a run."""

_OFFERED: Final = (ItemStatus.NORMAL, ItemStatus.UNLIST, ItemStatus.REVIEWING, ItemStatus.BANNED)
_NO_MODEL: Final = "0"  # Shopee's own id of an item without variants


async def read_page(products: Products, cursor: str | None) -> Page[Listing]:
    """The listings of the next few items; ``cursor`` is the place that Shopee's list named.

    Raises:
        RemoteUnreadable: the list goes on, but leads nowhere new.
    """
    offset = _offset(cursor)
    page = await products.get_item_list(_OFFERED, offset=offset, page_size=ITEMS_PER_PAGE)
    following = page.next_offset if page.has_next_page else None
    if page.has_next_page and (following is None or following <= offset):
        raise RemoteUnreadable(N_("Shopee's list of items goes on, but does not say from where."))
    found: list[Listing] = []
    if page.item:
        info = await products.get_item_base_info([row.item_id for row in page.item])
        for item in info.item_list:
            found += await _variants(products, item) if item.has_model else [_plain(item)]
    return Page(tuple(found), None if following is None else str(following))


async def _variants(products: Products, item: Item) -> Sequence[Listing]:
    answer = await products.get_model_list(item.item_id)
    return [
        Listing(
            str(item.item_id),
            str(one.model_id),
            _text(item.item_name),
            _name(answer.tier_variation, one.tier_index),
            _text(one.model_sku) or _text(item.item_sku),
        )
        for one in answer.model
    ]


def _plain(item: Item) -> Listing:
    return Listing(str(item.item_id), _NO_MODEL, _text(item.item_name), "", _text(item.item_sku))


def _name(tiers: Sequence[TierVariation], places: Sequence[int]) -> str:
    """A variant has no name of its own: it is the options that it stands at, as orders write them."""
    options = [
        tier.option_list[place].option for tier, place in zip(tiers, places, strict=False) if place in _range(tier)
    ]
    return _text(",".join(one for one in options if one))


def _range(tier: TierVariation) -> range:
    return range(len(tier.option_list))


def _text(text: str | None) -> str:
    return clean_text(text or "").strip()


def _offset(cursor: str | None) -> int:
    if cursor is None:
        return 0
    if not cursor.isascii() or not cursor.isdigit():
        raise Invalid(N_("A place in Shopee's list of items is a number."), field="cursor")
    return int(cursor)
