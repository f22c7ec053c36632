"""What becomes of work that failed: one table from error family to decision, exhaustive and tested."""

from __future__ import annotations

import random
from dataclasses import dataclass
from datetime import timedelta
from enum import StrEnum

from kedai import errors
from kedai.values.wording import N_

MAX_ATTEMPTS = 8
_LONGEST_WAIT_SECONDS = 600.0
_SHORTEST_WAIT_SECONDS = 2.0
_LONGEST_UNCOUNTED_WAIT_SECONDS = 120.0
_LONGEST_SPREAD_SECONDS = 30.0


class Action(StrEnum):
    """The four ways on."""

    WAIT = "wait"
    """The shop or the marketplace is at fault, not this work: try again later, for as long as it takes."""

    RETRY = "retry"
    """Perhaps this work is at fault: try again with growing pauses, and give up after too many."""

    SPLIT = "split"
    """Refused as a whole: halve it until the one at fault stands alone; then as RETRY."""

    RECONNECT = "reconnect"
    """Stop this shop and ask a person to connect it again."""


@dataclass(frozen=True, slots=True)
class Rule:
    """An action, and the words for the operator where a person must look (None: no exception is raised)."""

    action: Action
    title: str | None = None
    next_step: str = ""
    at_least_seconds: float = 0.0


_LOOK_AT_MESSAGE = N_("Open the event, read the marketplace's message, and replay it once the cause is mended.")

RULES: dict[type[errors.KedaiError], Rule] = {
    errors.RemoteUnavailable: Rule(Action.WAIT),
    errors.StorageUnavailable: Rule(Action.WAIT),
    errors.OutcomeUnknown: Rule(Action.WAIT),
    errors.RateLimited: Rule(Action.WAIT),
    errors.AuthExpired: Rule(Action.WAIT),
    errors.NotConfigured: Rule(
        Action.WAIT,
        N_("Credentials are missing"),
        N_("Fill in the missing fields on the connector page."),
        at_least_seconds=60,
    ),
    errors.Sealed: Rule(Action.WAIT, at_least_seconds=60),
    errors.SecretUnreadable: Rule(
        Action.WAIT,
        N_("A stored secret cannot be read"),
        N_("Give Kedai the master key it names, or enter the secret again."),
        at_least_seconds=60,
    ),
    errors.Unavailable: Rule(
        Action.WAIT,
        N_("This machine cannot do its part"),
        N_(
            "Read what the shop's page says of its last call, and give Kedai the disk space or the master key it names."
        ),
        at_least_seconds=60,
    ),
    errors.RemoteMisconfigured: Rule(
        Action.WAIT,
        N_("The marketplace refuses our app"),
        N_(
            "Check partner id, partner key, host and permissions on the connector page and in the "
            "marketplace's console."
        ),
        at_least_seconds=300,
    ),
    errors.NeedsReconnect: Rule(
        Action.RECONNECT,
        N_("A shop must be connected again"),
        N_("Open the connector page and press Reconnect for this shop."),
        at_least_seconds=60,
    ),
    errors.RemoteNotFound: Rule(Action.SPLIT, N_("The marketplace does not know an order"), _LOOK_AT_MESSAGE),
    errors.RemoteRejected: Rule(Action.SPLIT, N_("The marketplace refuses a call"), _LOOK_AT_MESSAGE),
    errors.RemoteUnreadable: Rule(Action.SPLIT, N_("The marketplace's answer cannot be read"), _LOOK_AT_MESSAGE),
    errors.KedaiError: Rule(Action.SPLIT, N_("An event could not be applied"), _LOOK_AT_MESSAGE),
}


def rule_for(error: BaseException) -> Rule:
    """The rule of the nearest family; anything that is no `KedaiError` is treated as its root."""
    for family in type(error).__mro__:
        if family in RULES:
            return RULES[family]
    return RULES[errors.KedaiError]


def next_step(error: BaseException, rule: Rule) -> str:
    """What a person should do: what the connector knows of this very refusal, or what its family says."""
    fix = error.facts.get("fix") if isinstance(error, errors.KedaiError) else None
    return rule.next_step if fix is None else str(fix)


def wait(error: BaseException, age: timedelta, rule: Rule) -> timedelta:
    """How long work waits that is not at fault: the longer it has waited, the longer; its attempts are not touched."""
    seconds = min(max(_SHORTEST_WAIT_SECONDS, age.total_seconds() / 4), _LONGEST_UNCOUNTED_WAIT_SECONDS)
    return timedelta(seconds=_at_least(error, seconds * random.uniform(0.5, 1.0), rule))  # noqa: S311  jitter


def pause(error: BaseException | None, attempts: int, rule: Rule) -> timedelta:
    """How long to wait before the next try: doubling from two seconds, with jitter, never less than the rule says."""
    seconds = min(2.0 * 2 ** min(attempts, 20), _LONGEST_WAIT_SECONDS) * random.uniform(0.5, 1.0)  # noqa: S311  jitter, no secret
    return timedelta(seconds=_at_least(error, seconds, rule))


def _at_least(error: BaseException | None, seconds: float, rule: Rule) -> float:
    named = _named_wait(error)
    if named:  # a little longer each, so that what waited for the same instant does not come back in one crowd
        named += random.uniform(0.0, min(named / 10, _LONGEST_SPREAD_SECONDS))  # noqa: S311  jitter
    return max(seconds, named, rule.at_least_seconds)


def _named_wait(error: BaseException | None) -> float:
    """How long it must be, by what was said: a limit, a breaker that is open, a database that is away."""
    if isinstance(error, errors.RateLimited | errors.StorageUnavailable):
        return float(error.retry_after)
    if isinstance(error, errors.RemoteUnavailable):
        return float(error.facts.get("retry_after", 0.0))
    return 0.0
