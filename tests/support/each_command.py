"""Runs many `kedai` commands, each in a process of its own that starts with everything imported.

Standard input holds a JSON list of ``{"arguments": […], "given": text}``; standard output becomes a JSON list of
``{"status": …, "said": …}``, with what went to both streams.
"""

from __future__ import annotations

import json
import os
import sys
import tempfile
from typing import Any

import kedai.runtime
import kedai.sync.parity
import kedai.sync.rewrap
from kedai.cli.main import main

assert kedai.runtime, kedai.sync


def run(arguments: list[str], given: str) -> dict[str, Any]:
    """The exit status of one command, and what it said."""
    with tempfile.TemporaryFile() as said, tempfile.TemporaryFile() as typed:
        typed.write(given.encode())
        typed.seek(0)
        child = os.fork()
        if child == 0:
            for source, target in ((typed, 0), (said, 1), (said, 2)):
                os.dup2(source.fileno(), target)
            _become(arguments)
        _, status = os.waitpid(child, 0)
        said.seek(0)
        return {"status": os.waitstatus_to_exitcode(status), "said": said.read().decode(errors="replace")}


def _become(arguments: list[str]) -> None:
    """Be the command, and nothing after it: what the parent would do at its end is not ours."""
    sys.argv = ["kedai", *arguments]
    sys.stdin = open(0, encoding="utf-8", closefd=False)  # noqa: SIM115  ours until the end
    status = 1
    try:
        main()
        status = 0
    except SystemExit as end:
        status = end.code if isinstance(end.code, int) else int(end.code is not None)
    except BaseException:
        sys.excepthook(*sys.exc_info())
    finally:
        _say_the_rest()
        os._exit(status)


def _say_the_rest() -> None:
    from kedai.kit import log

    for line in log._lines:
        line.flush()
    sys.stdout.flush()
    sys.stderr.flush()


if __name__ == "__main__":
    wanted = json.load(sys.stdin)
    json.dump([run(one["arguments"], one["given"]) for one in wanted], sys.stdout)
