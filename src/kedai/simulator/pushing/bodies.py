"""Writes push bodies the way the marketplace does (contract §4.5).

They have spaces, so that a receiver that re-serialises instead of keeping the bytes breaks the signature (§4.1).
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, Literal

if TYPE_CHECKING:
    from collections.abc import Sequence

    from kedai.simulator.state.authorizations import Subject
    from kedai.simulator.state.lifecycle import Push

AUTHORIZED_PUSH = 1
UNAUTHORIZED_PUSH = 2
EXPIRY_PUSH = 12
# The console's own test of a callback URL.
TEST_PUSH = 0
# How push 2 names whom it is about.
NamedIn = Literal["field", "list", "text"]
# These name the app instead of a shop at the top level.
_APP_LEVEL = (AUTHORIZED_PUSH, UNAUTHORIZED_PUSH)


def write_body(push: Push, *, shop_id: int | None, partner_id: int, timestamp: int) -> bytes:
    """Return the exact bytes of a push."""
    body: dict[str, Any] = {"data": push.data}
    if push.code in _APP_LEVEL:
        body["partner_id"] = partner_id
    elif shop_id is not None:
        body["shop_id"] = shop_id
    return json.dumps({**body, "code": push.code, "timestamp": timestamp}, ensure_ascii=False).encode()


def authorization_data(subject: Subject) -> dict[str, Any]:
    """Return the data of push 1; the wording is a placeholder, receivers match on the code."""
    field = f"{subject.kind}_id"
    text = f"{field} {subject.number} is authorized successfully"
    return {
        "authorize_type": f"{subject.kind} authorization by user",
        "extra": text,
        field: subject.number,
        "success": 1,
    }


def main_authorization_data(subjects: Sequence[Subject], main_account_id: int) -> dict[str, Any]:
    """Return the data of push 1 for a main account, which lists everybody it is for."""
    lists = {f"{kind}_id_list": _numbers(subjects, kind) for kind in ("shop", "merchant")}
    return {
        "authorize_type": "main account authorization by user",
        "extra": f"main_account_id {main_account_id} is authorized successfully",
        **{name: numbers for name, numbers in lists.items() if numbers},
        "main_account_id": main_account_id,
        "success": 1,
    }


def cancellation_data(subject: Subject, named_in: NamedIn) -> dict[str, Any]:
    """Return the data of push 2. A seller who cancels in the Seller Centre is named in the text alone."""
    field = f"{subject.kind}_id"
    named: dict[NamedIn, dict[str, Any]] = {
        "field": {field: subject.number},
        "list": {f"{field}_list": [subject.number]},
        "text": {},
    }
    return {
        "authorize_type": f"user cancel {subject.kind} authorization",
        "extra": f"{field} {subject.number} is canceled successfully",
        **named[named_in],
        "success": 1,
    }


def expired_data(subject: Subject) -> dict[str, Any]:
    """Return the data of push 2 at the consent's own end, which spells the shop's key differently."""
    field = "shopid" if subject.kind == "shop" else "merchant_id"
    text = f"the authorization of {subject.kind} {subject.number} has expired"
    return {"authorize_type": "expiry", "extra": text, field: subject.number, "success": 1}


def expiry_data(subjects: Sequence[Subject], expire_before: int, page_no: int, total_page: int) -> dict[str, Any]:
    """Return the data of push 12."""
    return {
        "merchant_expire_soon": _numbers(subjects, "merchant"),
        "shop_expire_soon": _numbers(subjects, "shop"),
        "user_expire_soon": [],
        "expire_before": expire_before,
        "page_no": page_no,
        "total_page": total_page,
    }


def _numbers(subjects: Sequence[Subject], kind: str) -> list[int]:
    return [subject.number for subject in subjects if subject.kind == kind]
