"""One room reads the process environment, one asks the time, few call out: an AST walk, independent of the linter."""

from __future__ import annotations

import pytest

from tests.architecture.sources import Source, imported_names, parse_source, read_sources, used_names

ENVIRONMENT = ("os.environ", "os.environb", "os.getenv", "os.getenvb", "os.putenv", "os.unsetenv")
TIME = (
    "time.time",
    "time.time_ns",
    "time.monotonic",
    "time.monotonic_ns",
    "time.perf_counter",
    "time.perf_counter_ns",
    "datetime.datetime.now",
    "datetime.datetime.utcnow",
    "datetime.datetime.today",
    "datetime.date.today",
)
HTTP_CLIENTS = ("aiohttp", "httpx", "requests", "urllib.request", "http.client", "urllib3")
MAY_CALL_OUT = ("connectors/http.py", "notifications/post.py", "cli/demo/")


def uses(source: Source, forbidden: tuple[str, ...]) -> list[str]:
    """``file:line name`` of each use of a forbidden name or of anything inside it."""
    return sorted(
        {
            f"{source.path}:{line} {name}"
            for line, name in used_names(source)
            if any(name == one or name.startswith(f"{one}.") for one in forbidden)
        }
    )


def imports(source: Source, forbidden: tuple[str, ...]) -> list[str]:
    """``file name`` of each import of a forbidden module or of anything inside it."""
    names = {full for _, full in imported_names(source.tree)}
    return [f"{source.path} {name}" for name in sorted(names) if any(_inside(name, one) for one in forbidden)]


def _inside(name: str, module: str) -> bool:
    return name == module or name.startswith(f"{module}.")


def test_only_the_settings_read_the_process_environment() -> None:
    """T40: what a setting is, is decided once, at start; nothing looks at the environment later."""
    found = [use for source in read_sources() if source.path != "settings.py" for use in uses(source, ENVIRONMENT)]
    assert found == []


def test_only_the_settings_declare_settings() -> None:
    """A settings class reads the environment by itself, so it too lives in `settings.py` alone."""
    found = [
        name
        for source in read_sources()
        if source.path != "settings.py"
        for name in imports(source, ("pydantic_settings", "dotenv"))
    ]
    assert found == []


def test_only_the_clock_asks_the_time() -> None:
    """Whoever needs the time is handed a clock, so that a test can move it (the simulator has a clock of its own)."""
    rooms = [source for source in read_sources() if source.path != "kit/clock.py" and not source.is_simulator]
    assert [use for source in rooms for use in uses(source, TIME)] == []


def test_the_simulator_asks_the_time_in_its_own_clock_alone() -> None:
    """What the simulator says and does follows a clock that a test can move; its process may still wait for real."""
    rooms = [source for source in read_sources() if source.is_simulator and source.path != "simulator/state/clock.py"]
    calendar = tuple(name for name in TIME if "monotonic" not in name and "perf_counter" not in name)
    assert [use for source in rooms for use in uses(source, calendar)] == []


def test_few_files_call_out() -> None:
    """One outgoing function for all marketplaces, and one for messages to people: what is bounded there holds."""
    others = [source for source in read_sources() if not source.path.startswith(MAY_CALL_OUT)]
    found = [name for source in others if not source.is_simulator for name in imports(source, HTTP_CLIENTS)]
    assert found == []


@pytest.mark.parametrize(
    "text",
    [
        "import os\nos.environ['KEDAI_X']",
        "import os\nos.environ.get('KEDAI_X')",
        "import os as system\nsystem.getenv('KEDAI_X')",
        "from os import environ\nenviron['KEDAI_X']",
        "from os import getenv as read\nread('KEDAI_X')",
        "def late():\n    import os\n    return os.environb",
    ],
)
def test_each_way_to_read_the_environment_is_seen(text: str) -> None:
    """The walk above would notice the violation in whatever form it comes."""
    assert uses(parse_source("planted.py", text), ENVIRONMENT)


@pytest.mark.parametrize(
    "text",
    [
        "import time\ntime.time()",
        "from time import monotonic\nmonotonic()",
        "from datetime import datetime as moment\nmoment.now()",
        "import datetime\ndatetime.datetime.utcnow()",
        "from datetime import date\ndate.today()",
    ],
)
def test_each_way_to_ask_the_time_is_seen(text: str) -> None:
    """The walk above would notice the violation in whatever form it comes."""
    assert uses(parse_source("planted.py", text), TIME)


def test_waiting_and_arithmetic_are_no_questions() -> None:
    """The walk is about asking the time, not about the modules."""
    text = "import time\nfrom datetime import datetime\ntime.sleep(1)\ndatetime.fromtimestamp(0)"
    assert uses(parse_source("planted.py", text), TIME) == []


@pytest.mark.parametrize("text", ["import aiohttp", "from httpx import get", "import urllib.request as call"])
def test_each_way_to_call_out_is_seen(text: str) -> None:
    """The walk above would notice the violation in whatever form it comes."""
    assert imports(parse_source("planted.py", text), HTTP_CLIENTS)
