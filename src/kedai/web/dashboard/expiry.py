"""When the access of each shop ends unless somebody renews it: the soonest first. Reads only."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from kedai.runtime import Runtime
from kedai.sync.connection import ShopView
from kedai.values.environment import ConnectorName, Environment
from kedai.values.wording import N_
from kedai.web.dashboard.connections import Connections
from kedai.web.dashboard.render import url
from kedai.web.dashboard.shell import Shell, viewed_connectors

SOON = timedelta(days=7)
_FULL = timedelta(days=30)
_SHOWN = 12


@dataclass(frozen=True, slots=True)
class Access:
    """One shop's access: until when it can be renewed, and how much of thirty days is left of it."""

    name: str
    environment: Environment
    href: str
    ends_at: datetime
    days_left: float
    is_soon: bool


def list_access(runtime: Runtime, shell: Shell, connections: Connections) -> list[Access]:
    """The shops of the viewed environments whose token or authorisation ends first."""
    found = []
    for name, environment in viewed_connectors(runtime, shell):
        view = connections.get((name, environment))
        for shop in () if view is None else view.shops:
            ends = _end_of(shop)
            if ends is not None:
                found.append(_access(name, environment, shop, ends, shell.now))
    return sorted(found, key=lambda one: one.ends_at)[:_SHOWN]


def _end_of(shop: ShopView) -> datetime | None:
    if shop.token is None or shop.state == "disconnected":
        return None
    return min(shop.token.refresh_expires_at, shop.authorized_until or shop.token.refresh_expires_at)


def _access(name: ConnectorName, environment: Environment, shop: ShopView, ends: datetime, now: datetime) -> Access:
    left = max(ends - now, timedelta())
    href = url(f"/connectors/{name}/shops/{shop.shop_id}", env=environment.value)
    return Access(
        name=shop.name or N_("Shop %(shop_id)s", shop_id=shop.shop_id),
        environment=environment,
        href=href,
        ends_at=ends,
        days_left=min(left, _FULL) / timedelta(days=1),
        is_soon=left <= SOON,
    )
