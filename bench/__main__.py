"""`python -m bench [NAME …]`: run the benchmarks, print their tables, write `bench/out/latest.json`."""

from __future__ import annotations

import argparse
import logging
from functools import partial
from pathlib import Path

import structlog

from bench import client, flush, ingest, live, rewrap, scale, simulator, start, switch, worker
from bench.machine import describe
from bench.table import print_table, write_json

BENCHMARKS = {
    "start": start.measure,
    "ingest": ingest.measure,
    "flush": flush.measure,
    "worker": worker.measure,
    "scale": scale.measure,
    "rewrap": rewrap.measure,
    "switch": switch.measure,
    "client": client.measure,
    "live": live.measure,
    "simulator": simulator.measure,
}
LATEST = Path(__file__).parent / "out" / "latest.json"


def main() -> None:
    """Run those named, or all of them."""
    parser = argparse.ArgumentParser(prog="python -m bench", description=__doc__)
    parser.add_argument(
        "names", nargs="*", metavar="NAME", help=f"one of {', '.join(BENCHMARKS)}; all if none is named"
    )
    parser.add_argument("--events", type=int, default=worker.EVENTS, help="the worker's backlog (default: %(default)s)")
    parser.add_argument(
        "--waiting",
        type=int,
        default=worker.WAITING,
        help="rows that wait while its memory is taken again (%(default)s)",
    )
    parser.add_argument("--orders", type=int, default=scale.ORDERS, help="of the large installation (%(default)s)")
    chosen = parser.parse_args()
    names = chosen.names or list(BENCHMARKS)
    benchmarks = BENCHMARKS | {
        "worker": partial(worker.measure, chosen.events, chosen.waiting),
        "scale": partial(scale.measure, chosen.orders),
    }
    if unknown := set(names) - set(BENCHMARKS):
        parser.error(f"no benchmark is called {', '.join(sorted(unknown))}")
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.WARNING))
    print(f"{describe()}\n", flush=True)
    rows = []
    for name in names:
        print(f"== {name}", flush=True)
        measured = benchmarks[name]()
        print_table(measured)
        rows += measured
        write_json(rows, LATEST)


if __name__ == "__main__":
    main()
