"""Values that travel everywhere: secrets that cannot leak by accident, exact money, environments that are named."""

from __future__ import annotations

import copy
import dataclasses
import inspect
import pickle
from collections.abc import Callable
from datetime import UTC, datetime
from decimal import Decimal

import msgspec
import pytest

from kedai.sync import connect, connection, credentials, parts, process, replay, switch, tokens
from kedai.values.credentials import Credentials, TokenSet
from kedai.values.environment import ConnectorName, Environment, Scope
from kedai.values.money import Money
from kedai.values.secret import Secret
from kedai.vault import oauth_states, queries, service

CANARY = "canary-secret-text"
NOW = datetime(2026, 1, 1, tzinfo=UTC)
SHOWING: dict[str, Callable[[Secret], str]] = {
    "repr": repr,
    "str": str,
    "format": lambda one: f"{one} {one:>40} {one!s} {one!r} {one!a}",
    "percent": lambda one: "%s %r" % (one, one),  # noqa: UP031
    "list": lambda one: str([one, {"key": one}]),
    "vars": lambda one: str(dir(one)),
    "credentials": lambda one: repr(
        Credentials(ConnectorName("shopee"), Environment.LIVE, "1", one, "https://a", "https://b", "SG", 1)
    ),
    "tokens": lambda one: repr(TokenSet(one, one, NOW, NOW)),
    "dict of tokens": lambda one: str(
        {field.name: getattr(TokenSet(one, one, NOW, NOW), field.name) for field in dataclasses.fields(TokenSet)}
    ),
    "json": lambda one: msgspec.json.encode(TokenSet(one, one, NOW, NOW), enc_hook=str).decode(),
}


@pytest.mark.parametrize("show", SHOWING.values(), ids=SHOWING)
def test_secret_does_not_show_itself(show: Callable[[Secret], str]) -> None:
    assert CANARY not in show(Secret(CANARY))


@pytest.mark.parametrize("keep", [pickle.dumps, copy.copy, copy.deepcopy], ids=["pickle", "copy", "deep copy"])
def test_secret_is_not_serialised_or_copied(keep: Callable[[Secret], object]) -> None:
    with pytest.raises(TypeError):
        keep(Secret(CANARY))


def test_secret_is_not_compared_or_used_as_a_key() -> None:
    assert Secret(CANARY) != Secret(CANARY)
    assert Secret(CANARY) != CANARY
    with pytest.raises(TypeError):
        hash(Secret(CANARY))


def test_secret_gives_itself_away_only_when_asked() -> None:
    assert Secret(CANARY).reveal() == CANARY
    assert Secret(CANARY)
    assert not Secret("")


def test_money_shows_every_digit() -> None:
    assert str(Money(Decimal("1234567.8900"), "IDR")) == "IDR 1,234,567.8900"


def test_environment_is_a_closed_pair() -> None:
    assert [one.value for one in Environment] == ["sandbox", "live"]
    assert [one.other.value for one in Environment] == ["live", "sandbox"]
    assert str(Scope(ConnectorName("shopee"), Environment.LIVE, "7")) == "shopee/live/7"


@pytest.mark.parametrize(
    "room", [connect, connection, credentials, parts, process, replay, switch, tokens, oauth_states, queries, service]
)
def test_no_function_has_an_optional_environment(room: object) -> None:
    for name, function in inspect.getmembers(room, inspect.isfunction):
        if function.__module__ != getattr(room, "__name__", ""):
            continue
        given = inspect.signature(function).parameters.get("environment")
        if given is None:
            continue
        assert given.default is inspect.Parameter.empty, name
        assert "None" not in str(given.annotation), name
