"""What Shopee says of the app itself: who authorised it, where its pushes come from and go to (contract §3.5, §4.3)."""

from __future__ import annotations

from typing import Any, Final

import msgspec

from kedai.connectors.shopee.auth import to_number
from kedai.connectors.shopee.mapping import to_ids, to_instant
from kedai.connectors.shopee.schemas import clean_text
from kedai.errors import Invalid, RemoteUnreadable
from kedai.values.app import (
    AuthorizedMerchant,
    AuthorizedShop,
    MerchantProfile,
    PushConfig,
    PushConfigChange,
    PushStatus,
)
from kedai.values.order import Page
from kedai.values.wording import N_

IP_RANGES_PATH: Final = "/api/v2/public/get_shopee_ip_ranges"
SHOPS_PATH: Final = "/api/v2/public/get_shops_by_partner"
MERCHANTS_PATH: Final = "/api/v2/public/get_merchants_by_partner"
MERCHANT_PATH: Final = "/api/v2/merchant/get_merchant_info"
PUSH_CONFIG_PATH: Final = "/api/v2/push/get_app_push_config"
SET_PUSH_CONFIG_PATH: Final = "/api/v2/push/set_app_push_config"

_PAGE_SIZE = "100"
_MOST_PAGES = 100_000
_MOST_BLOCKED_SHOPS = 500
_LONGEST_URL = 2_000


class IpRanges(msgspec.Struct, frozen=True):
    """Answer of ``public/get_shopee_ip_ranges``."""

    ip_list: list[str] | None = None


class AffiliateShop(msgspec.Struct, frozen=True):
    """A SIP affiliate: authorised together with its primary shop."""

    affi_shop_id: int


class ListedShop(msgspec.Struct, frozen=True):
    """One row of ``public/get_shops_by_partner``; table and sample of the document spell the last list differently."""

    shop_id: int
    region: str | None = None
    auth_time: int | None = None
    expire_time: int | None = None
    sip_affi_shop_list: list[AffiliateShop] | None = None
    sip_affi_shops: list[AffiliateShop] | None = None


class ListedShops(msgspec.Struct, frozen=True):
    """Answer of ``public/get_shops_by_partner``: only ``more`` says whether it goes on."""

    more: bool
    authed_shop_list: list[ListedShop] | None = None


class ListedMerchant(msgspec.Struct, frozen=True):
    """One row of ``public/get_merchants_by_partner``."""

    merchant_id: int
    region: str | None = None
    auth_time: int | None = None
    expire_time: int | None = None


class ListedMerchants(msgspec.Struct, frozen=True):
    """Answer of ``public/get_merchants_by_partner``."""

    more: bool
    authed_merchant_list: list[ListedMerchant] | None = None


class MerchantInfo(msgspec.Struct, frozen=True):
    """Answer of ``merchant/get_merchant_info`` (contract §5.5)."""

    merchant_name: str | None = None
    merchant_region: str | None = None
    merchant_currency: str | None = None
    auth_time: int | None = None
    expire_time: int | None = None


class AppPushConfig(msgspec.Struct, frozen=True):
    """Answer of ``push/get_app_push_config``."""

    callback_url: str | None = None
    live_push_status: str | None = None
    suspended_time: int | None = None
    blocked_shop_id: list[int] | None = None
    push_config_on_list: list[int] | None = None
    push_config_off_list: list[int] | None = None


class PushConfigSet(msgspec.Struct, frozen=True):
    """Answer of ``push/set_app_push_config``."""

    result: str | None = None


def page_query(cursor: str | None) -> list[tuple[str, str]]:
    """Ask for one page; our cursor is Shopee's page number, which counts from 1.

    Raises:
        Invalid: this is no cursor of ours.
    """
    page = cursor or "1"
    if not (page.isascii() and page.isdigit() and 1 <= int(page[:6]) <= _MOST_PAGES):
        raise Invalid(N_("This is no page."), field="cursor")
    return [("page_size", _PAGE_SIZE), ("page_no", page)]


def to_shop_page(listed: ListedShops, cursor: str | None) -> Page[AuthorizedShop]:
    """One page of the shops that authorised the app; one without a usable id is left out."""
    rows = tuple(
        AuthorizedShop(
            shop_id=shop_id,
            region=clean_text(one.region or ""),
            authorized_at=to_instant(one.auth_time),
            authorized_until=to_instant(one.expire_time),
            affiliate_shop_ids=to_ids(
                affiliate.affi_shop_id for affiliate in one.sip_affi_shop_list or one.sip_affi_shops or ()
            ),
        )
        for one in listed.authed_shop_list or ()
        for shop_id in to_ids([one.shop_id])
    )
    return Page(rows, _next(listed.more, cursor))


def to_merchant_page(listed: ListedMerchants, cursor: str | None) -> Page[AuthorizedMerchant]:
    """One page of the merchants that authorised the app."""
    rows = tuple(
        AuthorizedMerchant(
            merchant_id=merchant_id,
            region=clean_text(one.region or ""),
            authorized_at=to_instant(one.auth_time),
            authorized_until=to_instant(one.expire_time),
        )
        for one in listed.authed_merchant_list or ()
        for merchant_id in to_ids([one.merchant_id])
    )
    return Page(rows, _next(listed.more, cursor))


def to_merchant_profile(info: MerchantInfo, merchant_id: str) -> MerchantProfile:
    """Describe a merchant; zeros are no instants."""
    return MerchantProfile(
        merchant_id=merchant_id,
        name=clean_text(info.merchant_name or ""),
        region=clean_text(info.merchant_region or ""),
        currency=clean_text(info.merchant_currency or ""),
        authorized_at=to_instant(info.auth_time),
        authorized_until=to_instant(info.expire_time),
    )


def to_push_config(config: AppPushConfig) -> PushConfig:
    """What is pushed to us; the status is compared without regard to case, as the document's sample has it lower."""
    stated = clean_text(config.live_push_status or "").strip()
    return PushConfig(
        callback_url=clean_text(config.callback_url or ""),
        status=_STATUSES.get(stated.lower(), PushStatus.UNKNOWN),
        stated_status=stated,
        suspended_at=to_instant(config.suspended_time),
        codes_on=tuple(sorted(set(config.push_config_on_list or ()))),
        codes_off=tuple(sorted(set(config.push_config_off_list or ()))),
        blocked_shop_ids=to_ids(config.blocked_shop_id),
    )


def set_push_config_body(change: PushConfigChange) -> bytes:
    """Write what shall be different (contract §4.3).

    Raises:
        Invalid: nothing is, or a part of it can never be accepted; nothing needs to be asked.
    """
    body: dict[str, Any] = {}
    if change.callback_url is not None:
        body["callback_url"] = _checked_url(change.callback_url)
    if change.codes_on:
        body["set_push_config_on"] = sorted(set(change.codes_on))
    if change.codes_off:
        body["set_push_config_off"] = sorted(set(change.codes_off))
    if change.blocked_shop_ids is not None:
        if len(change.blocked_shop_ids) > _MOST_BLOCKED_SHOPS:
            raise Invalid(
                N_("At most %(most)s shops can be blocked.", most=_MOST_BLOCKED_SHOPS), field="blocked_shop_ids"
            )
        body["blocked_shop_id_list"] = [to_number(shop_id, "blocked_shop_ids") for shop_id in change.blocked_shop_ids]
    if not body:
        raise Invalid(N_("Nothing of the push configuration would change."))
    return msgspec.json.encode(body)


def check_set(answer: PushConfigSet) -> None:
    """Make sure that the change was made.

    Raises:
        RemoteUnreadable: the answer is no error, but says something else than "success".
    """
    if (answer.result or "").strip().lower() != "success":
        raise RemoteUnreadable(N_("Shopee did not confirm the push configuration."))


_STATUSES: Final = {
    "normal": PushStatus.NORMAL,
    "warning": PushStatus.WARNING,
    "suspended": PushStatus.SUSPENDED,
}


def _next(more: bool, cursor: str | None) -> str | None:
    """A page may be empty and yet not the last (contract §5.7)."""
    return str(int(cursor or "1") + 1) if more else None


def _checked_url(url: str) -> str:
    if (
        not url.startswith(("https://", "http://"))
        or len(url) > _LONGEST_URL
        or not (url.isascii() and url.isprintable())
    ):
        raise Invalid(
            N_("The push address must be an absolute http or https URL of plain characters."), field="callback_url"
        )
    return url
