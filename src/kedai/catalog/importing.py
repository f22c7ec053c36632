"""Importing a map: first a plan that says what each line would do, then all of it in one transaction, or nothing."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from enum import StrEnum

from sqlalchemy.orm import Session

from kedai.catalog.csv_file import Parsed, Problem, Row
from kedai.catalog.models import ChannelListing
from kedai.catalog.queries import find_listings
from kedai.catalog.service import Entry, check_sku
from kedai.errors import Invalid
from kedai.values.environment import ConnectorName, Environment
from kedai.values.listing import ListingKey
from kedai.values.wording import N_

NO_MODEL = "0"


class Effect(StrEnum):
    """What a line does."""

    NEW = "new"
    CHANGED = "changed"
    SAME = "same"
    BLANK = "blank"


@dataclass(frozen=True, slots=True)
class Line:
    """A line that makes sense: the entry it asks for, what stands now, and whether a shop has shown the listing."""

    number: int
    effect: Effect
    entry: Entry
    before: str | None
    seen: bool


@dataclass(frozen=True, slots=True)
class Plan:
    """What a file would do, line by line."""

    lines: tuple[Line, ...]
    problems: tuple[Problem, ...]
    ignored: tuple[str, ...]

    @property
    def changes(self) -> tuple[Line, ...]:
        """The lines that would change something."""
        return tuple(one for one in self.lines if one.effect in {Effect.NEW, Effect.CHANGED})

    @property
    def counts(self) -> dict[str, int]:
        """How many lines there are of each effect, and with a problem."""
        counts = {effect.value: 0 for effect in Effect} | {"problems": len(self.problems)}
        for one in self.lines:
            counts[one.effect] += 1
        return counts

    @property
    def unseen(self) -> int:
        """How many of the changes are of listings that no shop has shown yet: perhaps the id is mistyped."""
        return sum(not one.seen for one in self.changes)


def plan_import(
    db: Session,
    connector: ConnectorName,
    environment: Environment,
    parsed: Parsed,
    *,
    shops: Collection[str],
    shop_id: str | None,
) -> Plan:
    """What a file would do to an environment's map. ``shops`` are those known there.

    ``shop_id`` is for lines that name none; where there is one shop alone, that one is meant.

    Raises:
        Invalid: there is no such shop.
    """
    if shop_id is not None and shop_id not in shops:
        raise Invalid(
            N_("There is no shop %(shop_id)s in %(environment)s.", shop_id=shop_id, environment=environment.value),
            field="shop",
        )
    default = shop_id or (next(iter(shops)) if len(shops) == 1 else None)
    problems, keyed = list(parsed.problems), []
    for row in parsed.rows:
        problem = _misplaced(row, environment, shops, default)
        if problem is not None:
            problems.append(problem)
        else:
            keyed.append((_key(row, default or ""), row))
    known = find_listings(db, connector, environment, {key for key, _ in keyed})
    lines: list[Line] = []
    first: dict[ListingKey, Line] = {}
    for key, row in keyed:
        planned = _plan_line(key, row, known, first.get(key))
        if isinstance(planned, Problem):
            problems.append(planned)
            continue
        lines.append(planned)
        if planned.entry.sku is not None:
            first.setdefault(key, planned)
    return Plan(tuple(lines), tuple(sorted(problems, key=lambda one: one.line)), parsed.ignored)


def _misplaced(row: Row, environment: Environment, shops: Collection[str], default: str | None) -> Problem | None:
    """What keeps a line from being about a shop of this environment."""
    said = row.get("environment").lower()
    if said and said != environment.value:
        text = N_("It is of %(said)s, and this is %(environment)s.", said=said, environment=environment.value)
        return Problem(row.line, text)
    shop_id = row.get("shop_id") or default
    if shop_id is None:
        return Problem(row.line, N_("shop_id is blank, and there are several shops."))
    if shop_id not in shops:
        text = N_("There is no shop %(shop_id)s in %(environment)s.", shop_id=shop_id, environment=environment.value)
        return Problem(row.line, text)
    return None


def _key(row: Row, default: str) -> ListingKey:
    return ListingKey(row.get("shop_id") or default, row.get("item_id"), row.get("model_id") or NO_MODEL)


def _plan_line(
    key: ListingKey, row: Row, known: Mapping[ListingKey, ChannelListing], earlier: Line | None
) -> Line | Problem:
    standing = known.get(key)
    before = None if standing is None else standing.sku
    seen = standing is not None and standing.last_seen_at is not None
    told = {name: row.get(name) for name in ("name", "model_name", "channel_sku")}
    if not row.get("sku"):
        return Line(row.line, Effect.BLANK, Entry(key, None, **told), before, seen)
    try:
        sku = check_sku(row.get("sku"))
    except Invalid as error:
        return Problem(row.line, error.message)
    entry = Entry(key, sku, **told)
    if earlier is not None:
        if earlier.entry.sku != sku:
            text = N_("Line %(number)s maps the same listing to another SKU.", number=earlier.number)
            return Problem(row.line, text)
        return Line(row.line, Effect.SAME, entry, before, seen)
    effect = Effect.NEW if before is None else Effect.SAME if before == sku else Effect.CHANGED
    return Line(row.line, effect, entry, before, seen)
