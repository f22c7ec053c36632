"""Calls Shopee for one environment's app: signs, sends, and turns answers into values or error families."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Final, TypeVar

import msgspec

from kedai.connectors.base import UNPACED, Http, Pacing
from kedai.connectors.shopee import app, auth, listings, lost
from kedai.connectors.shopee.api.app_calls import AppCalls
from kedai.connectors.shopee.api.areas import MerchantCalls, ShopCalls
from kedai.connectors.shopee.api.caller import Bearer, Call, Caller, encode
from kedai.connectors.shopee.api.checks import MOST_ORDERS, check_numbers
from kedai.connectors.shopee.auth import Subject
from kedai.connectors.shopee.mapping import ORDER_NUMBER, to_order_page, to_shop_profile, to_snapshots, to_token_set
from kedai.connectors.shopee.schemas import (
    OrderDetails,
    OrderList,
    ShopInfo,
    Tokens,
    clean_text,
    read_payload,
)
from kedai.connectors.shopee.settling import to_released_page, to_settlements
from kedai.errors import Invalid, RemoteNotFound
from kedai.values.app import (
    AuthorizedMerchant,
    AuthorizedShop,
    ConsentLink,
    LostPushes,
    MerchantProfile,
    PushConfig,
    PushConfigChange,
)
from kedai.values.credentials import Credentials, Grant, ShopProfile, TokenSet
from kedai.values.listing import Listing
from kedai.values.order import OrderListEntry, OrderSnapshot, Page
from kedai.values.secret import Secret
from kedai.values.settlement import ReleasedOrder, Settlement
from kedai.values.wording import N_

ORDERS_PER_CALL: Final = 50
LONGEST_WINDOW: Final = timedelta(days=15)

_SHOP_PATH = "/api/v2/shop/get_shop_info"
_LIST_PATH = "/api/v2/order/get_order_list"
_DETAIL_PATH = "/api/v2/order/get_order_detail"
_ESCROW_PATH = "/api/v2/payment/get_escrow_detail_batch"
_PAGE_SIZE = "100"
# Fields that are not named are absent from the answer, and what is absent cannot be looked up later (contract §5.1).
_DETAIL_FIELDS = (
    "buyer_user_id",
    "buyer_username",
    "recipient_address",
    "note",
    "note_update_time",
    "item_list",
    "pay_time",
    "dropshipper",
    "dropshipper_phone",
    "split_up",
    "buyer_cancel_reason",
    "cancel_by",
    "cancel_reason",
    "estimated_shipping_fee",
    "actual_shipping_fee",
    "actual_shipping_fee_confirmed",
    "goods_to_declare",
    "fulfillment_flag",
    "pickup_done_time",
    "package_list",
    "shipping_carrier",
    "payment_method",
    "total_amount",
    "invoice_data",
    "order_chargeable_weight_gram",
    "return_request_due_date",
    "edt",
    "payment_info",
)

Shape = TypeVar("Shape")


class ShopeeClient:
    """Implements `Client`, `MainAccounts`, `Resends`, `Probes`, `KeepsLostPushes`, `Settles` and `ReadsListings`.

    Besides what each method names, all raise
    `RateLimited`, `RemoteMisconfigured`, `RemoteRejected`, `RemoteUnavailable`, `RemoteUnreadable`, and for POSTs
    `OutcomeUnknown`; with a shop's token also `AuthExpired` and `NeedsReconnect` (contract §6.5).
    """

    def __init__(self, http: Http, credentials: Credentials, pacing: Pacing = UNPACED) -> None:
        self._http = http
        self._credentials = credentials
        self._caller = Caller(http, credentials, pacing)

    def for_shop(self, shop_id: str, access_token: Secret) -> ShopCalls:
        """Every call that a shop's token allows, by area: ``client.for_shop(…).order.get_order_list(…)``."""
        return ShopCalls(self._caller, Bearer.shop(shop_id, access_token))

    def for_merchant(self, merchant_id: str, access_token: Secret) -> MerchantCalls:
        """Every call that a merchant's token allows."""
        return MerchantCalls(self._caller, Bearer.merchant(merchant_id, access_token))

    def for_app(self) -> AppCalls:
        """The calls that need no token, beyond those of `Probes`."""
        return AppCalls(self._caller)

    def authorization_url(
        self, redirect_url: str, now: datetime, *, state: str = "", link: ConsentLink = ConsentLink.SIGNED
    ) -> str:
        """The link to the consent page; the signed form is good for five minutes (contract §3.1)."""
        return auth.authorization_url(self._credentials, redirect_url, now, state=state, link=link)

    async def exchange_code(self, code: str, shop_id: str) -> Grant:
        """Exchange a shop account's one-time code for the first pair (contract §3.3).

        Raises:
            Invalid: it can be no code. RemoteRejected: used, expired, wrong or another shop's.
        """
        return await self._exchange(code, Subject("shop_id", shop_id))

    async def exchange_main_account_code(self, code: str, main_account_id: str) -> Grant:
        """Exchange a main account's code for one pair that all its shops and merchants share (contract §3.4).

        Raises:
            As `exchange_code`.
        """
        return await self._exchange(code, Subject("main_account_id", main_account_id))

    async def exchange_resend_code(self, code: str) -> Grant:
        """Exchange the code of the console's "resend" for a pair that was lost; live only (contract §3.5).

        Raises:
            As `AppCalls.get_token_by_resend_code`.
        """
        return await self.for_app().get_token_by_resend_code(code)

    async def refresh(self, shop_id: str, refresh_token: Secret) -> TokenSet:
        """Use up a refresh token for a new pair of this shop (contract §3.4).

        Raises:
            NeedsReconnect: it is used up, or the authorisation has ended.
        """
        return await self._refresh(Subject("shop_id", shop_id), refresh_token)

    async def refresh_merchant(self, merchant_id: str, refresh_token: Secret) -> TokenSet:
        """Use up a refresh token for a new pair of this merchant.

        Raises:
            As `refresh`.
        """
        return await self._refresh(Subject("merchant_id", merchant_id), refresh_token)

    async def get_merchant(self, merchant_id: str, access_token: Secret) -> MerchantProfile:
        """Describe the merchant and the span of its authorisation (contract §5.5)."""
        bearer = Bearer.merchant(merchant_id, access_token)
        answer = await self._caller.exchange(Call("GET", app.MERCHANT_PATH), bearer)
        return app.to_merchant_profile(read_payload(answer, app.MerchantInfo), bearer.id)

    async def list_listings(self, shop_id: str, access_token: Secret, *, cursor: str | None) -> Page[Listing]:
        """What the shop offers, a page of items at a time, each with its variants (contract §5.4)."""
        return await listings.read_page(self.for_shop(shop_id, access_token).product, cursor)

    async def get_ip_ranges(self) -> tuple[str, ...]:
        """The networks that pushes come from (contract §3.5); needs nothing but the app's own signature."""
        ranges = await self._get_public(app.IP_RANGES_PATH, [], app.IpRanges)
        return tuple(clean_text(text) for text in ranges.ip_list or ())

    async def list_authorized_shops(self, *, cursor: str | None) -> Page[AuthorizedShop]:
        """One page of the shops that the app may act for, and until when (contract §3.5)."""
        query = app.page_query(cursor)
        return app.to_shop_page(await self._get_public(app.SHOPS_PATH, query, app.ListedShops), cursor)

    async def list_authorized_merchants(self, *, cursor: str | None) -> Page[AuthorizedMerchant]:
        """One page of the merchants that the app may act for, and until when (contract §3.5)."""
        query = app.page_query(cursor)
        return app.to_merchant_page(await self._get_public(app.MERCHANTS_PATH, query, app.ListedMerchants), cursor)

    async def get_push_config(self) -> PushConfig:
        """Where pushes go, which ones, and how our answers to them are rated (contract §4.3)."""
        return app.to_push_config(await self._get_public(app.PUSH_CONFIG_PATH, [], app.AppPushConfig))

    async def set_push_config(self, change: PushConfigChange) -> None:
        """Change the push configuration; a new address gets a test push first (contract §4.3).

        Raises:
            Invalid: it can never be accepted. RemoteRejected: the test push was not answered with an empty 2xx.
        """
        body = app.set_push_config_body(change)
        app.check_set(await self._post_public(app.SET_PUSH_CONFIG_PATH, body, app.PushConfigSet))

    async def get_lost_pushes(self) -> LostPushes:
        """The oldest hundred pushes of the last three days that nobody took and nobody confirmed (contract §4.3).

        Raises:
            RemoteUnreadable: there are some, but not what confirms them.
        """
        return lost.to_lost_pushes(await self._get_public(lost.LIST_PATH, [], lost.LostList))

    async def confirm_lost_pushes(self, last_id: str) -> None:
        """Let go of all of them up to this one (contract §4.3)."""
        await self._caller.exchange(Call("POST", lost.CONFIRM_PATH, json=lost.confirm_body(last_id), is_write=True))

    async def get_shop(self, shop_id: str, access_token: Secret) -> ShopProfile:
        """Describe the shop and the span of its authorisation (contract §5.5)."""
        return to_shop_profile(await self._get(_SHOP_PATH, [], ShopInfo, shop_id, access_token), shop_id)

    async def list_orders(
        self, shop_id: str, access_token: Secret, *, updated_from: datetime, updated_to: datetime, cursor: str | None
    ) -> Page[OrderListEntry]:
        """One page of the orders changed in a window of at most 15 days (contract §5.1).

        Raises:
            Invalid: the window is empty or too long.
        """
        if not timedelta() < updated_to - updated_from <= LONGEST_WINDOW:
            raise Invalid(N_("The window of an order list is longer than nothing and at most 15 days."))
        query = [
            ("time_range_field", "update_time"),
            ("time_from", str(int(updated_from.timestamp()))),
            ("time_to", str(int(updated_to.timestamp()))),
            ("page_size", _PAGE_SIZE),
            ("cursor", cursor or ""),
            ("response_optional_fields", "order_status"),
            ("request_order_status_pending", "true"),
        ]
        return to_order_page(await self._get(_LIST_PATH, query, OrderList, shop_id, access_token), cursor or "")

    async def get_orders(
        self, shop_id: str, access_token: Secret, order_sns: Sequence[str]
    ) -> tuple[OrderSnapshot, ...]:
        """Read at most 50 orders in one call; those that Shopee does not know are missing (contract §5.1).

        Raises:
            Invalid: too many, or one that is no order number: it would make Shopee refuse all of them.
        """
        asked = dict.fromkeys(order_sns)
        if len(asked) > ORDERS_PER_CALL or not all(map(ORDER_NUMBER.fullmatch, asked)):
            raise Invalid(N_("At most 50 order numbers of letters and digits in one call."), field="order_sns")
        if not asked:
            return ()
        query = [
            ("order_sn_list", ",".join(asked)),
            ("response_optional_fields", ",".join(_DETAIL_FIELDS)),
            ("request_order_status_pending", "true"),
        ]
        read_started_at = self._http.clock.now()
        try:
            details = await self._get(_DETAIL_PATH, query, OrderDetails, shop_id, access_token)
        except RemoteNotFound:  # said only where all of them are unknown
            return ()
        return to_snapshots(details, asked, read_started_at)

    async def list_released(
        self, shop_id: str, access_token: Secret, *, released_from: datetime, released_to: datetime, cursor: str | None
    ) -> Page[ReleasedOrder]:
        """One page of the orders whose money was paid out in a window (contract §5.3)."""
        page_no = int(cursor or 1)
        calls = self.for_shop(shop_id, access_token).payment
        return to_released_page(await calls.get_escrow_list(released_from, released_to, page_no=page_no), page_no)

    async def get_settlements(
        self, shop_id: str, access_token: Secret, order_sns: Sequence[str]
    ) -> tuple[Settlement, ...]:
        """What at most 50 orders earned; those that Shopee does not know are missing (contract §5.3).

        Raises:
            Invalid: too many, or one that is no order number.
        """
        body = encode({"order_sn_list": check_numbers(order_sns, "order_sn_list", MOST_ORDERS)})
        read_started_at = self._http.clock.now()
        call = Call("POST", _ESCROW_PATH, json=body)  # documented as a GET, but the live gateway wants a POST
        try:
            answer = await self._caller.exchange(call, Bearer.shop(shop_id, access_token))
        except RemoteNotFound:  # said only where all of them are unknown
            return ()
        return to_settlements(read_payload(answer, msgspec.Raw), set(order_sns), read_started_at)

    async def _get(
        self, path: str, query: Sequence[tuple[str, str]], shape: type[Shape], shop_id: str, access_token: Secret
    ) -> Shape:
        call = Call("GET", path, query)
        return read_payload(await self._caller.exchange(call, Bearer.shop(shop_id, access_token)), shape)

    async def _exchange(self, code: str, subject: Subject) -> Grant:
        now = self._http.clock.now()
        body = auth.exchange_body(self._credentials, code, subject)
        tokens = await self._post_public(auth.EXCHANGE_PATH, body, Tokens, shop_id=_shop_of(subject))
        return auth.to_grant(tokens, subject, now)

    async def _refresh(self, subject: Subject, refresh_token: Secret) -> TokenSet:
        now = self._http.clock.now()
        body = auth.refresh_body(self._credentials, refresh_token, subject)
        tokens = await self._post_public(auth.REFRESH_PATH, body, Tokens, shop_id=_shop_of(subject))
        auth.check_subject(tokens, subject)
        return to_token_set(tokens, now)

    async def _get_public(self, path: str, query: Sequence[tuple[str, str]], shape: type[Shape]) -> Shape:
        return read_payload(await self._caller.exchange(Call("GET", path, query)), shape)

    async def _post_public(self, path: str, body: bytes, shape: type[Shape], *, shop_id: str | None = None) -> Shape:
        call = Call("POST", path, json=body, is_write=True)
        return read_payload(await self._caller.exchange(call, shop_id=shop_id), shape)


def _shop_of(subject: Subject) -> str | None:
    """The shop that a call is noted under; merchants and main accounts have ids of another space."""
    return subject.id if subject.name == "shop_id" else None
