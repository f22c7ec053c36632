"""Saving credentials, and removing a secret on purpose."""

from __future__ import annotations

from collections.abc import Mapping

from fastapi import APIRouter, Request
from fastapi.responses import RedirectResponse, Response

from kedai.connectors.base import Connector
from kedai.errors import Conflict, Invalid, NotFound, Stale
from kedai.runtime import Runtime
from kedai.sync import credentials
from kedai.values.environment import Environment
from kedai.values.wording import N_
from kedai.vault import service as vault
from kedai.web.dashboard.access import Editor, FreshEditor
from kedai.web.dashboard.connection_form import (
    OVERLAPS,
    Typed,
    changes_of,
    chosen_overlap,
    field_errors,
    trimmed_secrets,
)
from kedai.web.dashboard.connection_page import Attempt, frame, read_connection, show_connection
from kedai.web.dashboard.forms import Form
from kedai.web.dashboard.render import known, render, url
from kedai.web.dashboard.shell import env_param
from kedai.web.deps import RuntimeDep
from kedai.web.security import Principal

router = APIRouter()

_SOMETHING_WRONG = N_("Nothing was saved yet: look at the fields that are marked. Secrets must be typed again.")
_CONFIRM = N_(
    "Nothing was saved yet, since you proved longer than five minutes ago who you are. Confirm that it is you (the "
    "link opens a new tab), type secrets again, and save once more."
)
_STALE = N_(
    "Somebody else saved this form after you had opened it. Nothing of yours is lost: compare the marked fields, "
    "type secrets again if you meant to change them, and save once more to make yours count."
)


@router.post("/connectors/{name}/credentials")
def save(request: Request, runtime: RuntimeDep, caller: Editor, name: str, form: Form) -> Response:
    """Save what was typed, or show it again with what is wrong."""
    connector = runtime.parts.connector(name)
    environment = env_param(request, "env")
    changes = changes_of(connector, form)
    if not caller.is_fresh(runtime.clock.now()):
        typed = Typed(form, {}, problem=_CONFIRM, must_confirm=True)
        return _again(request, runtime, caller, connector, environment, typed, 403)
    errors = field_errors(runtime.parts, connector, environment, changes)
    if errors:
        return _again(
            request, runtime, caller, connector, environment, Typed(form, errors, problem=_SOMETHING_WRONG), 422
        )
    try:
        changed = _edit(runtime, caller, connector, environment, changes, form)
    except Stale:
        return _again(
            request, runtime, caller, connector, environment, Typed(form, {}, stale=True, problem=_STALE), 409
        )
    except Invalid as error:
        typed = Typed(form, {error.field or "": known(error.message)}, problem=_SOMETHING_WRONG)
        return _again(request, runtime, caller, connector, environment, typed, 422)
    except Conflict as error:
        return _again(
            request, runtime, caller, connector, environment, Typed(form, {}, problem=known(error.message)), 409
        )
    status = "saved" if changed else "unchanged"
    trimmed = ",".join(trimmed_secrets(connector, changes))
    here = url(f"/connectors/{name}", tab=environment.value, status=status, changed=",".join(changed), trimmed=trimmed)
    return RedirectResponse(here, 303)


@router.get("/connectors/{name}/secrets/{secret}/clear")
def ask_clear(request: Request, runtime: RuntimeDep, caller: FreshEditor, name: str, secret: str) -> Response:
    """Ask before a secret is removed."""
    return _ask(request, runtime, caller, name, secret, problem="")


@router.post("/connectors/{name}/secrets/{secret}/clear")
def clear(request: Request, runtime: RuntimeDep, caller: FreshEditor, name: str, secret: str, form: Form) -> Response:
    """Remove a secret once it was confirmed."""
    if form.get("confirm") != "remove":
        return _ask(request, runtime, caller, name, secret, problem="")
    connector, environment = runtime.parts.connector(name), env_param(request, "env")
    try:
        with runtime.web_db.write() as db:
            credentials.clear_secret(
                runtime.parts, db, connector.name, environment, secret, actor=caller.actor, now=runtime.clock.now()
            )
    except Conflict as error:
        return _ask(request, runtime, caller, name, secret, problem=known(error.message))
    return RedirectResponse(url(f"/connectors/{name}", tab=environment.value, status="secret_removed"), 303)


@router.post("/connectors/{name}/old-push-key/end")
def end_old_push_key(request: Request, runtime: RuntimeDep, caller: FreshEditor, name: str) -> Response:
    """Accept the replaced push key no longer, before its time is over."""
    connector, environment = runtime.parts.connector(name), env_param(request, "env")
    with runtime.web_db.write() as db:
        ended = vault.end_old_push_key(db, connector.name, environment, actor=caller.actor, now=runtime.clock.now())
    status = "old_push_key_ended" if ended else "unchanged"
    return RedirectResponse(url(f"/connectors/{name}", tab=environment.value, status=status), 303)


def _edit(
    runtime: Runtime,
    caller: Principal,
    connector: Connector,
    environment: Environment,
    changes: Mapping[str, str | None],
    form: Mapping[str, str],
) -> tuple[str, ...]:
    now, overlap = runtime.clock.now(), OVERLAPS[chosen_overlap(form)].span
    with runtime.web_db.write() as db:
        result = credentials.edit(
            runtime.parts,
            db,
            connector.name,
            environment,
            changes,
            expected_version=_version(form),
            old_push_key_until=None if overlap is None else now + overlap,
            actor=caller.actor,
            now=now,
        )
    return result.changed


def _version(form: Mapping[str, str]) -> int:
    text = form.get("version", "")
    if not text.isascii() or not text.isdigit() or len(text) > 18:
        raise Invalid(N_("The form is incomplete: open the page again."), field="version")
    return int(text)


def _again(
    request: Request,
    runtime: Runtime,
    caller: Principal,
    connector: Connector,
    environment: Environment,
    typed: Typed,
    status: int,
) -> Response:
    return show_connection(request, runtime, caller, connector, environment, Attempt(status=status, typed=typed))


def _ask(request: Request, runtime: Runtime, caller: Principal, name: str, secret: str, *, problem: str) -> Response:
    connector, environment = runtime.parts.connector(name), env_param(request, "env")
    field = next((one for one in connector.credential_fields if one.secret and one.name == secret), None)
    if field is None:
        raise NotFound(N_("There is no such secret."))
    with runtime.web_db.read() as db:
        shell, view = read_connection(request, runtime, db, caller, connector, environment)
    return render(
        shell,
        "secret_clear.html",
        status=409 if problem else 200,
        connector=connector,
        view=view,
        field=field,
        secret=getattr(view, secret),
        problem=problem,
        **frame(connector, environment),
    )
