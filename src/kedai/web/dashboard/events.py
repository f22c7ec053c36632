"""How a push is named to a person, and which of its headers are shown."""

from __future__ import annotations

from typing import Any, Protocol

from kedai.runtime import Runtime
from kedai.values.environment import ConnectorName
from kedai.values.wording import N_

_REDACTED_HEADERS = frozenset({"authorization", "cookie", "proxy-authorization"})


class Named(Protocol):
    """Whatever tells its marketplace and its code."""

    @property
    def connector(self) -> str: ...

    @property
    def code(self) -> int | None: ...


def name_event(runtime: Runtime, event: Named) -> str:
    """The human name of a push; its bare code where the marketplace is no longer registered."""
    connector = runtime.connectors.get(ConnectorName(event.connector))
    if connector is not None:
        return connector.name_push(event.code)
    return N_("Event without a code") if event.code is None else N_("Code %(code)s", code=str(event.code))


def safe_headers(headers: Any) -> list[tuple[str, str]]:
    """They were stored without secrets; this is the second look."""
    pairs = headers.items() if isinstance(headers, dict) else ()
    return sorted((str(name), "***" if str(name).lower() in _REDACTED_HEADERS else str(value)) for name, value in pairs)
