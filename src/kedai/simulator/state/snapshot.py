"""The whole state of one environment as a value that can be written, read and put back (no script, no open call)."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

from kedai.simulator.state.apps import App, MainAccount, Merchant, Shop
from kedai.simulator.state.authorizations import Code, KeptPair, Link
from kedai.simulator.state.deliveries import Delivery
from kedai.simulator.state.journal import CallRecord
from kedai.simulator.state.lost import LostMessage
from kedai.simulator.state.order_draft import ComingOrder
from kedai.simulator.state.orders import Order
from kedai.simulator.state.push_settings import KeptPushSettings
from kedai.simulator.state.returns import Return
from kedai.simulator.state.shelf import Shelf
from kedai.simulator.state.switches import Switches

if TYPE_CHECKING:
    from kedai.simulator.state.world import World

VERSION = 1


class BadSnapshot(Exception):
    """The snapshot cannot be put back; the text says why."""


class KeptApp(msgspec.Struct, forbid_unknown_fields=True):
    """An app with what is rated and lost of its pushes."""

    partner_id: int
    name: str
    partner_key: str
    push_partner_key: str
    callback_url: str | None
    redirect_domain: str | None
    push: KeptPushSettings
    lost: list[LostMessage]
    lost_issued: int


class KeptLedger(msgspec.Struct, forbid_unknown_fields=True):
    """Codes, consents and tokens."""

    issued: int
    codes: dict[str, Code]
    links: list[Link]
    pairs: list[KeptPair]


class Snapshot(msgspec.Struct, forbid_unknown_fields=True):
    """Everything; `draws` is how many chances the courier has drawn."""

    version: int
    seed: int
    environment: str
    advanced_seconds: float
    draws: int
    apps: list[KeptApp]
    shops: list[Shop]
    merchants: list[Merchant]
    main_accounts: list[MainAccount]
    ledger: KeptLedger
    orders: list[Order]
    orders_issued: int
    coming: dict[str, ComingOrder]
    shelves: dict[int, Shelf]
    returns: list[Return]
    reports: dict[str, int]
    deliveries: list[Delivery]
    deliveries_issued: int
    calls: dict[str, int]
    journal: list[CallRecord]
    switches: Switches


def take_snapshot(world: World, *, draws: int) -> Snapshot:
    """Return the world as a value that shares the world's own records: write it before anything else happens."""
    issued, codes, links, pairs = world.ledger.keep()
    for order in world.book.orders.values():
        order.rendered = None
    return Snapshot(
        version=VERSION,
        seed=world.seed,
        environment=world.environment,
        advanced_seconds=world.clock.advanced_seconds,
        draws=draws,
        apps=[_keep_app(app) for app in world.apps.values()],
        shops=list(world.shops.values()),
        merchants=list(world.merchants.values()),
        main_accounts=list(world.main_accounts.values()),
        ledger=KeptLedger(issued, codes, links, pairs),
        orders=list(world.book.orders.values()),
        orders_issued=world.book.issued,
        coming=world.coming,
        shelves=world.shelves,
        returns=list(world.returns.values()),
        reports=world.reports,
        deliveries=world.deliveries.all(),
        deliveries_issued=world.deliveries.issued,
        calls=dict(world.journal.counts),
        journal=[record.without_secrets() for record in world.journal.records],
        switches=world.switches,
    )


def read_snapshot(raw: bytes, environment: str) -> Snapshot:
    """Read a written snapshot of this environment.

    Raises:
        BadSnapshot: it is none, of another version, or of another environment.
    """
    try:
        found = msgspec.json.decode(raw, type=Snapshot)
    except (msgspec.MsgspecError, RecursionError, ValueError) as problem:
        raise BadSnapshot(f"This is no snapshot: {problem}.") from None
    if found.version != VERSION:
        raise BadSnapshot(f"The snapshot is of version {found.version}; this simulator reads {VERSION}.")
    if found.environment != environment:
        raise BadSnapshot(f"The snapshot is of {found.environment[:20]}, and this port is {environment}.")
    _check_references(found)
    return found


def put_back(world: World, kept: Snapshot) -> None:
    """Make the world what the snapshot says; it owns the snapshot's records from then on."""
    world.seed = kept.seed
    world.clock.advanced_seconds = kept.advanced_seconds
    world.apps = {app.partner_id: _app(world.environment, app) for app in kept.apps}
    world.shops = {shop.shop_id: shop for shop in kept.shops}
    world.merchants = {merchant.merchant_id: merchant for merchant in kept.merchants}
    world.main_accounts = {account.main_account_id: account for account in kept.main_accounts}
    ledger = kept.ledger
    world.ledger.restore(kept.seed, ledger.issued, ledger.codes, ledger.links, ledger.pairs)
    world.book.restore(kept.orders, kept.orders_issued)
    world.coming = kept.coming
    world.shelves = kept.shelves
    world.returns = {found.return_sn: found for found in kept.returns}
    world.reports = kept.reports
    world.deliveries.restore(kept.deliveries, kept.deliveries_issued)
    world.journal.restore(kept.calls, kept.journal)
    world.switches = kept.switches


def _check_references(kept: Snapshot) -> None:
    """Refuse what would only fail later, in the middle of a call."""
    shops = {shop.shop_id for shop in kept.shops}
    orders = {order.order_sn for order in kept.orders}
    apps = {app.partner_id for app in kept.apps}
    if not apps:
        raise BadSnapshot("The snapshot has no app.")
    if not {coming.shop_id for coming in kept.coming.values()} <= shops:
        raise BadSnapshot("The snapshot has an order to come for a shop that is not there.")
    if set(kept.shelves) != shops or not {order.shop_id for order in kept.orders} <= shops:
        raise BadSnapshot("The snapshot's shops, shelves and orders do not fit together.")
    if not {found.order_sn for found in kept.returns} <= orders:
        raise BadSnapshot("The snapshot has a return of an order that is not there.")
    if not {push.partner_id for push in kept.deliveries} <= apps:
        raise BadSnapshot("The snapshot has a delivery to an app that is not there.")
    if not {link.partner_id for link in kept.ledger.links} <= apps:
        raise BadSnapshot("The snapshot has a consent to an app that is not there.")
    if any(not order.packages for order in kept.orders):
        raise BadSnapshot("The snapshot has an order without a package.")


def _keep_app(app: App) -> KeptApp:
    return KeptApp(
        app.partner_id,
        app.name,
        app.partner_key,
        app.push_partner_key,
        app.callback_url,
        app.redirect_domain,
        app.push.keep(),
        list(app.lost.messages),
        app.lost.issued,
    )


def _app(environment: str, kept: KeptApp) -> App:
    app = App(
        environment,
        kept.partner_id,
        kept.name,
        kept.partner_key,
        kept.push_partner_key,
        kept.callback_url,
        kept.redirect_domain,
    )
    app.push.restore(kept.push)
    app.lost.messages.extend(kept.lost)
    app.lost.issued = kept.lost_issued
    return app
