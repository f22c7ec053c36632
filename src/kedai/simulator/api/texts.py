"""The marketplace's refusals, word for word with its own spelling mistakes (contract §3.3, §3.4, §5.1, §6.2)."""

from __future__ import annotations

from typing import NamedTuple

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
SHOP_ID_MISSING = Refusal("error_param", "There is no shop_id in query.")
SHOP_ID_NO_NUMBER = Refusal("error_param", f"shop_id is invalid, {_RANGE}")
SHOP_NOT_LINKED = Refusal("shop_no_linked", "Partner and shop has no linked.")
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
REFRESH_TOKEN_OF_OTHER_SHOP = Refusal(
    "error_shop_refresh_token", "Your refresh token is error ,please check refresh token or shopid."
)
SHOP_ACCESS_EXPIRED = Refusal("shop_access_expired", "Your access to shop has expired.")

ORDER_WINDOW = Refusal("order.order_list_invalid_time", "Start time must be earlier than end time and diff in 15days.")
ORDERS_NOT_FOUND = Refusal("error_not_found", "Wrong parameters, detail: the order is not found.")


def wrong_parameters(detail: str) -> Refusal:
    """Return the generic refusal of a business parameter."""
    return Refusal("error_param", f"Wrong parameters, detail: {detail}.")


def required_field(name: str) -> Refusal:
    """Return the refusal of a missing parameter."""
    return wrong_parameters(f"{name} is a required field")


def wrong_type(name: str, *, expected: str, given: str) -> Refusal:
    """Return the refusal of a value of another type."""
    return wrong_parameters(f"{name}: Invalid type. Expected: {expected}, given: {given}")
