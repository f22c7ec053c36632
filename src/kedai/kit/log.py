"""Structured logs as JSON lines on standard error, with secrets taken out before anything is written."""

from __future__ import annotations

import atexit
import io
import logging
import re
import sys
import threading
import time
from collections import deque
from collections.abc import MutableMapping
from contextlib import suppress
from typing import Any, TextIO, cast

import msgspec
import structlog

from kedai.values.secret import Secret

_SECRET_NAMES = re.compile(
    r"(partner_key|access_token|refresh_token|password|secret|authorization|cookie|^sign$)", re.IGNORECASE
)
_SECRET_QUERY = re.compile(r"\b(sign|access_token|refresh_token|code|partner_key|nonce|state)=[^&\s\"']+")
_WRITE_EVERY_SECONDS = 0.05


def configure_logging(level: str) -> None:
    """Send structlog and the standard library's loggers to standard error, one JSON object a line."""
    structlog.configure(
        processors=[
            structlog.contextvars.merge_contextvars,
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            structlog.processors.ExceptionRenderer(structlog.tracebacks.ExceptionDictTransformer(show_locals=False)),
            redact,
            structlog.processors.JSONRenderer(serializer=_dump),
        ],
        wrapper_class=structlog.make_filtering_bound_logger(level),
        logger_factory=structlog.WriteLoggerFactory(file=cast("TextIO", log_lines())),
        cache_logger_on_first_use=True,
    )
    logging.basicConfig(handlers=[_ToStructlog()], level=logging.WARNING, force=True)


def redact(_logger: Any, _method: str, event: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    """Blank what is named like a secret, and secrets inside query strings."""
    for name, value in event.items():
        event[name] = _redacted(name, value)
    return event


def redact_text(text: str) -> str:
    """Blank the values of secret query parameters in a text."""
    return _SECRET_QUERY.sub(r"\1=***", text)


def _redacted(name: str, value: Any) -> Any:
    if isinstance(value, Secret) or (value and _SECRET_NAMES.search(name) and name != "event"):
        return "***"
    if isinstance(value, str):
        return redact_text(value) if "=" in value else value
    if isinstance(value, dict):
        return {key: _redacted(str(key), inner) for key, inner in value.items()}
    if isinstance(value, list | tuple):
        return [_redacted(name, inner) for inner in value]
    return value


def _shown(value: object) -> str:
    """What JSON has no word for is shown as its text, which may hold an address with a query."""
    return redact_text(str(value))


_encoder = msgspec.json.Encoder(enc_hook=_shown)


def _dump(event: Any, **_kwargs: Any) -> str:
    return _encoder.encode(event).decode()


class _ToStructlog(logging.Handler):
    """Hands the standard library's records over, so that one format and one redaction serve all."""

    def emit(self, record: logging.LogRecord) -> None:
        structlog.get_logger(record.name).log(record.levelno, record.getMessage(), exc_info=record.exc_info)


class _Lines(io.TextIOBase):
    """Standard error, written twenty times a second by a thread of its own: a line costs its caller almost nothing.

    A full disk or a closed pipe under the log never fails a request.
    """

    def __init__(self) -> None:
        self._waiting: deque[str] = deque()
        self._news = threading.Event()
        threading.Thread(target=self._write_forever, name="kedai-log", daemon=True).start()
        atexit.register(self.flush)

    def write(self, text: str) -> int:
        self._waiting.append(text)
        if not self._news.is_set():
            self._news.set()
        return len(text)

    def flush(self) -> None:
        lines = []
        while self._waiting:  # taken one by one: another thread may append at any moment
            lines.append(self._waiting.popleft())
        with suppress(OSError, ValueError):
            sys.stderr.write("".join(lines))
            sys.stderr.flush()

    def _write_forever(self) -> None:
        while True:
            self._news.wait()
            time.sleep(_WRITE_EVERY_SECONDS)
            self._news.clear()
            self.flush()


_lines: list[_Lines] = []


def log_lines() -> _Lines:
    """The one writer of log lines; its thread begins with the first line."""
    if not _lines:
        _lines.append(_Lines())
    return _lines[0]


def access_line(fields: dict[str, Any]) -> None:
    """One line for a request on the hot path: fields from closed sets, already free of secrets, straight to JSON.

    Nothing is written before `configure_logging`: an application inside another program keeps quiet.
    """
    if _lines:
        _lines[0].write(_encoder.encode(fields).decode() + "\n")
