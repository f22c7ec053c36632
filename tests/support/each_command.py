"""Runs many `kedai` commands, each in a process of its own that starts with everything imported.

Each line of standard input is one command as JSON, ``{"arguments": […], "given": text}``, if need be with ``environ``
and ``directory``; each line of standard output is its ``{"status": …, "out": …, "err": …}``.
"""

from __future__ import annotations

import json
import os
import sys
import tempfile
from collections.abc import Mapping
from typing import Any

import kedai.runtime
import kedai.sync.parity
import kedai.sync.rewrap
from kedai.cli.main import main

assert kedai.runtime, kedai.sync


def run(
    arguments: list[str], given: str, environ: Mapping[str, str] | None = None, directory: str = "."
) -> dict[str, Any]:
    """The exit status of one command, and what it said."""
    with tempfile.TemporaryFile() as out, tempfile.TemporaryFile() as err, tempfile.TemporaryFile() as typed:
        typed.write(given.encode())
        typed.seek(0)
        child = os.fork()
        if child == 0:
            for source, target in ((typed, 0), (out, 1), (err, 2)):
                os.dup2(source.fileno(), target)
            _become(arguments, environ, directory)
        _, status = os.waitpid(child, 0)
        said = {}
        for name, stream in (("out", out), ("err", err)):
            stream.seek(0)
            said[name] = stream.read().decode(errors="replace")
        return {"status": os.waitstatus_to_exitcode(status), **said}


def _become(arguments: list[str], environ: Mapping[str, str] | None, directory: str) -> None:
    """Be the command, and nothing after it: what the parent would do at its end is not ours."""
    status = 1
    try:
        if environ is not None:
            os.environ.clear()
            os.environ.update(environ)
        os.chdir(directory)
        sys.argv = ["kedai", *arguments]
        sys.stdin = open(0, encoding="utf-8", closefd=False)  # noqa: SIM115  ours until the end
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
    for asked in sys.stdin:
        print(json.dumps(run(**json.loads(asked))), flush=True)
