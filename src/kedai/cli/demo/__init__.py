"""`kedai demo`: simulator and Kedai side by side with orders arriving; `--check` proves the main job by itself."""

from __future__ import annotations

from typing import Annotated

import typer


def demo(
    check: Annotated[
        bool, typer.Option("--check", help="Prove the main job and exit: 0, or 1 and what differs.")
    ] = False,
    port: Annotated[
        int, typer.Option(help="Port of Kedai; another is taken if it is in use.", min=1024, max=65535)
    ] = 8080,
) -> None:
    """Run Kedai with a simulated Shopee and a busy day; everything lives in a directory that goes away at the end."""
    from kedai.cli.demo.check import prove
    from kedai.cli.demo.show import show
    from kedai.cli.demo.world import open_world

    with open_world(port) as world:
        if not check:
            show(world)
        elif not prove(world):
            raise typer.Exit(1)
