"""What the calls about returns make of Shopee's answers, and how a picture is uploaded (contract §5.6)."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from decimal import Decimal
from email.parser import BytesParser

import pytest

from kedai.connectors.shopee.api.words import CompensationStatus, NegotiationStatus, ReturnStatus, SellerProofStatus
from kedai.errors import Invalid, RemoteNotFound
from kedai.values.money import Money
from tests.connectors.shopee.calls import BEGINS, ENDS, clients, ok, shops
from tests.connectors.shopee.suite import SHOP, TOKEN
from tests.connectors.shopee.test_order_calls import all_of
from tests.connectors.shopee.wire_rest import RETURN

PICTURE = b"\xff\xd8\xff\xe0\r\n--not-a-boundary\r\n\x00"


def test_returns_are_walked_from_page_zero_window_by_window() -> None:
    first, last = "answer__get_return_list__first_page.json", "answer__get_return_list__last_page.json"
    client, http = clients(first, last, last)
    (one,) = all_of(client.for_shop(SHOP, TOKEN).returns.iter_returns(BEGINS, ENDS + timedelta(days=1)))
    assert (one.return_sn, one.status, one.due_date, one.image) == (RETURN, ReturnStatus.REQUESTED, None, ())
    assert one.negotiation_status is NegotiationStatus.PENDING_RESPOND
    assert one.seller_proof_status is SellerProofStatus.PENDING
    assert one.seller_compensation_status is CompensationStatus.NOT_REQUIRED
    assert one.money(one.refund_amount) == Money(Decimal("14.5"), "SGD")
    assert [call.fields["page_no"] for call in http.sent] == ["0", "1", "0"]


def test_detail_is_read_with_amounts_as_texts() -> None:
    detail = asyncio.run(shops("answer__get_return_detail__negotiated.json").returns.get_return_detail(RETURN))
    assert (detail.status, detail.raw["status"]) == (ReturnStatus.UNKNOWN, "FORGOTTEN")
    (activity,) = detail.activity
    assert (activity.original_price, activity.discounted_price) == (Decimal("15.55"), None)
    compensation = detail.seller_compensation
    assert [part.compensation_amount for part in compensation.compensation_amount_list] == [Decimal(5)]
    assert detail.money(detail.negotiation.latest_offer_amount) == Money(Decimal("3.5"), "SGD")


def test_unknown_return_is_not_found() -> None:
    with pytest.raises(RemoteNotFound):
        asyncio.run(shops("answer__confirm__not_found.json").returns.confirm(RETURN))


def test_picture_is_uploaded_as_a_form_that_others_can_read() -> None:
    client, http = clients(ok({"url": "u", "thumbnail": "t"}), ok({"url": "u", "thumbnail": "t"}))
    returns = client.for_shop(SHOP, TOKEN).returns
    asyncio.run(returns.convert_image(RETURN, PICTURE, file_name="proof-1.jpg"))
    asyncio.run(returns.convert_image(RETURN, PICTURE, file_name="proof-1.jpg"))
    first, second = http.sent
    assert first.json is None
    assert first.upload == second.upload, "the same file is sent as the same bytes"
    head = f"Content-Type: {first.upload.content_type}\r\n\r\n".encode()
    fields, picture = BytesParser().parsebytes(head + first.upload.body).get_payload()
    assert fields.get_param("name", header="content-disposition") == "return_sn"
    assert fields.get_payload() == RETURN
    assert picture.get_param("name", header="content-disposition") == "upload_image"
    assert (picture.get_filename(), picture.get_content_type()) == ("proof-1.jpg", "image/jpeg")
    assert picture.get_payload(decode=True) == PICTURE


@pytest.mark.parametrize(
    "make",
    [
        lambda returns: returns.convert_image(RETURN, b""),
        lambda returns: returns.convert_image(RETURN, b"x", file_name='a"\r\nX: 1'),
        lambda returns: returns.upload_proof(RETURN),
        lambda returns: returns.confirm("a b"),
        lambda returns: returns.get_return_list(created=(BEGINS, ENDS + timedelta(seconds=1))),
        lambda returns: returns.get_return_list(updated=(ENDS, BEGINS)),
    ],
)
def test_what_shopee_would_refuse_is_never_sent(make) -> None:
    client, http = clients()
    with pytest.raises(Invalid):
        asyncio.run(make(client.for_shop(SHOP, TOKEN).returns))
    assert http.sent == []
