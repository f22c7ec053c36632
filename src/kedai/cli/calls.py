"""`kedai calls`: what was asked of the marketplace, and how it answered."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import typer

if TYPE_CHECKING:
    from kedai.calls.models import OutgoingCall

app = typer.Typer(help="The log of outgoing calls.", no_args_is_help=True)


@app.callback()
def group() -> None:
    """The log of outgoing calls."""


@app.command("list")
def list_calls(
    env: Annotated[str, typer.Option(help="sandbox or live.")],
    shop: Annotated[str | None, typer.Option(help="A shop's id.")] = None,
    path: Annotated[str | None, typer.Option(help="Part of the path, for example order.")] = None,
    outcome: Annotated[str | None, typer.Option(help="ok or failed.")] = None,
    code: Annotated[str | None, typer.Option(help="Part of the error code.")] = None,
    request_id: Annotated[str | None, typer.Option(help="The marketplace's own id of the call.")] = None,
    since: Annotated[str | None, typer.Option(help="A day of UTC, or an instant: 2026-11-23T10:00:00Z.")] = None,
    until: Annotated[str | None, typer.Option(help="A day of UTC, that day included, or an instant.")] = None,
    limit: Annotated[int, typer.Option(help="How many at most.", min=1, max=1000)] = 50,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """Calls, newest first: began, outcome, HTTP status, ms, shop, method, path, request id."""
    from kedai.calls import queries
    from kedai.cli.env import print_json
    from kedai.cli.installation import open_database
    from kedai.settings import load_settings
    from kedai.values.environment import Environment

    if env not in set(Environment):
        raise typer.BadParameter("one of sandbox, live", param_hint="--env")
    values = (shop, path, outcome, code, request_id, since, until)
    wanted = queries.parse_filter(dict(zip(queries.FILTERS, values, strict=True)))
    with open_database(load_settings()) as database, database.read() as db:
        rows = queries.find_calls(db, environment=Environment(env), wanted=wanted, limit=limit)
    if as_json:
        print_json([_fields(one) for one in rows])
        return
    for one in rows:
        typer.echo("\t".join(_line(one)))


def _fields(one: OutgoingCall) -> dict[str, Any]:
    return {
        "connector": one.connector,
        "environment": one.environment.value,
        "shop_id": one.shop_id,
        "method": one.method,
        "path": one.path,
        "status": one.status,
        "outcome": one.outcome,
        "code": one.code,
        "milliseconds": one.milliseconds,
        "request_id": one.request_id,
        "started_at": one.started_at.isoformat().replace("+00:00", "Z"),
    }


def _line(one: OutgoingCall) -> tuple[str, ...]:
    return (
        one.started_at.strftime("%Y-%m-%dT%H:%M:%SZ"),
        one.code or one.outcome,
        "-" if one.status is None else str(one.status),
        str(one.milliseconds),
        one.shop_id or "-",
        one.method,
        one.path,
        one.request_id or "-",
    )
