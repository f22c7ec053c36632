"""Calls Shopee for one environment's app: signs, sends, and turns answers into values or error families."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Final, TypeVar

from kedai.connectors.base import Http, HttpAnswer
from kedai.connectors.shopee import auth
from kedai.connectors.shopee.errors import from_status, to_error
from kedai.connectors.shopee.mapping import ORDER_NUMBER, to_order_page, to_shop_profile, to_snapshots, to_token_set
from kedai.connectors.shopee.schemas import (
    OrderDetails,
    OrderList,
    ShopInfo,
    Tokens,
    find_refusal,
    read_envelope,
    read_payload,
)
from kedai.connectors.shopee.sign import sign_public, sign_shop
from kedai.errors import Invalid, RemoteNotFound
from kedai.values.credentials import Credentials, Grant, ShopProfile, TokenSet
from kedai.values.order import OrderListEntry, OrderSnapshot, Page
from kedai.values.secret import Secret

ORDERS_PER_CALL: Final = 50
LONGEST_WINDOW: Final = timedelta(days=15)

_SHOP_PATH = "/api/v2/shop/get_shop_info"
_LIST_PATH = "/api/v2/order/get_order_list"
_DETAIL_PATH = "/api/v2/order/get_order_detail"
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
    """Implements `kedai.connectors.base.Client` (contract §2, §3, §5). Besides what each method names, all raise:

    `RateLimited`, `RemoteMisconfigured`, `RemoteRejected`, `RemoteUnavailable`, `RemoteUnreadable`, and for POSTs
    `OutcomeUnknown`; with a shop's token also `AuthExpired` and `NeedsReconnect` (contract §6.5).
    """

    def __init__(self, http: Http, credentials: Credentials) -> None:
        self._http = http
        self._credentials = credentials

    def authorization_url(self, redirect_url: str, now: datetime) -> str:
        """The link to the consent page, good for five minutes (contract §3.1)."""
        return auth.authorization_url(self._credentials, redirect_url, now)

    async def exchange_code(self, code: str, shop_id: str) -> Grant:
        """Exchange a one-time code for the first pair (contract §3.3).

        Raises:
            Invalid: it can be no code. RemoteRejected: used, expired, wrong or another shop's.
        """
        now = self._http.clock.now()
        body = auth.exchange_body(self._credentials, code, shop_id)
        tokens = await self._post_public(auth.EXCHANGE_PATH, body, Tokens, shop_id)
        return auth.to_grant(tokens, shop_id, now)

    async def refresh(self, shop_id: str, refresh_token: Secret) -> TokenSet:
        """Use up a refresh token for a new pair (contract §3.4).

        Raises:
            NeedsReconnect: it is used up, or the authorisation has ended.
        """
        now = self._http.clock.now()
        body = auth.refresh_body(self._credentials, refresh_token, shop_id)
        tokens = await self._post_public(auth.REFRESH_PATH, body, Tokens, shop_id)
        auth.check_shop(tokens, shop_id)
        return to_token_set(tokens, now)

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
            raise Invalid("The window of an order list is longer than nothing and at most 15 days.")
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
            raise Invalid("At most 50 order numbers of letters and digits in one call.", field="order_sns")
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

    async def _get(
        self, path: str, query: Sequence[tuple[str, str]], shape: type[Shape], shop_id: str, access_token: Secret
    ) -> Shape:
        app, timestamp = self._credentials, int(self._http.clock.now().timestamp())
        shop_id = str(auth.to_number(shop_id))
        sign = sign_shop(app.partner_key, app.partner_id, path, timestamp, access_token=access_token, shop_id=shop_id)
        common = [*self._common(timestamp, sign), ("access_token", access_token.reveal()), ("shop_id", shop_id)]
        answer = await self._http.send(app, "GET", path, [*common, *query], shop_id=shop_id)
        return self._read(answer, "GET", shape)

    async def _post_public(self, path: str, body: bytes, shape: type[Shape], shop_id: str) -> Shape:
        app, timestamp = self._credentials, int(self._http.clock.now().timestamp())
        sign = sign_public(app.partner_key, app.partner_id, path, timestamp)
        answer = await self._http.send(app, "POST", path, self._common(timestamp, sign), json=body, shop_id=shop_id)
        return self._read(answer, "POST", shape)

    def _common(self, timestamp: int, sign: str) -> list[tuple[str, str]]:
        return [("partner_id", self._credentials.partner_id), ("timestamp", str(timestamp)), ("sign", sign)]

    def _read(self, answer: HttpAnswer, method: str, shape: type[Shape]) -> Shape:
        envelope = read_envelope(answer)
        if envelope is None:
            raise from_status(answer, method)
        refusal = find_refusal(envelope, method, answer)
        if refusal is not None:
            raise to_error(refusal, self._http.clock.now())
        return read_payload(envelope, answer, shape)
