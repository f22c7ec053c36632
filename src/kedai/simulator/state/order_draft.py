"""Invents an order: number, buyer, items and package follow from the seed (shapes of contract §7.1)."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from kedai.simulator.state import catalog
from kedai.simulator.state.dice import Dice, digest, letters
from kedai.simulator.state.orders import Line, Order, Package

if TYPE_CHECKING:
    from kedai.simulator.state.apps import Shop

MAX_ITEMS = 30


def order_number(now: int, *name: object) -> str:
    """Return ``YYMMDD`` of the day and eight letters or digits that follow from the name."""
    return time.strftime("%y%m%d", time.gmtime(now)) + letters(8, *name, "order_sn")


def draft_order(shop: Shop, *, order_sn: str, seed: int, now: int, items: int | None) -> Order:
    """Return an unpaid order; its content follows from the seed and the number's part after the date."""
    dice = Dice(seed, shop.shop_id, order_sn[6:] or order_sn)
    channel_id, carrier, fee_cents = dice.pick(catalog.CHANNELS[shop.region])
    payment_method = dice.pick(catalog.PAYMENT_METHODS[shop.region])
    number = int(digest(seed, order_sn, "package"), 16) % 10**15
    return Order(
        order_sn=order_sn,
        shop_id=shop.shop_id,
        region=shop.region,
        currency=shop.currency,
        decimals=shop.decimals,
        status="UNPAID",
        create_time=now,
        update_time=now,
        days_to_ship=dice.pick((1, 2, 3)),
        buyer_user_id=300_000_000 + dice.below(90_000_000),
        buyer_username=dice.pick(catalog.BUYERS) + str(dice.below(1000)),
        payment_method=payment_method,
        cod=payment_method == "Cash on Delivery",
        phone_end=f"{dice.below(100):02d}",
        message_to_seller=dice.pick(catalog.MESSAGES),
        shipping_minor=catalog.price_minor(fee_cents, factor=shop.price_factor, decimals=shop.decimals),
        location_id=f"{shop.region}Z",
        lines=_draft_lines(shop, seed, dice, items or dice.pick((1, 1, 1, 2, 2, 3, 4))),
        packages=[Package(f"OFG{number:015d}", channel_id, carrier, "LOGISTICS_NOT_START")],
    )


def _draft_lines(shop: Shop, seed: int, dice: Dice, count: int) -> list[Line]:
    choice = list(catalog.variants(seed, shop.shop_id))
    start = dice.below(len(choice))
    return [_draft_line(shop, dice, choice[(start + step) % len(choice)]) for step in range(count)]


def _draft_line(shop: Shop, dice: Dice, variant: catalog.Variant) -> Line:
    original = catalog.price_minor(variant.cents, factor=shop.price_factor, decimals=shop.decimals)
    percent = dice.pick((100, 100, 95, 90, 85))
    discounted = original * percent // 100
    return Line(
        item_id=variant.item_id,
        item_name=variant.item_name,
        item_sku=variant.item_sku,
        model_id=variant.model_id,
        model_name=variant.model_name,
        model_sku=variant.model_sku,
        quantity=dice.pick((1, 1, 1, 2, 3)),
        original_minor=original,
        discounted_minor=discounted,
        grams=variant.grams,
    )
