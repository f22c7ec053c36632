"""`kedai quarantine`: deliveries that were refused, why, and admitting those that verify after a fix."""

from __future__ import annotations

from typing import Annotated, Any

import typer

from kedai.cli.env import AsJson, Connector, open_runtime_beside, parse_environment, print_json, print_table

app = typer.Typer(help="Rejected deliveries: why each was refused, and admitting what verifies.", no_args_is_help=True)

Env = Annotated[str, typer.Option("--env", help="sandbox or live.")]
RejectedId = Annotated[str, typer.Argument(metavar="ID", help="The id, as `kedai quarantine list` prints it.")]
_MOST = 100


@app.callback()
def group() -> None:
    """Rejected deliveries: why each was refused, and admitting what verifies."""


@app.command("list")
def list_all(
    env: Env,
    diagnosis: Annotated[str | None, typer.Option(help="Only those with this diagnosis, for example verifies.")] = None,
    connector: Connector = "shopee",
    as_json: AsJson = False,
) -> None:
    """The newest rejected deliveries of an environment, at most 100, and how many verify now."""
    from kedai.inbox.rejected import Filter, count_rejected, list_rejected
    from kedai.sync.admission import count_admittable
    from kedai.sync.diagnosis import Diagnosis
    from kedai.vault.queries import get_cursor_key

    chosen = parse_environment(env, "--env")
    if diagnosis is not None and diagnosis not in set(Diagnosis):
        raise typer.BadParameter(f"one of {', '.join(Diagnosis)}", param_hint="--diagnosis")
    with open_runtime_beside() as runtime, runtime.web_db.read() as db:
        name = runtime.parts.connector(connector).name
        wanted = Filter(chosen, name, (diagnosis,) if diagnosis else ())
        rows, _ = list_rejected(db, wanted, cursor=None, cursor_key=get_cursor_key(db), limit=_MOST)
        verify = count_admittable(db, name, environment=chosen)
        refused, _last = count_rejected(db, name, environment=chosen)
        shown = [_shown(row, row.diagnosis) for row in rows]
    if as_json:
        print_json({"deliveries": shown, "verify_now": verify, "refused": refused})
        return
    print_table(
        ("id", "received", "diagnosis", "standing"),
        [(one["id"], one["received_at"], one["diagnosis"], _standing(one)) for one in shown],
    )
    typer.echo(f"Refused so far: {refused}. Verify now: {verify}.", err=True)


@app.command()
def show(rejected_id: RejectedId, env: Env, as_json: AsJson = False) -> None:
    """What is wrong with one, judged by today's keys and URLs, and how to mend it."""
    from kedai.inbox.queries import get_rejected
    from kedai.kit.ids import parse_id
    from kedai.sync.diagnosis import diagnose, open_keyring
    from kedai.values.environment import ConnectorName

    chosen = parse_environment(env, "--env")
    with open_runtime_beside() as runtime, runtime.web_db.read() as db:
        row = get_rejected(db, parse_id("rej", rejected_id), environment=chosen)
        name, now = ConnectorName(row.connector), runtime.clock.now()
        diagnosis = row.diagnosis
        if row.admitted_at is None:
            diagnosis = diagnose(open_keyring(runtime.parts, db, name, chosen, now=now), row).value
        shown = _shown(row, diagnosis)
    if as_json:
        print_json(shown)
        return
    print_table(("", ""), [(key, str(value)) for key, value in shown.items() if value is not None])


@app.command()
def admit(
    env: Env,
    rejected_id: Annotated[str | None, typer.Argument(metavar="[ID]", help="One of them.")] = None,
    everything: Annotated[bool, typer.Option("--all", help="All that verify now.")] = False,
    connector: Connector = "shopee",
) -> None:
    """Verify one, or all, once more and take in what verifies; 4 where it does not."""
    from kedai.kit.ids import parse_id
    from kedai.sync.admission import admit_all, admit_one
    from kedai.values.actor import COMMAND_LINE

    chosen = parse_environment(env, "--env")
    if (rejected_id is None) is not everything:
        raise typer.BadParameter("name one delivery, or say --all", param_hint="ID")
    with open_runtime_beside() as runtime:
        now = runtime.clock.now()
        if rejected_id is None:
            name = runtime.parts.connector(connector).name
            done = admit_all(runtime.parts, runtime.web_db, name, environment=chosen, actor=COMMAND_LINE, now=now)
            typer.echo(f"Admitted: {done.admitted}. Still not verified: {done.left}.")
            return
        with runtime.web_db.write() as db:
            found = parse_id("rej", rejected_id)
            admit_one(runtime.parts, db, found, environment=chosen, actor=COMMAND_LINE, now=now)
    typer.echo("It verified and was admitted.")


def _shown(row: Any, diagnosis: str) -> dict[str, Any]:
    from kedai.kit.ids import show_id
    from kedai.sync.diagnosis import ADMITTABLE, EXPLAINED, Diagnosis

    cause = EXPLAINED[Diagnosis(diagnosis)]
    return {
        "id": show_id("rej", row.id),
        "environment": row.environment.value,
        "received_at": row.received_at.strftime("%Y-%m-%dT%H:%M:%SZ"),
        "reason": row.reason,
        "diagnosis": diagnosis,
        "title": cause.title,
        "cause": cause.cause,
        "next_step": cause.next_step,
        "verifies": diagnosis in ADMITTABLE,
        "size": row.size,
        "admitted_by": row.admitted_by,
    }


def _standing(one: dict[str, Any]) -> str:
    if one["admitted_by"]:
        return f"admitted by {one['admitted_by']}"
    return "verifies now" if one["verifies"] else "refused"
