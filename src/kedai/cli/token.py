"""`kedai token`: access for programs."""

from __future__ import annotations

from typing import Annotated

import typer

app = typer.Typer(help="API tokens, each bound to one environment.", no_args_is_help=True)


@app.callback()
def group() -> None:
    """API tokens, each bound to one environment."""


@app.command()
def create(
    name: Annotated[str, typer.Argument(help="What the token is for.")],
    role: Annotated[str, typer.Option(help="viewer, operator or admin.")],
    env: Annotated[str, typer.Option(help="sandbox or live.")],
) -> None:
    """Make a token and print it, once, on standard output."""
    from kedai.cli.installation import open_database
    from kedai.cli.staff import parse_role
    from kedai.kit.clock import SystemClock
    from kedai.settings import load_settings
    from kedai.staff.service import create_api_token
    from kedai.values.actor import COMMAND_LINE
    from kedai.values.environment import Environment

    chosen = parse_role(role)
    if env not in set(Environment):
        raise typer.BadParameter("one of sandbox, live", param_hint="--env")
    with open_database(load_settings()) as database, database.write() as db:
        _, secret = create_api_token(
            db, name, role=chosen, environment=Environment(env), actor=COMMAND_LINE, now=SystemClock().now()
        )
    typer.echo(secret.reveal())
