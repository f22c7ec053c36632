"""Stand-ins for what a connector is handed: an outgoing function with prepared answers, and a clock at rest."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime

from kedai.connectors.base import HttpAnswer, Lane, Upload
from kedai.errors import KedaiError
from kedai.kit.clock import ManualClock
from kedai.values.credentials import Credentials

NOW = datetime(2026, 8, 29, 10, 40, 11, tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class SentCall:
    """One call as the connector made it."""

    method: str
    path: str
    query: tuple[tuple[str, str], ...]
    json: bytes | None
    shop_id: str | None
    upload: Upload | None = None

    @property
    def fields(self) -> dict[str, str]:
        """The query by name; a name given twice fails."""
        assert len(dict(self.query)) == len(self.query)
        return dict(self.query)


@dataclass(slots=True)
class FakeHttp:
    """Implements `Http`: gives the prepared answers in turn and keeps what was sent."""

    answers: list[HttpAnswer | Exception] = field(default_factory=list)
    sent: list[SentCall] = field(default_factory=list)
    apps: list[Credentials] = field(default_factory=list)
    clock: ManualClock = field(default_factory=lambda: ManualClock(NOW))

    async def send(
        self,
        credentials: Credentials,
        method: str,
        path: str,
        query: Sequence[tuple[str, str]],
        *,
        json: bytes | None = None,
        upload: Upload | None = None,
        shop_id: str | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> HttpAnswer:
        self.apps.append(credentials)
        self.sent.append(SentCall(method, path, tuple(query), json, shop_id, upload))
        answer = self.answers.pop(0)
        if isinstance(answer, Exception):
            raise answer
        return answer


@dataclass(slots=True)
class NotingPacing:
    """Implements `Pacing`: keeps who came and how it ended; refuses where it is told to."""

    refusal: KedaiError | None = None
    entered: list[Lane] = field(default_factory=list)
    left: list[tuple[Lane, KedaiError | None]] = field(default_factory=list)

    async def enter(self, lane: Lane) -> None:
        if self.refusal is not None:
            raise self.refusal
        self.entered.append(lane)

    async def leave(self, lane: Lane, error: KedaiError | None) -> None:
        self.left.append((lane, error))
