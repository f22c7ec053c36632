"""Invents an order: number, buyer, items and package follow from the seed (shapes of contract §7.1)."""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

from kedai.simulator.state import catalog
from kedai.simulator.state.channels import common_channels, find_channel
from kedai.simulator.state.dice import Dice, digest, letters
from kedai.simulator.state.orders import Line, Order, Package, Portion

if TYPE_CHECKING:
    from kedai.simulator.state.apps import Shop
    from kedai.simulator.state.shelf import Item, Model, Shelf

MAX_ITEMS = 30


class UnknownGoods(Exception):
    """A wished item, model or channel is none of the shop's."""


@dataclass(frozen=True, slots=True)
class LineWish:
    """One line asked for."""

    item_id: int
    model_id: int
    quantity: int


@dataclass(frozen=True, slots=True)
class OrderWish:
    """What is asked of a new order; what is left out follows from the seed and the clock."""

    order_sn: str | None = None
    items: int | None = None
    is_paid: bool = False
    create_time: int | None = None
    channel_id: int | None = None
    lines: tuple[LineWish, ...] = ()


@dataclass(frozen=True, slots=True)
class ComingOrder:
    """An order that will appear; its wish names its number."""

    due_at: int
    shop_id: int
    wish: OrderWish
    pushes: bool


def order_number(now: int, *name: object) -> str:
    """Return ``YYMMDD`` of the day and eight letters or digits that follow from the name."""
    return time.strftime("%y%m%d", time.gmtime(now)) + letters(8, *name, "order_sn")


def package_number(*name: object) -> str:
    """Return ``OFG`` and fifteen digits that follow from the name."""
    return f"OFG{int(digest(*name, 'package'), 16) % 10**15:015d}"


def draft_order(shop: Shop, shelf: Shelf, wish: OrderWish, *, order_sn: str, seed: int, now: int) -> Order:
    """Return an unpaid order; what was not wished follows from the seed and the number's part after the date.

    Raises:
        UnknownGoods: the wish names what the shop does not have.
    """
    dice = Dice(seed, shop.shop_id, order_sn[6:] or order_sn)
    channel = dice.pick(common_channels(shop.region))
    if wish.channel_id is not None:
        wished = find_channel(shop.region, wish.channel_id)
        if wished is None:
            raise UnknownGoods(f"Shop {shop.shop_id} has no channel {wish.channel_id}.")
        channel = wished
    payment_method = dice.pick(catalog.payment_methods(shop.region))
    order = Order(
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
        shipping_minor=catalog.price_minor(channel.fee_cents, factor=shop.price_factor, decimals=shop.decimals),
        location_id=shelf.location_id,
        lines=_wished_lines(shelf, wish) or _draft_lines(shop, shelf, seed, dice, wish.items),
        packages=[],
    )
    portions = [Portion(place, line.quantity) for place, line in enumerate(order.lines)]
    number = package_number(seed, order_sn)
    order.packages = [
        Package(number, channel.channel_id, channel.carrier, "LOGISTICS_NOT_START", portions=portions, update_time=now)
    ]
    return order


def _wished_lines(shelf: Shelf, wish: OrderWish) -> list[Line]:
    lines = []
    for line in wish.lines:
        item = shelf.items.get(line.item_id)
        model = None if item is None else item.find(line.model_id)
        if item is None or model is None:
            raise UnknownGoods(f"The shop has no item {line.item_id} with model {line.model_id}.")
        lines.append(_line(item, model, quantity=line.quantity, percent=100))
    return lines


def _draft_lines(shop: Shop, shelf: Shelf, seed: int, dice: Dice, count: int | None) -> list[Line]:
    count = count or dice.pick((1, 1, 1, 2, 2, 3, 4))
    choice = list(catalog.variants(seed, shop.shop_id))
    start = dice.below(len(choice))
    return [_draft_line(shelf, dice, choice[(start + step) % len(choice)]) for step in range(count)]


def _draft_line(shelf: Shelf, dice: Dice, variant: catalog.Variant) -> Line:
    item = shelf.items[variant.item_id]
    model = next(model for model in item.models if model.model_id == variant.model_id)
    percent = dice.pick((100, 100, 95, 90, 85))
    return _line(item, model, quantity=dice.pick((1, 1, 1, 2, 3)), percent=percent)


def _line(item: Item, model: Model, *, quantity: int, percent: int) -> Line:
    return Line(
        item_id=item.item_id,
        item_name=item.name,
        item_sku=item.sku,
        model_id=model.model_id,
        model_name=model.name,
        model_sku=model.sku,
        quantity=quantity,
        original_minor=model.price_minor,
        discounted_minor=model.price_minor * percent // 100,
        grams=model.grams,
    )
