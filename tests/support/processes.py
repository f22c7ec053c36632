"""Starts programs, waits for them with a deadline, and ends them; touches only what it started."""

from __future__ import annotations

import contextlib
import os
import random
import socket
import subprocess
import tempfile
import time
import urllib.error
import urllib.request
from pathlib import Path
from typing import TYPE_CHECKING, Self

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence
    from types import TracebackType

POLL_SECONDS = 0.015
_WORKER = int(os.environ.get("PYTEST_XDIST_WORKER", "gw0").removeprefix("gw")) % 4
_PORTS = range(10_000 + 1_500 * _WORKER, 11_499 + 1_500 * _WORKER)
"""Below what any system gives to outgoing connections, and apart for each process of one test run: nobody else takes a
port before the server it is meant for has started."""
_GIVEN: set[int] = set()
# A proxy of the environment must never see what is meant for loopback.
_OPENER = urllib.request.build_opener(urllib.request.ProxyHandler({}))


def free_port(*, with_next: bool = False) -> int:
    """A loopback TCP port that nobody listens on (nor on its successor), and that was not handed out a while ago."""
    while True:
        port = random.SystemRandom().choice(_PORTS)
        chosen = (port, port + 1) if with_next else (port,)
        if not _GIVEN.intersection(chosen) and all(map(_is_free, chosen)):
            _GIVEN.update(chosen)
            if len(_GIVEN) > len(_PORTS) // 2:
                _GIVEN.clear()
            return port


def _is_free(port: int) -> bool:
    with socket.socket() as probe:
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
    return True


def wait_until(
    condition: Callable[[], object], *, timeout: float = 30.0, message: str, every: float = POLL_SECONDS
) -> None:
    """Poll until `condition` is true; raise TimeoutError with `message` after `timeout` seconds."""
    deadline = time.monotonic() + timeout
    while not condition():
        if time.monotonic() >= deadline:
            text = f"{message} (waited {timeout:g} s)"
            raise TimeoutError(text)
        time.sleep(every)


def wait_http(url: str, *, status: int = 200, timeout: float = 30.0) -> bytes:
    """Poll a loopback URL until it answers with `status`; return the body, or say what it answered last."""
    last = "no answer"
    body = b""

    def answered() -> bool:
        nonlocal last, body
        try:
            with _OPENER.open(url, timeout=1.0) as answer:
                seen, body = answer.status, answer.read()
        except urllib.error.HTTPError as error:
            with error:
                seen, body = error.code, error.read()
        except OSError as error:
            last = str(error)
            return False
        last = f"status {seen}: {body[:200]!r}"
        return bool(seen == status)

    try:
        wait_until(answered, timeout=timeout, message=f"{url} did not answer {status}")
    except TimeoutError as error:
        text = f"{error}; last: {last}"
        raise TimeoutError(text) from None
    return body


class Process:
    """A started program: stdout and stderr together in one file, no stdin, ended when the context is left."""

    def __init__(
        self, command: Sequence[str | Path], *, env: Mapping[str, str] | None = None, cwd: Path | None = None
    ) -> None:
        """Start `command`; `env` is added to this process's environment."""
        self.command = [str(part) for part in command]
        descriptor, name = tempfile.mkstemp(prefix="kedai-process-", suffix=".log")
        self.log = Path(name)
        with os.fdopen(descriptor, "wb") as sink:
            self._popen = subprocess.Popen(
                self.command,
                stdin=subprocess.DEVNULL,
                stdout=sink,
                stderr=subprocess.STDOUT,
                env={**os.environ, **(env or {})},
                cwd=cwd,
            )

    @property
    def pid(self) -> int:
        """The process id."""
        return self._popen.pid

    @property
    def returncode(self) -> int | None:
        """The exit status, negative for a signal, None while it runs."""
        return self._popen.poll()

    def is_running(self) -> bool:
        """Whether the program has not ended yet."""
        return self._popen.poll() is None

    def output(self) -> str:
        """Return what it has written so far."""
        return self.log.read_text(encoding="utf-8", errors="replace")

    def terminate(self) -> None:
        """Send SIGTERM; nothing if it has ended."""
        self._popen.terminate()

    def kill9(self) -> None:
        """Send SIGKILL and collect it."""
        self._popen.kill()
        self._popen.wait()

    def send_signal(self, number: int) -> None:
        """Send any other signal; nothing if it has ended."""
        self._popen.send_signal(number)

    def wait_exit(self, timeout: float = 30.0) -> int:
        """Wait for its end and return the exit status; TimeoutError with its output if it goes on."""
        try:
            return self._popen.wait(timeout)
        except subprocess.TimeoutExpired:
            text = f"{self.command[0]} still runs after {timeout:g} s; it wrote:\n{self.output()[-2000:]}"
            raise TimeoutError(text) from None

    def wait_output(self, text: str, *, timeout: float = 30.0) -> None:
        """Wait until `text` is in its output; give up at once if it ended without it."""
        wait_until(
            lambda: text in self.output() or not self.is_running(),
            timeout=timeout,
            message=f"{self.command[0]} did not write {text!r}",
        )
        if text not in self.output():
            end = f"{self.command[0]} ended ({self.returncode}) without {text!r}"
            message = f"{end}; it wrote:\n{self.output()[-2000:]}"
            raise RuntimeError(message)

    def close(self) -> None:
        """End it, politely first, and remove its log."""
        if self.is_running():
            self.terminate()
            try:
                self._popen.wait(5.0)
            except subprocess.TimeoutExpired:
                # SIGTERM waits behind SIGSTOP; SIGKILL does not.
                self.kill9()
        with contextlib.suppress(FileNotFoundError):
            self.log.unlink()

    def __enter__(self) -> Self:
        """Return the running program."""
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """End it, however the context is left."""
        self.close()


def send_signal(pid: int, number: int) -> None:
    """Send a signal to a process of ours that we hold no handle of; nothing if it has ended."""
    with contextlib.suppress(ProcessLookupError):
        os.kill(pid, number)


def children_of(pid: int) -> list[int]:
    """Return the ids of a process's direct children."""
    return [child for child, parent, _ in _process_table() if parent == pid]


def any_alive(pids: Sequence[int]) -> bool:
    """Whether one of them runs; a zombie does not, and where init does not collect it is no business of ours."""
    return any(pid in pids and not state.startswith("Z") for pid, _, state in _process_table())


def _process_table() -> Iterator[tuple[int, int, str]]:
    """Yield (pid, parent's pid, state); from /proc where there is one, since small images lack ps."""
    if not Path("/proc/self/stat").exists():
        listed = subprocess.run(["ps", "-A", "-o", "pid=,ppid=,stat="], capture_output=True, text=True, check=True)
        for line in listed.stdout.splitlines():
            pid, parent, state = line.split()
            yield int(pid), int(parent), state
    for stat in Path("/proc").glob("[0-9]*/stat"):
        with contextlib.suppress(FileNotFoundError, ProcessLookupError):
            # The name in parentheses may hold spaces and parentheses of its own.
            state, parent = stat.read_text().rpartition(")")[2].split()[:2]
            yield int(stat.parent.name), int(parent), state
