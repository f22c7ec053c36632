"""What a test or a person can change about the marketplace's manners, with its defaults (contract §6.4, §3.4, §9)."""

from __future__ import annotations

from typing import Annotated, Literal

import msgspec

from kedai.simulator.state.faults import FailRule

HttpStatusMode = Literal["mixed", "always_200"]
RefreshReplayMode = Literal["strict", "same_pair_4h"]


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
    # Real seconds would do, too: simulated ones let a test move the clock instead of waiting.
    document_delay_seconds: Annotated[int, msgspec.Meta(ge=0, le=86_400)] = 0
    # Every answer is the retired sandbox host's: a wrong sign, however right it is (contract §1).
    legacy_host_mode: bool = False
    # Documented as GET, but the live gateway wants POST (contract §5.3).
    escrow_batch_method: Literal["POST", "GET"] = "POST"
    # Open question 10 of the contract: the lost message's data is typed text, and shown as an object.
    lost_data_as_text: bool = True
    latency_ms: Annotated[int, msgspec.Meta(ge=0, le=60_000)] = 0
    fail: list[FailRule] = []
