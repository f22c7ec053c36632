"""Pages of a marketplace's own console: what an operator looks for there, and where it stands."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class Place(StrEnum):
    """What somebody needs to find; one marketplace may have several of them on one page, or none."""

    APP = "app"
    """The app: its id, its keys, the domain that consent may return to, the addresses that may call."""
    PUSHES = "pushes"
    """Where pushes go, the key that signs them, and whether they are held back."""
    TEST_ORDERS = "test_orders"
    CALL_LOG = "call_log"
    """The marketplace's own log of our calls."""
    SUPPORT = "support"
    CONSENT_GUIDE = "consent_guide"
    PUSH_GUIDE = "push_guide"
    SANDBOX_GUIDE = "sandbox_guide"


@dataclass(frozen=True, slots=True)
class ConsolePage:
    """One page. ``label`` is what it is called there, so that it is recognised."""

    place: Place
    label: str
    url: str
