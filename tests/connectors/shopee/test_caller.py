"""What every call has in common: signing by the right clock, reading wrappers, keeping what came."""

from __future__ import annotations

import asyncio
import json
from datetime import UTC, datetime
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kedai.connectors.base import HttpAnswer, Upload
from kedai.connectors.shopee.api.caller import Bearer, Call
from kedai.connectors.shopee.api.query import Repeated, write_query
from kedai.connectors.shopee.api.reading import Answer, Exact, Instant, Texts, read_answer, to_money
from kedai.connectors.shopee.sign import sign_shop
from kedai.errors import Invalid, RemoteUnavailable, RemoteUnreadable
from kedai.values.secret import Secret
from tests.connectors.fakes import NOW
from tests.connectors.shopee.calls import clients, ok, said
from tests.connectors.shopee.suite import CREDENTIALS, ORDER, SHOP, TOKEN

AHEAD = "Sat, 29 Aug 2026 10:50:11 GMT"
EXPIRED = said("common.error_param", "Timestamp is expired.", date=AHEAD)
THEIRS = int(NOW.timestamp()) + 600


class Sample(Answer, frozen=True, kw_only=True):
    """One field of each special kind."""

    at: Instant = None
    amount: Exact = None
    places: Texts = ()
    count: int | None = None


def sample(**fields: object) -> Sample:
    return read_answer(ok(fields), Sample)


def test_call_refused_for_its_timestamp_is_signed_by_shopees_clock_once() -> None:
    client, http = clients(EXPIRED, ok(), ok())
    order = client.for_shop(SHOP, TOKEN).order
    asyncio.run(order.set_note(ORDER, "x"))
    asyncio.run(order.set_note(ORDER, "y"))
    assert [call.fields["timestamp"] for call in http.sent] == [str(THEIRS - 600), str(THEIRS), str(THEIRS)]
    path = "/api/v2/order/set_note"
    sign = sign_shop(CREDENTIALS.partner_key, "2009876", path, THEIRS, access_token=TOKEN, shop_id=SHOP)
    assert http.sent[1].fields["sign"] == sign


def test_clock_that_does_not_help_is_not_tried_again() -> None:
    client, http = clients(EXPIRED, EXPIRED)
    with pytest.raises(RemoteUnavailable):
        asyncio.run(client.for_shop(SHOP, TOKEN).order.set_note(ORDER, "x"))
    assert len(http.sent) == 2


@pytest.mark.parametrize(
    "date",
    [
        "",
        "soon",
        "0",
        "Sat, 29 Aug 2026 10:40:10 GMT",
        "Sat, 99 Aug 2026 10:40:11 GMT",
        "Sat, 29 Aug 99999 10:40:11 GMT",
    ],
)
def test_without_another_clock_nothing_is_tried_again(date: str) -> None:
    client, http = clients(said("error_param", "Timestamp is expired.", date=date))
    with pytest.raises(RemoteUnavailable):
        asyncio.run(client.for_shop(SHOP, TOKEN).order.set_note(ORDER, "x"))
    assert len(http.sent) == 1


@pytest.mark.parametrize(
    ("body", "count"),
    [
        ({"response": {"count": 1}}, 1),
        ({"count": 1}, 1),
        ({"count": 1, "response": {}}, 1),
        ({"count": 1, "response": None}, 1),
        ({"count": 1, "response": {"count": 2}}, 2),
        ({"count": 1, "response": "no object"}, 1),
        ({"response": {"count": "3"}}, 3),
        ({"response": {"count": None}}, None),
    ],
)
def test_payload_is_read_wherever_it_stands(body: dict[str, object], count: int | None) -> None:
    assert read_answer(HttpAnswer(200, {}, json.dumps(body).encode()), Sample).count == count


@pytest.mark.parametrize(
    ("value", "instant"),
    [
        (1788000000, datetime.fromtimestamp(1788000000, UTC)),
        ("1788000000", datetime.fromtimestamp(1788000000, UTC)),
        (0, None),
        ("", None),
        (None, None),
        (-1, None),
        (2**32, None),
        (10**30, None),
    ],
)
def test_instants_are_aware_or_none(value: object, instant: datetime | None) -> None:
    assert sample(at=value).at == instant


@pytest.mark.parametrize("value", [True, 1.5, {}, [], "soon", "²"])
def test_what_is_no_instant_is_unreadable(value: object) -> None:
    with pytest.raises(RemoteUnreadable):
        sample(at=value)


@pytest.mark.parametrize(
    ("text", "amount"), [("12.10", "12.10"), ("0", "0"), ("-3", "-3"), ('"7.5"', "7.5"), ("1e2", "1e2"), ("0e99", "0")]
)
def test_numbers_keep_their_own_digits(text: str, amount: str) -> None:
    answer = HttpAnswer(200, {}, b'{"error":"","response":{"amount":' + text.encode() + b"}}")
    assert read_answer(answer, Sample).amount == Decimal(amount)


@pytest.mark.parametrize("text", ["true", '"NaN"', '"Infinity"', '"x"', "{}", "[]", "1e999999999", "1e-999999999"])
def test_what_is_no_usable_number_is_unreadable(text: str) -> None:
    answer = HttpAnswer(200, {}, b'{"error":"","response":{"amount":' + text.encode() + b"}}")
    with pytest.raises(RemoteUnreadable) as unreadable:
        _ = read_answer(answer, Sample)
    assert "999999" not in unreadable.value.message


@pytest.mark.parametrize(
    ("value", "texts"), [("a", ("a",)), (["a", "b"], ("a", "b")), ("", ()), ([], ()), (["", "a"], ("a",)), (None, ())]
)
def test_one_text_or_several_are_texts(value: object, texts: tuple[str, ...]) -> None:
    assert sample(places=value).places == texts


def test_money_loses_the_noise_of_floats_and_needs_a_currency() -> None:
    assert str(to_money(Decimal("12.300000000000001"), "SGD")) == "SGD 12.3000"
    assert to_money(None, "") is None
    for amount, currency in ((Decimal("1.23456"), "SGD"), (Decimal(1), ""), (Decimal("1e15"), "SGD")):
        with pytest.raises(RemoteUnreadable):
            to_money(amount, currency)


@given(
    st.recursive(
        st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
        lambda x: st.lists(x) | st.dictionaries(st.text(), x),
    )
)
def test_no_answer_whatever_crashes(value: object) -> None:
    """It is read, or it is unreadable; nothing else."""
    for body in ({"response": value}, value, {"response": {"at": value, "amount": value, "places": value}}):
        try:
            read_answer(HttpAnswer(200, {}, json.dumps(body).encode()), Sample)
        except RemoteUnreadable:
            continue


def test_deeply_nested_answer_is_unreadable() -> None:
    deep = b'{"response":{"x":' + b'{"x":' * 5_000 + b"1" + b"}" * 5_002
    with pytest.raises(RemoteUnreadable):
        read_answer(HttpAnswer(200, {}, deep), Sample)


def test_call_never_shows_what_it_carries() -> None:
    """A body may hold a refresh token, and a query whatever somebody typed."""
    call = Call("POST", "/api/v2/auth/access_token/get", (("x", "s3cr3t"),), b"s3cr3t", Upload(b"s3cr3t", "a/b"))
    assert "s3cr3t" not in f"{call!r} {call} {Bearer.shop(SHOP, Secret('s3cr3t'))!r}"


def test_query_is_written_as_documented() -> None:
    query = write_query(
        a=None,
        flag=True,
        at=NOW,
        on=NOW.date(),
        amount=Decimal("1E+2"),
        ids=[3, 1, 3],
        status=Repeated(["NORMAL", "BANNED"]),
        text="",
    )
    assert query == [
        ("flag", "true"),
        ("at", str(int(NOW.timestamp()))),
        ("on", "2026-08-29"),
        ("amount", "100"),
        ("ids", "3,1"),
        ("status", "NORMAL"),
        ("status", "BANNED"),
        ("text", ""),
    ]


@pytest.mark.parametrize("values", [[], ["a,b"], [""], Repeated([]), datetime(2026, 8, 29)])
def test_value_that_would_be_misread_is_never_sent(values: object) -> None:
    with pytest.raises(Invalid) as invalid:
        write_query(wanted=values)
    assert invalid.value.field == "wanted"
