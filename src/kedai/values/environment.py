"""Which side of the shop something belongs to, and the scope that carries it."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import NewType


class Environment(StrEnum):
    """Sandbox or live: a closed set, never optional, never defaulted."""

    SANDBOX = "sandbox"
    LIVE = "live"

    @property
    def other(self) -> Environment:
        return Environment.LIVE if self is Environment.SANDBOX else Environment.SANDBOX


ConnectorName = NewType("ConnectorName", str)
"""A registered marketplace, for example ``shopee``."""


@dataclass(frozen=True, slots=True)
class Scope:
    """One shop of one environment of one marketplace: what every remote call is made for."""

    connector: ConnectorName
    environment: Environment
    shop_id: str

    def __str__(self) -> str:
        return f"{self.connector}/{self.environment}/{self.shop_id}"


@dataclass(frozen=True, slots=True)
class MerchantScope:
    """One merchant of one environment of one marketplace; merchant ids are a space of their own."""

    connector: ConnectorName
    environment: Environment
    merchant_id: str

    def __str__(self) -> str:
        return f"{self.connector}/{self.environment}/merchant {self.merchant_id}"


Account = Scope | MerchantScope
"""Whoever can hold a token pair."""
