"""Calls about shipping an order and following its parcels (contract §5.2); labels are in `documents`."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import msgspec

from kedai.connectors.shopee.api.caller import Area
from kedai.connectors.shopee.api.checks import check_count, check_number, check_numbers
from kedai.connectors.shopee.api.logistics_shapes import (
    AddressList,
    BatchResults,
    ChannelList,
    MassResults,
    MassShippingParameter,
    MassTrackingNumber,
    ShippingParameter,
    TrackingInfo,
    TrackingNumber,
)
from kedai.connectors.shopee.api.query import write_query
from kedai.connectors.shopee.api.reading import Done
from kedai.errors import Invalid

MOST_SHIPPED = 50
TRACKING_FIELDS = ("plp_number", "first_mile_tracking_number", "last_mile_tracking_number")


class Pickup(msgspec.Struct, frozen=True, omit_defaults=True):
    """A carrier comes to one of the shop's addresses."""

    address_id: int
    pickup_time_id: str | None = None
    tracking_number: str | None = None


class Dropoff(msgspec.Struct, frozen=True, omit_defaults=True):
    """The parcel is brought to a branch; without any field it is sent as the empty object that Shopee wants."""

    branch_id: int | None = None
    sender_real_name: str | None = None
    tracking_number: str | None = None
    slug: str | None = None


class NonIntegrated(msgspec.Struct, frozen=True, omit_defaults=True):
    """The shop ships by a carrier of its own."""

    tracking_number: str | None = None


Shipping = Pickup | Dropoff | NonIntegrated


class NumberedPackage(msgspec.Struct, frozen=True):
    """A package and the tracking number of the carrier that the shop chose."""

    package_number: str
    tracking_number: str


class OrderOrPackage(msgspec.Struct, frozen=True, omit_defaults=True):
    """An order, or one package of a split one."""

    order_sn: str
    package_number: str | None = None


class Logistics(Area):
    """A shop's shipping. Besides what a method names, all raise what `Caller.ask` raises."""

    async def get_shipping_parameter(self, order_sn: str, *, package_number: str | None = None) -> ShippingParameter:
        """What `ship_order` wants to know: the ways there are, addresses, time slots and branches."""
        query = _order_query(order_sn, package_number)
        return await self._get("/api/v2/logistics/get_shipping_parameter", ShippingParameter, query)

    async def ship_order(self, order_sn: str, shipping: Shipping, *, package_number: str | None = None) -> Done:
        """Arrange the shipment. A tracking number may come minutes later (`get_tracking_number`, push 4).

        Raises:
            RemoteRejected: not in this way, or not at this time. OutcomeUnknown: read the package's state first.
        """
        body = {**_order_body(order_sn, package_number), **_way(shipping)}
        return await self._write("/api/v2/logistics/ship_order", Done, body)

    async def batch_ship_order(self, orders: Sequence[OrderOrPackage], shipping: Shipping) -> BatchResults:
        """Arrange at most 50 shipments in one way; each one's result is told."""
        body = {"order_list": check_orders(orders), **_way(shipping)}
        return await self._write("/api/v2/logistics/batch_ship_order", BatchResults, body)

    async def mass_ship_order(
        self,
        package_numbers: Sequence[str],
        shipping: Pickup | Dropoff | Sequence[NumberedPackage],
        *,
        logistics_channel_id: int | None = None,
        product_location_id: str | None = None,
    ) -> MassResults:
        """Arrange at most 50 packages of one channel; a list of tracking numbers means carriers of one's own."""
        body: dict[str, Any] = _packages_body(package_numbers, logistics_channel_id, product_location_id)
        if isinstance(shipping, Pickup | Dropoff):
            body |= _way(shipping)
        else:
            body["non_integrated"] = {"tracking_number": list(shipping)}
        return await self._write("/api/v2/logistics/mass_ship_order", MassResults, body)

    async def get_mass_shipping_parameter(
        self,
        package_numbers: Sequence[str],
        *,
        logistics_channel_id: int | None = None,
        product_location_id: str | None = None,
    ) -> MassShippingParameter:
        """What `mass_ship_order` wants to know of these packages."""
        body = _packages_body(package_numbers, logistics_channel_id, product_location_id)
        return await self._read("/api/v2/logistics/get_mass_shipping_parameter", MassShippingParameter, body)

    async def update_shipping_order(
        self, order_sn: str, *, address_id: int, pickup_time_id: str, package_number: str | None = None
    ) -> Done:
        """Let the carrier come to another address or at another time."""
        pickup = Pickup(address_id, pickup_time_id)
        body = {**_order_body(order_sn, package_number), "pickup": pickup}
        return await self._write("/api/v2/logistics/update_shipping_order", Done, body)

    async def get_tracking_number(
        self,
        order_sn: str,
        *,
        package_number: str | None = None,
        response_optional_fields: Sequence[str] = TRACKING_FIELDS,
    ) -> TrackingNumber:
        """The tracking number; empty until the carrier has given one: ask again in five minutes."""
        query = [
            *_order_query(order_sn, package_number),
            *write_query(response_optional_fields=response_optional_fields or None),
        ]
        return await self._get("/api/v2/logistics/get_tracking_number", TrackingNumber, query)

    async def get_mass_tracking_number(
        self, package_numbers: Sequence[str], *, response_optional_fields: Sequence[str] = TRACKING_FIELDS
    ) -> MassTrackingNumber:
        """The tracking numbers of at most 50 packages."""
        body = {
            **_packages_body(package_numbers, None, None),
            "response_optional_fields": ",".join(response_optional_fields) or None,
        }
        return await self._read("/api/v2/logistics/get_mass_tracking_number", MassTrackingNumber, body)

    async def get_tracking_info(self, order_sn: str, *, package_number: str | None = None) -> TrackingInfo:
        """Where the parcel has been."""
        query = _order_query(order_sn, package_number)
        return await self._get("/api/v2/logistics/get_tracking_info", TrackingInfo, query)

    async def get_address_list(self) -> AddressList:
        """The shop's addresses."""
        return await self._get("/api/v2/logistics/get_address_list", AddressList)

    async def get_channel_list(self) -> ChannelList:
        """The ways to ship that the shop's market has, and which of them are switched on."""
        return await self._get("/api/v2/logistics/get_channel_list", ChannelList)


def check_orders(orders: Sequence[OrderOrPackage], most: int = MOST_SHIPPED) -> list[OrderOrPackage]:
    """Pass between 1 and ``most`` orders or packages."""
    check_count(orders, most, "order_list")
    for one in orders:
        check_number(one.order_sn, "order_sn")
        if one.package_number is not None:
            check_number(one.package_number, "package_number")
    return list(orders)


def _way(shipping: Shipping) -> dict[str, Shipping]:
    """Name exactly one way: two are refused, and so is none (contract §5.2)."""
    if isinstance(shipping, Pickup):
        return {"pickup": shipping}
    if isinstance(shipping, Dropoff):
        return {"dropoff": shipping}
    return {"non_integrated": shipping}


def _order_query(order_sn: str, package_number: str | None) -> list[tuple[str, str]]:
    return write_query(**_order_body(order_sn, package_number))


def _order_body(order_sn: str, package_number: str | None) -> dict[str, str]:
    """Leave the package out rather than send an empty one (contract §5.2)."""
    body = {"order_sn": check_number(order_sn, "order_sn")}
    if package_number is not None:
        body["package_number"] = check_number(package_number, "package_number")
    return body


def _packages_body(
    package_numbers: Sequence[str], logistics_channel_id: int | None, product_location_id: str | None
) -> dict[str, Any]:
    numbers = check_numbers(package_numbers, "package_list", MOST_SHIPPED)
    if product_location_id == "":
        raise Invalid("A location has an id, or is left out.", field="product_location_id")
    return {
        "logistics_channel_id": logistics_channel_id,
        "product_location_id": product_location_id,
        "package_list": [{"package_number": number} for number in numbers],
    }
