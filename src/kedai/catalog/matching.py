"""Which listing of one environment is which of the other: ids differ there, so names and the marketplace's SKU tell."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from kedai.values.wording import N_

if TYPE_CHECKING:
    from kedai.catalog.models import ChannelListing

_Look = tuple[str, str, str]


@dataclass(frozen=True, slots=True)
class Match:
    """A listing without a SKU, and the one of the other environment that looks the same."""

    target: ChannelListing
    source: ChannelListing


@dataclass(frozen=True, slots=True)
class Unmatched:
    """A listing without a SKU that gets none, and why."""

    target: ChannelListing
    reason: str


@dataclass(frozen=True, slots=True)
class Matched:
    """What a copy would do."""

    matches: tuple[Match, ...]
    unmatched: tuple[Unmatched, ...]


def match(sources: Iterable[ChannelListing], targets: Sequence[ChannelListing]) -> Matched:
    """Pair targets with sources that have the same SKU text, name and variant at the marketplace.

    ``sources`` are mapped, ``targets`` are not. Two that look the same and mean different SKUs decide nothing.
    """
    looks: defaultdict[_Look, list[ChannelListing]] = defaultdict(list)
    for one in sources:
        looks[_look(one)].append(one)
    matches, unmatched = [], []
    for target in targets:
        found = looks.get(_look(target), [])
        if not found:
            unmatched.append(Unmatched(target, N_("Nothing there has its name, variant and SKU at the marketplace.")))
        elif len({one.sku for one in found}) > 1:
            unmatched.append(Unmatched(target, N_("Several there look like it, and have different SKUs.")))
        else:
            matches.append(Match(target, found[0]))
    return Matched(tuple(matches), tuple(unmatched))


def _look(one: ChannelListing) -> _Look:
    """What a person would compare; spaces and capitals tell nothing."""
    return _plain(one.channel_sku), _plain(one.name), _plain(one.model_name)


def _plain(text: str) -> str:
    return " ".join(text.casefold().split())
