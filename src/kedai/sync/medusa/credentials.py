"""Old credentials and the old active environment: blanks are filled, what stands here stays, nothing is switched."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from sqlalchemy.orm import Session

from kedai.errors import Invalid, SecretUnreadable
from kedai.sync import credentials
from kedai.sync.medusa.fields import Fields, RefusedRow
from kedai.sync.medusa.job import SHOPEE, Job, Tally, decrypt
from kedai.sync.parts import find_host
from kedai.values.environment import Environment
from kedai.vault.queries import get_credentials, open_secret
from kedai.vault.service import NULLABLE, SECRETS

if TYPE_CHECKING:
    from kedai.vault.models import EnvironmentCredentials

_UNSET_REGION = "GLOBAL"


@dataclass(slots=True)
class OldCredentials:
    """One environment's app as the old system had it; ``problems`` name fields that cannot be taken over."""

    environment: Environment
    values: dict[str, str]
    secrets: dict[str, str] = field(repr=False)
    problems: list[str]


def read_credentials(job: Job, fields: Fields) -> OldCredentials:
    """Check every field as the form would."""
    environment = fields.environment()
    old = OldCredentials(environment, {}, {}, [])
    for name in (*NULLABLE, "region"):
        value = fields.text(name)
        if value is not None:
            _keep(job, old, name, value, old.values)
    for name in SECRETS:
        stored = fields.raw(name)
        if stored is not None:
            try:
                _keep(job, old, name, decrypt(job, *stored).reveal(), old.secrets)
            except RefusedRow as refusal:
                old.problems.append(f"{name}: {refusal}")
    if "shop_id" in old.values:
        job.shop_ids[environment] = old.values["shop_id"]
    if "partner_id" in old.values:
        job.partner_ids[environment] = old.values["partner_id"]
    return old


def write_credentials(job: Job, db: Session, rows: Sequence[OldCredentials]) -> Tally:
    """Fill what is blank here; a row of another app than the one stored is refused as a whole."""
    tally, seen = Tally(), dict[Environment, OldCredentials]()
    for old in sorted(rows, key=lambda one: one.environment.value):
        if old.environment in seen:
            tally.refused["the environment has a row already"] += 1
            continue
        changes, problems = _changes(job, db, old, seen.get(old.environment.other))
        seen[old.environment] = old
        told = [f"{old.environment.value} {problem}" for problem in (*old.problems, *problems)]
        if not changes and told:
            tally.refused["; ".join(told)] += 1
            continue
        tally.notes += told
        tally.present += not changes
        tally.new += bool(changes)
        if changes and job.apply:
            now = job.parts.clock.now()
            credentials.edit(
                job.parts, db, SHOPEE, old.environment, changes, expected_version=None, actor=job.actor, now=now
            )
    return tally


def read_active(_job: Job, fields: Fields) -> Environment:
    """The environment that the old system was signed in to."""
    return fields.environment()


def write_active(job: Job, _db: Session, rows: Sequence[Environment]) -> Tally:
    """An import never switches: that is a person's act, with all its checks."""
    tally, here = Tally(), job.active_environment()
    for there in rows:
        if there is here:
            tally.present += 1
        else:
            why = f"{there} was active there, {here} is here, and an import switches nothing: a person does"
            tally.refused[why] += 1
    return tally


def _keep(job: Job, old: OldCredentials, name: str, value: str, kept: dict[str, str]) -> None:
    try:
        if name == "host":
            kept[name] = find_host(job.parts, job.shopee, old.environment, value).name
        else:
            kept[name] = job.shopee.validate_field(name, value)
    except Invalid as error:
        message = f"{old.environment} has no such host here" if name == "host" else error.message
        old.problems.append(f"{name}: {message}")


def _changes(
    job: Job, db: Session, old: OldCredentials, other: OldCredentials | None
) -> tuple[dict[str, str | None], list[str]]:
    row = get_credentials(db, SHOPEE, old.environment, lock=job.apply)
    if row.partner_id and old.values.get("partner_id", row.partner_id) != row.partner_id:
        return {}, ["another app's credentials are stored here, and stay"]
    changes: dict[str, str | None] = {}
    problems = []
    for name, value in old.values.items():
        standing = getattr(row, name)
        if not standing or (name == "region" and standing == _UNSET_REGION):
            changes |= {name: value} if value != standing else {}
        elif standing != value:
            problems.append(f"{name}: another value is stored here, and stays")
    for name, value in old.secrets.items():
        problem = _secret_problem(job, db, row, name, value, other)
        if problem:
            problems.append(f"{name}: {problem}")
        elif getattr(row, f"{name}_encrypted") is None:
            changes[name] = value
    return changes, problems


def _secret_problem(
    job: Job, db: Session, row: EnvironmentCredentials, name: str, value: str, other: OldCredentials | None
) -> str | None:
    standing = _opened(job, row, name)
    if standing is not None:
        return None if standing == value else "another one is stored here, and stays"
    if name == "push_partner_key":
        elsewhere = _opened(job, get_credentials(db, SHOPEE, row.environment.other), name)
        if value in {elsewhere, None if other is None else other.secrets.get(name)}:
            return "it is the other environment's, and each needs its own"
    return None


def _opened(job: Job, row: EnvironmentCredentials, name: str) -> str | None:
    try:
        secret = open_secret(job.parts.ring, row, f"{name}_encrypted")
    except SecretUnreadable:
        return ""  # something is stored, and is surely not to be replaced
    return None if secret is None else secret.reveal()
