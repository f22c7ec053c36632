"""Nobody is handed an optional environment: every parameter of that name is required and is one of the two."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from dataclasses import dataclass

import pytest

from tests.architecture.sources import Source, parse_source, read_sources

NAME = "environment"
OPTIONAL_IS_MEANT = {
    "audit/service.py:record": "a deed may concern the whole installation (an account, a key)",
}
"""Functions outside the queries that take ``Environment | None``, each with its reason. Never with a default."""

QUERIES = "/queries.py"
"""A list may be filtered by environment or show both, labelled: there ``None`` means *both*, and must be said."""


@dataclass(frozen=True, slots=True)
class Parameter:
    """One parameter named ``environment``."""

    place: str
    annotation: str
    has_default: bool
    is_keyword_only: bool
    is_private: bool

    @property
    def is_optional(self) -> bool:
        """No annotation at all says nothing, so it counts as optional."""
        return not self.annotation or any(word in self.annotation for word in ("None", "Optional", "Any", "object"))


def parameters(source: Source) -> Iterator[Parameter]:
    """Every parameter of that name in a file: functions and methods, wherever they stand.

    Not lambdas: they can have no annotation, and their default only binds a loop's value.
    """
    for node in ast.walk(source.tree):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            for argument, default, keyword_only in _arguments(node.args):
                if argument.arg == NAME:
                    text = "" if argument.annotation is None else ast.unparse(argument.annotation)
                    place, is_private = f"{source.path}:{node.name}", node.name.startswith("_")
                    yield Parameter(place, text, default, keyword_only, is_private)


def _arguments(arguments: ast.arguments) -> Iterator[tuple[ast.arg, bool, bool]]:
    positional = [*arguments.posonlyargs, *arguments.args]
    first_default = len(positional) - len(arguments.defaults)
    for index, argument in enumerate(positional):
        yield argument, index >= first_default, False
    for argument, default in zip(arguments.kwonlyargs, arguments.kw_defaults, strict=True):
        yield argument, default is not None, True


def problem_of(parameter: Parameter) -> str | None:
    """What is wrong with it, or None."""
    if parameter.has_default:
        return "has a default"
    if not parameter.is_optional or parameter.place in OPTIONAL_IS_MEANT:
        return None
    if not parameter.place.partition(":")[0].endswith(QUERIES):
        return f"is optional ({parameter.annotation or 'no annotation'})"
    return None if parameter.is_keyword_only or parameter.is_private else "is an optional filter, but not keyword-only"


def test_no_function_has_an_optional_environment() -> None:
    """Environments, §7: no default, no current one. The simulator is a marketplace and knows no such choice."""
    found = [one for source in read_sources() if not source.is_simulator for one in parameters(source)]
    assert len(found) > 50, "there are parameters to look at"
    assert [f"{one.place} {problem}" for one in found if (problem := problem_of(one))] == []


def test_the_allow_list_holds_nothing_stale() -> None:
    """An exception that no code needs any more must not wait for somebody to use it."""
    needed = {one.place for source in read_sources() for one in parameters(source) if one.is_optional}
    assert set(OPTIONAL_IS_MEANT) <= needed


def test_no_function_has_a_flag_for_live() -> None:
    """An environment is a word, never a truth value: ``is_live`` would make sandbox everything that is not live."""
    flags = {"is_live", "live", "is_sandbox", "sandbox_mode", "is_production", "test_mode"}
    found = [
        f"{source.path}:{argument.lineno} {argument.arg}"
        for source in read_sources()
        if not source.is_simulator
        for node in ast.walk(source.tree)
        if isinstance(node, ast.arguments)
        for argument, _, _ in _arguments(node)
        if argument.arg in flags
    ]
    assert found == []


@pytest.mark.parametrize(
    ("path", "text"),
    [
        ("vault/service.py", "def f(db, environment: Environment = Environment.SANDBOX): ..."),
        ("vault/service.py", "def f(db, *, environment: Environment = Environment.SANDBOX): ..."),
        ("vault/service.py", "def f(db, environment: Environment | None): ..."),
        ("vault/service.py", "def f(db, environment: Optional[Environment]): ..."),
        ("vault/service.py", "def f(db, environment): ..."),
        ("vault/service.py", "class A:\n    async def f(self, *, environment: Environment | None): ..."),
        ("vault/service.py", "def f():\n    def g(environment: Environment | None): ..."),
        ("orders/queries.py", "def f(db, environment: Environment | None): ..."),
        ("orders/queries.py", "def f(db, *, environment: Environment | None = None): ..."),
        ("orders/queries.py", "def _f(db, environment: Environment | None = None): ..."),
        ("audit/service.py", "def record(db, *, environment: Environment | None = None): ..."),
    ],
)
def test_each_kind_of_violation_is_seen(path: str, text: str) -> None:
    """The walk above would notice the violation in whatever form it comes."""
    assert [problem for one in parameters(parse_source(path, text)) if (problem := problem_of(one))]


@pytest.mark.parametrize(
    ("path", "text"),
    [
        ("vault/service.py", "def f(db, environment: Environment): ..."),
        ("orders/queries.py", "def f(db, *, environment: Environment | None): ..."),
        ("audit/service.py", "def record(db, *, environment: Environment | None): ..."),
    ],
)
def test_what_is_meant_is_let_through(path: str, text: str) -> None:
    """The rule forbids the careless, not the deliberate."""
    assert [problem for one in parameters(parse_source(path, text)) if (problem := problem_of(one))] == []
