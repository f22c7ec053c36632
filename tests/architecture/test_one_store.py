"""Orders are written in one place, so that no way of reading them passes the SKU map by."""

from __future__ import annotations

import ast

import pytest

from tests.architecture.sources import Source, parse_source, read_sources

STORE = "sync/store.py"
ROOM = "kedai.orders.service"


def writers(source: Source) -> list[str]:
    """How a file reaches the writing of orders: by the name it imported, or through the module."""
    found, modules = [], set()
    for node in ast.walk(source.tree):
        if isinstance(node, ast.ImportFrom):
            names = {one.name: one.asname or one.name for one in node.names}
            if node.module == ROOM and "upsert" in names:
                found.append(f"{source.path}:{node.lineno}")
            if node.module == "kedai.orders" and "service" in names:
                modules.add(names["service"])
        elif isinstance(node, ast.Import):
            modules |= {one.asname for one in node.names if one.name == ROOM and one.asname}
    for node in ast.walk(source.tree):
        if isinstance(node, ast.Attribute) and node.attr == "upsert" and _name(node.value) in modules:
            found.append(f"{source.path}:{node.lineno}")
    return found


def _name(node: ast.expr) -> str:
    return node.id if isinstance(node, ast.Name) else ""


def test_orders_are_written_through_the_store_alone() -> None:
    """Whoever reads orders in a new way calls `sync.store.store_orders`."""
    found = {source.path: writers(source) for source in read_sources() if not source.is_simulator}
    assert found.pop(STORE), "the store itself writes"
    assert [place for places in found.values() for place in places] == []


@pytest.mark.parametrize(
    "text",
    [
        "from kedai.orders.service import upsert",
        "from kedai.orders import service as orders\norders.upsert(db, scope, [], now=now)",
        "from kedai.orders import service\nf = partial(service.upsert, db)",
        "import kedai.orders.service as written\nwritten.upsert(db)",
    ],
)
def test_each_way_around_is_seen(text: str) -> None:
    assert writers(parse_source("sync/planted.py", text))
