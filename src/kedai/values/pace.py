"""How fast calls may go out, and whose tokens a call takes."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, NamedTuple

from kedai.values.environment import ConnectorName, Environment

APP_ACCOUNT: Final = "app"
"""The account of what an app asks in its own name."""


class BucketKey(NamedTuple):
    """Who shares one pace: the calls of one app for one account (a shop's, a merchant's, or its own)."""

    connector: ConnectorName
    environment: Environment
    partner_id: str
    account: str


def shop_account(shop_id: str) -> str:
    """The account of what is asked with a shop's token."""
    return f"shop:{shop_id}"


def merchant_account(merchant_id: str) -> str:
    """The account of what is asked with a merchant's token: ids of shops and merchants are spaces of their own."""
    return f"merchant:{merchant_id}"


@dataclass(frozen=True, slots=True)
class Pace:
    """At most ``rate`` calls a second, and ``burst`` more after a rest: together that is the most of any second.

    Half of the burst is what the bucket that all processes share saves up; the other half is what they hold between
    them as blocks, since a token that was reserved may be used a moment later. Hence what a block lasts.
    """

    rate: float
    burst: int

    @property
    def saved(self) -> float:
        """What the shared bucket holds at most; never less than one token."""
        return max(1.0, self.burst / 2)

    @property
    def block_seconds(self) -> float:
        """For how long a process may use the tokens that it has reserved."""
        return (self.burst - self.saved) / self.rate

    def enough(self, wanted: int) -> float:
        """For how many tokens to wait, so that a crowd does not come back for one at a time."""
        return min(float(wanted), max(1.0, self.saved * 0.6))

    @property
    def least_rate(self) -> float:
        """Calls a second after any number of refusals."""
        return self.rate / 20

    @property
    def growth(self) -> float:
        """How much faster it gets with each second after a refusal: the whole way back takes minutes."""
        return self.rate / 100


@dataclass(frozen=True, slots=True)
class Block:
    """Tokens that a process may use up by itself; where they are fewer than wanted, the wait for more.

    ``is_day_used_up``: it is so long because the marketplace said that the day's calls are used up.
    """

    tokens: int
    rate: float
    wait_seconds: float = 0.0
    is_day_used_up: bool = False
