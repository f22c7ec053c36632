"""Shopee's examples for the suite that every connector must pass, and for Shopee's own tests. All ids are invented."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from kedai.connectors.base import HttpAnswer
from kedai.connectors.shopee.sign import sign_push
from kedai.values.credentials import Credentials, PushKey, PushKeys
from kedai.values.environment import ConnectorName, Environment
from kedai.values.secret import Secret
from tests.connectors.suites import ConnectorSuite, Fixture

FIXTURES = Path(__file__).parent / "fixtures"
PARTNER_KEY = "shpk54657374566563746f724f6e6c794e6f74415265616c4b65792d30303031"
PUSH_KEY = Secret("shpk50757368566563746f724f6e6c794e6f74415265616c4b65792d303031ab")
OLD_PUSH_KEY = Secret("shpk4f6c6450757368566563746f724f6e6c794e6f74415265616c4b65792dcd")
PATH = "/connectors/shopee/webhook/sandbox"
URL = f"https://kedai.example.test{PATH}"
ALIAS = "https://kedai.example.test/connectors/shopee/webhook"
SHOP = "226001122"
ORDER = "260801ABCD1234"
TOKEN = Secret("496e76656e746564546f6b656e2d3031")

CREDENTIALS = Credentials(
    connector=ConnectorName("shopee"),
    environment=Environment.SANDBOX,
    partner_id="2009876",
    partner_key=Secret(PARTNER_KEY),
    api_url="https://openplatform.sandbox.test-stable.shopee.sg",
    auth_url="https://open.sandbox.test-stable.shopee.com/auth",
    region="SG",
    version=1,
)


def push_keys(*keys: Secret, urls: tuple[str, ...] = (URL, ALIAS)) -> PushKeys:
    """Keys named current and previous, as the vault hands them over."""
    named = tuple(PushKey(name, key) for name, key in zip(("current", "previous"), keys, strict=False))
    return PushKeys(ConnectorName("shopee"), Environment.SANDBOX, 1, named, urls)


def sign(key: Secret, url: str, body: bytes) -> Mapping[bytes, bytes]:
    """The headers of a push that verifies."""
    return {b"authorization": sign_push(key, url, body).encode()}


def read(file: str) -> bytes:
    return (FIXTURES / file).read_bytes()


def answer(file: str, status: int = 200) -> HttpAnswer:
    return HttpAnswer(status, {}, read(file))


SUITE = ConnectorSuite(
    folder=FIXTURES,
    credentials=CREDENTIALS,
    valid_fields={
        "partner_id": "2009876",
        "partner_key": PARTNER_KEY,
        "push_partner_key": PUSH_KEY.reveal(),
        "shop_id": SHOP,
        "region": "SG",
        "host": "sandbox_sg",
        "default_location_id": "SGZ",
        "default_shipping_option_id": "18001",
    },
    shop_id=SHOP,
    order_sns=(ORDER,),
    sign=sign,
    kinds={
        "push: connection": Fixture("push__shop_authorization__granted.json"),
        "push: order": Fixture("push__order_status__ready_to_ship.json"),
        "push: other": Fixture("push__webchat__message.json"),
        "push: malformed": Fixture("push__order_status__without_order_number.json"),
        "answer: first tokens": Fixture("answer__token_get__shop.json"),
        "answer: renewed tokens": Fixture("answer__access_token_get__renewed.json"),
        "answer: shop": Fixture("answer__get_shop_info__normal.json"),
        "answer: last page of orders": Fixture("answer__get_order_list__last_page.json"),
        "answer: empty page that is not the last": Fixture("answer__get_order_list__empty_but_more.json"),
        "answer: orders": Fixture("answer__get_order_detail__ready_to_ship.json"),
        "answer: order in an unknown status": Fixture("answer__get_order_detail__unknown_status.json"),
        "answer: no order known": Fixture("answer__get_order_detail__none_known.json"),
        "refusal: access token expired": Fixture("answer__any__access_token_expired.json", 403),
        "refusal: reconnect": Fixture("answer__any__shop_no_linked.json", 403),
        "refusal: misconfigured": Fixture("answer__any__wrong_sign.json", 403),
        "refusal: rate limited": Fixture("answer__any__rate_limited.json", 429),
        "refusal: rejected": Fixture("answer__any__parameter_refused.json"),
        "refusal: unavailable": Fixture("answer__any__error_page.html", 502),
        "refusal: unreadable": Fixture("answer__any__cut_off.txt"),
    },
)
