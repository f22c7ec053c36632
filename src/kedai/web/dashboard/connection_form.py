"""The credentials form: its fields as a page shows them, and what was typed as the verbs take it.

A stored secret never enters it, nor does a typed one come back.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta

from kedai.connectors.base import Connector, CredentialField
from kedai.errors import Invalid
from kedai.sync.connection import ConnectionView, SecretView
from kedai.sync.parts import Parts, find_host, hosts_of
from kedai.values.console import Place
from kedai.values.environment import Environment
from kedai.values.wording import N_
from kedai.web.dashboard.render import known


@dataclass(frozen=True, slots=True)
class Typed:
    """What was typed and could not be saved: the fields, what is wrong with them, whether somebody was faster."""

    values: Mapping[str, str]
    errors: Mapping[str, str]
    stale: bool = False
    problem: str = ""
    must_confirm: bool = False


@dataclass(frozen=True, slots=True)
class FormField:
    """One field on the page. ``stored`` is set where what is stored now differs from what was typed."""

    name: str
    label: str
    help: str
    need: str
    value: str
    options: tuple[tuple[str, str], ...] | None
    secret: SecretView | None
    error: str | None
    stored: str | None
    found_at: Place | None


@dataclass(frozen=True, slots=True)
class Overlap:
    """For how long a replaced push key is still accepted."""

    label: str
    span: timedelta | None


OVERLAPS = {
    "hour": Overlap(N_("for 1 hour"), timedelta(hours=1)),
    "day": Overlap(N_("for 24 hours"), timedelta(days=1)),
    "week": Overlap(N_("for 7 days"), timedelta(days=7)),
    "month": Overlap(N_("for 30 days"), timedelta(days=30)),
    "none": Overlap(N_("no longer"), None),
}


def chosen_overlap(form: Mapping[str, str]) -> str:
    """The key of the chosen overlap; a day where none was chosen, so that no push is lost by a quick save."""
    key = form.get("old_push_key", "day")
    return key if key in OVERLAPS else "day"


def form_fields(parts: Parts, connector: Connector, view: ConnectionView, typed: Typed | None) -> list[FormField]:
    """The fields in the connector's order, filled with what was typed, else with what is stored."""
    return [_form_field(parts, connector, view, field, typed) for field in connector.credential_fields]


def changes_of(connector: Connector, form: Mapping[str, str]) -> dict[str, str | None]:
    """What was typed, as `credentials.edit` takes it: a blank secret is left out (keep), any other blank clears."""
    changes: dict[str, str | None] = {}
    for field in connector.credential_fields:
        text = form.get(field.name)
        if text is None or (field.secret and not text.strip()):
            continue
        changes[field.name] = text if text.strip() else None
    return changes


def field_errors(
    parts: Parts, connector: Connector, environment: Environment, changes: Mapping[str, str | None]
) -> dict[str, str]:
    """Everything that is wrong with the values, so that all of it can be mended at once."""
    errors = {}
    for name, value in changes.items():
        if value is None:
            continue
        try:
            if name == "host":
                find_host(parts, connector, environment, value.strip())
            else:
                connector.validate_field(name, value)
        except Invalid as error:
            errors[name] = known(error.message)
    return errors


def trimmed_secrets(connector: Connector, changes: Mapping[str, str | None]) -> list[str]:
    """The secrets around which spaces were pasted."""
    secrets = (field.name for field in connector.credential_fields if field.secret)
    return [name for name in secrets if (changes.get(name) or "") != (changes.get(name) or "").strip()]


def _form_field(
    parts: Parts, connector: Connector, view: ConnectionView, field: CredentialField, typed: Typed | None
) -> FormField:
    stored = "" if field.secret else getattr(view, field.name) or ""
    value = stored
    if typed is not None and not field.secret:
        value = typed.values.get(field.name, stored)
    return FormField(
        name=field.name,
        label=field.label,
        help=field.help,
        need=N_("to connect") if field.connect else N_("to switch") if field.switch else "",
        value=value,
        options=_options(parts, connector, view, field.name),
        secret=getattr(view, field.name) if field.secret else None,
        error=None if typed is None else typed.errors.get(field.name),
        stored=stored if typed is not None and typed.stale and value.strip() != stored and not field.secret else None,
        found_at=field.found_at,
    )


def _options(parts: Parts, connector: Connector, view: ConnectionView, name: str) -> tuple[tuple[str, str], ...] | None:
    if name == "region":
        return tuple((region, region) for region in connector.regions)
    if name == "host":
        default = find_host(parts, connector, view.environment, None)
        hosts = hosts_of(parts, connector, view.environment)
        return (
            ("", N_("Default (%(name)s)", name=default.name)),
            *((host.name, f"{host.name} — {host.api_url}") for host in hosts),
        )
    return None
