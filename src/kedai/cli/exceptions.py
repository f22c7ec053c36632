"""`kedai exceptions`: what a person must look at, and what to do about it."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import TYPE_CHECKING, Annotated, Any

import typer

from kedai.cli.env import AsJson, open_runtime_beside, parse_environment, print_json, print_table

if TYPE_CHECKING:
    from datetime import datetime
    from uuid import UUID

    from sqlalchemy.orm import Session

    from kedai.values.environment import Environment

app = typer.Typer(help="Connector exceptions: list, resolve, snooze, assign, note, retry.", no_args_is_help=True)

Env = Annotated[str, typer.Option("--env", help="sandbox or live.")]
ExceptionId = Annotated[str, typer.Argument(metavar="ID", help="The id, as `kedai exceptions list` prints it.")]
_MOST = 100


@app.callback()
def group() -> None:
    """Connector exceptions: list, resolve, snooze, assign, note, retry."""


@app.command("list")
def list_all(
    env: Env,
    state: Annotated[
        str | None, typer.Option(help="new, ongoing, regressed, snoozed or resolved; without it those that are open.")
    ] = None,
    code: Annotated[str | None, typer.Option(help="Only this code.")] = None,
    shop: Annotated[str | None, typer.Option(help="Only this shop.")] = None,
    assignee: Annotated[str | None, typer.Option(help="Only those of this person, by their address.")] = None,
    as_json: AsJson = False,
) -> None:
    """An environment's exceptions, the one that happened last first, at most 100."""
    from kedai.connector_exceptions.queries import OPEN_STATES, STATES, Filter, list_exceptions
    from kedai.vault.queries import get_cursor_key
    from kedai.web.api.exceptions import shown_exception

    chosen = parse_environment(env, "--env")
    if state is not None and state not in STATES:
        raise typer.BadParameter(f"one of {', '.join(STATES)}", param_hint="--state")
    wanted = Filter(OPEN_STATES if state is None else (state,), code, shop, assignee)
    with open_runtime_beside() as runtime, runtime.web_db.read() as db:
        page = list_exceptions(
            db,
            environment=chosen,
            chosen=wanted,
            cursor=None,
            cursor_key=get_cursor_key(db),
            limit=_MOST,
            now=runtime.clock.now(),
        )
        shown = [shown_exception(runtime, row) for row in page.rows]
    if as_json:
        print_json({"exceptions": shown})
        return
    rows = [(one["id"], one["state"], str(one["count"]), one["code"], one["title"]) for one in shown]
    print_table(("id", "state", "times", "code", "what"), rows)


@app.command()
def show(exception_id: ExceptionId, env: Env, as_json: AsJson = False) -> None:
    """What one means, what to do, and which orders it touches (at most 100)."""
    from kedai.connector_exceptions.queries import get_exception, list_affected
    from kedai.kit.ids import parse_id
    from kedai.web.api.exceptions import shown_exception

    chosen = parse_environment(env, "--env")
    with open_runtime_beside() as runtime, runtime.web_db.read() as db:
        row = get_exception(db, parse_id("exc", exception_id), environment=chosen)
        orders = [one.order_sn or one.subject for one in list_affected(db, row.id, limit=_MOST)]
        shown = shown_exception(runtime, row) | {"orders": orders}
    if as_json:
        print_json(shown)
        return
    facts = [(key, str(value)) for key, value in shown.items() if value not in (None, "", [])]
    print_table(("", ""), facts)


@app.command()
def resolve(exception_id: ExceptionId, env: Env) -> None:
    """Say that the cause is mended; should it happen again, it comes back as regressed."""
    from kedai.connector_exceptions import acts

    _do(exception_id, env, acts.resolve, "It is resolved.")


@app.command()
def snooze(
    exception_id: ExceptionId,
    env: Env,
    hours: Annotated[int, typer.Option(min=1, max=2160, help="For how long: up to 2,160 hours, which is 90 days.")],
) -> None:
    """Keep one out of sight for a while; it goes on counting."""
    from kedai.connector_exceptions import acts

    def work(db: Session, found: UUID, *, now: datetime, **given: Any) -> None:
        acts.snooze(db, found, until=now + timedelta(hours=hours), now=now, **given)

    _do(exception_id, env, work, f"It is snoozed for {hours} {'hour' if hours == 1 else 'hours'}.")


@app.command()
def assign(
    exception_id: ExceptionId,
    env: Env,
    to: Annotated[str | None, typer.Option(help="Who looks after it, by their address; without it nobody.")] = None,
) -> None:
    """Say who looks after one."""
    from kedai.sync import exceptions

    def work(db: Session, found: UUID, **given: Any) -> None:
        exceptions.assign(db, found, assignee=to, **given)

    _do(exception_id, env, work, f"Assigned to {to}." if to else "Assigned to nobody.")


@app.command()
def note(
    exception_id: ExceptionId, env: Env, text: Annotated[str, typer.Argument(help="What the next person should know.")]
) -> None:
    """Replace the note of one."""
    from kedai.connector_exceptions import acts

    def work(db: Session, found: UUID, **given: Any) -> None:
        acts.set_note(db, found, note=text, **given)

    _do(exception_id, env, work, "The note was saved.")


@app.command()
def retry(
    exception_id: ExceptionId,
    env: Env,
    order: Annotated[str | None, typer.Option(help="One order number; without it every order that is listed.")] = None,
) -> None:
    """Try again what one stopped: its events go back in the queue; a running worker does the rest."""
    from kedai.connector_exceptions.queries import find_subjects
    from kedai.errors import NotFound
    from kedai.sync.retry import retry_group, retry_order

    def work(db: Session, found: UUID, **given: Any) -> None:
        if order is None:
            retry_group(db, found, **given)
            return
        subjects = find_subjects(db, found, order_sn=order)
        if not subjects:
            raise NotFound("This exception does not list that order.")
        for subject in subjects:
            retry_order(db, found, subject, **given)

    _do(exception_id, env, work, "It is being tried again.")


def _do(exception_id: str, env: str, work: Callable[..., Any], said: str) -> None:
    """One act in one transaction; whatever still fails raises the exception anew."""
    from kedai.kit.ids import parse_id
    from kedai.values.actor import COMMAND_LINE

    chosen: Environment = parse_environment(env, "--env")
    with open_runtime_beside() as runtime, runtime.web_db.write() as db:
        found, now = parse_id("exc", exception_id), runtime.clock.now()
        work(db, found, environment=chosen, actor=COMMAND_LINE, now=now)
    typer.echo(said)
