"""What is newest in a list: enough to count what came, and nothing of what it says."""

from __future__ import annotations

from collections.abc import Hashable
from datetime import datetime
from typing import NamedTuple


class Newest(NamedTuple):
    """One row of a list: what tells it from every other one (and from itself as it was before), and when it came."""

    key: Hashable
    at: datetime
