"""What Shopee answers about income, payouts and the wallet (contract §5.3)."""

from __future__ import annotations

from kedai.connectors.shopee.api.reading import Answer, Exact, Instant, Model
from kedai.connectors.shopee.api.words import ReportStatus


class TotalIncome(Model, frozen=True, kw_only=True):
    """Sums of income by state."""

    pending_amount: Exact = None
    to_release_amount: Exact = None
    released_amount: Exact = None


class IncomeOverview(Answer, frozen=True, kw_only=True):
    """Sums of income; top level or ``response``, both are read (§5.3)."""

    latest_payout_date: str | None = None
    total_income: TotalIncome | None = None


class NextPage(Model, frozen=True, kw_only=True):
    """Where a list goes on."""

    cursor: str | None = None
    page_size: int | None = None


class IncomeRow(Model, frozen=True, kw_only=True):
    """The income of one order."""

    payment_method: str | None = None
    order_sn: str | None = None
    description: str | None = None
    status: str | None = None
    currency: str = ""
    estimated_escrow_amount: Exact = None
    estimated_payout_time: Instant = None
    to_release_amount: Exact = None
    creation_date: Instant = None
    released_amount: Exact = None
    actual_payout_time: Instant = None


class IncomePart(Model, frozen=True, kw_only=True):
    """A page of income."""

    next_page: NextPage | None = None
    items: tuple[IncomeRow, ...] = ()


class IncomePage(Answer, frozen=True, kw_only=True):
    """Answer of ``payment/get_income_detail``."""

    income_detail_list: IncomePart | None = None


class ReportRequested(Answer, frozen=True, kw_only=True):
    """The id to ask for a report by."""

    id: int
    msg: str | None = None


class Report(Answer, frozen=True, kw_only=True):
    """A report or statement, and where it can be fetched."""

    id: int
    msg: str | None = None
    file_name: str | None = None
    status: ReportStatus | None = None
    generated_time: Instant = None
    file_link: str | None = None


class PaidOrder(Model, frozen=True, kw_only=True):
    """An order that a transaction pays."""

    order_sn: str | None = None
    shop_name: str | None = None


class WalletTransaction(Model, frozen=True, kw_only=True):
    """Something that moved in the wallet; it names no currency."""

    status: str | None = None
    transaction_type: str | None = None
    txn_title: str | None = None
    amount: Exact = None
    current_balance: Exact = None
    create_time: Instant = None
    order_sn: str | None = None
    refund_sn: str | None = None
    withdrawal_type: str | None = None
    transaction_fee: Exact = None
    description: str | None = None
    buyer_name: str | None = None
    pay_order_list: tuple[PaidOrder, ...] = ()
    shop_name: str | None = None
    withdrawal_id: int | None = None
    reason: str | None = None
    root_withdrawal_id: int | None = None
    transaction_tab_type: str | None = None
    money_flow: str | None = None
    outlet_shop_name: str | None = None


class WalletPage(Answer, frozen=True, kw_only=True):
    """A page of ``get_wallet_transaction_list``."""

    more: bool
    transaction_list: tuple[WalletTransaction, ...] = ()


class Payout(Model, frozen=True, kw_only=True):
    """Money paid out, and at which rate of exchange."""

    from_currency: str | None = None
    payout_currency: str | None = None
    from_amount: Exact = None
    payout_amount: Exact = None
    exchange_rate: Exact = None
    payout_time: Instant = None
    pay_service: str | None = None
    payee_id: str | None = None
    encrypted_payout_id: str | None = None


class PayoutPage(Answer, frozen=True, kw_only=True):
    """A page of ``get_payout_info``."""

    more: bool
    payout_list: tuple[Payout, ...] = ()
    next_cursor: str | None = None


class PayoutEscrow(Model, frozen=True, kw_only=True):
    """The part of an order in a payout."""

    escrow_amount: Exact = None
    currency: str = ""
    order_sn: str | None = None


class OfflineAdjustment(Model, frozen=True, kw_only=True):
    """Something added to or taken from a payout."""

    adjustment_amount: Exact = None
    module: str | None = None
    remark: str | None = None
    scenario: str | None = None
    adjustment_level: str | None = None
    order_sn: str | None = None


class PayoutDetail(Model, frozen=True, kw_only=True):
    """A payout and what it is made of."""

    payout_info: Payout | None = None
    escrow_list: tuple[PayoutEscrow, ...] = ()
    offline_adjustment_list: tuple[OfflineAdjustment, ...] = ()


class PayoutDetailPage(Answer, frozen=True, kw_only=True):
    """A page of ``get_payout_detail``."""

    more: bool
    payout_list: tuple[PayoutDetail, ...] = ()


class BillingTransaction(Model, frozen=True, kw_only=True):
    """Something that was billed."""

    amount: Exact = None
    currency: str = ""
    order_sn: str | None = None
    cost_header: str | None = None
    scenario: str | None = None
    remark: str | None = None
    level: str | None = None
    billing_transaction_type: str | None = None
    billing_transaction_status: str | None = None


class BillingPage(Answer, frozen=True, kw_only=True):
    """A page of ``get_billing_transaction_info``."""

    more: bool
    transactions: tuple[BillingTransaction, ...] = ()
    next_cursor: str | None = None


class PaymentMethods(Model, frozen=True, kw_only=True):
    """How buyers of a market can pay."""

    payment_method: tuple[str, ...] = ()
    region: str | None = None


class PaymentMethodList(Answer, frozen=True, kw_only=True):
    """How buyers can pay, market by market."""

    rows: tuple[PaymentMethods, ...] = ()
