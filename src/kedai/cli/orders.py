"""`kedai orders`: what we believe about orders, and how that came to be."""

from __future__ import annotations

import typer

app = typer.Typer(help="Orders.", no_args_is_help=True)


@app.callback()
def group() -> None:
    """Orders."""
