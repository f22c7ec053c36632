"""`kedai env resend-code`: the last resort for a permission that was lost on the way."""

from __future__ import annotations

import asyncio
import sys
from typing import Annotated

import typer

from kedai.cli.env import Connector, open_runtime_beside, parse_environment

_TOLD = {
    "connected": "The permission was taken again: what had waited for it goes on.",
    "pending_confirmation": "The permission was taken, for somebody who was not expected: confirm that on the page.",
    "already_connected": "The permission is kept aside, since who it is for was connected: look at the connector page.",
    "remote_error": "The app was changed meanwhile: nothing was taken.",
}


def add_to(app: typer.Typer) -> None:
    """Put this verb beside the others of `kedai env`."""
    app.command("resend-code")(resend_code)


def resend_code(
    environment: Annotated[str, typer.Argument(help="sandbox or live.")], connector: Connector = "shopee"
) -> None:
    """Take a lost permission again; the code comes from standard input or a hidden prompt, never from an argument."""
    from kedai.sync.resend import take_again
    from kedai.values.actor import COMMAND_LINE

    chosen, code = parse_environment(environment, "ENVIRONMENT"), _read_code()
    with open_runtime_beside() as runtime:
        name = runtime.parts.connector(connector).name

        async def take() -> str:
            try:
                return await take_again(runtime.parts, name, chosen, code, actor=COMMAND_LINE)
            finally:
                await runtime.parts.http.close()

        status = asyncio.run(take())
    typer.echo(_TOLD[status])


def _read_code() -> str:
    if sys.stdin.isatty():
        return str(typer.prompt("Resend code", hide_input=True)).strip()
    return sys.stdin.readline(4000).strip()
