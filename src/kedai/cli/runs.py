"""`kedai runs`: how the schedule and its runs stand; run now, pause, resume, cancel."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import typer

from kedai.cli.env import AsJson, Connector, open_runtime_beside, parse_environment, print_json, print_table

if TYPE_CHECKING:
    from kedai.runs.models import Run

app = typer.Typer(help="The schedule, and long work.", no_args_is_help=True)

Env = Annotated[str, typer.Option("--env", help="sandbox or live.")]
Which = Annotated[str, typer.Argument(help="A kind of run (keep_tokens), or one run (run_…).")]
_SHOWN = 20


@app.callback()
def group() -> None:
    """The schedule, and long work."""


@app.command("list")
def list_runs(env: Env, as_json: AsJson = False) -> None:
    """Say how each kind of run stands, and the newest runs."""
    from kedai.runs.queries import STATES
    from kedai.runs.queries import list_runs as read_runs
    from kedai.sync.schedule_view import read_schedules
    from kedai.vault.queries import get_cursor_key
    from kedai.web.api.shown import shown_run, shown_schedule

    chosen = parse_environment(env, "--env")
    with open_runtime_beside() as runtime, runtime.web_db.read() as db:
        views = read_schedules(db, environments={chosen}, now=runtime.clock.now())
        key = get_cursor_key(db)
        page = read_runs(db, environment=chosen, states=STATES, cursor=None, cursor_key=key, limit=_SHOWN)
    if as_json:
        print_json({"schedules": [shown_schedule(one) for one in views], "runs": [shown_run(one) for one in page.rows]})
        return
    print_table(
        ("kind", "state", "period", "last success", "next", "what it does"),
        (
            (one.kind, one.state.value, one.period, _at(one.last_success_at), _at(one.next_at), one.does)
            for one in views
        ),
    )
    typer.echo("")
    print_table(("run", "kind", "state", "done", "created", "note"), (_row(one) for one in page.rows))


@app.command()
def show(which: Which, env: Env, connector: Connector = "shopee", as_json: AsJson = False) -> None:
    """Show one kind's schedule, or one run and how far it is."""
    from kedai.kit.ids import parse_id
    from kedai.runs.queries import get_run
    from kedai.sync.schedule_view import get_schedule_view
    from kedai.web.api.shown import shown_progress, shown_run, shown_schedule

    chosen = parse_environment(env, "--env")
    with open_runtime_beside() as runtime, runtime.web_db.read() as db:
        now = runtime.clock.now()
        if _is_run(which):
            found = get_run(db, parse_id("run", which), environment=chosen)
            shown = {**shown_run(found), **shown_progress(found, now)}
        else:
            name = runtime.parts.connector(connector).name
            shown = shown_schedule(get_schedule_view(db, which, name, environment=chosen, now=now))
    _print(shown, as_json=as_json)


@app.command()
def run(
    kind: Annotated[str, typer.Argument(help="A kind of run, for example keep_tokens.")],
    env: Env,
    connector: Connector = "shopee",
    as_json: AsJson = False,
) -> None:
    """Run a kind now; where one is open already, that one is shown."""
    from kedai.sync.schedule import run_now
    from kedai.values.actor import COMMAND_LINE
    from kedai.web.api.shown import shown_run

    chosen = parse_environment(env, "--env")
    with open_runtime_beside() as runtime, runtime.web_db.write() as db:
        name, now = runtime.parts.connector(connector).name, runtime.clock.now()
        runs = run_now(runtime.parts, db, kind, name, chosen, actor=COMMAND_LINE, now=now)
        shown = [shown_run(one) for one in runs]
    if as_json:
        print_json({"runs": shown})
    else:
        print_table(("run", "kind", "state"), ((one["id"], one["kind"], one["state"]) for one in shown))


@app.command()
def pause(
    which: Which,
    env: Env,
    reason: Annotated[str, typer.Option(help="Why; shown beside the schedule.")] = "",
    connector: Connector = "shopee",
    as_json: AsJson = False,
) -> None:
    """Let a kind come round no more, or one run rest before its next step."""
    from kedai.runs.schedules import pause_schedule
    from kedai.runs.service import pause_run

    def of_kind(db: Any, kind: str, name: Any, **given: Any) -> object:
        return pause_schedule(db, kind, name, reason=reason, **given)

    _print(_act(which, env, connector, of_run=pause_run, of_kind=of_kind), as_json=as_json)


@app.command()
def resume(which: Which, env: Env, connector: Connector = "shopee", as_json: AsJson = False) -> None:
    """Let what is paused go on."""
    from kedai.runs.schedules import resume_schedule
    from kedai.runs.service import resume_run

    _print(_act(which, env, connector, of_run=resume_run, of_kind=resume_schedule), as_json=as_json)


@app.command()
def cancel(run_id: Annotated[str, typer.Argument(help="One run (run_…).")], env: Env, as_json: AsJson = False) -> None:
    """Stop one run before its next step."""
    from kedai.runs.service import request_cancel

    _print(_act(run_id, env, "", of_run=request_cancel, of_kind=None), as_json=as_json)


def _act(which: str, env: str, connector: str, *, of_run: Any, of_kind: Any) -> dict[str, Any]:
    """Do it to a run or to a kind's schedule, and say how that stands afterwards."""
    from kedai.kit.ids import parse_id
    from kedai.sync.schedule_view import get_schedule_view
    from kedai.values.actor import COMMAND_LINE
    from kedai.web.api.shown import shown_run, shown_schedule

    chosen = parse_environment(env, "--env")
    with open_runtime_beside() as runtime, runtime.web_db.write() as db:
        now = runtime.clock.now()
        if of_kind is None or _is_run(which):
            return shown_run(of_run(db, parse_id("run", which), environment=chosen, actor=COMMAND_LINE, now=now))
        name = runtime.parts.connector(connector).name
        of_kind(db, which, name, environment=chosen, actor=COMMAND_LINE, now=now)
        return shown_schedule(get_schedule_view(db, which, name, environment=chosen, now=now))


def _is_run(which: str) -> bool:
    return which.startswith("run_")


def _print(shown: dict[str, Any], *, as_json: bool) -> None:
    if as_json:
        print_json(shown)
    else:
        print_table(("field", "value"), ((name, "-" if value is None else str(value)) for name, value in shown.items()))


def _row(one: Run) -> tuple[str, ...]:
    from kedai.kit.ids import show_id

    done = str(one.done) if one.total is None else f"{one.done} of {one.total}"
    return show_id("run", one.id), one.kind, one.state, done, _at(one.created_at), one.note


def _at(instant: Any) -> str:
    return "-" if instant is None else instant.strftime("%Y-%m-%d %H:%M:%S")
