"""One API call as an endpoint sees it, after the gateway has let it in."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from kedai.simulator.api.params import Query
    from kedai.simulator.simulation import Simulation
    from kedai.simulator.state.apps import App, Merchant, Shop
    from kedai.simulator.state.authorizations import Link
    from kedai.simulator.state.world import World


@dataclass(slots=True)
class Call:
    """Who calls what with which business parameters."""

    simulation: Simulation
    app: App
    query: Query
    body: dict[str, Any]

    @property
    def world(self) -> World:
        """The environment's state."""
        return self.simulation.world


@dataclass(slots=True)
class ShopCall(Call):
    """A call on behalf of a shop that is linked."""

    shop: Shop
    link: Link


@dataclass(slots=True)
class MerchantCall(Call):
    """A call on behalf of a merchant that is linked."""

    merchant: Merchant
    link: Link


# What stands beside the envelope's own fields: mostly {"response": …}, sometimes fields at top level.
Answer = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Download:
    """An answer that is a file."""

    content: bytes
    content_type: str
    name: str


@dataclass(frozen=True, slots=True)
class PublicEndpoint:
    """Signed with the short base: no token, no shop."""

    method: str
    run: Callable[[Call], Answer | Awaitable[Answer]]


@dataclass(frozen=True, slots=True)
class ShopEndpoint:
    """Signed with token and shop."""

    method: str
    run: Callable[[ShopCall], Answer | Download]


@dataclass(frozen=True, slots=True)
class MerchantEndpoint:
    """Signed with token and merchant."""

    method: str
    run: Callable[[MerchantCall], Answer]


Endpoint = PublicEndpoint | ShopEndpoint | MerchantEndpoint
