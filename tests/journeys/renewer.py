"""One process of T22: opens the installation as `serve` and `worker` do, looks after idle tokens once, and ends."""

from __future__ import annotations

import asyncio

from kedai.cli.installation import open_installation
from kedai.runtime import Runtime
from kedai.settings import load_settings
from kedai.sync.keep_alive import KeepAlive


async def look(runtime: Runtime) -> None:
    """What a worker does first."""
    try:
        await KeepAlive(runtime.worker_parts).look()
    finally:
        await runtime.worker_parts.http.close()


if __name__ == "__main__":
    with open_installation(load_settings(), role="worker", may_create_key=False) as opened:
        asyncio.run(look(opened))
