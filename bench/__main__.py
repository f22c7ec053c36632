"""`python -m bench [NAME …]`: run the benchmarks, print their tables, write `bench/out/latest.json`."""

from __future__ import annotations

import argparse
from pathlib import Path

from bench import client, flush, ingest, rewrap, simulator, start, switch
from bench.machine import describe
from bench.table import print_table, write_json

BENCHMARKS = {
    "start": start.measure,
    "ingest": ingest.measure,
    "flush": flush.measure,
    "rewrap": rewrap.measure,
    "switch": switch.measure,
    "client": client.measure,
    "simulator": simulator.measure,
}
LATEST = Path(__file__).parent / "out" / "latest.json"


def main() -> None:
    """Run those named, or all of them."""
    parser = argparse.ArgumentParser(prog="python -m bench", description=__doc__)
    parser.add_argument(
        "names", nargs="*", metavar="NAME", help=f"one of {', '.join(BENCHMARKS)}; all if none is named"
    )
    names = parser.parse_args().names or list(BENCHMARKS)
    if unknown := set(names) - set(BENCHMARKS):
        parser.error(f"no benchmark is called {', '.join(sorted(unknown))}")
    print(f"{describe()}\n", flush=True)
    rows = []
    for name in names:
        print(f"== {name}", flush=True)
        measured = BENCHMARKS[name]()
        print_table(measured)
        rows += measured
        write_json(rows, LATEST)


if __name__ == "__main__":
    main()
