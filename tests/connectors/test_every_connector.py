"""What every connector must do, told in the words of `kedai.connectors.base` alone: the contract.

It examines those that are registered, and a tiny one of the tests' own, which stands for the next marketplace.
`test_contract_catches` proves that broken ones fail.
"""

from __future__ import annotations

import ast
import asyncio
import hashlib
import inspect
import json
from collections.abc import Callable, Coroutine, Iterable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from importlib import import_module
from pathlib import Path
from types import MappingProxyType
from typing import Any
from urllib.parse import urlsplit

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from kedai import errors
from kedai.connectors.base import (
    UNPACED,
    Client,
    Connector,
    HasConsole,
    Host,
    HttpAnswer,
    PushesToUs,
    ReadsConnectionPushes,
    RetiresHosts,
)
from kedai.connectors.registry import CONNECTORS, get_connector
from kedai.sync.outcome import RULES, rule_for
from kedai.values.credentials import Credentials, PushKey, PushKeys
from kedai.values.environment import Environment
from kedai.values.event import ConnectionKind, Topic
from kedai.values.secret import Secret
from kedai.vault.service import NULLABLE, SECRETS
from tests.connectors.fakes import NOW, FakeHttp, NotingPacing
from tests.connectors.suites import REQUIRED_KINDS, ConnectorSuite
from tests.connectors.tiny.connector import TINY

EXAMINED = MappingProxyType({**CONNECTORS, TINY.name: TINY})

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


@pytest.fixture(params=sorted(EXAMINED))
def connector(request: pytest.FixtureRequest) -> Connector:
    return EXAMINED[request.param]


@pytest.fixture
def suite(connector: Connector) -> ConnectorSuite:
    """A connector without examples of its own fails here."""
    return import_module(f"tests.connectors.{connector.name}.suite").SUITE


@pytest.fixture
def http() -> FakeHttp:
    return FakeHttp()


@pytest.fixture
def client(connector: Connector, suite: ConnectorSuite, http: FakeHttp) -> Client:
    return connector.client(http, suite.credentials, UNPACED)


def test_is_registered_under_its_own_name(connector: Connector) -> None:
    assert isinstance(connector, Connector)
    assert connector.name.isascii()
    assert connector.name.isalnum()
    assert connector.label


def test_registry_names_its_connectors() -> None:
    for name, registered in CONNECTORS.items():
        assert (registered.name, get_connector(name)) == (name, registered)


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
        other = [host for host in connector.hosts if host.environment is not environment]
        assert connector.default_host(environment) in own
        assert not addresses(other) & addresses(own.values())
        assert all(url.startswith("https://") for host in own.values() for url in (host.api_url, host.auth_url))


@pytest.mark.parametrize("environment", list(Environment))
def test_console_pages_are_for_people_and_each_place_has_one(connector: Connector, environment: Environment) -> None:
    """What is linked is a web page under https, never a place that calls go to; a field is found on one of them."""
    if not isinstance(connector, HasConsole):
        assert [one.name for one in connector.credential_fields if one.found_at] == []
        return
    pages = connector.console_pages(environment)
    assert len({page.place for page in pages}) == len(pages) > 0
    api = {urlsplit(host.api_url).hostname for host in connector.hosts}
    for page in pages:
        address = urlsplit(page.url)
        assert (address.scheme, address.username, address.port, address.query) == ("https", None, None, ""), page
        assert address.hostname not in api
        assert page.label
    places = {page.place for page in pages}
    assert {one.found_at for one in connector.credential_fields if one.found_at} <= places


def test_a_retired_host_is_no_host_any_more(connector: Connector) -> None:
    if isinstance(connector, RetiresHosts):
        assert connector.retired_hosts
        assert not connector.retired_hosts & addresses(connector.hosts)
        assert all(name == name.lower() and "/" not in name for name in connector.retired_hosts)


def test_needed_push_codes_have_names(connector: Connector) -> None:
    if isinstance(connector, PushesToUs):
        unnamed = connector.name_push(99_999).replace("99999", "")
        names = {code: connector.name_push(code) for code in connector.needed_push_codes}
        assert [code for code, name in names.items() if name == f"{unnamed}{code}"] == []
        assert len(set(names.values())) == len(names) > 0


def test_our_own_probe_verifies_like_a_push_and_does_nothing(connector: Connector) -> None:
    """It must pass every check that a real one passes, and be another one each second, or it proves nothing."""
    if not isinstance(connector, PushesToUs):
        return
    key = Secret("the-push-key-of-this-test-only-01")
    one, later = (connector.sign_probe(key, URL, NOW + timedelta(seconds=wait)) for wait in (0, 1))
    headers = {name.encode(): value.encode() for name, value in one.headers.items()}
    assert connector.signature_header in headers
    keys = PushKeys(connector.name, Environment.LIVE, 1, (PushKey("current", key),), (URL,))
    assert connector.verify_push(keys, headers, urlsplit(URL).path, one.body).key_name == "current"
    assert connector.parse_push(one.body).topic is Topic.CONNECTION
    assert connector.parse_push(one.body).event_id != connector.parse_push(later.body).event_id
    assert key.reveal().encode() not in one.body
    if isinstance(connector, ReadsConnectionPushes):
        change = connector.parse_connection(one.body)
        assert change is not None
        assert change.kind is ConnectionKind.PROBE


def test_names_of_hosts_are_unique(connector: Connector) -> None:
    names = [host.name for one in {**EXAMINED, connector.name: connector}.values() for host in one.hosts]
    assert sorted(names) == sorted(set(names))


def addresses(hosts: Iterable[Host]) -> set[str | None]:
    """Where these hosts' calls and browsers go."""
    return {urlsplit(url).hostname for host in hosts for url in (host.api_url, host.auth_url)}


def test_no_environment_has_a_default(connector: Connector, client: Client) -> None:
    """Whoever forgets to say which environment is meant gets an error, never one of the two."""
    for owner in (type(connector), type(client)):
        for name, member in inspect.getmembers(owner, inspect.isfunction):
            for parameter in inspect.signature(member).parameters.values():
                if "environment" in parameter.name or "Environment" in str(parameter.annotation):
                    assert parameter.default is inspect.Parameter.empty, name
    with pytest.raises(TypeError):
        connector.default_host()  # type: ignore[call-arg]


def test_only_the_words_of_the_protocols_are_imported(connector: Connector) -> None:
    folder = Path(inspect.getfile(type(connector))).parent
    allowed = ("kedai.connectors.base", type(connector).__module__.rpartition(".")[0], "kedai.values", "kedai.errors")
    for file in sorted(folder.rglob("*.py")):
        for node in ast.walk(ast.parse(file.read_text())):
            module = node.module or "" if isinstance(node, ast.ImportFrom) else ""
            if module.startswith("kedai."):
                assert module.startswith((*allowed, "kedai.kit")), f"{file.name} imports {module}"


def test_every_field_has_a_place_where_it_is_stored(connector: Connector) -> None:
    """A second marketplace brings no column of its own."""
    for field in connector.credential_fields:
        assert field.name in {*NULLABLE, *SECRETS, "region"}
        assert field.secret == (field.name in SECRETS)


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


@settings(max_examples=50, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(value=st.text(max_size=80))
def test_checked_value_is_stored_as_it_is(connector: Connector, value: str) -> None:
    """What is taken is taken again unchanged; what is refused is refused in words that do not quote a secret."""
    for field in connector.credential_fields:
        kept, refused = checked(connector, field.name, value)
        if refused is not None:
            assert refused.field == field.name
            quotable = len(value.strip()) < 8 or not field.secret
            assert quotable or value.strip() not in refused.message
        else:
            assert kept == connector.validate_field(field.name, kept) == kept.strip() != ""
            assert "\0" not in kept


def checked(connector: Connector, name: str, value: str) -> tuple[str, errors.Invalid | None]:
    try:
        return connector.validate_field(name, value), None
    except errors.Invalid as refused:
        return "", refused


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
    assert set(headers) == {connector.signature_header}
    assert connector.signature_header == connector.signature_header.lower()
    for wrong, content in ((keys(other), body), (keys(key, URL + "/"), body), (keys(key), body + b" ")):
        with pytest.raises(errors.BadSignature):
            connector.verify_push(wrong, headers, path, content)
    with pytest.raises(errors.BadSignature):
        connector.verify_push(PushKeys(connector.name, Environment.LIVE, 1, (), (URL,)), headers, path, body)


def test_signature_depends_on_key_url_and_bytes_alone(suite: ConnectorSuite) -> None:
    body, key = suite.read("push: order"), Secret("k" * 64)
    signed = suite.sign(key, URL, body)
    assert suite.sign(key, URL, body) == signed
    others = [(Secret("o" * 64), URL, body), (key, URL + "/", body), (key, URL, body + b" ")]
    assert all(suite.sign(*other) != signed for other in others)


def test_push_is_verified_over_its_exact_bytes(connector: Connector, suite: ConnectorSuite) -> None:
    """The same JSON in other bytes is another message."""
    body, key = suite.read("push: order"), Secret("k" * 64)
    keys = PushKeys(connector.name, Environment.LIVE, 1, (PushKey("current", key),), (URL,))
    headers = suite.sign(key, URL, body)
    again = json.dumps(json.loads(body), separators=(", ", ":  ")).encode()
    flipped = [body[:at] + bytes((body[at] ^ 1,)) + body[at + 1 :] for at in range(0, len(body), 7)]
    for other in (again, body.rstrip(b"\n") + b"\n\n", body.upper(), b"", *flipped):
        assert other != body
        with pytest.raises(errors.BadSignature):
            connector.verify_push(keys, headers, "/connectors/any/webhook/live", other)


def test_what_the_request_says_of_itself_verifies_nothing(connector: Connector, suite: ConnectorSuite) -> None:
    """Host and path may only decide which URL is tried first (environments, §7.6)."""
    body, key = suite.read("push: order"), Secret("k" * 64)
    keys = PushKeys(connector.name, Environment.LIVE, 1, (PushKey("current", key),), (URL,))
    parts = urlsplit("https://attacker.example.test/connectors/any/webhook/live")
    told = {b"host": parts.netloc.encode(), b"x-forwarded-host": parts.netloc.encode(), b"x-forwarded-proto": b"https"}
    forged = {**told, **suite.sign(key, parts.geturl(), body)}
    with pytest.raises(errors.BadSignature):
        connector.verify_push(keys, forged, parts.path, body)
    honest = {**told, **suite.sign(key, URL, body)}
    assert connector.verify_push(keys, honest, "/somewhere/else", body).url == URL


@pytest.mark.parametrize("given_header", [None, b"", b" ", b"Bearer x", b"\xff\x00", b"a" * 100_000])
def test_no_header_and_no_key_open_the_door(
    connector: Connector, suite: ConnectorSuite, given_header: bytes | None
) -> None:
    body, empty = suite.read("push: order"), Secret("")
    names = suite.sign(Secret("k" * 64), URL, body)
    headers = {} if given_header is None else dict.fromkeys(names, given_header)
    for key in (Secret("k" * 64), empty):
        keys = PushKeys(connector.name, Environment.LIVE, 1, (PushKey("current", key),), (URL,))
        with pytest.raises(errors.BadSignature):
            connector.verify_push(keys, headers, "/connectors/any/webhook/live", body)
    keys = PushKeys(connector.name, Environment.LIVE, 1, (PushKey("current", empty),), (URL,))
    with pytest.raises(errors.BadSignature):  # anybody can sign with an empty key
        connector.verify_push(keys, suite.sign(empty, URL, body), "/connectors/any/webhook/live", body)


plain = st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=8)
values = st.recursive(plain, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=6), inner))


@settings(max_examples=60, deadline=None, derandomize=True, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data(), noise=st.binary(max_size=200), value=values)
@example(data=None, noise=b"[" * 100_000, value=None)
@example(data=None, noise=b"\xff\xfe{}", value=10**400)
@example(data=None, noise=b"", value="nul\0inside")
@example(data=None, noise=b"{}", value="x" * 65)
def test_push_of_any_bytes_is_read_without_an_error(
    connector: Connector, suite: ConnectorSuite, data: st.DataObject | None, noise: bytes, value: object
) -> None:
    """Random bytes, any JSON, and real pushes with one field replaced (each in turn without ``data``), or cut off."""
    bodies = [noise, json.dumps(value).encode()]
    for topic in Topic:
        real = suite.read(f"push: {topic.value}")
        told = json.loads(real)
        bodies.append(real[: len(real) // 2 if data is None else data.draw(st.integers(0, len(real)))])
        inner = told.get("data") if isinstance(told.get("data"), dict) else {}
        changed = [{**told, name: value} for name in sorted(told)]
        changed += [{**told, "data": {**inner, name: value}} for name in sorted(inner)]
        if data is not None:
            changed = [data.draw(st.sampled_from(changed))]
        bodies += [json.dumps(one).encode() for one in changed]
    for body in bodies:
        event = connector.parse_push(body)
        assert event == connector.parse_push(body)
        assert isinstance(event.topic, Topic)
        assert len(event.event_id) == 32
        assert (event.problem is not None) == (event.topic is Topic.MALFORMED)
        assert event.code is None or 0 <= event.code < 2**31
        assert event.pushed_at is None or event.pushed_at.tzinfo is UTC
        for text in (event.shop_id, event.order_sn):
            assert text is None or (0 < len(text) <= 64 and text.isascii() and text.isprintable())
        if event.topic is Topic.ORDER:
            assert event.shop_id is not None


def test_event_id_is_time_and_hash_of_the_bytes(connector: Connector, suite: ConnectorSuite) -> None:
    for topic in Topic:
        body = suite.read(f"push: {topic.value}")
        stamp = json.loads(body)["timestamp"].to_bytes(4, "big")
        assert connector.parse_push(body).event_id == stamp + hashlib.sha256(body).digest()[:28]
    assert connector.parse_push(b"no JSON").event_id == bytes(4) + hashlib.sha256(b"no JSON").digest()[:28]


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
        assert order.remote_updated_at.tzinfo is UTC
        assert order.total_amount is None or type(order.total_amount) is Decimal


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


@pytest.mark.parametrize("status", [200, 204, 301, 400, 401, 403, 404, 409, 418, 429, 500, 502, 503, 504])
def test_no_answer_leaves_the_ladder(client: Client, suite: ConnectorSuite, http: FakeHttp, status: int) -> None:
    """Whatever comes back, it is a family that the worker knows what to do with, for reading and for tokens alike."""
    bodies = (b"", b"{}", b"[]", b"null", b"7", b'"text"', b"<html>", b'{"a": ', b"\xff\xfe", b"[" * 100_000, b"\0" * 9)
    for body in bodies:
        for call in (
            lambda: client.get_shop(suite.shop_id, TOKEN),
            lambda: client.get_orders(suite.shop_id, TOKEN, suite.order_sns),
            lambda: client.refresh(suite.shop_id, TOKEN),
            lambda: client.exchange_code("a-code", suite.shop_id),
        ):
            http.answers = [HttpAnswer(status, {}, body)]
            error = error_of(call)
            assert error is not None, "nothing of this is an answer"
            assert rule_for(error) is not RULES[errors.KedaiError], type(error)
            assert TOKEN.reveal() not in error.message


def test_every_call_waits_its_turn_and_tells_how_it_went(
    connector: Connector, suite: ConnectorSuite, http: FakeHttp
) -> None:
    """By app and account, so that no shop waits for another; and what gets no turn sends nothing."""
    pacing = NotingPacing()
    client = connector.client(http, suite.credentials, pacing)
    http.answers = [suite.answer("answer: shop"), suite.answer("refusal: rate limited")]
    asyncio.run(client.get_shop(suite.shop_id, TOKEN))
    refusal = error_of(lambda: client.get_shop(suite.shop_id, TOKEN))
    app = suite.credentials
    bucket = app.connector, app.environment, app.partner_id, f"shop:{suite.shop_id}"
    assert [tuple(lane.bucket) for lane in pacing.entered] == [bucket, bucket]
    assert pacing.left == [(pacing.entered[0], None), (pacing.entered[1], refusal)]
    pacing.refusal = errors.RateLimited()
    assert error_of(lambda: client.get_shop(suite.shop_id, TOKEN)) is pacing.refusal
    assert len(http.sent) == len(pacing.left) == 2


def error_of(call: Callable[[], Coroutine[Any, Any, object]]) -> errors.KedaiError | None:
    """What a call raises of ours; anything else passes, and fails the test."""
    try:
        asyncio.run(call())
    except errors.KedaiError as error:
        return error
    return None


def test_calls_are_signed_for_the_app_they_are_made_for(
    connector: Connector, suite: ConnectorSuite, http: FakeHttp
) -> None:
    """The same call at the same moment is the same; another key, app or shop makes another; and it goes to that app."""

    def sent(app: Credentials, shop_id: str = suite.shop_id) -> object:
        http.answers, http.sent, http.apps = [suite.answer("answer: shop")], [], []
        error_of(
            lambda: connector.client(http, app, UNPACED).get_shop(shop_id, TOKEN)
        )  # what was sent counts, not the answer
        assert http.apps == [app]
        return http.sent

    app = suite.credentials
    first = sent(app)
    assert sent(app) == first
    live = next(host for host in connector.hosts if host.environment is Environment.LIVE)
    others = (
        replace(app, partner_key=Secret("another-key-of-the-same-length-1")),
        replace(app, partner_id="77"),
    )
    assert all(sent(other) != first for other in others)
    assert sent(app, "778") != first
    sent(replace(app, environment=Environment.LIVE, api_url=live.api_url, auth_url=live.auth_url))


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
