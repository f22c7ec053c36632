"""`kedai doctor`: the whole list of checks, each that failed with its fix; it repairs nothing."""

from __future__ import annotations

import asyncio
from collections.abc import Collection, Sequence
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from kedai.doctor.finding import Finding
    from kedai.runtime import Runtime
    from kedai.settings import Settings
    from kedai.values.environment import Environment

_MARKS = {"fail": "FAIL", "warn": "warn", "pass": "ok", "skipped": "-"}


def doctor(
    env: Annotated[
        str | None,
        typer.Option(
            help="sandbox, live or all: whom the marketplace is asked for. Without it both are looked at and none "
            "is asked."
        ),
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
    offline: Annotated[bool, typer.Option("--offline", help="Ask nobody over the network.")] = False,
) -> None:
    """Look at the whole installation: exit 0 unless a check failed, else 1."""
    from kedai.doctor.finding import State, worst

    asked = _environments(env)
    found = _examine(asked, offline=offline)
    if as_json:
        _print_json(found)
    else:
        _print(found)
    if worst(found) is State.FAIL:
        raise typer.Exit(1)


def _environments(env: str | None) -> tuple[Environment, ...]:
    from kedai.values.environment import Environment

    if env is None:
        return ()
    if env == "all":
        return tuple(Environment)
    if env not in set(Environment):
        raise typer.BadParameter("one of sandbox, live, all", param_hint="--env")
    return (Environment(env),)


def _examine(asked: Collection[Environment], *, offline: bool) -> list[Finding]:
    from kedai.cli.installation import open_beside
    from kedai.doctor.place import is_usable
    from kedai.doctor.run import broken_off, examine_place, examine_settings
    from kedai.errors import KedaiError, SettingsInvalid
    from kedai.kit.clock import SystemClock
    from kedai.kit.log import configure_logging
    from kedai.settings import load_settings

    configure_logging("error")
    try:
        settings = load_settings()
    except SettingsInvalid as error:
        return examine_settings(error.message)
    place = examine_place(settings, SystemClock())
    if not is_usable(place):
        return broken_off(place)
    try:
        with open_beside(settings) as runtime:
            return _examine_open(settings, runtime, asked, offline=offline)
    except KedaiError as error:
        return broken_off(place, error.message)


def _examine_open(
    settings: Settings, runtime: Runtime, asked: Collection[Environment], *, offline: bool
) -> list[Finding]:
    from kedai.doctor.run import examine
    from kedai.values.environment import Environment
    from kedai.web.dashboard.face import read_face

    async def run() -> list[Finding]:
        try:
            return await examine(
                runtime, read_face(settings), environments=asked or tuple(Environment), asked=asked, offline=offline
            )
        finally:
            await runtime.parts.http.close()

    return asyncio.run(run())


def _print_json(found: Sequence[Finding]) -> None:
    from kedai.cli.env import print_json
    from kedai.doctor.finding import as_values

    print_json(as_values(found))


def _print(found: Sequence[Finding]) -> None:
    """A line a check; what to do stands below it, indented."""
    width = max(len(one.title) for one in found)
    for one in found:
        place = " ".join(text for text in (one.environment and one.environment.value, one.subject) if text)
        typer.echo(f"{_MARKS[one.state]:<4}  {one.title:<{width}}  {place:<14}  {_one_line(one.evidence)}".rstrip())
        if one.fix:
            typer.echo(f"      → {one.fix}{f' ({one.go})' if one.go else ''}")
    failed, warned, good, skipped = (sum(one.state == state for one in found) for state in _MARKS)
    typer.echo(f"{failed} failed, {warned} to look at, {good} good, {skipped} not looked at.", err=True)


def _one_line(text: str) -> str:
    """Some of it may be a marketplace's own words."""
    return " ".join("".join(one if one.isprintable() else " " for one in text).split())
