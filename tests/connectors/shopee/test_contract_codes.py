"""Every error code of contract §6 comes out of the simulator and goes into its family; none is left out unnoticed."""

from __future__ import annotations

import ast
import asyncio
import inspect
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager
from typing import Any

import pytest

from kedai import errors
from kedai.connectors.pacing.retry import GiveUp, persist, should_retry
from kedai.connectors.shopee import errors as ladder
from kedai.connectors.shopee.api.logistics import Dropoff, Pickup
from kedai.connectors.shopee.api.words import CancelReason, OrderStatus
from kedai.simulator import embedded
from kedai.simulator.api import errors as gateway
from kedai.values.secret import Secret
from tests.connectors.shopee.test_errors import LADDER
from tests.connectors.shopee.test_round_trips import NOWHERE, UNKNOWN, Seat

GATEWAY = (  # §6.2
    "error_param error_sign invalid_partner_id error_auth invalid_acceess_token partner_shop_no_link shop_no_linked "
    "merchant_no_linked user_no_linked shop_banned user_banned partner_frozen error_rate_limit error_limit "
    "error_api_permission error_api_call_restricted api_suspended error_ashop_api_permission error_kyc_auth "
    "error_partner_key_expired source_ip_undeclared invalid_access_token"
)
BUSINESS = (  # §6.3
    "error_not_found error_permission error_server error_network error_data error_shop error_inner error_system_busy "
    "error_busi"
)
CLASSES = (  # §6.5, what it names beyond them, and §3.4
    "shop_access_expired merchant_access_expired supplier_access_expired refresh_token_expired "
    "error_shop_refresh_token error_merchant_refresh_token system_busy supplier_no_linked"
)
ELSEWHERE = "order_not_found error_item_not_found return_not_found"  # Appendix A: what is not there, in three areas
CONTRACT = frozenset(f"{GATEWAY} {BUSINESS} {CLASSES} {ELSEWHERE}".split())

TEXTS = (  # §6.2 and §6.5: codes whose text decides
    ("error_auth", "access_token"),
    ("error_auth", "Invalid refresh_token."),
    ("error_auth", "Invalid partner_id or shopid."),
    ("error_auth", "System error"),
    ("error_auth", "No permission to current api."),
    ("error_auth", "The App is deleted"),
    ("error_auth", "restricted"),
    ("error_auth", "partner_id is invalid"),
    ("error_param", "Timestamp is expired"),
    ("error_param", "request path is incorrect"),
    ("error_data", "parse data failed"),
    ("error_data", "data not exist"),
    ("error_busi", "Too many connections"),
    ("error_limit", "00:00"),
)

READ, WRITE = "/api/v2/shop/get_profile", "/api/v2/logistics/ship_order"


@pytest.fixture(scope="module")
def simulator() -> Iterator[Any]:
    with embedded.simulator_in_thread() as running:
        yield running


def bare(code: str) -> str:
    return "".join(code.split()).rpartition(".")[2]


def told_to_the_client() -> set[str]:
    """Every code that the client's ladder names."""
    called = [node for node in ast.walk(ast.parse(inspect.getsource(ladder))) if isinstance(node, ast.Call)]
    found: set[str] = set()
    for call in called:
        name = call.func.id if isinstance(call.func, ast.Name) else ""
        words = [one.value for one in call.args if isinstance(one, ast.Constant) and isinstance(one.value, str)]
        found |= set(words if name == "_codes" else words[:1] if name == "_text" else ())
    return found


def test_no_code_of_the_contract_is_left_out() -> None:
    """Neither in the table below, nor by the client, nor by the simulator; what they add, the list must name too."""
    assert CONTRACT - {bare(code) for code, _, _ in LADDER} == set()
    assert told_to_the_client() - CONTRACT == set()
    assert set() == (gateway._FORBIDDEN | gateway._THROTTLED) - CONTRACT
    assert set(GATEWAY.split()) - {"error_param", "invalid_access_token"} == gateway._FORBIDDEN | gateway._THROTTLED
    for code, words in TEXTS:
        assert any(bare(one) == code and words in text for one, text, _ in LADDER), (code, words)


def of_a_write(family: type[errors.KedaiError], message: str) -> type[errors.KedaiError]:
    """What may have taken effect is not to be repeated; a refusal for the timestamp alone surely had none."""
    is_transient = family is errors.RemoteUnavailable and "Timestamp" not in message
    return errors.OutcomeUnknown if is_transient else family


@asynccontextmanager
async def seated(market: Any) -> AsyncIterator[Seat]:
    seat = Seat(market)
    try:
        yield seat
    finally:
        await seat.http.close()


async def family_of(call: Awaitable[object]) -> type[errors.KedaiError]:
    with pytest.raises(errors.KedaiError) as raised:
        await call
    return type(raised.value)


def test_every_code_provoked_in_the_simulator_arrives_as_its_family(simulator: Any) -> None:
    """Of a call that reads and of one that writes, with the status that the gateway gives it."""
    market = simulator.live

    async def walk() -> dict[tuple[str, str], tuple[object, object]]:
        found = {}
        async with seated(market) as seat:
            shop = await seat.connect()
            for code, message, family in LADDER:
                rules = [{"path": path, "error": code, "message": message, "times": None} for path in (READ, WRITE)]
                market.settings(fail=rules)
                write = shop.logistics.ship_order("A1", Dropoff())
                seen = await family_of(shop.shop.get_profile()), await family_of(write)
                if seen != (family, of_a_write(family, message)):
                    found[code, message] = seen
        return found

    try:
        assert asyncio.run(walk()) == {}
    finally:
        market.settings(fail=[])


State = Callable[[Any, Any], Awaitable[object]]


async def a_wrong_key(seat: Seat, _shop: Any) -> object:
    return await seat.with_key("not-the-real-key-0123456789abcdef").get_ip_ranges()


async def an_unknown_token(seat: Seat, _shop: Any) -> object:
    return await seat.client.for_shop(seat.shop_id, Secret("no token")).shop.get_shop_info()


async def a_used_code(seat: Seat, _shop: Any) -> object:
    code = seat.market.authorize(int(seat.shop_id), NOWHERE)["code"]
    await seat.client.exchange_code(code, seat.shop_id)
    return await seat.client.exchange_code(code, seat.shop_id)


async def a_used_refresh_token(seat: Seat, _shop: Any) -> object:
    code = seat.market.authorize(int(seat.shop_id), NOWHERE)["code"]
    grant = await seat.client.exchange_code(code, seat.shop_id)
    await seat.client.refresh(seat.shop_id, grant.tokens.refresh_token)
    return await seat.client.refresh(seat.shop_id, grant.tokens.refresh_token)


async def an_order_of_nobody(_seat: Seat, shop: Any) -> object:
    return await shop.payment.get_escrow_detail(UNKNOWN)


async def an_order_on_its_way(seat: Seat, shop: Any) -> object:
    return await shop.order.cancel_order(seat.order("ship", "pickup"), CancelReason.CUSTOMER_REQUEST)


async def a_consent_taken_back(seat: Seat, shop: Any) -> object:
    seat.market.control("POST", f"/shops/{seat.shop_id}/revoke", {})
    return await shop.shop.get_shop_info()


async def a_consent_that_ended(seat: Seat, shop: Any) -> object:
    seat.market.control("POST", f"/shops/{seat.shop_id}/end-authorization", {"in_seconds": 60})
    seat.market.advance(61)
    return await shop.shop.get_shop_info()


REAL: dict[State, tuple[str, type[errors.KedaiError]]] = {
    a_wrong_key: ("error_sign", errors.RemoteMisconfigured),
    an_unknown_token: ("invalid_acceess_token", errors.AuthExpired),
    a_used_code: ("invalid_code", errors.RemoteRejected),
    a_used_refresh_token: ("error_auth", errors.NeedsReconnect),
    an_order_of_nobody: ("order_not_found", errors.RemoteNotFound),
    an_order_on_its_way: ("order.error_limit", errors.RemoteRejected),
    a_consent_taken_back: ("shop_no_linked", errors.NeedsReconnect),
    a_consent_that_ended: ("error_auth", errors.NeedsReconnect),
}


def test_states_of_the_market_refuse_by_themselves(simulator: Any) -> None:
    """No fault is set: each is what really is the matter."""

    async def provoke() -> dict[str, tuple[str, type]]:
        found = {}
        for state in REAL:
            async with seated(simulator.sandbox) as seat:
                family = await family_of(state(seat, await seat.connect()))
                found[state.__name__] = (seat.records[-1].code, family)
        return found

    assert asyncio.run(provoke()) == {state.__name__: expected for state, expected in REAL.items()}


def test_f26_an_address_that_is_not_declared_is_named_with_the_way_to_declare_it(simulator: Any) -> None:
    """And is not tried again: no pause makes it known."""
    text = "Source IP 203.0.113.7 is undeclared."
    simulator.live.fail(path=READ, error="source_ip_undeclared", message=text, times=1)

    async def ask() -> errors.KedaiError:
        async with seated(simulator.live) as seat:
            shop = await seat.connect()
            with pytest.raises(errors.RemoteMisconfigured) as raised:
                await shop.shop.get_profile()
        return raised.value

    error = asyncio.run(ask())
    assert "203.0.113.7" in error.message
    fix = error.facts["fix"]
    assert all(part in fix for part in ("the address 203.0.113.7", "console, App Management", "IP Address Whitelist"))
    assert isinstance(should_retry(error, 1, is_write=False, draw=0.0), GiveUp)


@pytest.mark.parametrize("lost", ["before", "after"])
def test_f21_a_shipment_whose_answer_was_lost_is_looked_up_before_it_is_repeated(simulator: Any, lost: str) -> None:
    """Where it took effect, it is not made again; where it had none, it is. Never twice."""
    market = simulator.sandbox

    async def ship() -> tuple[str, list[str], str]:
        async with seated(market) as seat:
            shop, order_sn = await seat.connect(), seat.order()
            (address, *_) = (await shop.logistics.get_shipping_parameter(order_sn)).pickup.address_list
            way = Pickup(address.address_id, address.time_slot_list[0].pickup_time_id)
            market.fail(path=WRITE, kind="drop", after=lost == "after", times=1)

            async def is_shipped() -> str | None:
                (order,) = (await shop.order.get_order_detail([order_sn])).order_list
                return "it was" if order.order_status is OrderStatus.PROCESSED else None

            async def make() -> str:
                await shop.logistics.ship_order(order_sn, way)
                return "it is"

            told = await persist(make, read_state=is_shipped, renew_token=never, sleep=at_once, draw=lambda: 0.0)
            asked = [one.path.rpartition("/")[2] for one in seat.records if one.path in {WRITE, DETAIL}]
            return told, asked, market.control("GET", f"/orders/{order_sn}")["order_status"]

    told, asked, status = asyncio.run(ship())
    assert status == "PROCESSED"
    if lost == "after":
        assert (told, asked) == ("it was", ["ship_order", "get_order_detail"])
    else:
        assert (told, asked) == ("it is", ["ship_order", "get_order_detail", "ship_order"])


DETAIL = "/api/v2/order/get_order_detail"


async def never() -> None:
    raise AssertionError("nobody asked for another token")


async def at_once(_seconds: float) -> None:
    return
