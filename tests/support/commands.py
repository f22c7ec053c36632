"""Commands as an operator types them, each a process of its own, but without the second in which it imports itself."""

from __future__ import annotations

import atexit
import json
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Mapping, Sequence
from functools import cache

COMMAND_SECONDS = 60.0


class Commands:
    """One process that has everything imported, and becomes each command in a child of it; one command at a time."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._parent: subprocess.Popen[str] | None = None

    def run(
        self, arguments: Sequence[str], *, environ: Mapping[str, str], given: str = ""
    ) -> subprocess.CompletedProcess[str]:
        """Run a command to its end; one that is asked for while another runs starts from nothing."""
        if not self._lock.acquire(blocking=False):
            return run_fresh(arguments, environ=environ, given=given)
        try:
            asked = {"arguments": list(arguments), "given": given, "environ": dict(environ), "directory": os.getcwd()}
            ended = json.loads(self._ask(json.dumps(asked)))
        finally:
            self._lock.release()
        return subprocess.CompletedProcess(["kedai", *arguments], ended["status"], ended["out"], ended["err"])

    def close(self) -> None:
        """End the parent, and a command that goes on."""
        if self._parent is not None:
            os.killpg(self._parent.pid, signal.SIGKILL)
            self._parent.communicate()
            self._parent = None

    def _ask(self, line: str) -> str:
        if self._parent is None:
            self._parent = subprocess.Popen(
                [sys.executable, "-m", "tests.support.each_command"],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                text=True,
                start_new_session=True,
            )
        assert self._parent.stdin is not None
        assert self._parent.stdout is not None
        patience = threading.Timer(COMMAND_SECONDS, os.killpg, (self._parent.pid, signal.SIGKILL))
        patience.start()
        try:
            print(line, file=self._parent.stdin, flush=True)
            answer = self._parent.stdout.readline()
        finally:
            patience.cancel()
        if not answer:
            self.close()
            raise TimeoutError(f"a command did not end within {COMMAND_SECONDS:g} seconds: {line[:200]}")
        return answer


def run_fresh(
    arguments: Sequence[str], *, environ: Mapping[str, str], given: str = ""
) -> subprocess.CompletedProcess[str]:
    """Run a command to its end, from the start of a Python of its own."""
    return subprocess.run(
        [sys.executable, "-m", "kedai", *arguments],
        env=environ,
        input=given,
        capture_output=True,
        text=True,
        timeout=COMMAND_SECONDS,
        check=False,
    )


@cache
def commands() -> Commands:
    """Those of this process."""
    made = Commands()
    atexit.register(made.close)
    return made
