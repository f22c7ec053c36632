"""How parcels are sent: the channels of each region, what each needs to ship, its addresses and time slots (§5.2)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from kedai.simulator.state.dice import digest

if TYPE_CHECKING:
    from kedai.simulator.state.apps import Shop

DAY_SECONDS = 86_400
SLOT_DAYS = 3
PICKUP, DROPOFF, NON_INTEGRATED = "pickup", "dropoff", "non_integrated"
METHODS = (PICKUP, DROPOFF, NON_INTEGRATED)


@dataclass(frozen=True, slots=True)
class Channel:
    """A carrier's service; `needs` names, per way to hand a parcel over, the fields that way needs."""

    channel_id: int
    carrier: str
    fee_cents: int
    needs: dict[str, tuple[str, ...]]

    @property
    def is_integrated(self) -> bool:
        """Whether the marketplace knows where the parcel is; else the seller brings it and its number."""
        return NON_INTEGRATED not in self.needs


_PICKUP_NEEDS = ("address_id", "pickup_time_id")
# The first two of a region carry the orders that nobody asked to be sent otherwise.
_OFTEN = 2
_CHANNELS = {
    "SG": (
        Channel(18025, "Standard Delivery", 149, {PICKUP: _PICKUP_NEEDS, DROPOFF: ()}),
        Channel(18055, "Express Delivery", 399, {PICKUP: _PICKUP_NEEDS}),
        Channel(18099, "Seller Own Fleet", 250, {NON_INTEGRATED: ("tracking_no",)}),
    ),
    "MY": (
        Channel(28016, "Standard Delivery", 149, {PICKUP: _PICKUP_NEEDS, DROPOFF: ("sender_real_name",)}),
        Channel(28050, "Economy Delivery", 90, {DROPOFF: ("branch_id",)}),
        Channel(28099, "Seller Own Fleet", 250, {NON_INTEGRATED: ("tracking_no",)}),
    ),
    "ID": (
        Channel(8003, "Reguler", 99, {PICKUP: _PICKUP_NEEDS, DROPOFF: ()}),
        Channel(8005, "Hemat", 65, {DROPOFF: ()}),
        Channel(8099, "Kurir Toko", 150, {NON_INTEGRATED: ("tracking_no",)}),
    ),
}
_ELSEWHERE = (
    Channel(90001, "Standard Delivery", 149, {PICKUP: _PICKUP_NEEDS, DROPOFF: ()}),
    Channel(90002, "Economy Delivery", 90, {DROPOFF: ("branch_id",)}),
    Channel(90099, "Seller Own Fleet", 250, {NON_INTEGRATED: ("tracking_no",)}),
)


def channels_of(region: str) -> tuple[Channel, ...]:
    """Return every channel of a region."""
    return _CHANNELS.get(region, _ELSEWHERE)


def common_channels(region: str) -> tuple[Channel, ...]:
    """Return the channels that orders take by themselves."""
    return channels_of(region)[:_OFTEN]


def find_channel(region: str, channel_id: int) -> Channel | None:
    """Return one channel of a region."""
    return next((channel for channel in channels_of(region) if channel.channel_id == channel_id), None)


def addresses(shop: Shop) -> list[dict[str, Any]]:
    """Return the shop's pickup addresses: the usual one, and a second."""
    base = 10_000 + int(digest(shop.shop_id, "address"), 16) % 800_000
    common = {"region": shop.region, "town": "", "district": ""}
    return [
        {
            **common,
            "address_id": base + place,
            "state": shop.region,
            "city": shop.region,
            "address": street,
            "zipcode": f"{100_000 + base % 899_000 + place}",
        }
        for place, street in enumerate(("1 Simulated Street", "2 Warehouse Row, back entrance"))
    ]


def branches(shop: Shop) -> list[dict[str, Any]]:
    """Return where parcels of the region can be handed in."""
    return [
        {
            "branch_id": 700 + place,
            "region": shop.region,
            "state": shop.region,
            "city": shop.region,
            "address": f"Branch {place}, Simulated Mall",
            "zipcode": "100001",
            "district": "",
            "town": "",
        }
        for place in (1, 2)
    ]


def time_slots(now: int) -> list[dict[str, Any]]:
    """Return the pickup slots of the next days; a slot's id is good until its day is over."""
    first = now - now % DAY_SECONDS + DAY_SECONDS
    return [
        {
            "date": first + day * DAY_SECONDS,
            "time_text": "09:00 - 18:00",
            "pickup_time_id": f"{first + day * DAY_SECONDS}",
            "flags": ["recommended"] if day == 0 else [],
        }
        for day in range(SLOT_DAYS)
    ]
