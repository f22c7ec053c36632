"""Run the simulator alone: ``python -m kedai.simulator --port 9100``."""

from __future__ import annotations

import argparse
from pathlib import Path

from kedai.simulator.server import DEFAULT_HOST, DEFAULT_PORT, serve


def main() -> None:
    """Read the options and serve until a signal."""
    parser = argparse.ArgumentParser(
        prog="python -m kedai.simulator", description="A simulated Shopee: sandbox and live."
    )
    parser.add_argument("--host", default=DEFAULT_HOST, help="address to listen on (default: %(default)s)")
    parser.add_argument(
        "--port", type=int, default=DEFAULT_PORT, help="sandbox port; live is one above (default: %(default)s)"
    )
    parser.add_argument(
        "--seed", type=int, default=1, help="every id, key and order follows from it (default: %(default)s)"
    )
    parser.add_argument("--state", type=Path, default=None, help="file to go on from, and to keep the state in")
    options = parser.parse_args()
    serve(host=options.host, port=options.port, seed=options.seed, state=options.state)


if __name__ == "__main__":
    main()
