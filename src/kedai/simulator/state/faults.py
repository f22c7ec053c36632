"""Faults as rules: which calls or pushes of whom go wrong, how, and how often; repeatable by seed (contract §9)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Literal, NamedTuple

import msgspec

from kedai.simulator.state.dice import Dice

if TYPE_CHECKING:
    from collections.abc import Sequence

FaultKind = Literal[
    # Of a call as a whole; with `after` it is carried out first and only its answer is lost.
    "error",
    "html",
    "drop",
    "slow",
    # Of what an answer holds.
    "empty_page",
    "unknown_fields",
    "null_lists",
    "prefixed_code",
    "spaced_code",
    "epoch_expiry",
    "empty_tracking",
    "failed_document",
    # Of a push; the path is `push:CODE`.
    "wrong_push_key",
    "duplicate_push",
    "late_push",
    "lost_push",
    "lost_answer",
]
ANY = "*"


class Target(NamedTuple):
    """What is being judged: an API path or ``push:CODE``, of which app and shop."""

    path: str
    partner_id: int
    shop_id: int | None


class FailRule(msgspec.Struct, forbid_unknown_fields=True):
    """Lets matching calls or pushes fail, `times` times (null: until removed), each with a probability.

    A path ending in ``*`` matches what begins so. `draws` counts what was judged, so that a restored rule goes on.
    """

    path: str = ANY
    error: str = ""
    message: str = ""
    status: Annotated[int, msgspec.Meta(ge=200, le=599)] | None = None
    times: Annotated[int, msgspec.Meta(ge=1, le=1_000_000_000)] | None = 1
    # The call is carried out first and only its answer replaced: the case of a lost answer.
    after: bool = False
    kind: FaultKind = "error"
    partner_id: int | None = None
    shop_id: int | None = None
    probability: Annotated[float, msgspec.Meta(ge=0, le=1)] = 1.0
    seed: Annotated[int, msgspec.Meta(ge=0, le=2**63 - 1)] = 1
    # How long a slow answer takes in real seconds, or a late push in simulated ones.
    seconds: Annotated[float, msgspec.Meta(ge=0, le=86_400)] = 5.0
    draws: Annotated[int, msgspec.Meta(ge=0)] = 0

    def __post_init__(self) -> None:
        """Refuse an error without its code."""
        if self.kind == "error" and not self.error:
            raise ValueError("a rule of kind error needs the error code")

    def matches(self, target: Target) -> bool:
        """Whether the rule is about this call or push."""
        begins = self.path.endswith(ANY) and target.path.startswith(self.path[:-1])
        return (
            (begins or self.path == target.path)
            and self.partner_id in (None, target.partner_id)
            and self.shop_id in (None, target.shop_id)
        )

    def strikes(self) -> bool:
        """Draw once."""
        self.draws += 1
        return self.probability >= 1 or Dice("fault", self.seed, self.draws).chance(self.probability)


def take(rules: list[FailRule], kinds: Sequence[FaultKind], target: Target, *, after: bool = False) -> FailRule | None:
    """Return the first rule that strikes, counting it down; None if none does."""
    for rule in rules:
        if rule.kind in kinds and rule.after is after and rule.matches(target) and rule.strikes():
            if rule.times is not None:
                rule.times -= 1
                if rule.times == 0:
                    rules.remove(rule)
            return rule
    return None
