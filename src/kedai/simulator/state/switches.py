"""What a test or a person can change about the marketplace's manners, with its defaults (contract §6.4, §3.4, §9)."""

from __future__ import annotations

from typing import Annotated, Literal

import msgspec

HttpStatusMode = Literal["mixed", "always_200"]
RefreshReplayMode = Literal["strict", "same_pair_4h"]


class FailRule(msgspec.Struct, forbid_unknown_fields=True):
    """Answers calls of one path (``*``: any) with an error, `times` times (null: until removed)."""

    path: str
    error: str
    message: str = ""
    status: Annotated[int, msgspec.Meta(ge=200, le=599)] | None = None
    times: Annotated[int, msgspec.Meta(ge=1, le=1_000_000_000)] | None = 1
    # The call is carried out first and only its answer replaced: the case of a lost answer.
    after: bool = False


class Switches(msgspec.Struct, forbid_unknown_fields=True):
    """The settings of one environment; the defaults are the contract's."""

    http_status_mode: HttpStatusMode = "mixed"
    # Open question 1 of the contract: dead at once is the harsher test.
    refresh_replay_mode: RefreshReplayMode = "strict"
    duplicate_pushes: Annotated[float, msgspec.Meta(ge=0, le=1)] = 0.0
    shuffle_pushes: bool = False
    # The real sandbox sends only "Push Test Data"; ours pushes, because demonstrations live on it.
    event_pushes: bool = True
    # The contract's table has no push for an order that is created unpaid.
    unpaid_pushes: bool = False
    # How many ids a push 12 lists before it is spread over several.
    expiry_push_page_size: Annotated[int, msgspec.Meta(ge=1, le=1_000)] = 50
    # The real one takes no intranet address as a callback URL; ours lives on one.
    intranet_callbacks: bool = True
    tracking_delay_seconds: Annotated[int, msgspec.Meta(ge=0, le=86_400)] = 0
    latency_ms: Annotated[int, msgspec.Meta(ge=0, le=60_000)] = 0
    fail: list[FailRule] = []

    def take_failure(self, path: str, *, after: bool) -> FailRule | None:
        """Return the rule that applies to this call, counting it down; None if none does."""
        for rule in self.fail:
            if rule.after is after and rule.path in ("*", path):
                if rule.times is not None:
                    rule.times -= 1
                    if rule.times == 0:
                        self.fail.remove(rule)
                return rule
        return None
