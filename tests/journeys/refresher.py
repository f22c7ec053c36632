"""One process of T21: opens the installation of its environment and asks for the same token in many tasks at once.

Prints `ready`, waits for a line, then prints what each task got: the token's generation, or the error's name; and what
they got when they asked a second time.
"""

from __future__ import annotations

import asyncio
import json
import sys

from kedai.kit.log import configure_logging
from kedai.runtime import Runtime, open_runtime
from kedai.settings import load_settings
from kedai.sync.tokens import get_access_token
from kedai.values.environment import ConnectorName, Environment, Scope


async def ask_twice(shop_id: str, tasks: int) -> list[list[int | str]]:
    """As many callers as tasks, all at once; and once more."""
    configure_logging("warning")
    runtime = open_runtime(load_settings(), seeds={})
    scope = Scope(ConnectorName("shopee"), Environment.SANDBOX, shop_id)
    print("ready", flush=True)
    await asyncio.to_thread(sys.stdin.readline)
    try:
        return [await ask_all(runtime, scope, tasks) for _ in range(2)]
    finally:
        await runtime.parts.http.close()
        runtime.close()


async def ask_all(runtime: Runtime, scope: Scope, tasks: int) -> list[int | str]:
    """What each caller got."""
    asked = (get_access_token(runtime.parts, scope) for _ in range(tasks))
    results = await asyncio.gather(*asked, return_exceptions=True)
    return [type(one).__name__ if isinstance(one, BaseException) else one.generation for one in results]


if __name__ == "__main__":
    print(json.dumps(asyncio.run(ask_twice(sys.argv[1], int(sys.argv[2])))), flush=True)
