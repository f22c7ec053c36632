"""Calls about income, reports, the wallet and payouts (contract §5.3); the money of an order is in `escrow`."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from datetime import date, datetime, timedelta
from typing import Final

from kedai.connectors.shopee.api.checks import LARGEST_PAGE, check_page_size, check_window
from kedai.connectors.shopee.api.escrow import Escrows
from kedai.connectors.shopee.api.paging import after_cursor, after_page, split_window, walk
from kedai.connectors.shopee.api.payment_shapes import (
    BillingPage,
    BillingTransaction,
    IncomeOverview,
    IncomePage,
    IncomeRow,
    Payout,
    PayoutDetail,
    PayoutDetailPage,
    PayoutPage,
    Report,
    ReportRequested,
    WalletPage,
    WalletTransaction,
)
from kedai.connectors.shopee.api.query import write_query
from kedai.connectors.shopee.api.words import IncomeStatus
from kedai.errors import Invalid

LONGEST_INCOME_SPAN: Final = timedelta(days=14)


class Payment(Escrows):
    """A shop's money. Besides what a method names, all raise what `Caller.ask` raises."""

    async def get_income_overview(self, *, income_status: IncomeStatus | None = None) -> IncomeOverview:
        """Sums of income by state."""
        query = write_query(income_status=income_status)
        return await self._get("/api/v2/payment/get_income_overview", IncomeOverview, query)

    async def get_income_detail(
        self,
        income_status: IncomeStatus,
        date_from: date,
        date_to: date,
        *,
        cursor: str = "",
        page_size: int = LARGEST_PAGE,
    ) -> IncomePage:
        """One page of income; the dates are the shop's own, at most 14 days, and matter for what is released only.

        Raises:
            Invalid: the span is one that Shopee refuses.
        """
        if not timedelta() <= date_to - date_from <= LONGEST_INCOME_SPAN:
            raise Invalid("The span of an income list is at most 14 days.", field="date_to")
        query = write_query(
            date_from=date_from,
            date_to=date_to,
            income_status=income_status,
            cursor=cursor,
            page_size=check_page_size(page_size),
        )
        return await self._get("/api/v2/payment/get_income_detail", IncomePage, query)

    async def iter_income(
        self, income_status: IncomeStatus, date_from: date, date_to: date
    ) -> AsyncIterator[IncomeRow]:
        """All income of a span of at most 14 days; it ends where no cursor is given, as there is no ``more``."""

        async def read(cursor: str) -> tuple[Sequence[IncomeRow], str | None]:
            page = await self.get_income_detail(income_status, date_from, date_to, cursor=cursor)
            part = page.income_detail_list
            if part is None:
                return (), None
            return part.items, (part.next_page and part.next_page.cursor) or None

        async for row in walk(read, ""):
            yield row

    async def generate_income_report(self, released_from: datetime, released_to: datetime) -> ReportRequested:
        """Have a report made; ask for it by its id. Documented as a GET, and harmless to repeat."""
        query = write_query(release_time_from=released_from, release_time_to=released_to)
        return await self._get("/api/v2/payment/generate_income_report", ReportRequested, query)

    async def get_income_report(self, income_report_id: int) -> Report:
        """Whether a report is ready, and where."""
        query = write_query(income_report_id=income_report_id)
        return await self._get("/api/v2/payment/get_income_report", Report, query)

    async def generate_income_statement(
        self, released_from: datetime, released_to: datetime, *, statement_type: int
    ) -> ReportRequested:
        """Have a statement made; ask for it by its id."""
        query = write_query(release_time_from=released_from, release_time_to=released_to, statement_type=statement_type)
        return await self._get("/api/v2/payment/generate_income_statement", ReportRequested, query)

    async def get_income_statement(self, income_statement_id: int) -> Report:
        """Whether a statement is ready, and where."""
        query = write_query(income_statement_id=income_statement_id)
        return await self._get("/api/v2/payment/get_income_statement", Report, query)

    async def get_wallet_transaction_list(
        self,
        *,
        created_from: datetime | None = None,
        created_to: datetime | None = None,
        page_no: int = 0,
        page_size: int = LARGEST_PAGE,
        wallet_type: str | None = None,
        transaction_type: str | None = None,
        money_flow: str | None = None,
        transaction_tab_type: str | None = None,
    ) -> WalletPage:
        """One page of what moved in the wallet, in a window of at most 15 days; pages count from 0.

        Raises:
            Invalid: the window is one that Shopee refuses.
        """
        if created_from is not None and created_to is not None:
            check_window(created_from, created_to, "created_to")
        query = write_query(
            page_no=page_no,
            page_size=check_page_size(page_size),
            create_time_from=created_from,
            create_time_to=created_to,
            wallet_type=wallet_type,
            transaction_type=transaction_type,
            money_flow=money_flow,
            transaction_tab_type=transaction_tab_type,
        )
        return await self._get("/api/v2/payment/get_wallet_transaction_list", WalletPage, query)

    async def iter_wallet_transactions(
        self, created_from: datetime, created_to: datetime
    ) -> AsyncIterator[WalletTransaction]:
        """All that moved in the wallet in a span of any length, window by window; one on an edge may come twice."""
        for begins_at, ends_at in split_window(created_from, created_to):

            async def read(
                page_no: int, begins_at: datetime = begins_at, ends_at: datetime = ends_at
            ) -> tuple[Sequence[WalletTransaction], int | None]:
                page = await self.get_wallet_transaction_list(
                    created_from=begins_at, created_to=ends_at, page_no=page_no
                )
                return page.transaction_list, after_page(page.more, page_no)

            async for row in walk(read, 0):
                yield row

    async def get_payout_info(
        self, paid_from: datetime, paid_to: datetime, *, cursor: str = "", page_size: int = LARGEST_PAGE
    ) -> PayoutPage:
        """One page of payouts in a window of at most 15 days."""
        check_window(paid_from, paid_to, "paid_to")
        query = write_query(
            payout_time_from=paid_from,
            payout_time_to=paid_to,
            page_size=check_page_size(page_size),
            cursor=cursor,
        )
        return await self._get("/api/v2/payment/get_payout_info", PayoutPage, query)

    async def iter_payouts(self, paid_from: datetime, paid_to: datetime) -> AsyncIterator[Payout]:
        """Every payout of a span of any length, window by window; one on an edge may come twice."""
        for begins_at, ends_at in split_window(paid_from, paid_to):

            async def read(
                cursor: str, begins_at: datetime = begins_at, ends_at: datetime = ends_at
            ) -> tuple[Sequence[Payout], str | None]:
                page = await self.get_payout_info(begins_at, ends_at, cursor=cursor)
                return page.payout_list, after_cursor(page.more, page.next_cursor)

            async for row in walk(read, ""):
                yield row

    async def get_payout_detail(
        self, paid_from: datetime, paid_to: datetime, *, page_no: int = 1, page_size: int = LARGEST_PAGE
    ) -> PayoutDetailPage:
        """One page of payouts and what they are made of, in a window of at most 15 days; pages count from 1."""
        check_window(paid_from, paid_to, "paid_to")
        query = write_query(
            page_size=check_page_size(page_size),
            page_no=page_no,
            payout_time_from=paid_from,
            payout_time_to=paid_to,
        )
        return await self._get("/api/v2/payment/get_payout_detail", PayoutDetailPage, query)

    async def iter_payout_details(self, paid_from: datetime, paid_to: datetime) -> AsyncIterator[PayoutDetail]:
        """Every payout of a span and what it is made of, window by window; one on an edge may come twice."""
        for begins_at, ends_at in split_window(paid_from, paid_to):

            async def read(
                page_no: int, begins_at: datetime = begins_at, ends_at: datetime = ends_at
            ) -> tuple[Sequence[PayoutDetail], int | None]:
                page = await self.get_payout_detail(begins_at, ends_at, page_no=page_no)
                return page.payout_list, after_page(page.more, page_no)

            async for row in walk(read, 1):
                yield row

    async def get_billing_transaction_info(
        self,
        billing_transaction_info_type: int,
        *,
        encrypted_payout_ids: Sequence[str] = (),
        cursor: str = "",
        page_size: int = LARGEST_PAGE,
    ) -> BillingPage:
        """One page of what was billed: to be released, or in the payouts named."""
        body = {
            "billing_transaction_info_type": billing_transaction_info_type,
            "encrypted_payout_ids": list(encrypted_payout_ids) or None,
            "cursor": cursor,
            "page_size": check_page_size(page_size),
        }
        return await self._read("/api/v2/payment/get_billing_transaction_info", BillingPage, body)

    async def iter_billing_transactions(
        self, billing_transaction_info_type: int, *, encrypted_payout_ids: Sequence[str] = ()
    ) -> AsyncIterator[BillingTransaction]:
        """All that was billed."""

        async def read(cursor: str) -> tuple[Sequence[BillingTransaction], str | None]:
            page = await self.get_billing_transaction_info(
                billing_transaction_info_type, encrypted_payout_ids=encrypted_payout_ids, cursor=cursor
            )
            return page.transactions, after_cursor(page.more, page.next_cursor)

        async for row in walk(read, ""):
            yield row
