"""Who may act for which shop or merchant: codes, links and token pairs, with the times of contract §3.2 to §3.4."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal, NamedTuple

import msgspec

from kedai.simulator.state.dice import digest

CODE_SECONDS = 600
ACCESS_SECONDS = 14_400
REFRESH_SECONDS = 30 * 86_400
# The access token before a refresh keeps working this long.
OLD_ACCESS_SECONDS = 300
REPLAY_SECONDS = 4 * 3_600
DAY_SECONDS = 86_400
LONGEST_LINK_DAYS = 365
# Beyond this many, what has expired is swept out.
_SWEEP_ABOVE = 5_000

Kind = Literal["shop", "merchant"]


class Subject(NamedTuple):
    """Whom a consent is for; shop ids and merchant ids are separate spaces."""

    kind: Kind
    number: int


@dataclass(slots=True)
class Code:
    """A one-time authorization code: of one shop, or of a main account for several shops and merchants."""

    partner_id: int
    subjects: tuple[Subject, ...]
    main_account_id: int | None
    expires_at: int
    used: bool = False
    # From the console's "resend code": taken by another call than the consent's own.
    is_resend: bool = False


@dataclass(slots=True)
class Link:
    """A seller's consent to an app, until it ends or is cut."""

    partner_id: int
    subject: Subject
    auth_time: int
    expire_time: int
    revoked: bool = False
    # Whether push 12 has told of its end.
    is_warned: bool = False

    def is_alive(self, now: int) -> bool:
        """Whether the app may act on it."""
        return not self.revoked and self.expire_time > now


class Rotation(NamedTuple):
    """When a subject used a refresh token up, and what it got."""

    at: int
    successor: Pair


@dataclass(slots=True)
class Pair:
    """An access and a refresh token issued together; a main account's first pair is shared by all its subjects."""

    partner_id: int
    subjects: list[Subject]
    access_token: str
    refresh_token: str
    access_expires_at: int
    refresh_expires_at: int
    # Per subject, since each refreshes a shared pair once: when its access ends early, and what followed.
    access_ends: dict[Subject, int] = field(default_factory=dict)
    rotations: dict[Subject, Rotation] = field(default_factory=dict)

    def access_end(self, subject: Subject) -> int:
        """When the access token ends for this subject."""
        return min(self.access_expires_at, self.access_ends.get(subject, self.access_expires_at))

    def lets_in(self, partner_id: int, subject: Subject, now: int) -> bool:
        """Whether the access token is this app's and subject's, and alive."""
        return self.partner_id == partner_id and subject in self.subjects and self.access_end(subject) > now


class KeptRotation(msgspec.Struct, forbid_unknown_fields=True):
    """A rotation as it is written down: the successor by its refresh token."""

    subject: Subject
    at: int
    successor: str


class KeptPair(msgspec.Struct, forbid_unknown_fields=True):
    """A pair as it is written down; one that is not known is only remembered as another's successor."""

    partner_id: int
    subjects: list[Subject]
    access_token: str
    refresh_token: str
    access_expires_at: int
    refresh_expires_at: int
    access_ends: list[tuple[Subject, int]]
    rotations: list[KeptRotation]
    is_known: bool


class Ledger:
    """All codes, links and tokens of one environment; every method is atomic on the one event loop."""

    def __init__(self, seed: int, environment: str) -> None:
        """Start empty; everything issued follows from the seed and a counter."""
        self._name = (seed, environment)
        self._issued = 0
        self.codes: dict[str, Code] = {}
        self.links: dict[tuple[int, Subject], Link] = {}
        self.by_access: dict[str, Pair] = {}
        self.by_refresh: dict[str, Pair] = {}

    def approve(
        self, partner_id: int, subjects: tuple[Subject, ...], now: int, *, days: int, main_account_id: int | None
    ) -> str:
        """Link all of them to the app and return the one-time code; a cut link's old tokens stay dead."""
        for subject in subjects:
            before = self.links.get((partner_id, subject))
            if before and before.revoked:
                self._forget_pairs(partner_id, subject)
            self.links[partner_id, subject] = Link(partner_id, subject, now, now + days * DAY_SECONDS)
        self._sweep(now)
        code = self._next_text("code")
        self.codes[code] = Code(partner_id, subjects, main_account_id, now + CODE_SECONDS)
        return code

    def resend(self, partner_id: int, subjects: tuple[Subject, ...], now: int) -> str:
        """Return a one-time code that gives a lost pair again, without another consent."""
        text = self._next_text("resend")
        self.codes[text] = Code(partner_id, subjects, None, now + CODE_SECONDS, is_resend=True)
        return text

    def redeem(self, code: Code, now: int) -> Pair:
        """Use the code up and return its pair; earlier pairs of its subjects are replaced and die at once."""
        code.used = True
        for subject in code.subjects:
            self._forget_pairs(code.partner_id, subject)
        return self._issue(code.partner_id, code.subjects, now)

    def rotate(self, pair: Pair, subject: Subject, now: int) -> Pair:
        """Use the refresh token up for this subject and return its new pair; the old access token keeps its grace."""
        successor = self._issue(pair.partner_id, (subject,), now)
        pair.rotations[subject] = Rotation(now, successor)
        pair.access_ends[subject] = min(pair.access_end(subject), now + OLD_ACCESS_SECONDS)
        return successor

    def expire_access(self, subject: Subject, now: int) -> int:
        """End every access token of the subject now and return how many lived."""
        pairs = [pair for pair in self.by_access.values() if subject in pair.subjects]
        alive = [pair for pair in pairs if pair.access_end(subject) > now]
        for pair in alive:
            pair.access_ends[subject] = now
        return len(alive)

    def revoke(self, subject: Subject, partner_id: int | None = None) -> list[Link]:
        """Cut the subject's live links, to all apps or one, and return them.

        Tokens stay known, so that answers name the reason.
        """
        links = [link for link in self.links_of(subject) if partner_id in (None, link.partner_id)]
        cut = [link for link in links if not link.revoked]
        for link in cut:
            link.revoked = True
        return cut

    def links_of(self, subject: Subject) -> list[Link]:
        """Return the subject's links, to whatever app."""
        return [link for link in self.links.values() if link.subject == subject]

    def alive(self, partner_id: int, kind: Kind, now: int) -> list[Link]:
        """Return the app's live links to subjects of one kind, by id."""
        links = [link for link in self.links.values() if link.partner_id == partner_id and link.subject.kind == kind]
        return sorted((link for link in links if link.is_alive(now)), key=lambda link: link.subject)

    def keep(self) -> tuple[int, dict[str, Code], list[Link], list[KeptPair]]:
        """Return how much was issued, the codes, the links and the pairs."""
        waiting = list(self.by_refresh.values())
        seen: dict[str, Pair] = {}
        while waiting:
            pair = waiting.pop()
            if pair.refresh_token not in seen:
                seen[pair.refresh_token] = pair
                waiting += [rotation.successor for rotation in pair.rotations.values()]
        pairs = [_keep_pair(pair, is_known=pair.refresh_token in self.by_refresh) for pair in seen.values()]
        return self._issued, self.codes, list(self.links.values()), pairs

    def restore(self, seed: int, issued: int, codes: dict[str, Code], links: list[Link], pairs: list[KeptPair]) -> None:
        """Become what was kept."""
        self._name, self._issued = (seed, self._name[1]), issued
        self.codes = codes
        self.links = {(link.partner_id, link.subject): link for link in links}
        made = {kept.refresh_token: _pair(kept) for kept in pairs}
        for kept in pairs:
            made[kept.refresh_token].rotations = {
                rotation.subject: Rotation(rotation.at, made[rotation.successor])
                for rotation in kept.rotations
                if rotation.successor in made
            }
        known = [made[kept.refresh_token] for kept in pairs if kept.is_known]
        self.by_refresh = {pair.refresh_token: pair for pair in known}
        self.by_access = {pair.access_token: pair for pair in known}

    def _issue(self, partner_id: int, subjects: tuple[Subject, ...], now: int) -> Pair:
        self._sweep(now)
        pair = Pair(
            partner_id,
            list(subjects),
            access_token=self._next_text("access"),
            refresh_token=self._next_text("refresh"),
            access_expires_at=now + ACCESS_SECONDS,
            refresh_expires_at=now + REFRESH_SECONDS,
        )
        self.by_access[pair.access_token] = pair
        self.by_refresh[pair.refresh_token] = pair
        return pair

    def _forget_pairs(self, partner_id: int, subject: Subject) -> None:
        held = [pair for pair in self.by_refresh.values() if pair.partner_id == partner_id and subject in pair.subjects]
        for pair in held:
            pair.subjects.remove(subject)
            if not pair.subjects:
                self._drop(pair)

    def _drop(self, pair: Pair) -> None:
        del self.by_refresh[pair.refresh_token]
        del self.by_access[pair.access_token]

    def _sweep(self, now: int) -> None:
        if len(self.codes) > _SWEEP_ABOVE:
            self.codes = {text: code for text, code in self.codes.items() if not code.used and code.expires_at > now}
        if len(self.by_refresh) > _SWEEP_ABOVE:
            for pair in [pair for pair in self.by_refresh.values() if _is_over(pair, now)]:
                self._drop(pair)

    def _next_text(self, kind: str) -> str:
        self._issued += 1
        return digest(*self._name, kind, self._issued)[:32]


def _is_over(pair: Pair, now: int) -> bool:
    """Whether no call could use the pair any more, not even to be told the same once again."""
    used_up = all(subject in pair.rotations for subject in pair.subjects)
    last = max((rotation.at for rotation in pair.rotations.values()), default=now)
    return pair.refresh_expires_at <= now or (used_up and last + REPLAY_SECONDS <= now)


def _keep_pair(pair: Pair, *, is_known: bool) -> KeptPair:
    return KeptPair(
        pair.partner_id,
        pair.subjects,
        pair.access_token,
        pair.refresh_token,
        pair.access_expires_at,
        pair.refresh_expires_at,
        list(pair.access_ends.items()),
        [KeptRotation(subject, turn.at, turn.successor.refresh_token) for subject, turn in pair.rotations.items()],
        is_known,
    )


def _pair(kept: KeptPair) -> Pair:
    return Pair(
        kept.partner_id,
        kept.subjects,
        kept.access_token,
        kept.refresh_token,
        kept.access_expires_at,
        kept.refresh_expires_at,
        dict(kept.access_ends),
    )
