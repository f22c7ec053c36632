"""Calls that need no token: lost pushes, the resend code, payment methods (contract §2.2, §3.5, §4.3).

What the app is asked otherwise (authorised shops, push configuration, networks) is in `kedai.connectors.shopee.app`.
"""

from __future__ import annotations

from collections.abc import AsyncIterator

import msgspec

from kedai.connectors.shopee.api.caller import Call, Caller, encode
from kedai.connectors.shopee.api.payment_shapes import PaymentMethodList
from kedai.connectors.shopee.api.reading import Answer, Done, Instant, Model
from kedai.connectors.shopee.mapping import to_ids, to_token_set
from kedai.connectors.shopee.schemas import Tokens, read_payload
from kedai.errors import Invalid, RemoteUnreadable
from kedai.values.credentials import Grant


class LostPush(Model, frozen=True, kw_only=True):
    """A push that was never taken; ``timestamp`` is when it was given up. What it says is its `body`."""

    code: int
    timestamp: Instant = None
    shop_id: int | None = None

    def body(self) -> bytes:
        """The whole original body.

        It is typed as a text and shown as an object (open question 10): only the text has the bytes that were signed.
        """
        data = self.raw.get("data")
        return data.encode() if isinstance(data, str) else encode(data)


class LostPushPage(Answer, frozen=True, kw_only=True):
    """At most 100 lost pushes, the oldest first; only confirming leads on to the next."""

    push_message_list: tuple[LostPush, ...] = ()
    has_next_page: bool = False
    last_message_id: int | None = None


class AppCalls:
    """What the app's own signature allows. All raise what `Caller.ask` raises."""

    def __init__(self, caller: Caller) -> None:
        self._caller = caller

    async def get_lost_push_message(self) -> LostPushPage:
        """The oldest lost pushes of the last three days; the same ones again until they are confirmed."""
        return await self._caller.ask(Call("GET", "/api/v2/push/get_lost_push_message"), LostPushPage)

    async def confirm_consumed_lost_push_message(self, last_message_id: int) -> Done:
        """Drop all lost pushes up to this one: they must be stored before."""
        body = encode({"last_message_id": last_message_id})
        call = Call("POST", "/api/v2/push/confirm_consumed_lost_push_message", json=body, is_write=True)
        return await self._caller.ask(call, Done)

    async def take_lost_pushes(self) -> AsyncIterator[LostPushPage]:
        """Page after page of lost pushes; a page is confirmed when the next one is asked for, never before.

        Store each page in the body of the loop. Whoever leaves the loop early leaves its page unconfirmed.

        Raises:
            RemoteUnreadable: a page cannot be confirmed, or a confirmed one comes again.
        """
        confirmed: set[int] = set()
        while True:
            page = await self.get_lost_push_message()
            if not page.push_message_list:
                return
            last = page.last_message_id
            if last is None or last in confirmed:
                raise RemoteUnreadable("Shopee's lost pushes do not go on.")
            yield page
            await self.confirm_consumed_lost_push_message(last)
            confirmed.add(last)
            if not page.has_next_page:
                return

    async def get_token_by_resend_code(self, resend_code: str) -> Grant:
        """Exchange the code of the console's "resend" for a pair that was lost; live only (contract §3.5).

        Raises:
            Invalid: it can be no code. RemoteRejected: used, expired or wrong. OutcomeUnknown: the pair may be lost.
        """
        if not resend_code or not resend_code.isascii() or not resend_code.isprintable() or " " in resend_code:
            raise Invalid("This is no resend code.", field="resend_code")
        body = msgspec.json.encode({"resend_code": resend_code})
        now = self._caller.now()
        call = Call("POST", "/api/v2/public/get_token_by_resend_code", json=body, is_write=True)
        tokens = read_payload(await self._caller.exchange(call), Tokens)
        return Grant(to_token_set(tokens, now), to_ids(tokens.shop_id_list), to_ids(tokens.merchant_id_list))

    async def get_payment_method_list(self) -> PaymentMethodList:
        """How buyers can pay, market by market."""
        return await self._caller.ask(Call("GET", "/api/v2/payment/get_payment_method_list"), PaymentMethodList)
