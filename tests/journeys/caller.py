"""One process of L5: opens the installation of its environment and calls for one shop as fast as it is let.

Prints `ready`, waits for a line, calls in many tasks at once for so many seconds, then prints when each call was sent
(Unix seconds), and how often it was told to come later.
"""

from __future__ import annotations

import asyncio
import json
import sys
from dataclasses import replace
from typing import Any

from kedai.connectors.http import HttpClient
from kedai.errors import RateLimited
from kedai.kit.clock import SystemClock, monotonic
from kedai.kit.deadline import within
from kedai.kit.log import configure_logging
from kedai.runtime import open_runtime
from kedai.settings import load_settings
from kedai.sync.parts import Parts
from kedai.sync.tokens import call_with_token
from kedai.values.call import CallRecord
from kedai.values.environment import ConnectorName, Environment, Scope


async def call_for(shop_id: str, tasks: int, seconds: float) -> dict[str, Any]:
    """What the process did."""
    configure_logging("error")
    records: list[CallRecord] = []
    http = HttpClient(sink=records.append, before_call=lambda: None, clock=SystemClock())
    runtime = open_runtime(load_settings(), seeds={})
    parts = replace(runtime.worker_parts, http=http)
    scope = Scope(ConnectorName("shopee"), Environment.SANDBOX, shop_id)
    print("ready", flush=True)
    await asyncio.to_thread(sys.stdin.readline)
    ends_at = monotonic() + seconds
    try:
        put_off = await asyncio.gather(*(call_until(parts, scope, ends_at) for _ in range(tasks)))
    finally:
        await http.close()
        runtime.close()
    return {"sent": [one.started_at.timestamp() for one in records], "put_off": sum(put_off)}


async def call_until(parts: Parts, scope: Scope, ends_at: float) -> int:
    """One call after the other; how often there was no turn in time."""
    put_off = 0
    while monotonic() < ends_at:
        try:
            with within(11.0):  # of which a call may take ten
                await call_with_token(parts, scope, lambda client, token: client.get_shop(scope.shop_id, token))
        except RateLimited:
            put_off += 1
            await asyncio.sleep(0.1)
    return put_off


if __name__ == "__main__":
    print(json.dumps(asyncio.run(call_for(sys.argv[1], int(sys.argv[2]), float(sys.argv[3])))), flush=True)
