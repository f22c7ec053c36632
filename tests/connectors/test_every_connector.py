"""What every registered connector must do, told in the words of `kedai.connectors.base` alone."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta
from importlib import import_module

import pytest

from kedai import errors
from kedai.connectors.base import Client, Connector
from kedai.connectors.registry import CONNECTORS, get_connector
from kedai.values.credentials import PushKey, PushKeys
from kedai.values.environment import Environment
from kedai.values.event import Topic
from kedai.values.secret import Secret
from tests.connectors.fakes import NOW, FakeHttp
from tests.connectors.suites import REQUIRED_KINDS, ConnectorSuite

TOKEN = Secret("an access token")
URL = "https://kedai.example.test/connectors/any/webhook/live"
REFUSALS = {
    "refusal: access token expired": errors.AuthExpired,
    "refusal: reconnect": errors.NeedsReconnect,
    "refusal: misconfigured": errors.RemoteMisconfigured,
    "refusal: rate limited": errors.RateLimited,
    "refusal: rejected": errors.RemoteRejected,
    "refusal: unavailable": errors.RemoteUnavailable,
    "refusal: unreadable": errors.RemoteUnreadable,
}


@pytest.fixture(params=sorted(CONNECTORS))
def connector(request: pytest.FixtureRequest) -> Connector:
    return CONNECTORS[request.param]


@pytest.fixture
def suite(connector: Connector) -> ConnectorSuite:
    """A connector without examples of its own fails here."""
    return import_module(f"tests.connectors.{connector.name}.suite").SUITE


@pytest.fixture
def http() -> FakeHttp:
    return FakeHttp()


@pytest.fixture
def client(connector: Connector, suite: ConnectorSuite, http: FakeHttp) -> Client:
    return connector.client(http, suite.credentials)


def test_is_registered_under_its_own_name(connector: Connector) -> None:
    assert isinstance(connector, Connector)
    assert get_connector(connector.name) is connector


def test_unknown_connector_is_not_found() -> None:
    with pytest.raises(errors.NotFound):
        get_connector("bazaar")


def test_every_kind_of_fixture_is_there(suite: ConnectorSuite) -> None:
    assert set(suite.kinds) == REQUIRED_KINDS
    assert [one.file for one in suite.kinds.values() if not (suite.folder / one.file).is_file()] == []


def test_fixtures_are_named_after_events(suite: ConnectorSuite) -> None:
    names = [path.name.partition(".")[0].split("__") for path in suite.folder.iterdir()]
    assert all(len(parts) == 3 and parts[0] in {"push", "answer"} for parts in names)


def test_each_environment_has_its_own_hosts_and_a_default(connector: Connector) -> None:
    for environment in Environment:
        own = {host.name: host for host in connector.hosts if host.environment is environment}
        other = {host.api_url for host in connector.hosts if host.environment is not environment}
        assert connector.default_host(environment) in own
        assert not other & {host.api_url for host in own.values()}
        assert all(url.startswith("https://") for host in own.values() for url in (host.api_url, host.auth_url))


def test_form_fields_are_told_and_checked(connector: Connector, suite: ConnectorSuite) -> None:
    fields = {field.name: field for field in connector.credential_fields}
    assert set(fields) == set(suite.valid_fields)
    assert all(field.label and field.help for field in fields.values())
    assert any(field.connect for field in fields.values())
    assert any(field.switch for field in fields.values())
    for name, value in suite.valid_fields.items():
        assert connector.validate_field(name, f" \t{value}\r\n") == value


@pytest.mark.parametrize(
    "value", ["", "\x00", "a\nb", "😀" * 20, "x" * 100_000], ids=["empty", "NUL", "two lines", "emoji", "huge"]
)
def test_no_field_takes_everything(connector: Connector, value: str) -> None:
    for field in connector.credential_fields:
        with pytest.raises(errors.Invalid) as refused:
            connector.validate_field(field.name, value)
        assert refused.value.field == field.name
        assert not (field.secret and value and value in refused.value.message)


def test_unknown_field_is_refused(connector: Connector) -> None:
    with pytest.raises(errors.Invalid):
        connector.validate_field("shoe_size", "42")


def test_signed_push_verifies_and_any_change_does_not(connector: Connector, suite: ConnectorSuite) -> None:
    key, other = Secret("k" * 64), Secret("o" * 64)
    body = suite.read("push: order")
    headers = suite.sign(key, URL, body)
    path = "/connectors/any/webhook/live"

    def keys(secret: Secret, url: str = URL) -> PushKeys:
        return PushKeys(connector.name, Environment.LIVE, 1, (PushKey("current", secret),), (url,))

    assert connector.verify_push(keys(key), headers, path, body).url == URL
    for wrong, content in ((keys(other), body), (keys(key, URL + "/"), body), (keys(key), body + b" ")):
        with pytest.raises(errors.BadSignature):
            connector.verify_push(wrong, headers, path, content)
    with pytest.raises(errors.BadSignature):
        connector.verify_push(PushKeys(connector.name, Environment.LIVE, 1, (), (URL,)), headers, path, body)


@pytest.mark.parametrize("topic", list(Topic))
def test_push_of_every_topic_is_understood(connector: Connector, suite: ConnectorSuite, topic: Topic) -> None:
    event = connector.parse_push(suite.read(f"push: {topic.value}"))
    assert event.topic is topic
    assert len(event.event_id) == 32
    assert (event.problem is not None) == (topic is Topic.MALFORMED)
    assert connector.name_push(event.code)
    if topic is Topic.ORDER:
        assert (event.shop_id, event.order_sn) == (suite.shop_id, suite.order_sns[0])


@pytest.mark.parametrize("code", [None, -1, 2**31 - 1])
def test_every_code_has_a_name(connector: Connector, code: int | None) -> None:
    assert connector.name_push(code)


def test_consent_link_leads_to_the_environments_host(client: Client, suite: ConnectorSuite) -> None:
    link = client.authorization_url("https://kedai.example.test/back?nonce=a&b=c d", NOW)
    assert link.startswith((suite.credentials.api_url, suite.credentials.auth_url))
    assert suite.credentials.partner_key.reveal() not in link


def test_tokens_are_exchanged_and_renewed(client: Client, suite: ConnectorSuite, http: FakeHttp) -> None:
    http.answers = [suite.answer("answer: first tokens"), suite.answer("answer: renewed tokens")]
    grant = asyncio.run(client.exchange_code("a-code", suite.shop_id))
    renewed = asyncio.run(client.refresh(suite.shop_id, grant.tokens.refresh_token))
    assert grant.shop_ids == (suite.shop_id,)
    for tokens in (grant.tokens, renewed):
        assert tokens.access_token
        assert NOW < tokens.access_expires_at < tokens.refresh_expires_at
        assert tokens.access_expires_at.tzinfo is UTC
    assert renewed.access_token.reveal() != grant.tokens.access_token.reveal()


def test_shop_is_described(client: Client, suite: ConnectorSuite, http: FakeHttp) -> None:
    http.answers = [suite.answer("answer: shop")]
    shop = asyncio.run(client.get_shop(suite.shop_id, TOKEN))
    assert shop.shop_id == suite.shop_id
    assert shop.name


def test_order_list_goes_on_until_it_says_so(client: Client, suite: ConnectorSuite, http: FakeHttp) -> None:
    http.answers = [
        suite.answer("answer: empty page that is not the last"),
        suite.answer("answer: last page of orders"),
    ]

    def ask(cursor: str | None):
        span = {"updated_from": NOW - timedelta(days=1), "updated_to": NOW}
        return asyncio.run(client.list_orders(suite.shop_id, TOKEN, **span, cursor=cursor))

    first = ask(None)
    assert first.rows == ()
    assert first.next_cursor
    last = ask(first.next_cursor)
    assert last.next_cursor is None
    assert suite.order_sns[0] in {row.order_sn for row in last.rows}


def test_orders_are_read_as_they_stood(client: Client, suite: ConnectorSuite, http: FakeHttp) -> None:
    http.answers = [suite.answer("answer: orders")]
    orders = asyncio.run(client.get_orders(suite.shop_id, TOKEN, suite.order_sns))
    assert tuple(order.order_sn for order in orders) == suite.order_sns
    for order in orders:
        assert order.answer in suite.read("answer: orders")
        assert order.read_started_at == NOW
        assert order.remote_updated_at <= datetime(2100, 1, 1, tzinfo=UTC)


def test_unknown_status_is_kept_and_never_an_error(client: Client, suite: ConnectorSuite, http: FakeHttp) -> None:
    http.answers = [suite.answer("answer: order in an unknown status")]
    (order,) = asyncio.run(client.get_orders(suite.shop_id, TOKEN, suite.order_sns))
    assert order.status


def test_orders_that_nobody_knows_are_simply_missing(client: Client, suite: ConnectorSuite, http: FakeHttp) -> None:
    http.answers = [suite.answer("answer: no order known")]
    assert asyncio.run(client.get_orders(suite.shop_id, TOKEN, suite.order_sns)) == ()


def test_no_orders_make_no_call_and_too_many_are_refused(connector: Connector, client: Client, http: FakeHttp) -> None:
    assert asyncio.run(client.get_orders("1", TOKEN, [])) == ()
    with pytest.raises(errors.Invalid):
        asyncio.run(client.get_orders("1", TOKEN, [f"N{number}" for number in range(connector.orders_per_call + 1)]))
    assert http.sent == []


@pytest.mark.parametrize("kind", sorted(REFUSALS))
def test_refusals_become_families(client: Client, suite: ConnectorSuite, http: FakeHttp, kind: str) -> None:
    http.answers = [suite.answer(kind)]
    with pytest.raises(REFUSALS[kind]) as refused:
        asyncio.run(client.get_shop(suite.shop_id, TOKEN))
    assert type(refused.value) is REFUSALS[kind]


def test_no_secret_is_in_a_refusal(client: Client, suite: ConnectorSuite, http: FakeHttp) -> None:
    for kind in sorted(REFUSALS):
        http.answers = [suite.answer(kind)]
        with pytest.raises(errors.KedaiError) as refused:
            asyncio.run(client.get_shop(suite.shop_id, TOKEN))
        text = f"{refused.value.message} {refused.value.facts}"
        assert TOKEN.reveal() not in text
        assert suite.credentials.partner_key.reveal() not in text


def test_transport_failures_pass_unchanged(client: Client, suite: ConnectorSuite, http: FakeHttp) -> None:
    for failure in (errors.RemoteUnavailable(), errors.OutcomeUnknown(), errors.RemoteUnreadable()):
        http.answers = [failure]
        with pytest.raises(type(failure)) as raised:
            asyncio.run(client.refresh(suite.shop_id, TOKEN))
        assert raised.value is failure
