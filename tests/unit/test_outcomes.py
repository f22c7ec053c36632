"""What becomes of failed work: every error family has a rule, waiting is told from trying, and pauses stay bounded."""

from __future__ import annotations

from datetime import timedelta

import pytest

from kedai import errors
from kedai.sync.outcome import RULES, Action, Rule, pause, rule_for, wait


def families(root: type[errors.KedaiError] = errors.KedaiError) -> list[type[errors.KedaiError]]:
    return [
        root,
        *(one for child in root.__subclasses__() if child.__module__ == errors.__name__ for one in families(child)),
    ]


def an_error(family: type[errors.KedaiError]) -> errors.KedaiError:
    if issubclass(family, errors.RemoteRejected):
        return family(remote_code="error_x")
    if family is errors.NotConfigured:
        return errors.NotConfigured("live", ["partner_id"])
    if family is errors.Sealed:
        return errors.Sealed("live")
    return family()


@pytest.mark.parametrize("family", families(), ids=lambda one: one.__name__)
def test_every_family_has_a_rule_a_code_and_words(family: type[errors.KedaiError]) -> None:
    error = an_error(family)
    assert isinstance(rule_for(error), Rule)
    assert error.message.strip()
    assert "\n" not in error.message
    assert family.code.replace("_", "").replace(".", "").isalnum()


def test_codes_are_unique() -> None:
    codes = [family.code for family in families()]
    assert len(codes) == len(set(codes))


@pytest.mark.parametrize(
    "family",
    [
        errors.RemoteUnavailable,
        errors.StorageUnavailable,
        errors.OutcomeUnknown,
        errors.RateLimited,
        errors.QuotaExhausted,
        errors.AuthExpired,
        errors.NotConfigured,
        errors.Sealed,
        errors.SecretUnreadable,
        errors.RemoteMisconfigured,
        errors.Unavailable,
    ],
)
def test_what_is_not_the_works_own_fault_waits(family: type[errors.KedaiError]) -> None:
    assert rule_for(an_error(family)).action is Action.WAIT


@pytest.mark.parametrize("family", [errors.RemoteNotFound, errors.RemoteRejected, errors.RemoteUnreadable])
def test_refusal_of_a_whole_call_is_split(family: type[errors.KedaiError]) -> None:
    assert rule_for(an_error(family)).action is Action.SPLIT


def test_dead_authorisation_asks_for_a_person() -> None:
    rule = rule_for(errors.NeedsReconnect())
    assert rule.action is Action.RECONNECT
    assert rule.title
    assert rule.next_step


@pytest.mark.parametrize("error", [RuntimeError("boom"), KeyError("x"), errors.Invalid()])
def test_anything_unknown_is_treated_as_the_works_own_fault(error: Exception) -> None:
    assert rule_for(error) is RULES[errors.KedaiError]


def test_every_rule_that_calls_a_person_says_what_to_do() -> None:
    for rule in RULES.values():
        assert (rule.title is None) == (not rule.next_step)


def test_pauses_grow_with_jitter_and_stay_bounded() -> None:
    rule = rule_for(errors.RemoteUnavailable())
    for attempts in (0, 1, 5, 9, 50, 5_000):
        ceiling = min(2.0 * 2 ** min(attempts, 30), 600.0)
        seconds = {pause(None, attempts, rule).total_seconds() for _ in range(50)}
        assert max(seconds) <= ceiling
        assert min(seconds) >= ceiling / 2
        assert len(seconds) > 1


def test_pause_is_never_shorter_than_the_marketplace_asks() -> None:
    error = errors.RateLimited(retry_after=75.5)
    assert 75.5 <= pause(error, 0, rule_for(error)).total_seconds() <= 75.5 * 1.1, "a little longer each"
    day = errors.QuotaExhausted(retry_after=50_000.0)
    assert 50_000 <= wait(day, timedelta(), rule_for(day)).total_seconds() <= 50_030
    resting = errors.RemoteUnavailable(retry_after=40.0)
    assert 40 <= wait(resting, timedelta(), rule_for(resting)).total_seconds() <= 44
    misconfigured = errors.RemoteMisconfigured(remote_code="error_sign")
    assert pause(misconfigured, 0, rule_for(misconfigured)).total_seconds() >= 300
