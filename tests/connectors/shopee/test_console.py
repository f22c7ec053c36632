"""The console's pages: what belongs to one environment is not offered in the other, and each address has its source."""

from __future__ import annotations

from pathlib import Path
from urllib.parse import urlsplit

import kedai.connectors.shopee
from kedai.connectors.shopee.connector import ShopeeConnector
from kedai.values.console import Place
from kedai.values.environment import Environment

DOCS = (Path(kedai.connectors.shopee.__file__).parent / "docs.md").read_text(encoding="utf-8")


def places(environment: Environment) -> set[Place]:
    return {page.place for page in ShopeeConnector().console_pages(environment)}


def test_test_orders_are_made_in_the_sandbox_and_calls_are_logged_in_live() -> None:
    sandbox, live = places(Environment.SANDBOX), places(Environment.LIVE)
    assert sandbox - live == {Place.TEST_ORDERS, Place.SANDBOX_GUIDE}
    assert live - sandbox == {Place.CALL_LOG}
    assert {Place.APP, Place.PUSHES, Place.SUPPORT} <= sandbox & live


def test_every_address_stands_with_its_source_in_the_connectors_document() -> None:
    for environment in Environment:
        for page in ShopeeConnector().console_pages(environment):
            address = urlsplit(page.url)
            assert address.netloc == "open.shopee.com"
            if address.path.startswith("/developer-guide/"):
                assert f"G{address.path.rpartition('/')[2]}" in DOCS
            else:
                assert f"| {page.label} | `{address.netloc}{address.path}` |" in DOCS
