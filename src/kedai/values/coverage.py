"""Where we learn of changes to orders."""

from __future__ import annotations

from enum import StrEnum


class Source(StrEnum):
    """What may cover a time of a shop."""

    PUSH = "push"
    LOST_PUSH = "lost_push"
    RECONCILE = "reconcile"
    BACKFILL = "backfill"
    CATCH_UP = "catch_up"
