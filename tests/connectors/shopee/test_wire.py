"""Every call of the contract's appendix goes out as the documents say: path, verb, signature, encoding."""

from __future__ import annotations

import asyncio
import json

import pytest

from kedai.connectors.base import HttpAnswer
from kedai.connectors.shopee.sign import sign_merchant, sign_public, sign_shop
from tests.connectors.fakes import NOW
from tests.connectors.shopee import wire_orders
from tests.connectors.shopee.calls import MERCHANT, Wire, clients, ok
from tests.connectors.shopee.suite import CREDENTIALS, SHOP, TOKEN

WIRES = (*wire_orders.ORDERS, *wire_orders.LOGISTICS)
STAMP = int(NOW.timestamp())


@pytest.mark.parametrize("wire", WIRES, ids=lambda wire: wire.path)
def test_call_looks_as_documented(wire: Wire) -> None:
    given = HttpAnswer(200, {}, wire.answer) if isinstance(wire.answer, bytes) else ok(wire.answer)
    client, http = clients(given)
    asyncio.run(wire.make(client))
    (call,) = http.sent
    assert (call.method, call.path) == (wire.verb, f"/api/v2/{wire.path}")
    common, business = call.query[: len(call.query) - len(wire.query)], call.query[len(call.query) - len(wire.query) :]
    assert business == wire.query
    assert dict(common) == carried(wire.path)
    assert call.shop_id == dict(common).get("shop_id")
    if wire.body is not None:
        assert json.loads(call.json) == wire.body


def carried(path: str) -> dict[str, str]:
    """What every call of a class carries; the subject is in the signature and in the query (contract §2.1)."""
    key, full = CREDENTIALS.partner_key, f"/api/v2/{path}"
    app = {"partner_id": "2009876", "timestamp": str(STAMP)}
    area = path.partition("/")[0]
    if area in {"public", "push", "auth"} or path == "payment/get_payment_method_list":
        return app | {"sign": sign_public(key, "2009876", full, STAMP)}
    if area == "merchant":
        sign = sign_merchant(key, "2009876", full, STAMP, access_token=TOKEN, merchant_id=MERCHANT)
        return app | {"sign": sign, "access_token": TOKEN.reveal(), "merchant_id": MERCHANT}
    sign = sign_shop(key, "2009876", full, STAMP, access_token=TOKEN, shop_id=SHOP)
    return app | {"sign": sign, "access_token": TOKEN.reveal(), "shop_id": SHOP}
