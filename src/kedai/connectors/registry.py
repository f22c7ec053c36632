"""Every marketplace that Kedai knows, written out: nothing is discovered."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

from kedai.connectors.base import Connector
from kedai.connectors.shopee.connector import SHOPEE
from kedai.errors import NotFound
from kedai.values.environment import ConnectorName

CONNECTORS: Final[Mapping[ConnectorName, Connector]] = MappingProxyType({SHOPEE.name: SHOPEE})


def get_connector(name: str) -> Connector:
    """The connector of that name.

    Raises:
        NotFound: none is registered under it.
    """
    found = CONNECTORS.get(ConnectorName(name))
    if found is None:
        raise NotFound(f"There is no connector {name!r}.")
    return found
