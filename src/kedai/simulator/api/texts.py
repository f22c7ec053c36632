"""The marketplace's refusals, word for word with its own spelling mistakes (contract §3.3, §3.4, §5.1, §6.2)."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from kedai.simulator.state.authorizations import Kind

UINT32_MAX = 4_294_967_295
_RANGE = f"should be an integer between 0 and {UINT32_MAX}."


class Refusal(NamedTuple):
    """An error code and its message."""

    error: str
    message: str


PARTNER_ID_MISSING = Refusal("error_param", "There is no partner_id in query.")
PARTNER_ID_EMPTY = Refusal("error_param", "Invalid partner_id.")
PARTNER_ID_NO_NUMBER = Refusal("error_param", f"Partner_id is invalid, {_RANGE}")
PARTNER_ID_UNKNOWN = Refusal("invalid_partner_id", "Invalid partner_id, please have a check.")
TIMESTAMP_MISSING = Refusal("error_param", "no timestamp")
TIMESTAMP_EMPTY = Refusal("error_param", "Invalid timestamp")
TIMESTAMP_NO_NUMBER = Refusal("error_param", f"Timestamp is invalid, {_RANGE}")
TIMESTAMP_EXPIRED = Refusal("error_param", "Timestamp is expired.")
SIGN_MISSING = Refusal("error_param", "There is no sign in query.")
SIGN_WRONG = Refusal("error_sign", "Wrong sign.")
ACCESS_TOKEN_MISSING = Refusal("error_param", "There is no access_token in query.")
ACCESS_TOKEN_INVALID = Refusal("invalid_acceess_token", "Invalid access_token, please have a check.")
LINK_ENDED = Refusal("error_auth", "Invalid partner_id or shopid.")
API_OFFLINE = Refusal(
    "error_param", "Permission denied. This API is currently offline or the request path is incorrect."
)
BODY_UNREADABLE = Refusal("error_param", "parameter invalid")

CODE_INVALID = Refusal("invalid_code", "The code is expired or used or invalid, please check the code.")
CODE_OF_OTHER_SHOP = Refusal("invalid_shop_id", "The code or shop_id is wrong, please check the code or the shop_id.")
CODE_OF_OTHER_ACCOUNT = Refusal(
    "invalid_main_acount_id", "The code or main_account_id is wrong, please check the code or the main_account_id."
)
REFRESH_TOKEN_INVALID = Refusal("error_auth", "Invalid refresh_token.")
REFRESH_TOKEN_EXPIRED = Refusal("refresh_token_expired", "Your refresh_token expired.")

CALLBACK_INVALID = Refusal("error_param", "Invalid callback_url.")
CALLBACK_EMPTY = Refusal("error_param", "callback_url is empty, please set it before turning on any push.")
CALLBACK_INTRANET = Refusal("error_param", "callback_url can not be an intranet address.")
CALLBACK_SILENT = Refusal("error_param", "Test push failed: callback_url did not respond within 3 seconds.")
CALLBACK_NOT_2XX = Refusal("error_param", "Test push failed: callback_url did not respond with HTTP status code 2xx.")
CALLBACK_WITH_BODY = Refusal("error_param", "Test push failed: callback_url did not respond with an empty body.")

ORDER_WINDOW = Refusal("order.order_list_invalid_time", "Start time must be earlier than end time and diff in 15days.")
PACKAGE_NOT_EXIST = Refusal("logistics.package_not_exist", "The package does not exist.")
ORDERS_NOT_FOUND = Refusal("error_not_found", "Wrong parameters, detail: the order is not found.")


def subject_id_missing(kind: Kind) -> Refusal:
    """Return the refusal of a call without ``shop_id`` or ``merchant_id``."""
    return Refusal("error_param", f"There is no {kind}_id in query.")


def subject_id_no_number(kind: Kind) -> Refusal:
    """Return the refusal of an id that is none."""
    return Refusal("error_param", f"{kind}_id is invalid, {_RANGE}")


def not_linked(kind: Kind) -> Refusal:
    """Return the refusal of a call whose seller took the consent back, or never gave one."""
    return Refusal(f"{kind}_no_linked", f"Partner and {kind} has no linked.")


def access_expired(kind: Kind) -> Refusal:
    """Return the refusal of a refresh after the consent's own end."""
    return Refusal(f"{kind}_access_expired", f"Your access to {kind} has expired.")


def refresh_token_of_other(kind: Kind) -> Refusal:
    """Return the refusal of a refresh token that is somebody else's."""
    text = f"Your refresh token is error ,please check refresh token or {kind}id."
    return Refusal(f"error_{kind}_refresh_token", text)


def wrong_parameters(detail: str) -> Refusal:
    """Return the generic refusal of a business parameter."""
    return Refusal("error_param", f"Wrong parameters, detail: {detail}.")


def required_field(name: str) -> Refusal:
    """Return the refusal of a missing parameter."""
    return wrong_parameters(f"{name} is a required field")


def wrong_type(name: str, *, expected: str, given: str) -> Refusal:
    """Return the refusal of a value of another type."""
    return wrong_parameters(f"{name}: Invalid type. Expected: {expected}, given: {given}")


def not_found(detail: str) -> Refusal:
    """Return the generic refusal of a thing that is not there."""
    return Refusal("error_not_found", f"Wrong parameters, detail: {detail}.")
