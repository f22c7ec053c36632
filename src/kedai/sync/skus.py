"""The SKU map at work: which order lines lack an entry, what a person is told of it, and what an entry ends.

The map lies in one room and the operator's list in another; here they meet, always in one transaction.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Protocol
from uuid import UUID

from sqlalchemy.orm import Session

from kedai.audit.service import record
from kedai.catalog import queries, service
from kedai.catalog.service import Entry
from kedai.connector_exceptions.service import Trouble, clear_exception, raise_exceptions
from kedai.errors import KedaiError, Stale
from kedai.values.actor import Actor
from kedai.values.environment import ConnectorName, Environment, Scope
from kedai.values.listing import Listing, ListingKey
from kedai.values.wording import N_

if TYPE_CHECKING:
    from kedai.catalog.models import ChannelListing, SkuMap

CODE = "sku_not_mapped"
_LONGEST_NAME = 80


class SoldLine(Protocol):
    """What counts of an order's line, as the marketplace states it or as it is stored."""

    @property
    def item_id(self) -> str: ...

    @property
    def model_id(self) -> str: ...

    @property
    def name(self) -> str: ...

    @property
    def model_name(self) -> str: ...

    @property
    def sku(self) -> str: ...


def note_orders(db: Session, scope: Scope, lines: Mapping[str, Sequence[SoldLine]], *, now: datetime) -> None:
    """Tell a person of each listing that orders (by number) were bought from and that has no SKU.

    Nothing where the environment does not demand the map. An order counts once for a listing, however often it comes.
    """
    if not lines or not queries.is_demanded(db, scope.connector, scope.environment):
        return
    offered = {order_sn: [_offer(one) for one in some] for order_sn, some in lines.items()}
    lacking = service.note_order_lines(db, scope, offered, now=now)
    troubles = [trouble_of(one.key, one.name, order_sn=order_sn) for one in lacking for order_sn in one.order_sns]
    raise_exceptions(db, scope.connector, scope.environment, troubles, now=now)


def trouble_of(key: ListingKey, name: str, *, order_sn: str | None = None) -> Trouble:
    """What a person is told of a listing without a SKU; one group for each listing."""
    shown = name if len(name) <= _LONGEST_NAME else f"{name[:_LONGEST_NAME]}…"
    return Trouble(
        CODE,
        N_(
            "Orders hold a product that is not in the SKU map: %(product)s",
            product=shown or N_("item %(item_id)s", item_id=key.item_id),
        ),
        N_("Open SKU map, search for %(item_id)s, and enter your SKU: this ends by itself then.", item_id=key.item_id),
        key.shop_id,
        group=f"{key.item_id}/{key.model_id}",
        order_sn=order_sn,
    )


def set_sku(
    db: Session,
    listing_id: UUID,
    sku: str | None,
    *,
    environment: Environment,
    expected_version: int,
    actor: Actor,
    now: datetime,
) -> bool:
    """Map a listing to the merchant's SKU, or (``None``) take it out of the map; False where nothing was different.

    Raises:
        NotFound: no such listing in that environment. Invalid: no SKU can be like this.
        Stale: somebody changed its entry meanwhile.
    """
    done = _enter(db, listing_id, sku, environment, expected_version, actor, now)
    _tell(db, environment, [] if done is None else [done], actor, now)
    return done is not None


def set_skus(
    db: Session,
    changes: Mapping[UUID, tuple[str | None, int]],
    *,
    environment: Environment,
    actor: Actor,
    now: datetime,
) -> int:
    """Several entries at once: the SKU (``None`` to remove it) and the version that was seen; how many changed.

    Raises:
        As `set_sku`, with the listing's id as the fact ``listing_id``: nothing may be committed then.
    """
    entered = []
    for listing_id, (sku, version) in sorted(changes.items()):
        try:
            entered.append(_enter(db, listing_id, sku, environment, version, actor, now))
        except KedaiError as error:
            error.facts["listing_id"] = listing_id
            raise
    changed = [one for one in entered if one is not None]
    _tell(db, environment, changed, actor, now)
    return len(changed)


@dataclass(frozen=True, slots=True)
class _Entered:
    """An entry that was changed, and what stood there before."""

    connector: ConnectorName
    entry: Entry
    before: str | None


def _enter(
    db: Session,
    listing_id: UUID,
    sku: str | None,
    environment: Environment,
    expected_version: int,
    actor: Actor,
    now: datetime,
) -> _Entered | None:
    """Change one entry; None where nothing was different."""
    checked = None if sku is None else service.check_sku(sku)
    connector = ConnectorName(queries.get_listing(db, listing_id, environment=environment).connector)
    service.lock_map(db, connector, environment)
    row = queries.get_listing(db, listing_id, environment=environment, lock=True)
    if row.sku_version != expected_version:
        raise Stale(
            N_("Somebody changed the SKU of item %(item_id)s in the meantime: load it again.", item_id=row.item_id)
        )
    if row.sku == checked:
        return None
    done = _Entered(connector, Entry(row.key, checked), row.sku)
    service.write_entries(db, connector, environment, [done.entry], actor=actor, now=now)
    db.refresh(row)
    return done


def _tell(db: Session, environment: Environment, changed: Sequence[_Entered], actor: Actor, now: datetime) -> None:
    """End what waited, and note what was done: only once every entry is locked, since both lock the audit trail."""
    for connector in sorted({one.connector for one in changed}):
        entries = [one.entry for one in changed if one.connector == connector]
        end_waiting(db, connector, environment, entries, now=now)
    for one in changed:
        record(
            db,
            actor=actor,
            action="sku.removed" if one.entry.sku is None else "sku.set",
            environment=environment,
            subject=name_listing(one.connector, one.entry.key),
            details={"from": one.before, "to": one.entry.sku},
            now=now,
        )


def look_again(db: Session, scope: Scope, order_sns: Collection[str], *, fingerprint: str) -> None:
    """Let these orders count anew for the listing that this group is about, the next time that they are written."""
    waiting = queries.list_waiting(db, scope, order_sns)
    service.note_anew(db, scope, [one for one in waiting if trouble_of(one[0], "").fingerprint == fingerprint])


def check_order(db: Session, scope: Scope, order_sn: str, lines: Sequence[SoldLine], *, now: datetime) -> bool:
    """Look an order's lines up once more, as if it had come now; whether all of them are mapped."""
    note_orders(db, scope, {order_sn: lines}, now=now)
    mapped = {key for key, row in skus_of_lines(db, scope, lines).items() if row.sku is not None}
    return all((one.item_id, one.model_id) in mapped for one in lines)


def end_waiting(
    db: Session, connector: ConnectorName, environment: Environment, entries: Collection[Entry], *, now: datetime
) -> None:
    """What orders waited for is there: the exceptions of these listings end."""
    mapped = {one.key: one.sku for one in entries if one.sku is not None}
    ended = service.forget_waiting(db, connector, environment, mapped)
    _clear(db, connector, environment, {key: N_("mapped to %(sku)s", sku=mapped[key]) for key in ended}, now)


def set_demanded(
    db: Session,
    connector: ConnectorName,
    environment: Environment,
    demanded: bool,
    *,
    expected_version: int,
    actor: Actor,
    now: datetime,
) -> bool:
    """Say whether orders need the map; False where it was so already. Not demanded: what waited for it is over.

    Raises:
        Stale: somebody changed the map meanwhile.
    """
    standing = service.lock_map(db, connector, environment)
    if version_of(standing) != expected_version:
        raise Stale(N_("Somebody changed the SKU map in the meantime: load it again."))
    before = standing is not None and standing.demanded
    if before == demanded:
        return False
    service.touch_map(db, connector, environment, demanded=demanded, actor=actor, now=now)
    if not demanded:
        ended = service.forget_waiting(db, connector, environment, None)
        _clear(db, connector, environment, dict.fromkeys(ended, N_("the SKU map is not demanded any more")), now)
    details = {"from": before, "to": demanded}
    subject = f"{connector}/sku-map"
    record(db, actor=actor, action="sku.demanded", environment=environment, subject=subject, details=details, now=now)
    return True


def skus_of_lines(db: Session, scope: Scope, lines: Iterable[SoldLine]) -> dict[tuple[str, str], ChannelListing]:
    """The listings behind order lines, by item and model id; one that was never noted is left out."""
    wanted = {ListingKey(scope.shop_id, one.item_id, one.model_id) for one in lines}
    found = queries.find_listings(db, scope.connector, scope.environment, wanted)
    return {(key.item_id, key.model_id): row for key, row in found.items()}


def name_listing(connector: ConnectorName, key: ListingKey) -> str:
    """How the audit trail names a listing."""
    return "/".join((connector, *key))


def version_of(standing: SkuMap | None) -> int:
    """The map's version; 0 where nobody has begun it."""
    return 0 if standing is None else standing.version


def _clear(
    db: Session, connector: ConnectorName, environment: Environment, notes: Mapping[ListingKey, str], now: datetime
) -> None:
    """In the order in which whoever raises them locks them, too."""
    ended = {trouble_of(key, "").fingerprint: note for key, note in notes.items()}
    for fingerprint in sorted(ended):
        clear_exception(db, connector, environment, fingerprint, note=ended[fingerprint], now=now)


def _offer(one: SoldLine) -> Listing:
    return Listing(one.item_id, one.model_id, one.name, one.model_name, one.sku)
