"""The simulator as a process, for storms: it tries a push again within seconds, and forgets no push and no call."""

from __future__ import annotations

import asyncio
import signal
import sys
from collections import deque

from kedai.simulator.server import loop_factory, running
from kedai.simulator.state.deliveries import DeliveryLog

RETRY_SECONDS = (0.3, 1.0, 3.0)
REMEMBERED = 1_000_000


async def serve(port: int) -> None:
    """Both environments, until SIGTERM."""
    stop = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, stop.set)
    async with running("127.0.0.1", (port, port + 1), seed=1, push_retry_seconds=RETRY_SECONDS) as simulations:
        for simulation in simulations:
            simulation.world.deliveries = DeliveryLog(REMEMBERED)
            simulation.world.journal.records = deque(maxlen=REMEMBERED)
        await stop.wait()


if __name__ == "__main__":
    with asyncio.Runner(loop_factory=loop_factory()) as runner:
        runner.run(serve(int(sys.argv[1])))
