"""`kedai env check`, `register-pushes` and `activate`: whether an environment works, and making it the active one."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, Annotated, Any, TypeVar

import typer

from kedai.cli.env import AsJson, Connector, open_runtime_beside, parse_environment, print_json, print_table

if TYPE_CHECKING:
    from kedai.runtime import Runtime
    from kedai.vault.models import GoLiveCertificate

Chosen = Annotated[str, typer.Argument(metavar="ENVIRONMENT", help="sandbox or live.")]
Confirm = Annotated[str | None, typer.Option(help="Type live where it is about live.")]
T = TypeVar("T")
_MARKS = {"passed": "ok", "warning": "look", "failed": "FAILED", "not_applicable": "-"}


def add_to(app: typer.Typer) -> None:
    """Put these verbs beside the others of `kedai env`."""
    app.command("check")(check)
    app.command("register-pushes")(register)
    app.command("activate")(activate)


def check(environment: Chosen, connector: Connector = "shopee", as_json: AsJson = False) -> None:
    """Ask the marketplace live whether an environment works, and keep the result as its certificate; 1 if it fails."""
    from kedai.sync.preflight.run import certify
    from kedai.values.actor import COMMAND_LINE

    chosen = parse_environment(environment, "ENVIRONMENT")
    with open_runtime_beside() as runtime:
        name = runtime.parts.connector(connector).name
        certificate = run_calls(runtime, lambda: certify(runtime.parts, name, chosen, actor=COMMAND_LINE))
        shown = _shown(certificate)
    if as_json:
        print_json(shown)
    else:
        _print_checks(shown)
    if not shown["passed"]:
        raise typer.Exit(1)


def register(
    environment: Chosen, confirm: Confirm = None, connector: Connector = "shopee", as_json: AsJson = False
) -> None:
    """Tell the marketplace our push address and the codes that are needed; Kedai must be running to be tried."""
    from kedai.sync.preflight.register import register_pushes
    from kedai.values.actor import COMMAND_LINE

    chosen = parse_environment(environment, "ENVIRONMENT")
    _demand_word(chosen.value, confirm)
    with open_runtime_beside() as runtime:
        name = runtime.parts.connector(connector).name
        done = run_calls(runtime, lambda: register_pushes(runtime.parts, name, chosen, actor=COMMAND_LINE))
    if as_json:
        print_json({"environment": chosen.value, "callback_url": done.callback_url, "codes": list(done.codes_on)})
        return
    typer.echo(
        f"Registered for {chosen.value}: {done.callback_url} with the codes {', '.join(map(str, done.codes_on))}."
    )


def activate(
    environment: Chosen,
    confirm: Confirm = None,
    override_reason: Annotated[
        str | None, typer.Option(help="Go live without passed checks, and say why; kept in the audit trail.")
    ] = None,
    connector: Connector = "shopee",
    as_json: AsJson = False,
) -> None:
    """Make an environment the active one; live needs checks that passed within the hour, and --confirm live."""
    from kedai.sync.switch import switch
    from kedai.values.actor import COMMAND_LINE

    chosen = parse_environment(environment, "ENVIRONMENT")
    _demand_word(chosen.value, confirm)
    with open_runtime_beside() as runtime, runtime.web_db.write() as db:
        name = runtime.parts.connector(connector).name
        now = runtime.clock.now()
        done = switch(runtime.parts, db, name, chosen, override_reason=override_reason, actor=COMMAND_LINE, now=now)
    if as_json:
        print_json({"active_environment": chosen.value, "changed": done.changed, "parked_events": done.parked})
        return
    typer.echo(f"{chosen.value.title()} {'is' if done.changed else 'was already'} the active environment.")
    if done.parked:
        typer.echo(f"Parked events that wait for a replay: {done.parked}.")


def _demand_word(environment: str, confirm: str | None) -> None:
    if environment == "live" and confirm != "live":
        raise typer.BadParameter("this is about live: type --confirm live", param_hint="--confirm")


def run_calls(runtime: Runtime, work: Callable[[], Awaitable[T]]) -> T:
    """Run something that calls out, and give its connections back."""

    async def run() -> T:
        try:
            return await work()
        finally:
            await runtime.parts.http.close()

    return asyncio.run(run())


def _shown(certificate: GoLiveCertificate) -> dict[str, Any]:
    from kedai.vault.certificates import show_certificate

    return {
        "id": show_certificate(certificate),
        "connector": certificate.connector,
        "environment": certificate.environment.value,
        "credentials_version": certificate.credentials_version,
        "checked_at": certificate.checked_at.strftime("%Y-%m-%dT%H:%M:%SZ"),
        "passed": certificate.passed,
        "checks": certificate.checks,
    }


def _print_checks(shown: dict[str, Any]) -> None:
    rows = [(_MARKS[one["state"]], one["title"], one["subject"] or "-", one["found"]) for one in shown["checks"]]
    print_table(("", "check", "shop", "found"), rows)
    for one in shown["checks"]:
        if one["fix"]:
            where = f" (shop {one['subject']})" if one["subject"] else ""
            typer.echo(f"{one['title']}{where}: {one['fix']}", err=True)
    verdict = "passed" if shown["passed"] else "did not pass"
    typer.echo(f"The checks of {shown['environment']} {verdict}. Certificate {shown['id']}.", err=True)
