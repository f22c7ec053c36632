"""T9: one JSON object a line, whatever is logged, and no secret in it."""

from __future__ import annotations

import json
import logging
import sys
from collections.abc import Iterator

import pytest
import structlog

from kedai.kit.log import log_lines, redact_text
from kedai.values.secret import Secret
from tests.support.logs import Lines, logging_to

CANARY = "CANARY0123456789"


class Url:
    """An address of a library's own type."""

    def __str__(self) -> str:
        return f"https://api.example/x?sign={CANARY}&timestamp=1"


@pytest.fixture
def lines(capsys: pytest.CaptureFixture[str]) -> Iterator[Lines]:
    """The log of this test."""
    with logging_to(capsys, CANARY) as opened:
        yield opened


def test_line_break_in_a_value_stays_in_its_line(lines: Lines) -> None:
    forged = '220101ABC\n{"level":"info","event":"all is well"}\r\x1b[31m\u2028'
    structlog.get_logger().info("order\nread", order_sn=forged, **{"odd\nname": 1})
    (line,) = lines.read()
    assert line["event"] == "order\nread"
    assert line["order_sn"] == forged
    assert line["level"] == "info"


def test_standard_library_records_take_the_same_way(lines: Lines) -> None:
    logging.getLogger("uvicorn.error").warning('GET /cb?code=%s&shop_id=7\n{"x": 1}', CANARY)
    (line,) = lines.read()
    assert line["event"] == 'GET /cb?code=***&shop_id=7\n{"x": 1}'
    assert line["level"] == "warning"


def test_library_chatter_below_warning_is_left_out(lines: Lines) -> None:
    logging.getLogger("asyncio").info("chatter")
    structlog.get_logger().debug("detail")
    assert lines.read() == []


@pytest.mark.parametrize(
    "name",
    [
        "partner_key",
        "push_partner_key",
        "access_token",
        "refresh_token",
        "password",
        "new_password",
        "v1_secret",
        "authorization",
        "Authorization",
        "cookie",
        "Set-Cookie",
        "sign",
    ],
)
def test_value_named_like_a_secret_is_blanked(name: str, lines: Lines) -> None:
    log = structlog.get_logger()
    log.info("x", **{name: CANARY})
    log.info("x", headers={name: CANARY, "host": "kedai.example"})
    log.info("x", nested=[{"a": {name: CANARY}}, {name: [CANARY]}])
    first, second, third = lines.read()
    assert first[name] == "***"
    assert second["headers"] == {name: "***", "host": "kedai.example"}
    assert third["nested"][0] == {"a": {name: "***"}}


@pytest.mark.parametrize(
    "value", [Secret(CANARY), [Secret(CANARY)], {"a": Secret(CANARY)}, (1, {"b": [Secret(CANARY)]})]
)
def test_secret_value_is_blanked_wherever_it_stands(value: object, lines: Lines) -> None:
    structlog.get_logger().info("x", given=value)
    (line,) = lines.read()
    assert "***" in json.dumps(line["given"])


@pytest.mark.parametrize(
    "parameter", ["sign", "access_token", "refresh_token", "code", "partner_key", "nonce", "state"]
)
def test_secret_of_a_query_is_blanked(parameter: str, lines: Lines) -> None:
    url = f"https://api.example/api/v2/x?partner_id=1&{parameter}={CANARY}&timestamp=2"
    structlog.get_logger().info(f"called {url}", url=url, urls=[url], quoted=f'"{url}"')
    (line,) = lines.read()
    clean = f"https://api.example/api/v2/x?partner_id=1&{parameter}=***&timestamp=2"
    assert line["url"] == clean
    assert line["urls"] == [clean]
    assert line["event"] == f"called {clean}"


def test_object_is_blanked_in_the_text_it_is_shown_as(lines: Lines) -> None:
    structlog.get_logger().info("x", url=Url(), error=RuntimeError(f"GET /?access_token={CANARY} failed"))
    (line,) = lines.read()
    assert line["url"] == "https://api.example/x?sign=***&timestamp=1"
    assert line["error"] == "GET /?access_token=*** failed"


def test_ordinary_words_survive(lines: Lines) -> None:
    structlog.get_logger().info("x", encode="a=b", note="status_code=200 recode=1", code=7, state="parked", design="y")
    (line,) = lines.read()
    assert (line["encode"], line["code"], line["state"], line["design"]) == ("a=b", 7, "parked", "y")
    assert line["note"] == "status_code=200 recode=1"


def test_traceback_holds_no_locals_and_no_secret_of_its_message(lines: Lines) -> None:
    def fail(partner_key: str, tokens: dict[str, str]) -> None:
        held_here = partner_key + tokens["access_token"]
        raise RuntimeError(f"GET /api?sign={held_here} failed")

    try:
        fail(CANARY, {"access_token": CANARY})
    except RuntimeError:
        structlog.get_logger().exception("it failed")
        logging.getLogger("x").exception("it failed again")
    first, second = lines.read()
    for line in (first, second):
        (told,) = line["exception"]
        assert told["exc_type"] == "RuntimeError"
        assert told["exc_value"] == "GET /api?sign=*** failed"
        assert "locals" not in told["frames"][-1]
        assert "held_here" not in json.dumps(line)


def test_closed_or_full_stream_never_fails_the_caller(lines: Lines, monkeypatch: pytest.MonkeyPatch) -> None:
    """F17."""

    class Full:
        def write(self, _text: str) -> int:
            raise OSError(28, "No space left on device")

        def flush(self) -> None:
            raise OSError(28, "No space left on device")

    with monkeypatch.context() as patched:
        patched.setattr(sys, "stderr", Full())
        structlog.get_logger().info("x")
        logging.getLogger("y").warning("y")
        log_lines().flush()
    assert lines.read() == []


def test_redacting_a_text_keeps_the_rest() -> None:
    assert redact_text("a?code=1&shop_id=2#state=3") == "a?code=***&shop_id=2#state=***"
