"""The marketplaces' own consoles, linked at the place of need; which pages there are, each connector says."""

from __future__ import annotations

from collections.abc import Mapping

from kedai.connectors.base import Connector, HasConsole
from kedai.values.console import ConsolePage, Place
from kedai.values.environment import Environment

Console = Mapping[Place, ConsolePage]
"""Of one environment: what is not there is not linked."""


def read_console(connector: Connector, environment: Environment) -> Console:
    """The pages by what is looked for there; a marketplace may have none."""
    if not isinstance(connector, HasConsole):
        return {}
    return {page.place: page for page in connector.console_pages(environment)}
