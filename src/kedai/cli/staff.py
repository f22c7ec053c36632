"""`kedai staff`: people."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from kedai.staff.roles import Role

app = typer.Typer(help="People who may sign in.", no_args_is_help=True)


@app.callback()
def group() -> None:
    """People who may sign in."""


@app.command()
def create(
    email: Annotated[str, typer.Argument(help="The address to sign in with.")],
    role: Annotated[str, typer.Option(help="viewer, operator or admin.")],
    password_stdin: Annotated[
        bool, typer.Option("--password-stdin", help="Read the password from standard input.")
    ] = False,
) -> None:
    """Make an account; the password comes from standard input or a hidden prompt, never from an argument."""
    from kedai.cli.installation import open_database
    from kedai.kit.clock import SystemClock
    from kedai.settings import load_settings
    from kedai.staff.passwords import hash_password
    from kedai.staff.service import create_staff
    from kedai.values.actor import COMMAND_LINE

    chosen = parse_role(role)
    password_hash = hash_password(_password(password_stdin))
    with open_database(load_settings()) as database, database.write() as db:
        made = create_staff(
            db, email, role=chosen, password_hash=password_hash, actor=COMMAND_LINE, now=SystemClock().now()
        )
        address = made.email
    typer.echo(f"{address} can sign in as {chosen.value}.")


def parse_role(text: str) -> Role:
    """A role by name; a wrong one is a usage error."""
    from kedai.staff.roles import Role

    try:
        return Role(text)
    except ValueError:
        raise typer.BadParameter("one of viewer, operator, admin", param_hint="--role") from None


def _password(from_stdin: bool) -> str:
    if from_stdin:
        return sys.stdin.readline(2000).rstrip("\r\n")
    if not sys.stdin.isatty():
        raise typer.BadParameter("there is no terminal to ask on: use --password-stdin")
    return str(typer.prompt("Password", hide_input=True, confirmation_prompt=True))
