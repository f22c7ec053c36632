"""Every client of a marketplace is made in one place, which refuses a sealed environment: nobody walks around it."""

from __future__ import annotations

import ast

from tests.architecture.sources import read_sources

WAY_OUT = "sync/parts.py"


def test_clients_are_made_in_one_place() -> None:
    """`Connector.client` takes decrypted credentials; `open_credentials` beside it asks the quarantine first."""
    callers = {
        source.path
        for source in read_sources()
        if not source.is_simulator
        for node in ast.walk(source.tree)
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr == "client"
    }
    assert callers == {WAY_OUT}
