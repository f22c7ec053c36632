"""The contract of `test_every_connector` fails for what is broken: each defect, and the rule that catches it."""

from __future__ import annotations

import contextlib
import hashlib
import inspect
import json
import secrets
from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from typing import Any

import pytest
from _pytest.outcomes import Failed
from msgspec import structs

from kedai.connectors.base import UNPACED, Connector, Host, Http, Pacing
from kedai.errors import Invalid, RemoteRejected
from kedai.values.credentials import Credentials, PushKeys
from kedai.values.environment import Environment
from kedai.values.event import InboundEvent, PushMatch, Topic
from kedai.values.order import OrderSnapshot
from kedai.values.secret import Secret
from tests.connectors import test_every_connector as contract
from tests.connectors.fakes import FakeHttp
from tests.connectors.suites import ConnectorSuite
from tests.connectors.tiny import suite as tiny
from tests.connectors.tiny.connector import TinyClient, TinyConnector

RULES = {
    name: rule
    for name, rule in inspect.getmembers(contract, inspect.isfunction)
    if name.startswith("test_") and {"connector", "suite", "client"} & set(inspect.signature(rule).parameters)
}
BROKEN = (AssertionError, Failed, Exception)


class OneHostForBoth(TinyConnector):
    hosts = (
        TinyConnector.hosts[0],
        Host("tiny_live", "https://api.sandbox.tiny.test", "https://tiny.test/join", Environment.LIVE),
    )


class DefaultsToSandbox(TinyConnector):
    def default_host(self, environment: Environment = Environment.SANDBOX) -> str:
        return super().default_host(environment)


class VerifiesWhatItParsed(TinyConnector):
    """Signs the JSON anew instead of taking the bytes as they came."""

    def verify_push(self, keys: PushKeys, headers: Mapping[bytes, bytes], path: str, body: bytes) -> PushMatch:
        with contextlib.suppress(ValueError):
            body = json.dumps(json.loads(body)).encode() + b"\n"
        return super().verify_push(keys, headers, path, body)


class BelievesTheHost(TinyConnector):
    def verify_push(self, keys: PushKeys, headers: Mapping[bytes, bytes], path: str, body: bytes) -> PushMatch:
        host = headers.get(b"host", b"").decode()
        said = replace(keys, urls=(*keys.urls, f"https://{host}{path}"))
        return super().verify_push(said, headers, path, body)


class TakesAnyUrlOfItsPath(TinyConnector):
    """Wants the request's path among the configured ones: a proxy that strips a prefix would shut the door."""

    def verify_push(self, keys: PushKeys, headers: Mapping[bytes, bytes], path: str, body: bytes) -> PushMatch:
        return super().verify_push(
            replace(keys, urls=tuple(u for u in keys.urls if u.endswith(path))), headers, path, body
        )


class TakesAnEmptyKey(TinyConnector):
    def verify_push(self, keys: PushKeys, headers: Mapping[bytes, bytes], path: str, body: bytes) -> PushMatch:
        for url in keys.urls:
            if headers.get(b"x-tiny-signature") == tiny.sign_push(Secret(""), url, body).encode():
                return PushMatch("current", url)
        return super().verify_push(keys, headers, path, body)


class TakesEverything(TinyConnector):
    def verify_push(self, keys: PushKeys, headers: Mapping[bytes, bytes], path: str, body: bytes) -> PushMatch:
        return PushMatch("current", keys.urls[0])


class RaisesOnOddBytes(TinyConnector):
    def parse_push(self, body: bytes) -> InboundEvent:
        json.loads(body)
        return super().parse_push(body)


class NamesWhatNoDatabaseTakes(TinyConnector):
    def parse_push(self, body: bytes) -> InboundEvent:
        event = super().parse_push(body)
        try:
            told = json.loads(body)
        except (ValueError, RecursionError):
            return event
        order = told.get("order") if isinstance(told, dict) else None
        return changed(event, order_sn=order) if isinstance(order, str) and event.shop_id else event


class CallsItsEventsByChance(TinyConnector):
    def parse_push(self, body: bytes) -> InboundEvent:
        return changed(super().parse_push(body), event_id=secrets.token_bytes(32))


class ForgetsTheTime(TinyConnector):
    def parse_push(self, body: bytes) -> InboundEvent:
        return changed(super().parse_push(body), event_id=hashlib.sha256(body).digest())


class OrdersWithoutAShop(TinyConnector):
    def parse_push(self, body: bytes) -> InboundEvent:
        event = super().parse_push(body)
        return changed(event, topic=Topic.ORDER, shop_id=None, problem=None) if event.code == 2 else event


class TakesAnyValue(TinyConnector):
    def validate_field(self, name: str, value: str) -> str:
        return value


class QuotesSecrets(TinyConnector):
    def validate_field(self, name: str, value: str) -> str:
        try:
            return super().validate_field(name, value)
        except Invalid:
            raise Invalid(f"{value.strip()} cannot be right.", field=name) from None


class DoesNotNameTheField(TinyConnector):
    def validate_field(self, name: str, value: str) -> str:
        try:
            return super().validate_field(name, value)
        except Invalid:
            raise Invalid("This cannot be right.") from None


class WantsAColumnOfItsOwn(TinyConnector):
    credential_fields = (
        *TinyConnector.credential_fields[:-1],
        replace(TinyConnector.credential_fields[-1], name="color"),
    )


class ReadsAnythingAsJson(TinyConnector):
    def client(self, http: Http, credentials: Credentials, pacing: Pacing) -> TinyClient:
        return NaiveClient(http, credentials)


class NaiveClient(TinyClient):
    async def _call(self, method: str, path: str, asked: Mapping[str, Any], shop_id: str, token: Secret | None) -> Any:
        query = [("token", token.reveal())] if token else []
        return json.loads((await self.http.send(self.credentials, method, path, query, shop_id=shop_id)).body)


class HasOneWordForAllRefusals(TinyConnector):
    def client(self, http: Http, credentials: Credentials, pacing: Pacing) -> TinyClient:
        return OneWordClient(http, credentials)


class OneWordClient(TinyClient):
    async def _call(self, *given: Any) -> Any:
        try:
            return await super()._call(*given)
        except Exception:
            raise RemoteRejected(remote_code="no") from None


class KeepsAnAppOfItsOwn(TinyConnector):
    def client(self, http: Http, credentials: Credentials, pacing: Pacing) -> TinyClient:
        return TinyClient(http, tiny.SUITE.credentials)


class KnowsNoPace(TinyConnector):
    def client(self, http: Http, credentials: Credentials, pacing: Pacing) -> TinyClient:
        return TinyClient(http, credentials)


class SignsByChance(TinyConnector):
    def client(self, http: Http, credentials: Credentials, pacing: Pacing) -> TinyClient:
        return TinyClient(http, replace(credentials, partner_id=f"{credentials.partner_id}{secrets.randbelow(10**9)}"))


class CountsMoneyInFloats(TinyConnector):
    def client(self, http: Http, credentials: Credentials, pacing: Pacing) -> TinyClient:
        return FloatClient(http, credentials)


class FloatClient(TinyClient):
    async def get_orders(self, *given: Any) -> tuple[OrderSnapshot, ...]:
        return tuple(structs.replace(one, total_amount=12.3) for one in await super().get_orders(*given))  # type: ignore[arg-type]


def signs_by_chance(key: Secret, url: str, body: bytes) -> Mapping[bytes, bytes]:
    return {b"x-tiny-signature": secrets.token_hex(32).encode()}


DEFECTS: Mapping[type[TinyConnector], str] = {
    OneHostForBoth: "test_each_environment_has_its_own_hosts_and_a_default",
    DefaultsToSandbox: "test_no_environment_has_a_default",
    VerifiesWhatItParsed: "test_push_is_verified_over_its_exact_bytes",
    BelievesTheHost: "test_what_the_request_says_of_itself_verifies_nothing",
    TakesAnyUrlOfItsPath: "test_what_the_request_says_of_itself_verifies_nothing",
    TakesAnEmptyKey: "test_no_header_and_no_key_open_the_door",
    TakesEverything: "test_signed_push_verifies_and_any_change_does_not",
    RaisesOnOddBytes: "test_push_of_any_bytes_is_read_without_an_error",
    NamesWhatNoDatabaseTakes: "test_push_of_any_bytes_is_read_without_an_error",
    CallsItsEventsByChance: "test_event_id_is_time_and_hash_of_the_bytes",
    ForgetsTheTime: "test_event_id_is_time_and_hash_of_the_bytes",
    OrdersWithoutAShop: "test_push_of_every_topic_is_understood",
    TakesAnyValue: "test_no_field_takes_everything",
    QuotesSecrets: "test_no_field_takes_everything",
    DoesNotNameTheField: "test_no_field_takes_everything",
    WantsAColumnOfItsOwn: "test_every_field_has_a_place_where_it_is_stored",
    ReadsAnythingAsJson: "test_no_answer_leaves_the_ladder",
    HasOneWordForAllRefusals: "test_refusals_become_families",
    KeepsAnAppOfItsOwn: "test_calls_are_signed_for_the_app_they_are_made_for",
    KnowsNoPace: "test_every_call_waits_its_turn_and_tells_how_it_went",
    SignsByChance: "test_calls_are_signed_for_the_app_they_are_made_for",
    CountsMoneyInFloats: "test_orders_are_read_as_they_stood",
}


@pytest.mark.parametrize("rule", sorted(RULES))
def test_whole_connector_passes(rule: str) -> None:
    """The same way of asking, so that a failure below is the defect's."""
    examine(RULES[rule], TinyConnector(), tiny.SUITE)


@pytest.mark.parametrize("broken", DEFECTS, ids=lambda one: one.__name__)
def test_broken_connector_fails(broken: type[TinyConnector]) -> None:
    with pytest.raises(BROKEN):
        examine(RULES[DEFECTS[broken]], broken(), tiny.SUITE)


def test_signature_by_chance_fails() -> None:
    with pytest.raises(AssertionError):
        examine(
            RULES["test_signature_depends_on_key_url_and_bytes_alone"],
            TinyConnector(),
            replace(tiny.SUITE, sign=signs_by_chance),
        )


@pytest.mark.parametrize("kind", sorted(tiny.SUITE.kinds))
def test_missing_fixture_fails(kind: str) -> None:
    kinds = {name: fixture for name, fixture in tiny.SUITE.kinds.items() if name != kind}
    with pytest.raises(AssertionError):
        examine(RULES["test_every_kind_of_fixture_is_there"], TinyConnector(), replace(tiny.SUITE, kinds=kinds))


def examine(rule: Callable[..., None], connector: Connector, suite: ConnectorSuite) -> None:
    """Run one rule of the contract, for each value of its parameters."""
    for given in _parameters(rule):
        http = FakeHttp()
        parts = {
            "connector": connector,
            "suite": suite,
            "http": http,
            "client": connector.client(http, suite.credentials, UNPACED),
        }
        wanted = inspect.signature(rule).parameters
        rule(**{name: part for name, part in parts.items() if name in wanted}, **given)


def _parameters(rule: Callable[..., None]) -> Iterator[dict[str, Any]]:
    marks = [mark for mark in getattr(rule, "pytestmark", []) if mark.name == "parametrize"]
    if not marks:
        yield {}
        return
    (mark,) = marks
    for value in mark.args[1]:
        yield {mark.args[0]: value}


def changed(event: InboundEvent, **changes: Any) -> InboundEvent:
    fields = {name: getattr(event, name) for name in event.__struct_fields__}
    return InboundEvent(**{**fields, **changes})
