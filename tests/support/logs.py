"""Reads what is logged, line by line, with a look for a canary in everything that was written."""

from __future__ import annotations

import json
import logging
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
import structlog

from kedai.kit.log import configure_logging, log_lines
from tests.support.processes import wait_until


class Lines:
    """What was logged; no look at it may ever meet the canary."""

    def __init__(self, capsys: pytest.CaptureFixture[str], canary: str) -> None:
        self._capsys = capsys
        self._canary = canary
        self._text = ""

    def read(self) -> list[dict[str, Any]]:
        """The lines since the last look; one of our own tells that all before it are there."""
        structlog.get_logger().error("that is all")
        log_lines().flush()
        wait_until(self._is_complete, message="the log's writer does not write")
        text, self._text = self._text, ""
        assert self._canary not in text
        *found, _mark = [json.loads(line) for line in text.split("\n") if line]
        return found

    def _is_complete(self) -> bool:
        self._text += self._capsys.readouterr().err
        return "that is all" in self._text and self._text.endswith("\n")


@contextmanager
def logging_to(capsys: pytest.CaptureFixture[str], canary: str) -> Iterator[Lines]:
    """The log as an installation writes it; the whole process's logging is put back afterwards."""
    before, handlers, level = structlog.get_config(), logging.root.handlers[:], logging.root.level
    configure_logging("info")
    opened = Lines(capsys, canary)
    opened.read()  # what others in this process had still waiting
    try:
        yield opened
    finally:
        structlog.configure(**before)
        logging.root.handlers[:] = handlers
        logging.root.setLevel(level)
