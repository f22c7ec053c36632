"""What must be true of a shop's token pair, told from what was done to it alone; it knows nothing of the code.

Time is in minutes. "Here" and "there" are hosts: each has a disk of its own, on which an answer may lie saved.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import Literal, NamedTuple

ACCESS, EARLY, REFRESH, REPLAY = 240, 5, 30 * 1440, 240
IDLE_EARLY, AUTHORIZATION = 10 * 1440, 365 * 1440

Trouble = Literal["none", "lost before", "lost after", "lost twice", "refused"]
Point = Literal["refresh.intended", "refresh.answered", "refresh.spooled", "refresh.committed"]
GrantPoint = Literal["exchange.answered", "exchange.saved", "exchange.committed"]
TROUBLES: tuple[Trouble, ...] = ("none", "lost before", "lost after", "lost twice", "refused")
GRANT_POINTS: tuple[GrantPoint, ...] = ("exchange.answered", "exchange.saved", "exchange.committed")
POINTS: tuple[Point, ...] = ("refresh.intended", "refresh.answered", "refresh.spooled", "refresh.committed")


class Saved(NamedTuple):
    """An answer on a disk: the generation it was given for, and until when its pair is good."""

    asked: int
    access_until: int
    refresh_until: int


class Consent(NamedTuple):
    """The seller agreed, for the how manieth time, and when."""

    number: int
    at: int


_FIRST = Consent(1, 0)


@dataclass
class Market:
    """What the marketplace does with the stored refresh token."""

    replays: bool
    """Whether a used refresh token gives the same pair again for four hours."""

    authorized_until: int = AUTHORIZATION
    is_cut: bool = False
    is_replaced: bool = False
    """Whether the seller agreed anew, and the pair that this gave is not the stored one."""

    used_at: int | None = None
    given: Saved | None = None
    """The pair that the stored refresh token was used up for."""

    def refresh(self, generation: int, now: int, refresh_until: int) -> Saved | None:
        """The pair it gives, or None where it refuses."""
        if self.is_cut or self.is_replaced or self.authorized_until <= now or refresh_until <= now:
            return None
        if self.used_at is None:
            self.used_at = now
            self.given = Saved(generation, now + ACCESS, now + REFRESH)
            return self.given
        return self.given if self.replays and now < self.used_at + REPLAY else None


@dataclass
class Expected:
    """What an act must come to: how many refreshes the marketplace hears of, and whether the process dies of it."""

    calls: int = 0
    dies: bool = False
    wins: bool = False
    """Whether somebody held a usable token in the end."""


@dataclass
class Belief:
    """One shop: its pair as it must be stored, and why a person is needed, if one is."""

    market: Market
    now: int = 0
    generation: int = 1
    granted: int = 1
    latest: Consent = _FIRST
    access_until: int = ACCESS
    refresh_until: int = REFRESH
    lost: str = ""
    is_open: bool = False
    """Somebody began to renew this generation, and nobody knows how it went."""

    is_leased: bool = False
    saved: dict[str, Saved] = field(default_factory=dict)
    saved_grants: dict[str, Consent] = field(default_factory=dict)
    """By host: a consent whose pair nobody stored."""

    @property
    def is_due(self) -> bool:
        return self.access_until - EARLY <= self.now

    @property
    def is_idle_due(self) -> bool:
        return not self.lost and (self.refresh_until < self.now + IDLE_EARLY or self.is_open)

    def start(self, host: str) -> None:
        """A process starts there, or looks: what lies on its disk is stored, if it is not out of date."""
        grant = self.saved_grants.pop(host, None)
        if grant is not None and grant.number > self.granted:
            self._become_granted(grant)
        saved = self.saved.pop(host, None)
        if saved is not None and saved.asked == self.generation:
            self._store(saved)

    def ask(self, host: str, *, trouble: Trouble = "none", die_at: Point | None = None) -> Expected:
        """Somebody there needs the token."""
        if self.lost or not self.is_due:
            return Expected(wins=not self.lost)
        self.start(host)
        if not self.is_due:
            return Expected(wins=True)
        return self._renew(host, trouble, die_at)

    def look(self, host: str, *, die_at: Point | None = None) -> Expected:
        """A worker there looks after idle tokens."""
        self.start(host)
        return self._renew(host, "none", die_at) if self.is_idle_due else Expected(wins=not self.lost)

    def reconnect(self, host: str, *, die_at: GrantPoint | None = None) -> Expected:
        """The seller agrees anew; a kill may leave what that gave on the disk."""
        self.market = Market(self.market.replays, self.now + AUTHORIZATION, is_replaced=True)
        self.latest = Consent(self.latest.number + 1, self.now)
        if die_at == "exchange.saved":
            self.saved_grants[host] = self.latest
        if die_at in {None, "exchange.committed"}:
            self._become_granted(self.latest)
        return Expected(dies=die_at is not None, wins=die_at is None)

    def _become_granted(self, consent: Consent) -> None:
        self.lost, self.generation, self.granted = "", self.generation + 1, consent.number
        self.access_until, self.refresh_until = consent.at + ACCESS, consent.at + REFRESH
        self.market.is_replaced = consent != self.latest
        self.is_open = self.is_leased = False

    def _renew(self, host: str, trouble: Trouble, die_at: Point | None) -> Expected:
        if die_at == "refresh.intended":
            self.is_open = self.is_leased = True
            return Expected(dies=True)
        calls, said = self._call(trouble)
        if said == "refused without effect":  # the next one asks at once, and it is well
            more = self._renew(host, "none", die_at)
            return replace(more, calls=calls + more.calls)
        if said == "unknown":
            self.is_open = self.is_leased = True
            return Expected(calls)
        if said is None:
            self.lost, self.is_open, self.is_leased = self._why(), False, False
            return Expected(calls)
        if die_at in {"refresh.answered", "refresh.spooled"}:
            self.is_open = self.is_leased = True
            if die_at == "refresh.spooled":
                self.saved[host] = said
            return Expected(calls, dies=True)
        self._store(said)
        return Expected(calls, dies=die_at == "refresh.committed", wins=True)

    def _call(self, trouble: Trouble) -> tuple[int, Saved | Literal["unknown", "refused without effect"] | None]:
        """One call, and after a lost answer one more with the old token; only one where somebody began before."""
        if trouble == "refused":
            return 1, "refused without effect"
        lost = {"none": 0, "lost before": 1, "lost after": 1, "lost twice": 2}[trouble]
        said: Saved | None = None
        for call in range(1, 2 if self.is_open else 3):
            if not (trouble == "lost before" and call <= lost):
                said = self.market.refresh(self.generation, self.now, self.refresh_until)
            # what is refused is not carried out, so that there is no answer to be lost
            if call > lost or (said is None and trouble != "lost before"):
                return call, said
        return call, "unknown"

    def _why(self) -> str:
        """Why a person is needed: there is no other way to lose a shop."""
        if self.market.is_cut:
            return "the seller took the permission back"
        if self.market.authorized_until <= self.now:
            return "the permission has ended"
        if self.refresh_until <= self.now:
            return "nobody looked after it for a month"
        if self.market.is_replaced:
            return "what a new consent gave was lost, or lies on another host"
        assert self.market.used_at is not None, "it need not have been lost"
        return "an answer was lost, and the marketplace does not give it again"

    def _store(self, saved: Saved) -> None:
        self.generation += 1
        self.access_until, self.refresh_until = saved.access_until, saved.refresh_until
        self.market.used_at = self.market.given = None
        self.is_open = self.is_leased = False
        self.lost = ""
