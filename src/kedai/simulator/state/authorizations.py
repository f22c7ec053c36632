"""Who may act for which shop: codes, links and token pairs, with the life times of contract §3.2 to §3.4."""

from __future__ import annotations

from dataclasses import dataclass

from kedai.simulator.state.dice import digest

CODE_SECONDS = 600
ACCESS_SECONDS = 14_400
REFRESH_SECONDS = 30 * 86_400
# The access token before a refresh keeps working this long.
OLD_ACCESS_SECONDS = 300
REPLAY_SECONDS = 4 * 3_600
LINK_SECONDS = 365 * 86_400
# Beyond this many, what has expired is swept out.
_SWEEP_ABOVE = 5_000


@dataclass(slots=True)
class Code:
    """A one-time authorization code."""

    partner_id: int
    shop_id: int
    expires_at: int
    used: bool = False


@dataclass(slots=True)
class Link:
    """A shop's consent to an app, until it ends or is cut."""

    partner_id: int
    shop_id: int
    auth_time: int
    expire_time: int
    revoked: bool = False


@dataclass(slots=True)
class Pair:
    """An access and a refresh token issued together."""

    partner_id: int
    shop_id: int
    access_token: str
    refresh_token: str
    access_expires_at: int
    refresh_expires_at: int
    rotated_at: int | None = None
    successor: Pair | None = None


class Ledger:
    """All codes, links and tokens of one environment; every method is atomic on the one event loop."""

    def __init__(self, seed: int, environment: str) -> None:
        """Start empty; everything issued follows from the seed and a counter."""
        self._name = (seed, environment)
        self._issued = 0
        self.codes: dict[str, Code] = {}
        self.links: dict[tuple[int, int], Link] = {}
        self.by_access: dict[str, Pair] = {}
        self.by_refresh: dict[str, Pair] = {}

    def approve(self, partner_id: int, shop_id: int, now: int) -> str:
        """Link the shop to the app and return the one-time code; a cut link's old tokens stay dead."""
        before = self.links.get((partner_id, shop_id))
        if before and before.revoked:
            self._forget_pairs(partner_id, shop_id)
        self.links[partner_id, shop_id] = Link(partner_id, shop_id, now, now + LINK_SECONDS)
        self._sweep(now)
        code = self._next_text("code")
        self.codes[code] = Code(partner_id, shop_id, now + CODE_SECONDS)
        return code

    def redeem(self, code: Code, now: int) -> Pair:
        """Use the code up and return its pair; earlier pairs of the shop are replaced and die at once."""
        code.used = True
        self._forget_pairs(code.partner_id, code.shop_id)
        return self._issue(code.partner_id, code.shop_id, now)

    def rotate(self, pair: Pair, now: int) -> Pair:
        """Use the refresh token up and return the new pair; the old access token keeps its grace."""
        pair.rotated_at = now
        pair.access_expires_at = min(pair.access_expires_at, now + OLD_ACCESS_SECONDS)
        pair.successor = self._issue(pair.partner_id, pair.shop_id, now)
        return pair.successor

    def expire_access(self, shop_id: int, now: int) -> int:
        """End every access token of the shop now and return how many lived."""
        alive = [pair for pair in self.by_access.values() if pair.shop_id == shop_id and pair.access_expires_at > now]
        for pair in alive:
            pair.access_expires_at = now
        return len(alive)

    def revoke(self, shop_id: int) -> list[Link]:
        """Cut every live link of the shop and return them; tokens stay known, so that the answer names the reason."""
        cut = [link for link in self.links.values() if link.shop_id == shop_id and not link.revoked]
        for link in cut:
            link.revoked = True
        return cut

    def is_cut(self, partner_id: int, shop_id: int) -> bool:
        """Whether the app was linked to the shop and is not any more."""
        link = self.links.get((partner_id, shop_id))
        return link is not None and link.revoked

    def _issue(self, partner_id: int, shop_id: int, now: int) -> Pair:
        self._sweep(now)
        pair = Pair(
            partner_id,
            shop_id,
            access_token=self._next_text("access"),
            refresh_token=self._next_text("refresh"),
            access_expires_at=now + ACCESS_SECONDS,
            refresh_expires_at=now + REFRESH_SECONDS,
        )
        self.by_access[pair.access_token] = pair
        self.by_refresh[pair.refresh_token] = pair
        return pair

    def _forget_pairs(self, partner_id: int, shop_id: int) -> None:
        for pair in [p for p in self.by_refresh.values() if (p.partner_id, p.shop_id) == (partner_id, shop_id)]:
            self._drop(pair)

    def _drop(self, pair: Pair) -> None:
        del self.by_refresh[pair.refresh_token]
        del self.by_access[pair.access_token]

    def _sweep(self, now: int) -> None:
        if len(self.codes) > _SWEEP_ABOVE:
            self.codes = {text: code for text, code in self.codes.items() if not code.used and code.expires_at > now}
        if len(self.by_refresh) > _SWEEP_ABOVE:
            for pair in list(self.by_refresh.values()):
                if (pair.rotated_at or now) + REPLAY_SECONDS <= now or pair.refresh_expires_at <= now:
                    self._drop(pair)

    def _next_text(self, kind: str) -> str:
        self._issued += 1
        return digest(*self._name, kind, self._issued)[:32]
