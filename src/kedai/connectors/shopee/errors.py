"""Sorts what Shopee says into error families; the body's code decides, the HTTP status only where there is none."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta, timezone
from http import HTTPStatus
from typing import Final

from kedai.connectors.base import HttpAnswer
from kedai.errors import (
    AuthExpired,
    KedaiError,
    NeedsReconnect,
    OutcomeUnknown,
    QuotaExhausted,
    RateLimited,
    RemoteMisconfigured,
    RemoteNotFound,
    RemoteRejected,
    RemoteUnavailable,
    RemoteUnreadable,
)
from kedai.values.wording import N_


@dataclass(frozen=True, slots=True)
class Refusal:
    """An answer whose body says that the call failed. ``code`` is as it came, with its prefix and spaces."""

    code: str
    message: str
    request_id: str
    method: str
    answer: HttpAnswer


def to_error(refusal: Refusal, now: datetime) -> KedaiError:
    """Sort a refusal by the ladder of contract §6.5; ``now`` tells how long a daily limit lasts.

    A transient failure of a POST is `OutcomeUnknown`: the state must be read before it is tried again.
    """
    module, code = _normalise(refusal.code)
    text = refusal.message.lower()
    for applies, build in _LADDER:
        if applies(module, code, text):
            return build(refusal, now)
    if refusal.answer.status == HTTPStatus.TOO_MANY_REQUESTS:
        return _throttled(refusal, now)
    if refusal.answer.status >= HTTPStatus.INTERNAL_SERVER_ERROR:
        return _transient(refusal, now)
    return _remote(RemoteRejected, refusal)


def is_about_the_clock(refusal: Refusal) -> bool:
    """Whether a call was refused for its timestamp alone: it had no effect, whatever it was (contract §6.5)."""
    _, code = _normalise(refusal.code)
    return code == "error_param" and _TIMESTAMP in refusal.message.lower()


def bare_code(code: str) -> str:
    """A code as tables name it: without the prefix of its module, in lower case (contract §6.1)."""
    return _normalise(code)[1]


def from_status(answer: HttpAnswer, method: str) -> KedaiError:
    """Sort an answer whose body is not Shopee's envelope: a gateway's error page, or one cut off (contract §6.4)."""
    status = answer.status
    if status == HTTPStatus.TOO_MANY_REQUESTS:
        return RateLimited(retry_after=_retry_after(answer))
    if status in _REFUSED_BY_THE_GATEWAY:
        text = N_(
            "Shopee's gateway refused the call with HTTP %(status)s and no reason: check host, path and allowed IPs.",
            status=status,
        )
        return RemoteMisconfigured(text, remote_code=f"http_{status}")
    if method != "GET":
        text = N_(
            "Shopee answered HTTP %(status)s with an unreadable body; the call may have taken effect.", status=status
        )
        return OutcomeUnknown(text)
    if status >= HTTPStatus.INTERNAL_SERVER_ERROR:
        return RemoteUnavailable(N_("Shopee's gateway answered HTTP %(status)s.", status=status))
    return RemoteUnreadable(
        N_(
            "Shopee answered HTTP %(status)s with a body that cannot be read: %(body)s",
            status=status,
            body=_sample(answer.body),
        )
    )


_TIMESTAMP: Final = "timestamp is expired"
_REFUSED_BY_THE_GATEWAY: Final = frozenset({HTTPStatus.UNAUTHORIZED, HTTPStatus.FORBIDDEN, HTTPStatus.NOT_FOUND})
_MODULES: Final = frozenset(
    {
        "auth",
        "common",
        "first_mile",
        "global_product",
        "logistics",
        "media",
        "media_space",
        "merchant",
        "order",
        "payment",
        "product",
        "public",
        "push",
        "returns",
        "sbs",
        "shop",
        "shop_flash_sale",
        "voucher",
        "warehouse",
    }
)
_PLATFORM: Final = frozenset({"", "common"})
_THROTTLED_SECONDS: Final = 5.0
_MOST_THROTTLED_SECONDS: Final = 3600.0
_SHOPEE_DAY: Final = timezone(timedelta(hours=8))
_SAMPLE_LENGTH: Final = 80
_UNPRINTABLE: Final = re.compile(r"[^ -~]+")
_IPV4: Final = re.compile(r"\b(?:[0-9]{1,3}\.){3}[0-9]{1,3}\b")
_RENEW_THE_KEY: Final = N_(
    "Renew the key in Shopee's Open Platform console (App Management, App List, the app of this environment), then "
    "save the new partner key on the connector page."
)
_LIFT_IT: Final = N_(
    "Ask Shopee's seller support why the shop is suspended. Once that is lifted, open the connector page and press "
    "Reconnect for this shop."
)
_DIGITS: Final = re.compile(r"[0-9]{1,6}")


def _normalise(code: str) -> tuple[str, str]:
    """Split off a known module prefix: ``order. error_param`` is ``error_param`` of ``order`` (contract §6.1)."""
    bare = "".join(code.split()).lower()
    head, dot, tail = bare.partition(".")
    module = head if dot and head in _MODULES else ""
    bare = tail if module else bare
    if bare.startswith("error."):  # the dot variant
        bare = bare.replace("error.", "error_", 1)
    return module, bare


Applies = Callable[[str, str, str], bool]
Build = Callable[[Refusal, datetime], KedaiError]


def _codes(*codes: str) -> Applies:
    wanted = frozenset(codes)
    return lambda _module, code, _text: code in wanted


def _text(wanted_code: str, *words: str) -> Applies:
    return lambda _module, code, text: code == wanted_code and any(word in text for word in words)


def _ends_with(ending: str) -> Applies:
    return lambda _module, code, _text: code.endswith(ending)


def _is_daily_limit(module: str, code: str, text: str) -> bool:
    # `order.error_limit` says that an order cannot be cancelled: only the gateway's own is about the quota.
    return code == "error_limit" and (module in _PLATFORM or "00:00" in text or "daily" in text)


def _is_too_busy(_module: str, code: str, text: str) -> bool:
    return code.startswith("error_busi") and "too many connections" in text


def _remote(family: type[RemoteRejected], refusal: Refusal, **facts: str) -> RemoteRejected:
    text = f"Shopee: {refusal.code} {refusal.message}".strip()
    return family(text, remote_code=refusal.code, request_id=refusal.request_id, **facts)


def _say(refusal: Refusal, text: str) -> str:
    return N_(
        "%(text)s (Shopee: %(code)s %(message)s, request %(request)s)",
        text=text,
        code=refusal.code,
        message=refusal.message,
        request=refusal.request_id or N_("unnamed"),
    )


def _token(refusal: Refusal, _now: datetime) -> KedaiError:
    return AuthExpired(_say(refusal, N_("The access token is no longer accepted.")))


def _reconnect(refusal: Refusal, _now: datetime) -> KedaiError:
    return NeedsReconnect(_say(refusal, N_("The shop's authorisation no longer holds.")))


def _suspended(refusal: Refusal, _now: datetime) -> KedaiError:
    return NeedsReconnect(_say(refusal, N_("Shopee has suspended the shop.")), fix=_LIFT_IT)


def _misconfigured(refusal: Refusal, _now: datetime) -> KedaiError:
    return _remote(RemoteMisconfigured, refusal)


def _undeclared_address(refusal: Refusal, _now: datetime) -> KedaiError:
    named = _IPV4.search(refusal.message)
    address = N_("this server's public address") if named is None else N_("the address %(ip)s", ip=named[0])
    fix = N_(
        "Add %(address)s to the addresses that may call: Shopee's Open Platform console, App Management, App List, "
        "the app of this environment, IP Address Whitelist. It is one plain IPv4 address a line.",
        address=address,
    )
    return _remote(RemoteMisconfigured, refusal, fix=fix)


def _expired_key(refusal: Refusal, _now: datetime) -> KedaiError:
    return _remote(RemoteMisconfigured, refusal, fix=_RENEW_THE_KEY)


def _not_found(refusal: Refusal, _now: datetime) -> KedaiError:
    return _remote(RemoteNotFound, refusal)


def _clock(refusal: Refusal, _now: datetime) -> KedaiError:
    date = refusal.answer.headers.get("date", N_("unknown"))
    return RemoteUnavailable(_say(refusal, N_("This machine's clock is off; Shopee's says %(date)s.", date=date)))


def _throttled(refusal: Refusal, _now: datetime) -> KedaiError:
    return RateLimited(_say(refusal, N_("Too many calls.")), retry_after=_retry_after(refusal.answer))


def _daily(refusal: Refusal, now: datetime) -> KedaiError:
    here = now.astimezone(_SHOPEE_DAY)
    midnight = here.replace(hour=0, minute=0, second=0, microsecond=0) + timedelta(days=1)
    text = _say(refusal, N_("The day's calls are used up until 00:00 UTC+8."))
    return QuotaExhausted(text, retry_after=(midnight - here).total_seconds())


def _transient(refusal: Refusal, _now: datetime) -> KedaiError:
    if refusal.method != "GET":
        return OutcomeUnknown(_say(refusal, N_("Shopee stumbled; the call may have taken effect.")))
    return RemoteUnavailable(_say(refusal, N_("Shopee cannot answer right now.")))


def _retry_after(answer: HttpAnswer) -> float:
    given = answer.headers.get("retry-after", "")
    seconds = float(given) if _DIGITS.fullmatch(given) else 0.0
    return min(max(seconds, _THROTTLED_SECONDS), _MOST_THROTTLED_SECONDS)


def _sample(body: bytes) -> str:
    return _UNPRINTABLE.sub(" ", body[:_SAMPLE_LENGTH].decode("ascii", "replace")) or "(empty)"


_LADDER: Final[tuple[tuple[Applies, Build], ...]] = (
    (_codes("invalid_acceess_token", "invalid_access_token"), _token),
    (_text("error_auth", "access_token"), _token),
    (_codes("shop_no_linked", "merchant_no_linked", "supplier_no_linked", "user_no_linked"), _reconnect),
    (_codes("partner_shop_no_link", "refresh_token_expired"), _reconnect),
    (_codes("error_shop_refresh_token", "error_merchant_refresh_token"), _reconnect),
    (_ends_with("_access_expired"), _reconnect),
    (_text("error_auth", "invalid refresh_token", "invalid partner_id or shop"), _reconnect),
    (_codes("shop_banned", "user_banned"), _suspended),
    (_codes("source_ip_undeclared"), _undeclared_address),
    (_codes("error_partner_key_expired"), _expired_key),
    (_codes("error_sign", "invalid_partner_id"), _misconfigured),
    (_codes("error_api_permission", "error_ashop_api_permission", "error_api_call_restricted"), _misconfigured),
    (_codes("api_suspended", "partner_frozen", "error_kyc_auth"), _misconfigured),
    (_text("error_param", "request path is incorrect"), _misconfigured),
    (_text("error_auth", "partner_id is invalid", "no permission", "app is deleted", "restricted"), _misconfigured),
    (_text("error_param", _TIMESTAMP), _clock),
    (_codes("error_rate_limit"), _throttled),
    (_is_daily_limit, _daily),
    (_codes("error_server", "error_network", "error_inner", "error_system_busy", "system_busy"), _transient),
    (_is_too_busy, _transient),
    (_text("error_auth", "system error"), _transient),
    (_text("error_data", "parse data failed"), _transient),
    (_codes("error_not_found", "order_not_found", "error_item_not_found", "return_not_found"), _not_found),
)
