"""The ladder from what Shopee says to what the caller should do (contract §6; F28: a suspended shop stops)."""

from __future__ import annotations

import asyncio
import json
from datetime import UTC, datetime

import pytest

from kedai import errors
from kedai.connectors.base import HttpAnswer
from kedai.connectors.shopee.connector import SHOPEE
from tests.connectors.fakes import FakeHttp
from tests.connectors.shopee.suite import CREDENTIALS, SHOP, TOKEN, answer

GET, POST = "GET", "POST"


def raised(given: HttpAnswer, method: str = GET) -> errors.KedaiError:
    http = FakeHttp([given])
    client = SHOPEE.client(http, CREDENTIALS)
    with pytest.raises(errors.KedaiError) as caught:
        asyncio.run(client.get_shop(SHOP, TOKEN) if method == GET else client.refresh(SHOP, TOKEN))
    return caught.value


def said(error: object, message: str = "", *, status: int = 200, headers: dict[str, str] | None = None) -> HttpAnswer:
    body = {"request_id": "3f0a2b4c5d6e7f8091a2b3c4d5e6f7ff", "error": error, "message": message}
    return HttpAnswer(status, headers or {}, json.dumps(body).encode())


LADDER = [
    ("invalid_acceess_token", "Invalid access_token, please have a check.", errors.AuthExpired),
    ("invalid_access_token", "", errors.AuthExpired),
    ("error_auth", "Invalid access_token.", errors.AuthExpired),
    ("common.error_auth", "Invalid access_token.", errors.AuthExpired),
    ("shop_no_linked", "Partner and shop has no linked.", errors.NeedsReconnect),
    ("merchant_no_linked", "", errors.NeedsReconnect),
    ("user_no_linked", "", errors.NeedsReconnect),
    ("partner_shop_no_link", "Invalid partner_id or shop_id, please have a check.", errors.NeedsReconnect),
    ("shop_access_expired", "Your access to shop has expired.", errors.NeedsReconnect),
    ("merchant_access_expired", "", errors.NeedsReconnect),
    ("refresh_token_expired", "Your refresh_token expired.", errors.NeedsReconnect),
    ("error_shop_refresh_token", "Your refresh token is error ,please check", errors.NeedsReconnect),
    ("error_merchant_refresh_token", "", errors.NeedsReconnect),
    ("error_auth", "Invalid refresh_token.", errors.NeedsReconnect),
    ("error_auth", "Invalid partner_id or shopid.", errors.NeedsReconnect),
    ("error_sign", "Wrong sign.", errors.RemoteMisconfigured),
    ("invalid_partner_id", "Invalid partner_id, please have a check.", errors.RemoteMisconfigured),
    ("error_partner_key_expired", "", errors.RemoteMisconfigured),
    ("source_ip_undeclared", "", errors.RemoteMisconfigured),
    ("error_api_permission", "This app type has no permission to this API.", errors.RemoteMisconfigured),
    ("error_ashop_api_permission", "", errors.RemoteMisconfigured),
    ("error_api_call_restricted", "", errors.RemoteMisconfigured),
    ("api_suspended", "", errors.RemoteMisconfigured),
    (
        "error_param",
        "Permission denied. This API is currently offline or the request path is incorrect.",
        errors.RemoteMisconfigured,
    ),
    ("error_auth", "The App is deleted, ...", errors.RemoteMisconfigured),
    ("error_auth", "No permission to current api.", errors.RemoteMisconfigured),
    ("shop_banned", "", errors.NeedsReconnect),
    ("user_banned", "", errors.NeedsReconnect),
    ("partner_frozen", "", errors.RemoteMisconfigured),
    ("error_kyc_auth", "", errors.RemoteMisconfigured),
    ("error_param", "Timestamp is expired.", errors.RemoteUnavailable),
    ("error_rate_limit", "Too many requests.", errors.RateLimited),
    ("error_limit", "daily limit reached, try again after 00:00 (UTC+08:00)", errors.QuotaExhausted),
    ("order.error_limit", "Can not cancel this order", errors.RemoteRejected),
    ("error_server", "System error. Please try again later.", errors.RemoteUnavailable),
    ("error_network", "Inner http call failed", errors.RemoteUnavailable),
    ("error_inner", "", errors.RemoteUnavailable),
    ("error_system_busy", "", errors.RemoteUnavailable),
    ("system_busy", "", errors.RemoteUnavailable),
    ("product.error_busi", "Too many connections", errors.RemoteUnavailable),
    ("product.error_busi", "something else", errors.RemoteRejected),
    ("error_auth", "System error, please try again later.", errors.RemoteUnavailable),
    ("error_data", "parse data failed", errors.RemoteUnavailable),
    ("error_data", "data not exist", errors.RemoteRejected),
    ("error_not_found", "Wrong parameters, detail: the order is not found.", errors.RemoteNotFound),
    ("order.error_not_found", "", errors.RemoteNotFound),
    ("error_param", "Wrong parameters, detail: order_sn is a required field.", errors.RemoteRejected),
    ("invalid_code", "The code is expired or used or invalid, please check the code.", errors.RemoteRejected),
    ("error_auth", "Invalid code", errors.RemoteRejected),
    ("order. error_param", "", errors.RemoteRejected),
    ("logistics. error_server\t", "", errors.RemoteUnavailable),
    ("error.server", "", errors.RemoteUnavailable),
    ("common.error.server", "", errors.RemoteUnavailable),
    ("supplier_access_expired", "", errors.NeedsReconnect),
    ("supplier_no_linked", "", errors.NeedsReconnect),
    ("error_auth", "partner_id is invalid", errors.RemoteMisconfigured),
    (
        "error_auth",
        "App developer's permissions for authorizations have been restricted, ...",
        errors.RemoteMisconfigured,
    ),
    ("error_auth", "Total stock must be more than reserved stock.", errors.RemoteRejected),
    ("error_auth", "Lack of location_id, please double check.", errors.RemoteRejected),
    ("error_param", "There is no access_token in query.", errors.RemoteRejected),
    ("error_param", "Partner_id is invalid, should be an integer between 0 and 4294967295.", errors.RemoteRejected),
    ("error_param", "no timestamp", errors.RemoteRejected),
    ("error_param", "request not from gateway", errors.RemoteRejected),
    ("error_permission", "Sorry you don't have the permission, detail: x.", errors.RemoteRejected),
    ("error_shop", "shopid is invalid", errors.RemoteRejected),
    ("error_server", "Something wrong. Please try later.", errors.RemoteUnavailable),
    ("order_not_found", "Order SN provided is invalid or does not belong to you.", errors.RemoteNotFound),
    ("error_item_not_found", "", errors.RemoteNotFound),
    ("returns.return_not_found", "", errors.RemoteNotFound),
    ("exceed_max_limit", "", errors.RemoteRejected),
    ("common.batch_api_all_failed", "Failed, please check result_list for more details.", errors.RemoteRejected),
    ("logistics.ship_order_need_pacakge_number", "", errors.RemoteRejected),
    ("logistics.ADDRESS_NOT_SUPPORT", "", errors.RemoteRejected),
    ("invalid_main_acount_id", "", errors.RemoteRejected),
    ("invalid_shop_id", "The code or shop_id is wrong, please check the code or the shop_id.", errors.RemoteRejected),
    ("never.heard_of", "", errors.RemoteRejected),
    (".", ".", errors.RemoteRejected),
]


@pytest.mark.parametrize(("code", "message", "family"), LADDER)
def test_code_becomes_its_family_whatever_the_status(code: str, message: str, family: type) -> None:
    for status in (200, 400, 403):
        assert type(raised(said(code, message, status=status))) is family


MODULES = (
    "common",
    "auth",
    "public",
    "order",
    "logistics",
    "payment",
    "product",
    "returns",
    "shop",
    "merchant",
    "push",
)
DAMAGES = ["{m}.{c}", "{m}. {c}", " {m}.{c}\t", "{m} .{c}", "{c} ", "\u00a0{c}", "{C}", "{m}.{C}\n"]


@pytest.mark.parametrize("damage", DAMAGES)
def test_prefix_and_space_never_change_the_family(damage: str) -> None:
    """Only `error_limit` means something else with a module in front: an order that cannot be cancelled."""
    for code, message, family in LADDER:
        if "." in code or (code == "error_limit" and "00:00" not in message):
            continue
        for module in MODULES:
            given = damage.format(m=module, c=code, C=code.upper())
            assert type(raised(said(given, message))) is family, given


@pytest.mark.parametrize("code", ["", " ", "-", None])
def test_no_error_is_success_whatever_the_status(code: object) -> None:
    http = FakeHttp([said(code, status=status) for status in (200, 403, 500)])
    client = SHOPEE.client(http, CREDENTIALS)
    for _ in range(3):
        assert asyncio.run(client.get_shop(SHOP, TOKEN)).shop_id == SHOP


def test_rejection_keeps_the_code_as_it_came_and_the_request_id() -> None:
    error = raised(answer("answer__any__parameter_refused.json"))
    assert isinstance(error, errors.RemoteRejected)
    assert error.remote_code == "order. error_param"
    assert error.request_id == "3f0a2b4c5d6e7f8091a2b3c4d5e6f715"
    assert "order_sn is a required field" in error.message


def test_texts_from_outside_are_one_bounded_line() -> None:
    error = raised(said("never_\x00heard\u2028of", "line\r\n\x1b[31m" + "x" * 10_000))
    assert error.message.isprintable()
    assert len(error.message) < 1_100


@pytest.mark.parametrize("code", ["error_server", "error_system_busy"])
def test_transient_failure_of_a_post_leaves_its_outcome_unknown(code: str) -> None:
    assert type(raised(said(code), POST)) is errors.OutcomeUnknown


@pytest.mark.parametrize("code", ["error_rate_limit", "error_sign", "refresh_token_expired"])
def test_refused_post_had_no_effect(code: str) -> None:
    assert type(raised(said(code), POST)) is type(raised(said(code), GET))


@pytest.mark.parametrize(
    ("now", "seconds"),
    [
        (datetime(2026, 8, 29, 15, 59, 0, tzinfo=UTC), 60),
        (datetime(2026, 8, 29, 16, 0, 0, tzinfo=UTC), 86_400),
        (datetime(2026, 8, 29, 10, 40, 11, tzinfo=UTC), 19_189),
    ],
)
def test_daily_limit_lasts_until_midnight_at_shopee(now: datetime, seconds: float) -> None:
    http = FakeHttp([said("error_limit", "daily limit reached", status=429)])
    http.clock.advance(now - http.clock.now())
    with pytest.raises(errors.RateLimited) as limited:
        asyncio.run(SHOPEE.client(http, CREDENTIALS).get_shop(SHOP, TOKEN))
    assert limited.value.retry_after == seconds


@pytest.mark.parametrize(
    ("header", "seconds"),
    [(None, 5.0), ("30", 30.0), ("0", 5.0), ("999999", 3600.0), ("-1", 5.0), ("soon", 5.0), ("9" * 5000, 5.0)],
)
def test_throttled_call_waits_as_told_within_reason(header: str | None, seconds: float) -> None:
    headers = {} if header is None else {"retry-after": header}
    for given in (said("error_rate_limit", headers=headers), HttpAnswer(429, headers, b"slow down")):
        error = raised(given)
        assert isinstance(error, errors.RateLimited)
        assert error.retry_after == seconds


def test_clock_trouble_names_both_sides() -> None:
    error = raised(said("error_param", "Timestamp is expired.", headers={"date": "Sat, 29 Aug 2026 10:40:11 GMT"}))
    assert "clock" in error.message
    assert "Sat, 29 Aug 2026 10:40:11 GMT" in error.message


NO_ENVELOPE = [
    (200, b"<html>hello</html>", errors.RemoteUnreadable, errors.OutcomeUnknown),
    (200, b"", errors.RemoteUnreadable, errors.OutcomeUnknown),
    (200, b"[]", errors.RemoteUnreadable, errors.OutcomeUnknown),
    (200, b'{"error": 5}', errors.RemoteUnreadable, errors.OutcomeUnknown),
    (200, b'{"error": "", "message": "', errors.RemoteUnreadable, errors.OutcomeUnknown),
    (200, b"\xff\xfe", errors.RemoteUnreadable, errors.OutcomeUnknown),
    (200, b"[" * 200_000, errors.RemoteUnreadable, errors.OutcomeUnknown),
    (200, b'{"x":' + b"[" * 200_000, errors.RemoteUnreadable, errors.OutcomeUnknown),
    (302, b"", errors.RemoteUnreadable, errors.OutcomeUnknown),
    (400, b"Bad Request", errors.RemoteUnreadable, errors.OutcomeUnknown),
    (401, b"", errors.RemoteMisconfigured, errors.RemoteMisconfigured),
    (403, b"<html>blocked</html>", errors.RemoteMisconfigured, errors.RemoteMisconfigured),
    (404, b"404 page not found", errors.RemoteMisconfigured, errors.RemoteMisconfigured),
    (429, b"", errors.RateLimited, errors.RateLimited),
    (500, b"", errors.RemoteUnavailable, errors.OutcomeUnknown),
    (502, b"<html>Bad Gateway</html>", errors.RemoteUnavailable, errors.OutcomeUnknown),
    (504, b"", errors.RemoteUnavailable, errors.OutcomeUnknown),
]


@pytest.mark.parametrize(("status", "body", "of_get", "of_post"), NO_ENVELOPE)
def test_status_decides_only_where_the_body_says_nothing(status: int, body: bytes, of_get: type, of_post: type) -> None:
    given = HttpAnswer(status, {}, body)
    assert type(raised(given)) is of_get
    assert type(raised(given, POST)) is of_post
    assert len(raised(given).message) < 300


def test_status_decides_where_the_code_is_unknown() -> None:
    assert type(raised(said("never_heard_of", status=429))) is errors.RateLimited
    assert type(raised(said("never_heard_of", status=503))) is errors.RemoteUnavailable
