"""Writes push bodies the way the marketplace does (contract §4.5).

They have spaces, so that a receiver that re-serialises instead of keeping the bytes breaks the signature (§4.1).
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from kedai.simulator.state.lifecycle import Push

AUTHORIZED_PUSH = 1
UNAUTHORIZED_PUSH = 2
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


def authorization_data(shop_id: int) -> dict[str, Any]:
    """Return the data of push 1; the wording is a placeholder, receivers match on the code."""
    text = f"shop_id {shop_id} is authorized successfully"
    return {"authorize_type": "shop authorization by user", "extra": text, "shop_id": shop_id, "success": 1}


def cancellation_data(shop_id: int) -> dict[str, Any]:
    """Return the data of push 2."""
    text = f"shop_id {shop_id} is canceled successfully"
    return {"authorize_type": "user cancel shop authorization", "extra": text, "shop_id": shop_id, "success": 1}
