"""Readiness: what it says when the database is frozen or away, and how soon."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import Any

from kedai.kit.clock import monotonic
from tests.feature.web.site import Site
from tests.support.factories import on_sqlite


@on_sqlite
def test_f12_a_frozen_database_is_unready_within_seconds(site: Site) -> None:
    """Break the deadline in `readyz`: it hangs until the database answers."""
    thawed = threading.Event()

    class Frozen:
        @contextmanager
        def read(self) -> Iterator[Any]:
            thawed.wait(15)
            raise AssertionError("nobody waits for this any more")
            yield

    whole = site.runtime.parts
    frozen: Any = Frozen()
    site.runtime.parts = replace(whole, database=frozen)
    started = monotonic()
    try:
        answer = site.get("/readyz")
        assert (answer.status, answer.json()["checks"]["database"]) == (503, "unreachable")
        assert monotonic() - started < 10
    finally:
        thawed.set()
        site.runtime.parts = whole
    assert site.get("/readyz").status == 200
