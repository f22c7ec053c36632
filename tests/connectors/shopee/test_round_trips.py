"""Client and simulator, which share no code, understand each other in every call: both were built from the contract."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest

from kedai import errors
from kedai.connectors.http import HttpClient
from kedai.connectors.shopee.api.documents import DocumentOrder, FileKind
from kedai.connectors.shopee.api.logistics import Dropoff, OrderOrPackage, Pickup
from kedai.connectors.shopee.api.order import PackageSearch, PackedItem
from kedai.connectors.shopee.api.product import ItemListing, PlacedStock, VariantChange, VariantPrice, VariantStock
from kedai.connectors.shopee.api.returns import Photo, ReturnFilter
from kedai.connectors.shopee.api.words import (
    BuyerCancellation,
    CancelReason,
    DocumentStatus,
    IncomeStatus,
    ItemStatus,
    OrderStatus,
    PackageFilter,
    PackageStatus,
    ReturnSolution,
    ReturnStatus,
)
from kedai.connectors.shopee.client import ShopeeClient
from kedai.simulator import embedded
from kedai.values.app import PushConfigChange
from kedai.values.call import CallRecord
from kedai.values.credentials import Credentials
from kedai.values.environment import ConnectorName, Environment
from kedai.values.secret import Secret
from kedai.values.settlement import PARTS, spread
from tests.connectors.shopee.test_wire import DOCUMENTED

UNKNOWN = "260801ZZZZ9999"
NOWHERE = "http://127.0.0.1:9/nobody"


class Seat:
    """A client of one environment of the simulator, and what it called."""

    def __init__(self, market: Any, *, behind: timedelta = timedelta()) -> None:
        self.market, self.behind = market, behind
        self.records: list[CallRecord] = []
        self.http = HttpClient(sink=self.records.append, before_call=lambda: None, clock=self)
        self.client = self.with_key(market.app["partner_key"])
        self.shop_id = str(market.shop_ids[0])

    def now(self) -> datetime:
        return datetime.fromtimestamp(self.market.now(), UTC) - self.behind

    def with_key(self, key: str) -> ShopeeClient:
        partner_id, url = str(self.market.app["partner_id"]), self.market.url
        app = Credentials(ConnectorName("shopee"), Environment.SANDBOX, partner_id, Secret(key), url, url, "SG", 1)
        return ShopeeClient(self.http, app)

    async def connect(self) -> Any:
        code = self.market.authorize(int(self.shop_id), NOWHERE)["code"]
        grant = await self.client.exchange_code(code, self.shop_id)
        assert grant.shop_ids == (self.shop_id,)
        tokens = await self.client.refresh(self.shop_id, grant.tokens.refresh_token)
        return self.client.for_shop(self.shop_id, tokens.access_token)

    def window(self) -> tuple[datetime, datetime]:
        return self.now() - timedelta(days=14), self.now() + timedelta(minutes=5)

    def order(self, *steps: str) -> str:
        order_sn = self.market.create_order(status="READY_TO_SHIP")["order_sn"]
        for step in steps:
            self.market.step(order_sn, step)
        return order_sn


async def all_of(rows: AsyncIterator[Any]) -> list[Any]:
    return [row async for row in rows]


@pytest.fixture(scope="module")
def simulator() -> Iterator[Any]:
    with embedded.simulator_in_thread() as running:
        yield running


def test_every_documented_call_is_understood(simulator: Any) -> None:
    """Each one at least once with success; what it says is looked at on the way."""

    async def tour() -> list[CallRecord]:
        seat = Seat(simulator.sandbox)
        shop = await seat.connect()
        await sell(seat, shop)
        await change_orders(seat, shop)
        await settle(seat, shop)
        await stock(shop)
        await take_back(seat, shop)
        await look_around(seat, shop)
        await seat.http.close()
        live = Seat(simulator.live)
        await live.connect()
        code = live.market.control("POST", f"/shops/{live.shop_id}/resend-code", {})["resend_code"]
        assert (await live.client.for_app().get_token_by_resend_code(code)).tokens
        await live.http.close()
        return [*seat.records, *live.records]

    records = asyncio.run(tour())
    understood = {
        record.path.removeprefix("/api/v2/") for record in records if record.status == 200 and not record.code
    }
    assert {f"{area}/{name}" for area, names in DOCUMENTED.items() for name in names.split()} - understood == set()
    assert [record.path for record in records if record.code in {"error_sign", "error_param"}] == []


async def sell(seat: Seat, shop: Any) -> None:
    """Orders are found, shipped, labelled and followed."""
    numbers = [seat.order() for _ in range(4)]
    found = await all_of(shop.order.iter_orders(seat.now() - timedelta(days=40), seat.now() + timedelta(hours=1)))
    assert set(numbers) <= {one.order_sn for one in found}
    details = await shop.order.get_order_detail([*numbers, UNKNOWN])
    assert {order.order_sn for order in details.order_list} == set(numbers)
    assert all(order.order_status is OrderStatus.READY_TO_SHIP for order in details.order_list)
    assert all(order.money(order.total_amount).amount > 0 for order in details.order_list)
    packages = {order.order_sn: order.package_list[0].package_number for order in details.order_list}
    assert set(numbers) <= {one.order_sn for one in await all_of(shop.order.iter_shipments())}
    search = PackageSearch(package_status=PackageFilter.ALL)
    assert set(packages.values()) <= {one.package_number for one in await all_of(shop.order.iter_packages(search))}

    first, second, third, _ = numbers
    parameter = await shop.logistics.get_shipping_parameter(first)
    address = parameter.pickup.address_list[0]
    pickup = Pickup(address.address_id, address.time_slot_list[0].pickup_time_id)
    await shop.logistics.ship_order(first, pickup)
    slot = address.time_slot_list[-1].pickup_time_id
    await shop.logistics.update_shipping_order(first, address_id=address.address_id, pickup_time_id=slot)
    batch = await shop.logistics.batch_ship_order([OrderOrPackage(second), OrderOrPackage(UNKNOWN)], pickup)
    assert [bool(one.fail_error) for one in batch.result_list] == [False, True]
    await shop.logistics.get_mass_shipping_parameter([packages[third]])
    mass = await shop.logistics.mass_ship_order([packages[third], "OFG000000000000000"], pickup)
    assert [one.package_number for one in mass.success_list] == [packages[third]]
    assert len(mass.fail_list) == 1
    failed = await shop.logistics.batch_ship_order([OrderOrPackage(UNKNOWN)], pickup)
    assert failed.refusal == "common.batch_api_all_failed"
    (package,) = (await shop.order.get_package_detail([packages[first]])).package_list
    assert package.fulfillment_status is PackageStatus.LOGISTICS_REQUEST_CREATED

    tracking = await shop.logistics.get_tracking_number(first)
    several = await shop.logistics.get_mass_tracking_number([packages[first]])
    assert several.success_list[0].tracking_number == tracking.tracking_number != ""
    assert (await shop.logistics.get_tracking_info(first)).order_sn == first
    assert (await shop.logistics.get_address_list()).address_list
    assert (await shop.logistics.get_channel_list()).logistics_channel_list
    await label(shop, first, tracking.tracking_number)


async def label(shop: Any, order_sn: str, tracking_number: str) -> None:
    """A label is refused until it was made, and then a file."""
    (kinds,) = (await shop.documents.get_shipping_document_parameter([OrderOrPackage(order_sn)])).result_list
    wanted = [
        DocumentOrder(
            order_sn,
            tracking_number=tracking_number,
            shipping_document_type=kinds.suggest_shipping_document_type,
        )
    ]
    with pytest.raises(errors.RemoteRejected, match="should_print_first"):
        await shop.documents.download_shipping_document(wanted)
    await shop.documents.create_shipping_document(wanted)
    (result,) = (await shop.documents.get_shipping_document_result(wanted)).result_list
    assert result.status is DocumentStatus.READY
    document = await shop.documents.download_shipping_document(wanted)
    assert document.kind is FileKind.PDF


async def change_orders(seat: Seat, shop: Any) -> None:
    """Orders are noted on, cancelled, split and put together."""
    order_sn = seat.order()
    await shop.order.set_note(order_sn, "Mind the cat.")
    assert (await shop.order.get_order_detail([order_sn])).order_list[0].note == "Mind the cat."
    with pytest.raises(errors.RemoteRejected, match="should be IN_CANCEL"):
        await shop.order.handle_buyer_cancellation(order_sn, BuyerCancellation.ACCEPT)
    seat.market.step(order_sn, "request_cancel")
    assert (await shop.order.handle_buyer_cancellation(order_sn, BuyerCancellation.REJECT)).update_time
    assert (await shop.order.cancel_order(order_sn, CancelReason.CUSTOMER_REQUEST)).update_time
    with pytest.raises(errors.RemoteRejected, match="Can not cancel"):
        await shop.order.cancel_order(order_sn, CancelReason.CUSTOMER_REQUEST)
    order_sn, lines = await order_of_several_lines(seat, shop)
    split = await shop.order.split_order(order_sn, [[PackedItem(one.item_id, one.model_id or 0)] for one in lines])
    assert len(split.package_list) == len(lines)
    await shop.order.unsplit_order(order_sn)
    await shop.order.get_pending_buyer_invoice_order_list()


async def order_of_several_lines(seat: Seat, shop: Any) -> tuple[str, Any]:
    for _ in range(50):
        order_sn = seat.order()
        (order,) = (await shop.order.get_order_detail([order_sn])).order_list
        if len({(line.item_id, line.model_id) for line in order.item_list}) > 1:
            return order_sn, order.item_list
    raise AssertionError("the simulator gives orders of one line only")


async def settle(seat: Seat, shop: Any) -> None:
    """Money of orders, income, wallet and payouts agree with each other."""
    order_sn = seat.order("ship", "pickup", "deliver", "complete")
    escrow = await shop.payment.get_escrow_detail(order_sn)
    (row,) = (await shop.payment.get_escrow_detail_batch([order_sn])).rows
    assert row.escrow_detail.order_income.escrow_amount == escrow.order_income.escrow_amount
    with pytest.raises(errors.RemoteNotFound):
        await shop.payment.get_escrow_detail(UNKNOWN)
    span, today = seat.window(), seat.now().date()
    released = {one.order_sn: one.payout_amount for one in await all_of(shop.payment.iter_escrows(*span))}
    assert released[order_sn] == escrow.order_income.escrow_amount
    assert (await shop.payment.get_income_overview()).total_income.released_amount > 0
    days = (today - timedelta(days=13), today + timedelta(days=1))
    income = await all_of(shop.payment.iter_income(IncomeStatus.RELEASED, *days))
    assert order_sn in {one.order_sn for one in income}
    report = await shop.payment.generate_income_report(*span)
    assert (await shop.payment.get_income_report(report.id)).id == report.id
    statement = await shop.payment.generate_income_statement(*span, statement_type=1)
    assert (await shop.payment.get_income_statement(statement.id)).id == statement.id
    wallet = await all_of(shop.payment.iter_wallet_transactions(*span))
    assert order_sn in {one.order_sn for one in wallet}
    assert await all_of(shop.payment.iter_payouts(*span))
    assert await all_of(shop.payment.iter_payout_details(*span))
    assert await all_of(shop.payment.iter_billing_transactions(1))


async def stock(shop: Any) -> None:
    """Stock and prices that are set are read back."""
    every = {one.item_id for one in await all_of(shop.product.iter_items([ItemStatus.NORMAL, ItemStatus.UNLIST]))}
    items = (await shop.product.get_item_base_info(sorted(every)[:50])).item_list
    item_id = next(one.item_id for one in items if one.has_model)
    await shop.product.get_item_extra_info([item_id])
    variant = (await shop.product.get_model_list(item_id)).model[0]
    place = variant.stock_info_v2.seller_stock[0].location_id or None
    wanted = VariantStock(variant.model_id, (PlacedStock(stock=77, location_id=place),))
    absent = VariantStock(999, (PlacedStock(stock=1),))
    results = await shop.product.update_stock(item_id, [wanted, absent])
    assert ([one.stock for one in results.success_list], [one.model_id for one in results.failure_list]) == (
        [77],
        [999],
    )
    assert not (await shop.product.update_stock(item_id, [wanted])).refusal
    await shop.product.update_price(item_id, [VariantPrice(variant.model_id, Decimal("12.50"))])
    await shop.product.update_model(item_id, [VariantChange(model_id=variant.model_id, model_sku="KOPI-77")])
    changed = (await shop.product.get_model_list(item_id)).model[0]
    assert changed.model_sku == "KOPI-77"
    assert changed.price_info[0].original_price == Decimal("12.50")
    assert [one.stock for one in changed.stock_info_v2.seller_stock] == [77]
    await shop.product.unlist_item([ItemListing(item_id, unlist=True)])
    await shop.product.get_item_promotion([item_id])
    assert set(await all_of(shop.product.iter_found_items(item_name="a"))) <= every
    with pytest.raises(errors.RemoteNotFound):
        await shop.product.update_stock(999_999, [wanted])


async def take_back(seat: Seat, shop: Any) -> None:
    """Returns are found, negotiated, disputed, proven and confirmed."""
    raised = []
    for _ in range(4):
        order_sn = seat.order("ship", "pickup", "deliver")
        wish = {"needs_logistics": True}
        raised.append(seat.market.control("POST", f"/orders/{order_sn}/returns", wish)["return_sn"])
    asked = ReturnFilter(status=ReturnStatus.REQUESTED)
    assert {one.return_sn for one in await all_of(shop.returns.iter_returns(*seat.window(), only=asked))} == set(raised)
    proven, offered, disputed, confirmed = raised
    detail = await shop.returns.get_return_detail(proven)
    assert detail.money(detail.refund_amount).amount > 0
    picture = await shop.returns.convert_image(proven, b"\xff\xd8\xff\xe0")
    await shop.returns.upload_proof(proven, [Photo(picture.url, picture.thumbnail)], description="It was whole.")
    assert [one.url for one in (await shop.returns.query_proof(proven)).image] == [picture.url]
    carriers = (await shop.returns.get_shipping_carrier(proven)).reverse_logistics_carrier_list
    carrier = carriers[0].reverse_logistics_carrier_id
    await shop.returns.upload_shipping_proof(proven, carrier, tracking_number="ABC12345", image_ids=["i1"])
    assert (await shop.returns.get_reverse_tracking_info(proven)).return_sn == proven
    assert (await shop.returns.get_available_solutions(proven)).offer_refund.eligibility
    await shop.returns.offer(proven, ReturnSolution.REFUND, refund_amount=Decimal("1.00"))
    await shop.returns.accept_offer(offered)
    reasons = (await shop.returns.get_return_dispute_reason(disputed)).dispute_reason_list
    email = "seller@example.test"
    reason = reasons[0].dispute_reason_id or 1
    await shop.returns.dispute(disputed, email=email, dispute_reason_id=reason, text="It was whole.")
    await shop.returns.cancel_dispute(disputed, email=email)
    await shop.returns.confirm(confirmed)
    assert (await shop.returns.get_return_detail(confirmed)).status is not ReturnStatus.REQUESTED


async def look_around(seat: Seat, shop: Any) -> None:
    """The shop, the app, its merchants and its lost pushes."""
    assert (await shop.shop.get_shop_info()).expire_time > seat.now()
    await shop.shop.update_profile(description="Kopi, and nothing else.")
    assert (await shop.shop.get_profile()).description == "Kopi, and nothing else."
    assert (await shop.shop.get_warehouse_detail()).rows
    assert await all_of(shop.shop.iter_notifications())
    client, app = seat.client, seat.client.for_app()
    assert await client.get_ip_ranges()
    assert seat.shop_id in {one.shop_id for one in (await client.list_authorized_shops(cursor=None)).rows}
    assert (await app.get_payment_method_list()).rows
    await merchants(seat)
    seat.market.push_to(NOWHERE)
    await client.set_push_config(PushConfigChange(codes_on=(3,)))
    assert 3 in (await client.get_push_config()).codes_on
    await lost_pushes(seat, app)


async def merchants(seat: Seat) -> None:
    """A main account's pair is one merchant's after a refresh."""
    account = seat.market.control("GET", "/state?orders=0&deliveries=0")["main_accounts"][0]["main_account_id"]
    wish = {"partner_id": seat.market.app["partner_id"], "main_account_id": account, "redirect": NOWHERE}
    code = seat.market.control("POST", "/authorizations", wish)["code"]
    grant = await seat.client.exchange_main_account_code(code, str(account))
    merchant_id = grant.merchant_ids[0]
    tokens = await seat.client.refresh_merchant(merchant_id, grant.tokens.refresh_token)
    merchant = seat.client.for_merchant(merchant_id, tokens.access_token).merchant
    assert (await merchant.get_merchant_info()).merchant_name
    assert {str(one.shop_id) for one in await all_of(merchant.iter_shops())} >= set(grant.shop_ids)
    assert merchant_id in {one.merchant_id for one in (await seat.client.list_authorized_merchants(cursor=None)).rows}


async def lost_pushes(seat: Seat, app: Any) -> None:
    """What nobody takes is lost after the third retry, handed over page by page, and gone once confirmed."""
    seat.order()
    for _ in range(200):
        seat.market.advance(11_000)
        if (await app.get_lost_push_message()).push_message_list:
            break
        await asyncio.sleep(0.05)
    pushes = [push async for page in app.take_lost_pushes() for push in page.push_message_list]
    assert pushes
    assert all(push.body().startswith(b"{") for push in pushes)


def test_a_clock_ten_minutes_off_is_put_right_by_the_answer(simulator: Any) -> None:
    async def ask() -> list[str]:
        seat = Seat(simulator.live, behind=timedelta(minutes=10))
        await seat.client.get_ip_ranges()
        await seat.client.get_ip_ranges()
        await seat.http.close()
        return [record.code for record in seat.records]

    assert asyncio.run(ask()) == ["error_param", "", ""]


REFUSED = {
    "error_rate_limit": errors.RateLimited,
    "error_limit": errors.QuotaExhausted,
    "error_server": errors.RemoteUnavailable,
    "product.error_system_busy": errors.RemoteUnavailable,
    "common. error_inner": errors.RemoteUnavailable,
    "invalid_acceess_token": errors.AuthExpired,
    "shop_no_linked": errors.NeedsReconnect,
    "error_partner_key_expired": errors.RemoteMisconfigured,
    "shop_banned": errors.NeedsReconnect,
    "error_not_found": errors.RemoteNotFound,
    "error_unheard_of": errors.RemoteRejected,
}


def test_refusals_arrive_as_their_families(simulator: Any) -> None:
    async def ask() -> dict[str, type]:
        seat = Seat(simulator.live)
        shop, found = await seat.connect(), {}
        for code in REFUSED:
            seat.market.fail(path="/api/v2/shop/get_profile", error=code, times=1)
            with pytest.raises(errors.KedaiError) as raised:
                await shop.shop.get_profile()
            found[code] = type(raised.value)
        with pytest.raises(errors.RemoteMisconfigured, match="Wrong sign"):
            await seat.with_key("not-the-real-key-0123456789abcdef").get_ip_ranges()
        with pytest.raises(errors.AuthExpired):
            await seat.client.for_shop(seat.shop_id, Secret("no token")).shop.get_shop_info()
        with pytest.raises(errors.RemoteRejected):
            await shop.logistics.ship_order(UNKNOWN, Dropoff())
        await seat.http.close()
        return found

    assert asyncio.run(ask()) == REFUSED


def test_orders_with_packages_and_what_they_earned_come_over_the_wire_and_add_up(simulator: Any) -> None:
    async def tour() -> None:
        seat = Seat(simulator.sandbox)
        shop = await seat.connect()
        token, numbers = shop.payment._bearer.access_token, [seat.order("ship", "pickup", "deliver", "complete")]
        await _check_orders(seat, token, numbers)
        span = {"released_from": seat.now() - timedelta(hours=1), "released_to": seat.now() + timedelta(hours=1)}
        page = await seat.client.list_released(seat.shop_id, token, **span, cursor=None)
        payouts = {one.order_sn: one.payout for one in page.rows}
        (settled,) = await seat.client.get_settlements(seat.shop_id, token, [*numbers, UNKNOWN])
        amounts = settled.amounts
        assert amounts.earned == payouts[numbers[0]]
        assert sum(one for name in PARTS if (one := getattr(amounts, name)) is not None) == amounts.earned
        shares = spread(settled, "SGD")
        assert sum(one.earned for one in shares if one.earned is not None) == amounts.earned
        assert await seat.client.get_settlements(seat.shop_id, token, [UNKNOWN]) == ()
        await seat.http.close()

    asyncio.run(tour())


async def _check_orders(seat: Seat, token: Secret, numbers: list[str]) -> None:
    (order,) = await seat.client.get_orders(seat.shop_id, token, numbers)
    assert order.status == "COMPLETED"
    assert [package.status for package in order.packages] == ["LOGISTICS_DELIVERY_DONE"]
    assert order.recipient.name
    assert order.recipient.address
