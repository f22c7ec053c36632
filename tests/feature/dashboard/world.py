"""A world to look at: both environments filled, and nothing in one that the other has."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal

from kedai.calls.service import store
from kedai.catalog.service import Entry, see_listings, write_entries
from kedai.connector_exceptions.service import Trouble, raise_exception
from kedai.inbox.rejected import Sample, keep_rejected
from kedai.runs.service import create_run
from kedai.values.call import CallRecord
from kedai.values.environment import Environment, Scope
from kedai.values.event import ParkedReason
from kedai.values.listing import Listing, ListingKey
from kedai.values.order import OrderPackage, OrderSnapshot, PackageItem, Recipient
from tests.feature.dashboard.browser import store_orders
from tests.support.factories import ANNA, FAKE, LIVE, SHOP, START, House, incoming, line, snapshot

POLYGLOT = "\"'><script>alert(1)</script><img src=x onerror=alert(1)>{{7*7}}\u202e"
"""What a stranger may put into any text that a marketplace hands on."""


def fill(house: House) -> House:
    """Orders, events, rejected deliveries, exceptions and a run in each environment; sandbox is active."""
    for environment in Environment:
        house.configure(environment)
        house.connect(environment, SHOP)
        for number in range(3):
            store_orders(house, _order(environment, number), environment=environment)
            parked = ParkedReason.INACTIVE_ENVIRONMENT if environment is LIVE else None
            order_sn = f"{environment.value.upper()}{number}"
            house.deliver(
                incoming(order_sn, environment=environment, parked=parked, at=START - timedelta(minutes=number))
            )
        _troubles(house, environment)
        _calls(house, environment)
        _offer(house, environment)
    return house


def _order(environment: Environment, number: int) -> OrderSnapshot:
    return snapshot(
        f"{environment.value.upper()}{number}",
        status=("READY_TO_SHIP", "SOMETHING_NEW", "COMPLETED")[number],
        total_amount=Decimal("1234.50"),
        buyer_username=f"{environment.value}-buyer",
        lines=(line("1", name=POLYGLOT, model_name=POLYGLOT, sku=POLYGLOT),),
        shipping_carrier=POLYGLOT,
        payment_method=POLYGLOT,
        tracking_number=POLYGLOT,
        packages=(OrderPackage(f"P{number}", POLYGLOT, POLYGLOT, POLYGLOT, (PackageItem("1", "0", 2),)),),
        recipient=Recipient(f"{environment.value}-recipient", POLYGLOT, POLYGLOT),
        buyer_message=POLYGLOT,
    )


def _calls(house: House, environment: Environment) -> None:
    """A good one, and one that failed; whatever strangers can write stands in them."""
    name = environment.value
    good = CallRecord(FAKE, environment, SHOP, "GET", f"/api/{name}/orders", 200, "", f"{name}-1", 12.3, START)
    bad = CallRecord(FAKE, environment, None, "POST", f"/api/{POLYGLOT}", None, POLYGLOT, POLYGLOT, 9876.5, START)
    with house.db.write() as db:
        store(db, [good, bad])


def _offer(house: House, environment: Environment) -> None:
    """Three products: in live none has a SKU, in the sandbox one that looks like one of live has."""
    names = (POLYGLOT, "Mug", f"Only in {environment.value}")
    offered = [Listing(str(number), "0", name, POLYGLOT, POLYGLOT) for number, name in enumerate(names, 1)]
    with house.db.write() as db:
        see_listings(db, Scope(FAKE, environment, SHOP), offered, now=house.now)
        if environment is not LIVE:
            entry = Entry(ListingKey(SHOP, "1", "0"), POLYGLOT)
            write_entries(db, FAKE, environment, [entry], actor=ANNA, now=house.now)


def _troubles(house: House, environment: Environment) -> None:
    headers = {"user-agent": POLYGLOT, "x-forwarded-for": POLYGLOT}
    trouble = Trouble(code="test", title=f"{environment.value} trouble {POLYGLOT}", next_step=POLYGLOT, shop_id=SHOP)
    with house.db.write() as db:
        body = POLYGLOT.encode()
        sample = Sample("mismatch", headers, body, len(body))
        told = {"diagnosis": "unknown_key", "diagnosed_for": ""}
        keep_rejected(db, FAKE, environment, sample, counts={"mismatch": 2}, **told, now=house.now)
        raise_exception(db, FAKE, environment, trouble, now=house.now)
        scope = {"reason": POLYGLOT, "shop_id": None}
        create_run(db, "replay_parked", FAKE, environment, scope=scope, total=10, actor=ANNA, now=house.now)
