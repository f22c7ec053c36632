"""The errors an API call can end with, and the HTTP status each gets (contract §6.1 to §6.4)."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

    from kedai.simulator.api.texts import Refusal
    from kedai.simulator.state.switches import HttpStatusMode

_THROTTLED = frozenset({"error_rate_limit", "error_limit"})
_FORBIDDEN = frozenset(
    {
        "error_sign",
        "error_auth",
        "invalid_partner_id",
        "invalid_acceess_token",
        "partner_shop_no_link",
        "shop_no_linked",
        "merchant_no_linked",
        "user_no_linked",
        "shop_banned",
        "user_banned",
        "partner_frozen",
        "error_api_permission",
        "error_api_call_restricted",
        "api_suspended",
        "error_ashop_api_permission",
        "error_kyc_auth",
        "error_partner_key_expired",
        "source_ip_undeclared",
    }
)


class ApiError(Exception):
    """A call was refused, in the marketplace's own words; by an endpoint: HTTP 200, the code in the body decides."""

    def __init__(
        self, refusal: Refusal, *, status: int | None = None, beside: Mapping[str, object] | None = None
    ) -> None:
        """Hold the refusal; a given `status` wins over every mode, `beside` stands in the envelope with it."""
        super().__init__(refusal.error)
        self.refusal = refusal
        self.status = status
        self.beside = beside or {}

    def http_status(self, mode: HttpStatusMode) -> int:
        """Return the HTTP status."""
        return self.status or 200


class GatewayError(ApiError):
    """A refusal before any endpoint was reached."""

    def http_status(self, mode: HttpStatusMode) -> int:
        """Return 429 when throttled and 403 for signature, token and permission in mode ``mixed``, else 200.

        Which status the real gateway uses is open question 2 of the contract, hence the mode.
        """
        if self.status is not None:
            return self.status
        if mode == "always_200":
            return 200
        if self.refusal.error in _THROTTLED:
            return 429
        return 403 if self.refusal.error in _FORBIDDEN else 200
