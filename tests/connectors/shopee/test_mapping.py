"""From Shopee's answers to Kedai's values: exact money, exact bytes, zeros that mean none."""

from __future__ import annotations

import asyncio
import json
from datetime import UTC, datetime
from decimal import Decimal

import pytest

from kedai.connectors.base import HttpAnswer
from kedai.connectors.shopee.connector import SHOPEE
from kedai.connectors.shopee.statuses import surprising_after
from kedai.errors import RemoteUnreadable
from kedai.values.order import OrderLine, OrderPackage, OrderSnapshot, Recipient
from tests.connectors.fakes import NOW, FakeHttp
from tests.connectors.shopee.suite import CREDENTIALS, ORDER, SHOP, TOKEN, answer, read

OTHER = "260801EFGH5678"


def orders(given: HttpAnswer | str, *order_sns: str) -> tuple[OrderSnapshot, ...]:
    http = FakeHttp([answer(given) if isinstance(given, str) else given])
    return asyncio.run(SHOPEE.client(http, CREDENTIALS).get_orders(SHOP, TOKEN, order_sns or (ORDER,)))


def detail(**changes: object) -> HttpAnswer:
    """An answer with one small order, some of its fields replaced; ``...`` takes one out."""
    order = {"order_sn": ORDER, "order_status": "SHIPPED", "currency": "SGD", "create_time": 1, "update_time": 2}
    texts = {name: json.dumps(value) for name, value in {**order, **changes}.items() if value is not ...}
    return wrapped("{" + ", ".join(f'"{name}": {text}' for name, text in texts.items()) + "}")


def priced(number: str) -> HttpAnswer:
    """An answer whose amount is written as it stands: a float could not say every number."""
    return wrapped(
        f'{{"order_sn": "{ORDER}", "order_status": "S", "currency": "SGD", "create_time": 1, "update_time": 2, '
        f'"total_amount": {number}}}'
    )


def wrapped(*texts: str) -> HttpAnswer:
    whole = '{"error": "", "message": "", "response": {"order_list": [' + ",".join(texts) + "]}}"
    return HttpAnswer(200, {}, whole.encode())


def test_order_is_read_in_full() -> None:
    (order,) = orders("answer__get_order_detail__ready_to_ship.json")
    whole = read("answer__get_order_detail__ready_to_ship.json")
    assert order == OrderSnapshot(
        order_sn=ORDER,
        status="READY_TO_SHIP",
        currency="SGD",
        total_amount=Decimal("31.10"),
        buyer_username="b****r",
        remote_created_at=datetime.fromtimestamp(1787990000, UTC),
        remote_updated_at=datetime.fromtimestamp(1788000001, UTC),
        ship_by_at=datetime.fromtimestamp(1788300000, UTC),
        tracking_number=None,
        shipping_carrier="Standard Delivery",
        payment_method="Credit Card",
        lines=(
            OrderLine("2300000001", "23000000011", "Teapot \u2013 café", "Blue", "TEAPOT-BLUE", 2, Decimal("12.30")),
            OrderLine("2300000002", "0", "Spoon", "", "SPOON", 1, Decimal(5)),
        ),
        read_started_at=NOW,
        answer=whole[whole.index(b'{"order_sn"') : whole.index(b"\n  ]},\n")],
        packages=(OrderPackage("OFG200000000000001", "LOGISTICS_READY", "Standard Delivery", None, ()),),
        recipient=Recipient("****", "******64", "****"),
        surprising_after=surprising_after("READY_TO_SHIP"),
    )


def test_answer_is_the_orders_own_exact_bytes() -> None:
    first = b'{"order_sn" : "A1",\n "order_status":"S", "currency":"SGD", "create_time":1, "update_time":2, "x":1.10}'
    second = (
        b'{"order_sn":"B2","order_status":"caf\\u00e9","currency":"SGD","create_time":1,"update_time":2,"x":[1, 2]}'
    )
    body = b'{"error":"","response":{"order_list": [ ' + first + b" ,\n" + second + b" ] } }"
    found = orders(HttpAnswer(200, {}, body), "A1", "B2")
    assert [order.answer for order in found] == [first, second]
    assert found[1].status == "café"


def test_zero_and_null_mean_none() -> None:
    (order,) = orders("answer__get_order_detail__shipped_from_package.json", OTHER)
    assert order.ship_by_at is None
    assert order.tracking_number == "SPXID000000000001"
    assert order.shipping_carrier == "SPX Standard"
    assert order.total_amount == Decimal(150000)
    assert order.buyer_username is None
    assert order.lines == (OrderLine("2300000003", "0", "Sarong", "", "SARONG", 3, Decimal(50000)),)


def test_null_lists_and_new_fields_are_tolerated() -> None:
    (order,) = orders("answer__get_order_detail__unknown_status.json")
    assert (order.status, order.lines, order.tracking_number) == ("ASCENDED", (), None)


def test_no_control_character_reaches_a_field() -> None:
    (order,) = orders("answer__get_order_detail__control_characters.json")
    assert order.buyer_username == "b b [31m"
    assert order.lines[0].name == "<b> </b>😀"
    assert order.lines[0].unit_price == 0
    assert rb"\u0000" in order.answer


@pytest.mark.parametrize(
    ("number", "amount"),
    [
        ("12.10", "12.10"),
        ("0.1", "0.1"),
        ("0", "0"),
        ("-3.5", "-3.5"),
        ("1e3", "1000"),
        ("90071992547409.93", "90071992547409.93"),
        ("12345678901.2345", "12345678901.2345"),
        ("0.30000000000000004", "0.3"),
        ("12.300000000000001", "12.3"),
        ('"12.50"', "12.50"),
        ("null", None),
    ],
)
def test_money_is_exact(number: str, amount: str | None) -> None:
    assert orders(priced(number))[0].total_amount == (None if amount is None else Decimal(amount))


@pytest.mark.parametrize(
    "number", ["1.23456", "1e400", "1e-5", "9007199254740993", '"NaN"', '"Infinity"', '"free"', "true"]
)
def test_unusable_money_is_unreadable(number: str) -> None:
    with pytest.raises(RemoteUnreadable):
        orders(priced(number))


@pytest.mark.parametrize(
    "changes",
    [
        {"order_status": ...},
        {"order_status": 5},
        {"currency": None},
        {"create_time": ...},
        {"create_time": 0},
        {"update_time": -1},
        {"update_time": 2**32},
        {"update_time": "2026-08-29"},
        {"item_list": [{"item_id": 1, "model_quantity_purchased": -1}]},
        {"item_list": [{"item_id": 1, "model_quantity_purchased": 2**63}]},
        {"item_list": [{}]},
        {"item_list": "none"},
    ],
)
def test_order_that_lacks_what_every_order_holds_is_unreadable(changes: dict[str, object]) -> None:
    with pytest.raises(RemoteUnreadable) as unreadable:
        orders(detail(**changes))
    assert "2026" not in unreadable.value.message


def test_only_orders_that_were_asked_for_are_taken_and_each_once() -> None:
    assert len(orders("answer__get_order_detail__ready_to_ship.json", ORDER, OTHER)) == 1
    assert orders("answer__get_order_detail__ready_to_ship.json", OTHER) == ()
    one = detail().body
    text = one[one.index(b"[") + 1 : one.rindex(b"]")].decode()
    assert len(orders(wrapped(text, text))) == 1


@pytest.mark.parametrize(
    "response", ['"response": null', '"response": {}', '"response": []', '"response": {"order_list": null}']
)
def test_odd_responses_never_crash(response: str) -> None:
    given = HttpAnswer(200, {}, ('{"error": "", ' + response + "}").encode())
    try:
        assert orders(given) == ()
    except RemoteUnreadable:
        assert "order_list" not in response


def test_shop_without_dates_has_none() -> None:
    http = FakeHttp([answer("answer__get_shop_info__no_dates.json"), answer("answer__get_shop_info__normal.json")])
    client = SHOPEE.client(http, CREDENTIALS)
    bare, whole = (asyncio.run(client.get_shop(SHOP, TOKEN)) for _ in range(2))
    assert (bare.authorized_at, bare.authorized_until) == (None, None)
    assert (whole.name, whole.region) == ("Kedai Teh", "SG")
    assert whole.authorized_until == datetime.fromtimestamp(1819536000, UTC)


@pytest.mark.parametrize("expire_in", [None, 0, -5, "14400", 14400.5, True, 2**40])
def test_token_pair_is_never_lost_to_an_odd_expiry(expire_in: object) -> None:
    body = {"error": "", "access_token": "a", "refresh_token": "r", "expire_in": expire_in}
    http = FakeHttp([HttpAnswer(200, {}, json.dumps(body).encode())])
    tokens = asyncio.run(SHOPEE.client(http, CREDENTIALS).refresh(SHOP, TOKEN))
    assert (tokens.access_expires_at - NOW).total_seconds() == 14_400


@pytest.mark.parametrize("missing", ["access_token", "refresh_token"])
@pytest.mark.parametrize("value", ["", " ", None, 5, ...])
def test_answer_without_both_tokens_is_unreadable(missing: str, value: object) -> None:
    body = {"error": "", "access_token": "a", "refresh_token": "r", "expire_in": 1, missing: value}
    kept = {name: one for name, one in body.items() if one is not ...}
    http = FakeHttp([HttpAnswer(200, {}, json.dumps(kept).encode())])
    with pytest.raises(RemoteUnreadable):
        asyncio.run(SHOPEE.client(http, CREDENTIALS).refresh(SHOP, TOKEN))
