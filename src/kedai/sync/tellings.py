"""What a push tells besides "look at this order": of a package, of a booking, or to the operator in words.

Read from the stored bodies of those few pushes that tell something; nothing here asks the marketplace.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import TypeVar
from uuid import UUID

from kedai.connectors.base import Connector, SortsPushes
from kedai.inbox.claims import Batch, ClaimedEvent, Outcome
from kedai.inbox.queries import read_bodies
from kedai.orders.queries import find_booked
from kedai.sync.parts import Parts
from kedai.values.environment import Scope
from kedai.values.event import Announcement, Effect, EventState, PackageNews, Topic
from kedai.values.wording import N_

HANDED_ON = N_("kept for the shop's own systems: it concerns listings, stock or returns")
UNMATCHED = N_("a booking that no order is known for yet")
NOTHING_TO_DO = N_("nothing to do by itself")

T = TypeVar("T")


@dataclass(slots=True)
class Told:
    """What the events of a batch tell, by event, and what became at once of those that need no order."""

    outcomes: dict[UUID, Outcome] = field(default_factory=dict)
    news: dict[UUID, PackageNews] = field(default_factory=dict)
    announcements: dict[UUID, tuple[Announcement, ...]] = field(default_factory=dict)
    about_orders: list[ClaimedEvent] = field(default_factory=list)


def effect_of(connector: Connector, code: int | None, topic: str) -> Effect:
    """What a push leads to; a marketplace that does not sort its pushes means an order by every order push."""
    if isinstance(connector, SortsPushes):
        return connector.effect_of(code)
    return Effect.READ_ORDER if topic == Topic.ORDER else Effect.KEEP


async def sort(parts: Parts, batch: Batch, events: Sequence[ClaimedEvent]) -> Told:
    """Tell apart what must be asked for, and settle what is done with being stored."""
    connector, told = parts.connector(batch.connector), Told()
    effects = {kind: effect_of(connector, *kind) for kind in {(event.code, event.topic) for event in events}}
    by_effect: dict[Effect, list[ClaimedEvent]] = {}
    for event in events:
        by_effect.setdefault(effects[event.code, event.topic], []).append(event)
    for event in by_effect.get(Effect.HAND_ON, ()):
        told.outcomes[event.id] = Outcome(EventState.SKIPPED, HANDED_ON)
    for event in by_effect.get(Effect.KEEP, ()):
        told.outcomes[event.id] = Outcome(EventState.SKIPPED, NOTHING_TO_DO)
    if isinstance(connector, SortsPushes):
        await _announce(parts, connector, by_effect.get(Effect.NOTICE, ()), told)
        await _learn(parts, connector, by_effect.get(Effect.READ_PACKAGE, ()), told)
    asking = [one for effect in (Effect.READ_ORDER, Effect.READ_PACKAGE) for one in by_effect.get(effect, ())]
    told.about_orders += [one for one in asking if one.order_sn is not None]
    without = [one for one in asking if one.order_sn is None]  # a booking under an order push's code
    if isinstance(connector, SortsPushes) and batch.shop_id is not None:
        scope = Scope(batch.connector, batch.environment, batch.shop_id)
        await _match(parts, connector, scope, [*by_effect.get(Effect.READ_BOOKING, ()), *without], told)
    else:
        told.outcomes |= {one.id: Outcome(EventState.SKIPPED, NOTHING_TO_DO) for one in without}
    return told


async def _announce(parts: Parts, connector: SortsPushes, events: Sequence[ClaimedEvent], told: Told) -> None:
    for event, said in (await _read(parts, events, connector.parse_announcements)).items():
        told.announcements[event.id] = said
        told.outcomes[event.id] = (
            Outcome(EventState.APPLIED, N_("shown among the notices"))
            if said
            else Outcome(EventState.SKIPPED, N_("a notice without words"))
        )


async def _learn(parts: Parts, connector: SortsPushes, events: Sequence[ClaimedEvent], told: Told) -> None:
    for event, news in (await _read(parts, events, connector.parse_package)).items():
        if news is not None:
            told.news[event.id] = news


async def _match(
    parts: Parts, connector: SortsPushes, scope: Scope, events: Sequence[ClaimedEvent], told: Told
) -> None:
    """A booking comes before its order: once an order names it, the order is what is looked at."""
    booked = await _read(parts, events, connector.parse_booking)
    numbers = {number for number in booked.values() if number is not None}
    found = await parts.read(lambda db: find_booked(db, scope, numbers)) if numbers else {}
    for event, number in booked.items():
        order_sn = found.get(number or "")
        if order_sn is None:
            told.outcomes[event.id] = Outcome(EventState.SKIPPED, UNMATCHED)
        else:
            told.about_orders.append(event._replace(order_sn=order_sn))


async def _read(parts: Parts, events: Sequence[ClaimedEvent], parse: Callable[[bytes], T]) -> dict[ClaimedEvent, T]:
    if not events:
        return {}
    ids = [event.id for event in events]
    bodies = await parts.read(lambda db: read_bodies(db, ids))
    return {event: parse(bodies[event.id]) for event in events}
