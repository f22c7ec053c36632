"""The source files of the package as syntax trees; what the tests of this folder walk over."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
PACKAGE = ROOT / "src" / "kedai"


@dataclass(frozen=True, slots=True)
class Source:
    """One file: ``path`` is relative to the package, with forward slashes."""

    path: str
    text: str
    tree: ast.Module

    @property
    def is_simulator(self) -> bool:
        """The simulator is a marketplace of its own: several of the house's rules are not about it."""
        return self.path.startswith("simulator/")


@cache
def read_sources() -> tuple[Source, ...]:
    """Every Python file of the package."""
    return tuple(parse_source(path.relative_to(PACKAGE).as_posix(), path.read_text()) for path in _files("*.py"))


def parse_source(path: str, text: str) -> Source:
    """A source from text; the tests plant violations with it."""
    return Source(path, text, ast.parse(text, path))


def read_templates() -> dict[str, str]:
    """Every template of the package, by its path."""
    found = [path for path in _files("*") if "templates" in path.parts and path.is_file()]
    return {path.relative_to(PACKAGE).as_posix(): path.read_text() for path in found}


def dotted(node: ast.expr) -> str:
    """``a.b.c`` of a name or attribute chain, else an empty text."""
    if isinstance(node, ast.Name):
        return node.id
    if isinstance(node, ast.Attribute):
        head = dotted(node.value)
        return f"{head}.{node.attr}" if head else ""
    return ""


def imported_names(tree: ast.Module) -> Iterator[tuple[str, str]]:
    """``(local name, full name)`` of everything a file imports, wherever the import stands."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            for alias in node.names:
                local = alias.asname or alias.name.partition(".")[0]
                yield local, alias.name if alias.asname else local
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            for alias in node.names:
                yield alias.asname or alias.name, f"{node.module}.{alias.name}"


def used_names(source: Source) -> Iterator[tuple[int, str]]:
    """``(line, full name)`` of every name and attribute chain, with the file's own imports resolved."""
    known = dict(imported_names(source.tree))
    for node in ast.walk(source.tree):
        if isinstance(node, ast.Name | ast.Attribute):
            text = dotted(node)
            head, dot, rest = text.partition(".")
            if head in known:
                yield node.lineno, known[head] + dot + rest


def _files(pattern: str) -> list[Path]:
    return sorted(path for path in PACKAGE.rglob(pattern) if "__pycache__" not in path.parts)
