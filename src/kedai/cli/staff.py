"""`kedai staff`: people."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from sqlalchemy.orm import Session

    from kedai.staff.models import Staff
    from kedai.staff.roles import Role
    from kedai.values.actor import Actor

app = typer.Typer(help="People who may sign in.", no_args_is_help=True)

Email = Annotated[str, typer.Argument(help="The person's address.")]


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


@app.command("list")
def list_people() -> None:
    """Everyone, by address: address, role, state, second factor."""
    from kedai.cli.installation import open_database
    from kedai.settings import load_settings
    from kedai.staff.queries import list_staff

    with open_database(load_settings()) as database, database.read() as db:
        for one in list_staff(db):
            state = "active" if one.disabled_at is None else "disabled"
            factor = "password" if one.totp_confirmed_at is None else "password+code"
            typer.echo(f"{one.email}\t{one.role}\t{state}\t{factor}")


@app.command("role")
def change_role(email: Email, role: Annotated[str, typer.Argument(help="viewer, operator or admin.")]) -> None:
    """Give a person another role; they sign in anew. The last administrator keeps theirs."""
    from kedai.staff.service import change_role as change

    chosen = parse_role(role)
    with _changing(email) as (db, staff, now, actor):
        changed = change(db, staff, chosen, actor=actor, now=now)
    typer.echo(f"{email} is {chosen.value}{'' if changed else ' already'}.")


@app.command()
def disable(email: Email) -> None:
    """Shut a person out and end their sessions. Never the last administrator."""
    from kedai.staff.service import disable_staff

    with _changing(email) as (db, staff, now, actor):
        disable_staff(db, staff, actor=actor, now=now)
    typer.echo(f"{email} cannot sign in.")


@app.command()
def enable(email: Email) -> None:
    """Let a disabled person sign in again."""
    from kedai.staff.service import enable_staff

    with _changing(email) as (db, staff, now, actor):
        enable_staff(db, staff, actor=actor, now=now)
    typer.echo(f"{email} can sign in.")


@app.command()
def password(
    email: Email,
    password_stdin: Annotated[
        bool, typer.Option("--password-stdin", help="Read the password from standard input.")
    ] = False,
) -> None:
    """Set a person's password, end their sessions and remove their passkeys: the way back in for who lost theirs."""
    from kedai.staff.passkeys import remove_all_passkeys
    from kedai.staff.passwords import hash_password
    from kedai.staff.service import set_password

    password_hash = hash_password(_password(password_stdin))
    with _changing(email) as (db, staff, now, actor):
        set_password(db, staff, password_hash, must_change=False, keep_session=None, actor=actor, now=now)
        remove_all_passkeys(db, staff, actor=actor, now=now)
    typer.echo(f"{email} has a new password.")


@app.command("totp-off")
def totp_off(email: Email) -> None:
    """Turn a person's second factor off: the way back in for who lost phone and recovery codes."""
    from kedai.staff.second_factor import end_totp

    with _changing(email) as (db, staff, now, actor):
        ended = end_totp(db, staff, actor=actor, now=now)
    typer.echo(f"{email} signs in with a password alone{'' if ended else ' already'}.")


@app.command("passkeys-off")
def passkeys_off(email: Email) -> None:
    """Remove a person's passkeys: for who lost the device that holds them."""
    from kedai.staff.passkeys import remove_all_passkeys

    with _changing(email) as (db, staff, now, actor):
        number = remove_all_passkeys(db, staff, actor=actor, now=now)
    typer.echo(f"{email} has no passkeys{f': {number} removed' if number else ''}.")


@contextmanager
def _changing(email: str) -> Iterator[tuple[Session, Staff, datetime, Actor]]:
    """A transaction about the person of an address."""
    from kedai.cli.installation import open_database
    from kedai.errors import NotFound
    from kedai.kit.clock import SystemClock
    from kedai.settings import load_settings
    from kedai.staff.queries import find_staff_by_email
    from kedai.values.actor import COMMAND_LINE

    with open_database(load_settings()) as database, database.write() as db:
        staff = find_staff_by_email(db, email)
        if staff is None:
            raise NotFound("There is nobody with this e-mail address.")
        yield db, staff, SystemClock().now(), COMMAND_LINE


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
