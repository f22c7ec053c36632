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
    scope: Annotated[
        list[str] | None, typer.Option(help="activate:live lets it switch to live; may be repeated.")
    ] = None,
) -> None:
    """Make a token and print it, once, on standard output."""
    from kedai.cli.installation import open_database
    from kedai.cli.staff import parse_role
    from kedai.kit.clock import SystemClock
    from kedai.settings import load_settings
    from kedai.staff.roles import TokenScope
    from kedai.staff.service import create_api_token
    from kedai.values.actor import COMMAND_LINE
    from kedai.values.environment import Environment

    chosen = parse_role(role)
    if env not in set(Environment):
        raise typer.BadParameter("one of sandbox, live", param_hint="--env")
    if unknown := set(scope or ()) - set(TokenScope):
        raise typer.BadParameter(f"there is no scope {', '.join(sorted(unknown))}", param_hint="--scope")
    with open_database(load_settings()) as database, database.write() as db:
        _, secret = create_api_token(
            db,
            name,
            role=chosen,
            environment=Environment(env),
            scopes=[TokenScope(one) for one in scope or ()],
            actor=COMMAND_LINE,
            now=SystemClock().now(),
        )
    typer.echo(secret.reveal())


@app.command("list")
def list_tokens() -> None:
    """Every token, newest first: id, environment, role and scopes, state, last use, name."""
    from kedai.cli.installation import open_database
    from kedai.kit.clock import SystemClock
    from kedai.settings import load_settings
    from kedai.staff.actors import show_api_token
    from kedai.staff.queries import list_api_tokens

    now = SystemClock().now()
    with open_database(load_settings()) as database, database.read() as db:
        for one in list_api_tokens(db):
            ended = "expired" if one.expires_at is not None and one.expires_at <= now else "active"
            state = ended if one.revoked_at is None else "revoked"
            used = "never" if one.last_used_at is None else one.last_used_at.strftime("%Y-%m-%dT%H:%MZ")
            role = " ".join((one.role, *one.scopes))
            typer.echo("\t".join((show_api_token(one), one.environment.value, role, state, used, one.name)))


@app.command()
def revoke(token_id: Annotated[str, typer.Argument(help="The id, as `kedai token list` prints it.")]) -> None:
    """Make a token worthless, at once and for good."""
    from kedai.cli.installation import open_database
    from kedai.kit.clock import SystemClock
    from kedai.kit.ids import parse_id
    from kedai.settings import load_settings
    from kedai.staff.actors import TOKEN_PREFIX
    from kedai.staff.queries import get_api_token
    from kedai.staff.service import revoke_api_token
    from kedai.values.actor import COMMAND_LINE

    with open_database(load_settings()) as database, database.write() as db:
        token = get_api_token(db, parse_id(TOKEN_PREFIX, token_id))
        done = revoke_api_token(db, token, actor=COMMAND_LINE, now=SystemClock().now())
    typer.echo("The token is revoked." if done else "The token was revoked before.")
