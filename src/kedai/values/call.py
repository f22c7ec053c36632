"""One outgoing call, as it may be shown: never a secret in it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from kedai.values.environment import ConnectorName, Environment


@dataclass(frozen=True, slots=True)
class CallRecord:
    """Method, path and outcome of one outgoing call; the query is left out, since it holds tokens."""

    connector: ConnectorName
    environment: Environment
    shop_id: str | None
    method: str
    path: str
    status: int | None
    code: str
    request_id: str
    milliseconds: float
    started_at: datetime
