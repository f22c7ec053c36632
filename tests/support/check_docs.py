"""Holds the documents against the code: `python -m tests.support.check_docs` prints what is missing or broken.

The reference pages must name every setting, command, option, error, route, state and table; every relative link must
lead somewhere; and no tracked file may name a package registry or a path of the machine it was written on.
"""

from __future__ import annotations

import re
import subprocess
import sys
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any

import typer.main

from kedai import errors
from kedai.cli.exits import EXIT_CODES, exit_code_of
from kedai.cli.main import app as command_line
from kedai.connectors.registry import CONNECTORS
from kedai.db.base import Model
from kedai.settings import Settings, ShopeeSeed
from kedai.staff.roles import Capability, Role
from kedai.sync.urls import webhook_paths
from kedai.values.environment import Environment
from kedai.values.event import EventState, ParkedReason, Topic
from kedai.web import health, oauth
from kedai.web.app import APIS
from kedai.web.dashboard.router import router as dashboard
from kedai.web.errors import STATUS, status_of

ROOT = Path(__file__).resolve().parents[2]
REFERENCE = ROOT / "docs" / "reference"
REGISTRIES = tuple(
    ".".join(parts)
    for parts in (
        ("pypi", "org"),
        ("pythonhosted", "org"),
        ("npmjs", "org"),
        ("npmjs", "com"),
        ("yarnpkg", "com"),
        ("proxy", "golang", "org"),
        ("docker", "io"),
        ("ghcr", "io"),
        ("quay", "io"),
        ("rubygems", "org"),
        ("crates", "io"),
    )
)
"""Put together from parts, so that this file does not name what it looks for."""

_LINK = re.compile(r"(?<!!)\[[^\]]*\]\(([^)\s]+)(?:\s+\"[^\"]*\")?\)|!\[[^\]]*\]\(([^)\s]+)\)")
_HEADING = re.compile(r"^#{1,6} +(.+?) *#*$", re.MULTILINE)
_FENCE = re.compile(r"^```.*?^```", re.MULTILINE | re.DOTALL)


def settings() -> Iterator[str]:
    """Every setting, as it is written in the process environment."""
    yield from (f"KEDAI_{name.upper()}" for name in Settings.model_fields)
    yield from (f"SHOPEE_{name.upper()}" for name in ShopeeSeed.model_fields)


def commands() -> Iterator[str]:
    """Every command that does something, in full."""
    yield from (path for path, command in _walk(typer.main.get_command(command_line), "kedai") if not _group(command))


def options() -> Iterator[tuple[str, str]]:
    """``(command, option)`` of every long option, the shell-completion ones of the library left out."""
    for path, command in _walk(typer.main.get_command(command_line), "kedai"):
        for parameter in command.params:
            for name in parameter.opts:
                if name.startswith("--") and not name.endswith("-completion"):
                    yield path, name


def _walk(command: Any, path: str) -> Iterator[tuple[str, Any]]:
    yield path, command
    for name, child in getattr(command, "commands", {}).items():
        yield from _walk(child, f"{path} {name}")


def _group(command: Any) -> bool:
    return hasattr(command, "commands")


def families(root: type[errors.KedaiError] = errors.KedaiError) -> Iterator[type[errors.KedaiError]]:
    """Every error family of the package."""
    yield root
    for child in root.__subclasses__():
        if child.__module__.startswith("kedai."):
            yield from families(child)


def routes() -> list[tuple[str, str]]:
    """``(method, path)`` of everything the web application answers, pushes included; HEAD goes with GET."""
    found = set()
    for router in (health.router, oauth.router, *(api.router for api in APIS), dashboard):
        found |= set(_flat(router.routes, ""))
    for name in CONNECTORS:
        found |= {("POST", path) for environment in Environment for path in webhook_paths(name, environment)}
    return sorted(found, key=lambda one: (one[1], one[0]))


def _flat(tree: Iterable[Any], prefix: str) -> Iterator[tuple[str, str]]:
    """The leaves of a router; one that was included stands in it as a whole."""
    for route in tree:
        if hasattr(route, "original_router"):
            yield from _flat(route.original_router.routes, prefix + route.include_context.prefix)
            continue
        for method in getattr(route, "methods", None) or {"GET"}:
            if method != "HEAD":
                yield method, prefix + re.sub(r":\w+}", "}", route.path)


def missing_from_reference() -> Iterator[str]:
    """What the reference pages do not name."""
    yield from _missing("settings.md", "setting", settings())
    yield from _missing("cli.md", "command", commands())
    yield from _missing_options()
    yield from _missing_errors()
    yield from _missing_routes()
    yield from _missing("events.md", "word", (*EventState, *ParkedReason, *Topic))
    yield from _missing("http.md", "role or capability", (*Role, *Capability))
    yield from _missing("database.md", "table", Model.metadata.tables)


def _missing(page: str, kind: str, names: Iterable[str]) -> Iterator[str]:
    text = _page(page)
    for name in names:
        if f"`{name}`" not in text:
            yield f"docs/reference/{page}: {kind} {name} is missing"


def _missing_options() -> Iterator[str]:
    sections = _sections(_page("cli.md"))
    for path, name in options():
        text = sections.get(path, "") if path != "kedai" else _page("cli.md")
        if not re.search(rf"{re.escape(name)}(?![\w-])", text):
            yield f"docs/reference/cli.md: option {name} is missing in the section of `{path}`"


def _missing_errors() -> Iterator[str]:
    """Each family has a row with its code, its HTTP status and its exit code."""
    rows = {cells[0].strip("`"): cells for cells in _table_rows(_page("errors.md"))}
    for family in families():
        cells = rows.get(family.code)
        wanted = [str(_nearest(STATUS, family)), str(_nearest(EXIT_CODES, family))]
        if cells is None:
            yield f"docs/reference/errors.md: code {family.code} is missing"
        elif cells[1:3] != wanted:
            yield f"docs/reference/errors.md: {family.code} says {cells[1:3]}, the code says {wanted}"


def _nearest(table: dict[type[errors.KedaiError], int], family: type[errors.KedaiError]) -> int:
    look_up: Callable[[errors.KedaiError], int] = status_of if table is STATUS else exit_code_of
    return look_up(family.__new__(family))


def _missing_routes() -> Iterator[str]:
    """Each route has a row with its method and path; a path with a marketplace's name may stand for all of them."""
    rows = {tuple(cells[0].strip("`").split(" ", 1)) for cells in _table_rows(_page("http.md")) if cells}
    known = {(method, _plain(path)) for method, path in (row for row in rows if len(row) == 2)}
    for method, path in routes():
        if (method, _plain(path)) not in known:
            yield f"docs/reference/http.md: route {method} {path} is missing"
    served = {(method, _plain(path)) for method, path in routes()}
    for method, path in sorted(known - served):
        yield f"docs/reference/http.md: route {method} {path} does not exist"


def _plain(path: str) -> str:
    """A path with every parameter (and a named marketplace or environment of a push) made alike."""
    named = "|".join(CONNECTORS)
    path = re.sub(rf"^((?:/admin/dashboard)?/connectors/)(?:{named})(?=/|$)", r"\1{}", path)
    path = re.sub(r"/webhook/(?:sandbox|live)$", "/webhook/{}", path)
    return re.sub(r"\{[^}]*}", "{}", path)


def _page(name: str) -> str:
    page = REFERENCE / name
    return page.read_text() if page.exists() else ""


def _sections(text: str) -> dict[str, str]:
    """The text below each heading that names a command in backticks."""
    parts = re.split(r"^#+ .*?`(kedai[^`]*)`.*$", text, flags=re.MULTILINE)
    return dict(zip(parts[1::2], parts[2::2], strict=True))


def _table_rows(text: str) -> Iterator[list[str]]:
    for line in text.splitlines():
        if line.startswith("| `"):
            yield [cell.strip() for cell in line.strip().strip("|").split("|")]


def broken_links(files: Iterable[Path]) -> Iterator[str]:
    """Relative links of Markdown files that lead nowhere, anchors included."""
    for file in files:
        text = _FENCE.sub("", file.read_text())
        for found in _LINK.finditer(text):
            link = found.group(1) or found.group(2)
            if re.match(r"[a-z][a-z0-9+.-]*:", link):
                continue
            path, _, anchor = link.partition("#")
            target = (file.parent / path) if path else file
            if not target.exists():
                yield f"{_shown(file)}: {link} leads nowhere"
            elif anchor and target.suffix == ".md" and anchor not in anchors(target.read_text()):
                yield f"{_shown(file)}: {link} names no heading"


def anchors(text: str) -> set[str]:
    """The anchors of a Markdown text's headings, as forges make them."""
    found = set()
    for heading in _HEADING.findall(_FENCE.sub("", text)):
        plain = re.sub(r"[^\w\- ]", "", heading.lower())
        found.add(plain.strip().replace(" ", "-"))
    return found


def private_words(text: str, paths: Iterable[str]) -> Iterator[str]:
    """Registry hosts, and absolute paths below ``paths``, that a text names."""
    for host in REGISTRIES:
        if re.search(rf"(?<![\w-]){re.escape(host)}(?![\w-])", text):
            yield f"names {host}"
    for path in paths:
        if re.search(rf"(?<![\w.}}]){re.escape(path)}(?=/|\b)", text):
            yield f"holds the path {path}"


def machine_paths() -> list[str]:
    """Directories of this machine that mean nothing elsewhere."""
    common = {"/", "/usr", "/usr/local", "/opt", "/tmp", "/home", "/Users", "/var"}
    return sorted({str(path) for path in (ROOT, ROOT.parent, Path.home(), Path(sys.base_prefix))} - common)


def tracked_files() -> list[Path]:
    """What is, or would be, under version control."""
    listed = subprocess.run(
        ["git", "ls-files", "--cached", "--others", "--exclude-standard", "-z"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    )
    return [path for name in listed.stdout.split("\0") if name and (path := ROOT / name).is_file()]


def careless_files(files: Iterable[Path]) -> Iterator[str]:
    """Files that name a registry or a path of this machine."""
    paths = machine_paths()
    for file in files:
        try:
            text = file.read_text()
        except UnicodeDecodeError:
            continue
        yield from (f"{_shown(file)}: {problem}" for problem in private_words(text, paths))


def _shown(file: Path) -> str:
    return file.relative_to(ROOT).as_posix() if file.is_relative_to(ROOT) else str(file)


def main() -> int:
    """Print what is wrong; 0 where nothing is."""
    files = tracked_files()
    found = [
        *missing_from_reference(),
        *broken_links(file for file in files if file.suffix == ".md"),
        *careless_files(files),
    ]
    for line in found:
        print(line)
    if not found:
        print(f"docs: {len(routes())} routes and everything else is in the reference; all links lead somewhere")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
