"""Copying one environment's SKU map to the other: a preview of what matches first, then a person's word."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING

from sqlalchemy.orm import Session

from kedai.audit.service import record
from kedai.catalog import queries, service
from kedai.catalog.matching import Matched, match
from kedai.catalog.service import Entry
from kedai.errors import Invalid, Stale
from kedai.sync import skus
from kedai.values.actor import Actor
from kedai.values.environment import ConnectorName, Environment
from kedai.values.wording import N_

if TYPE_CHECKING:
    from kedai.catalog.models import ChannelListing

MOST_LISTINGS = 10_000
_TOLD_AT_ONCE = 50


@dataclass(frozen=True, slots=True)
class CopyPlan:
    """What would be copied; ``tag`` names the versions of both maps that were looked at."""

    source: Environment
    target: Environment
    matched: Matched
    tag: str


def plan_copy(db: Session, connector: ConnectorName, *, source: Environment, target: Environment) -> CopyPlan:
    """What a copy would do: only listings of the target without a SKU get one; nothing is written.

    Raises:
        Invalid: there are more listings than can be compared by eye.
    """
    mapped = _listings(db, connector, source, mapped=True)
    unmapped = _listings(db, connector, target, mapped=False)
    return CopyPlan(source, target, match(mapped, unmapped), _tag(db, connector, source, target))


def copy(
    db: Session,
    connector: ConnectorName,
    *,
    source: Environment,
    target: Environment,
    tag: str,
    actor: Actor,
    now: datetime,
) -> int:
    """Copy all that the preview matched; how many.

    Raises:
        Stale: one of the maps was changed after the preview. Invalid: nothing matches.
    """
    for environment in sorted((source, target)):
        service.lock_map(db, connector, environment)
    plan = plan_copy(db, connector, source=source, target=target)
    if plan.tag != tag:
        raise Stale(N_("Somebody changed one of the two maps after this preview: look at it anew."))
    matches = plan.matched.matches
    if not matches:
        raise Invalid(N_("Nothing matches, so there is nothing to copy."))
    entries = [Entry(one.target.key, one.source.sku) for one in matches]
    service.write_entries(db, connector, target, entries, actor=actor, now=now)
    skus.end_waiting(db, connector, target, entries, now=now)
    for at in range(0, len(matches), _TOLD_AT_ONCE):
        some = matches[at : at + _TOLD_AT_ONCE]
        changes = [{"listing": "/".join(one.target.key), "to": one.source.sku} for one in some]
        record(
            db,
            actor=actor,
            action="sku.copied",
            environment=target,
            subject=f"{connector}/sku-map",
            details={"from": source.value, "changes": changes},
            now=now,
        )
    return len(matches)


def _listings(db: Session, connector: ConnectorName, environment: Environment, *, mapped: bool) -> list[ChannelListing]:
    found = queries.list_all(db, connector, environment, mapped=mapped, limit=MOST_LISTINGS + 1)
    if len(found) > MOST_LISTINGS:
        raise Invalid(
            N_(
                "There are more than %(most_listings)s products in %(environment)s: export and import instead.",
                most_listings=MOST_LISTINGS,
                environment=environment.value,
            )
        )
    return found


def _tag(db: Session, connector: ConnectorName, source: Environment, target: Environment) -> str:
    versions = (skus.version_of(queries.find_map(db, connector, one)) for one in (source, target))
    return "-".join(f"v{version}" for version in versions)
