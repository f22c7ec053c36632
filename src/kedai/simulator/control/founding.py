"""Control routes that found more apps, shops, merchants and main accounts; ids and keys follow from the seed."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import msgspec

from kedai.simulator.control.http import ControlError, answer, find_merchant, find_shop, read_body, simulation_of
from kedai.simulator.state.apps import REGIONS

if TYPE_CHECKING:
    from aiohttp import web

# As many of each as fit the marketplace's 32-bit ids.
MOST = 200
MOST_ACCOUNTS = 40
Name = Annotated[str, msgspec.Meta(min_length=1, max_length=100)]


class NewApp(msgspec.Struct, forbid_unknown_fields=True):
    """Body of ``POST /control/apps``."""

    name: Name


class NewShop(msgspec.Struct, forbid_unknown_fields=True):
    """Body of ``POST /control/shops``."""

    region: str
    shop_name: Name


class NewMerchant(msgspec.Struct, forbid_unknown_fields=True):
    """Body of ``POST /control/merchants``."""

    region: str
    merchant_name: Name


class NewMainAccount(msgspec.Struct, forbid_unknown_fields=True):
    """Body of ``POST /control/main-accounts``."""

    shop_ids: list[int] = []
    merchant_ids: list[int] = []


async def create_app(request: web.Request) -> web.Response:
    """Register another app and return it, keys included."""
    new = await read_body(request, NewApp)
    world = simulation_of(request).world
    _check_room(len(world.apps), MOST)
    return answer(world.app_json(world.register_app(new.name)), 201)


async def create_shop(request: web.Request) -> web.Response:
    """Found another shop, with its own items."""
    new = await read_body(request, NewShop)
    world = simulation_of(request).world
    _check_region(new.region)
    _check_room(len(world.shops), MOST)
    return answer(world.shop_json(world.open_shop(new.region, new.shop_name)), 201)


async def create_merchant(request: web.Request) -> web.Response:
    """Found another merchant."""
    new = await read_body(request, NewMerchant)
    world = simulation_of(request).world
    _check_region(new.region)
    _check_room(len(world.merchants), MOST)
    return answer(world.merchant_json(world.open_merchant(new.region, new.merchant_name)), 201)


async def create_main_account(request: web.Request) -> web.Response:
    """Found another main account over shops and merchants that are there."""
    new = await read_body(request, NewMainAccount)
    world = simulation_of(request).world
    shops = tuple(find_shop(request, shop_id).shop_id for shop_id in new.shop_ids)
    merchants = tuple(find_merchant(request, merchant_id).merchant_id for merchant_id in new.merchant_ids)
    if not shops + merchants:
        raise ControlError(400, "bad_request", "A main account needs one shop or merchant at least.")
    _check_room(len(world.main_accounts), MOST_ACCOUNTS)
    return answer(world.main_account_json(world.open_main_account(shops, merchants)), 201)


def _check_region(region: str) -> None:
    if region not in REGIONS:
        raise ControlError(400, "bad_request", f"A region is one of {', '.join(REGIONS)}; not {region[:10]}.")


def _check_room(count: int, most: int) -> None:
    if count >= most:
        raise ControlError(409, "too_many", f"There are {count} already; no more fit into the marketplace's ids.")
