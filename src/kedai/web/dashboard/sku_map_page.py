"""What the SKU map's page shows: rows with a field each, what was typed into them, and the links around them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING
from uuid import UUID

import msgspec
from sqlalchemy.orm import Session

from kedai.catalog import queries
from kedai.catalog.queries import Wish
from kedai.errors import Invalid
from kedai.runtime import Runtime
from kedai.sync import skus
from kedai.values.environment import ConnectorName, Environment
from kedai.values.order import Page
from kedai.values.wording import N_, numeral
from kedai.vault.queries import get_cursor_key, list_shops
from kedai.web.dashboard.render import url
from kedai.web.dashboard.shell import Shell, viewed_connectors

if TYPE_CHECKING:
    from kedai.catalog.models import ChannelListing

PER_PAGE = 40
FIELD = "sku_"
MAPPED: Mapping[str, tuple[str, bool | None]] = {
    "all": (N_("All"), None),
    "unmapped": (N_("Not mapped"), False),
    "mapped": (N_("Mapped"), True),
}


@dataclass(frozen=True, slots=True)
class PageWish:
    """What the address asks for; ``suggest`` fills empty fields with the marketplace's own SKU, unsaved."""

    state: str
    shop_id: str | None
    text: str | None
    cursor: str | None
    suggest: bool

    @property
    def wish(self) -> Wish:
        return Wish(MAPPED[self.state][1], self.shop_id, self.text)

    def params(self) -> dict[str, str | None]:
        """The address's parameters without the place in the list."""
        return {"state": None if self.state == "all" else self.state, "shop": self.shop_id, "q": self.text}


@dataclass(frozen=True, slots=True)
class ShownRow:
    """A listing, the text in its field, and what is wrong with that."""

    listing: ChannelListing
    field: str
    text: str
    waiting: int
    problem: str


@dataclass(frozen=True, slots=True)
class Standing:
    """How one marketplace's map stands in one environment."""

    connector: ConnectorName
    label: str
    environment: Environment
    demanded: bool
    version: int
    can_fetch: bool


@dataclass(frozen=True, slots=True)
class Typed:
    """What a person sent: the texts by listing, what they had seen, and what is wrong with one of them."""

    texts: Mapping[UUID, str]
    problem: str
    problem_at: UUID | None


def read_rows(db: Session, page: Page[ChannelListing], wish: PageWish, typed: Typed | None) -> Sequence[ShownRow]:
    """The rows with their fields, as typed where somebody typed."""
    waiting: dict[UUID, int] = {}
    for scope in sorted({(one.connector, one.environment) for one in page.rows}):
        some = {one.key: one.id for one in page.rows if (one.connector, one.environment) == scope}
        counted = queries.count_waiting(db, ConnectorName(scope[0]), scope[1], some)
        waiting |= {some[key]: number for key, number in counted.items()}
    return [_row(one, wish, typed, waiting.get(one.id, 0)) for one in page.rows]


def _row(one: ChannelListing, wish: PageWish, typed: Typed | None, waiting: int) -> ShownRow:
    text = one.sku or ""
    if wish.suggest and one.sku is None:
        text = one.channel_sku
    problem = ""
    if typed is not None:
        text = typed.texts.get(one.id, text)
        problem = typed.problem if typed.problem_at == one.id else ""
    return ShownRow(one, f"{FIELD}{one.id.hex}", text, waiting, problem)


def read_page(db: Session, shell: Shell, wish: PageWish) -> Page[ChannelListing]:
    """The listings that the address asks for."""
    return queries.list_listings(
        db,
        wish.wish,
        environment=shell.environment,
        cursor=wish.cursor,
        cursor_key=get_cursor_key(db),
        limit=PER_PAGE,
    )


def read_standings(runtime: Runtime, db: Session, shell: Shell) -> Sequence[Standing]:
    """Each marketplace's map in the viewed environments."""
    found = []
    for name, environment in viewed_connectors(runtime, shell):
        standing = queries.find_map(db, name, environment)
        shops = list_shops(db, name, environment=environment)
        found.append(
            Standing(
                name,
                runtime.connectors[name].label,
                environment,
                standing is not None and standing.demanded,
                skus.version_of(standing),
                any(shop.state == "connected" for shop in shops),
            )
        )
    return found


def tabs_of(here: str, wish: PageWish, counts: Mapping[bool, int]) -> list[dict[str, object]]:
    """The three tabs; each keeps shop and search."""
    numbers = {"all": sum(counts.values()), "unmapped": counts[False], "mapped": counts[True]}
    return [
        {
            "label": label,
            "href": url(here, **{**wish.params(), "state": None if key == "all" else key}),
            "current": key == wish.state,
            "count": numeral(numbers[key]),
        }
        for key, (label, _mapped) in MAPPED.items()
    ]


def tell_seen(rows: Sequence[ShownRow]) -> str:
    """What stood in the rows when the page was made: sent along, so that nobody's change is overwritten unseen."""
    seen = {one.listing.id.hex: (one.listing.sku_version, one.listing.sku or "") for one in rows}
    return msgspec.json.encode(seen).decode()


def read_changes(form: Mapping[str, str]) -> dict[UUID, tuple[str | None, int]]:
    """The fields that a person changed: the SKU, or ``None`` where it was emptied, and the version that was seen.

    Raises:
        Invalid: this is not what the page sends.
    """
    try:
        seen = msgspec.json.decode(form.get("seen", ""), type=dict[str, tuple[int, str]])
        found = {UUID(hex=digits): one for digits, one in seen.items()}
    except (msgspec.MsgspecError, ValueError):
        raise Invalid(N_("This form must be sent as the page sends it.")) from None
    changes = {}
    for listing_id, (version, before) in found.items():
        text = form.get(f"{FIELD}{listing_id.hex}", before).strip()
        if text != before:
            changes[listing_id] = (text or None, version)
    return changes
