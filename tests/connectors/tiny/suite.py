"""The second marketplace's examples for the suite that every connector must pass. All ids are invented."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from kedai.values.credentials import Credentials
from kedai.values.environment import ConnectorName, Environment
from kedai.values.secret import Secret
from tests.connectors.suites import ConnectorSuite, Fixture
from tests.connectors.tiny.connector import sign_push


def sign(key: Secret, url: str, body: bytes) -> Mapping[bytes, bytes]:
    """The headers of a push that verifies."""
    return {b"x-tiny-signature": sign_push(key, url, body).encode()}


SUITE = ConnectorSuite(
    folder=Path(__file__).parent / "fixtures",
    credentials=Credentials(
        connector=ConnectorName("tiny"),
        environment=Environment.SANDBOX,
        partner_id="42",
        partner_key=Secret("the-app-key-of-the-tiny-sandbox"),
        api_url="https://api.sandbox.tiny.test",
        auth_url="https://sandbox.tiny.test/join",
        region="SG",
        version=1,
    ),
    valid_fields={
        "partner_id": "42",
        "partner_key": "the-app-key-of-the-tiny-sandbox",
        "push_partner_key": "the-push-key-of-the-tiny-sandbox",
        "shop_id": "501",
        "region": "SG",
        "host": "tiny_sandbox",
    },
    shop_id="501",
    order_sns=("TINY0001",),
    sign=sign,
    kinds={
        "push: connection": Fixture("push__stall__joined.json"),
        "push: order": Fixture("push__order__changed.json"),
        "push: other": Fixture("push__notice__posted.json"),
        "push: malformed": Fixture("push__order__without_order.json"),
        "answer: first tokens": Fixture("answer__tokens__first.json"),
        "answer: renewed tokens": Fixture("answer__tokens__renewed.json"),
        "answer: shop": Fixture("answer__stall__normal.json"),
        "answer: last page of orders": Fixture("answer__orders__last_page.json"),
        "answer: empty page that is not the last": Fixture("answer__orders__empty_but_more.json"),
        "answer: orders": Fixture("answer__orders__one.json"),
        "answer: order in an unknown status": Fixture("answer__orders__unknown_status.json"),
        "answer: no order known": Fixture("answer__orders__none.json"),
        "refusal: access token expired": Fixture("answer__any__token_expired.json", 401),
        "refusal: reconnect": Fixture("answer__any__shop_left.json", 403),
        "refusal: misconfigured": Fixture("answer__any__bad_app.json", 403),
        "refusal: rate limited": Fixture("answer__any__too_many.json", 429),
        "refusal: rejected": Fixture("answer__any__refused.json", 400),
        "refusal: unavailable": Fixture("answer__any__error_page.html", 502),
        "refusal: unreadable": Fixture("answer__any__cut_off.txt"),
    },
)
