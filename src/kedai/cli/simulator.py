"""`kedai simulator`: a Shopee of our own to develop against, as a server of its own."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer


def simulator(
    host: Annotated[str, typer.Option(help="Address to listen on.")] = "127.0.0.1",
    port: Annotated[int, typer.Option(help="Port of the sandbox; live is on the next one.", min=1, max=65534)] = 9100,
    seed: Annotated[int, typer.Option(help="The same seed gives the same apps, shops and orders.")] = 1,
    state: Annotated[
        Path | None, typer.Option(help="File to go on from, if it is there, and to keep the state in.")
    ] = None,
) -> None:
    """Run the Shopee simulator: sandbox on PORT, live on PORT+1."""
    from kedai.simulator.server import serve

    serve(host=host, port=port, seed=seed, state=state)
