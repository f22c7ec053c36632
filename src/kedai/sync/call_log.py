"""Keeps the log of outgoing calls small: old ones and surplus ones go, a few at a time."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from datetime import timedelta
from functools import partial
from typing import Final

from kedai.calls.service import prune
from kedai.sync.parts import Parts
from kedai.values.environment import Environment

PRUNE_EVERY_SECONDS: Final = 600.0
_BREATH_SECONDS: Final = 0.05  # between two write transactions: nobody waits for this


async def prune_calls(parts: Parts, *, must_stop: Callable[[], bool]) -> int:
    """Remove what is older than the settings allow, or beyond the number that they allow; returns how many."""
    settings, removed = parts.settings, 0
    before = parts.clock.now() - timedelta(days=settings.call_log_days)
    for environment in Environment:
        step = partial(prune, environment=environment, before=before, keep_rows=settings.call_log_rows)
        while not must_stop() and (gone := await parts.write(step)):
            removed += gone
            await asyncio.sleep(_BREATH_SECONDS)
    return removed
