"""Shipping documents: which kinds there are, making them, asking whether they are ready, fetching them (§5.2)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from kedai.connectors.shopee.api.caller import Area, Call, encode
from kedai.connectors.shopee.api.logistics import OrderOrPackage, check_orders
from kedai.connectors.shopee.api.logistics_shapes import BatchResults, DocumentParameters, DocumentResults
from kedai.connectors.shopee.api.words import DocumentType


class DocumentOrder(OrderOrPackage, frozen=True, omit_defaults=True, kw_only=True):
    """An order or package whose document is made or asked for; the number is only wanted when making it."""

    tracking_number: str | None = None
    shipping_document_type: DocumentType | None = None


class FileKind(StrEnum):
    """What a file is, told by its first bytes."""

    PDF = "pdf"
    ZIP = "zip"
    HTML = "html"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True)
class ShippingDocument:
    """A document as it came, ready to be printed or stored."""

    content: bytes
    kind: FileKind


class Documents(Area):
    """A shop's shipping documents. Besides what a method names, all raise what `Caller.ask` raises."""

    async def get_shipping_document_parameter(self, orders: Sequence[OrderOrPackage]) -> DocumentParameters:
        """Which kinds of document each of at most 50 orders can have, and which one Shopee suggests."""
        path = "/api/v2/logistics/get_shipping_document_parameter"
        return await self._read(path, DocumentParameters, {"order_list": check_orders(orders)})

    async def create_shipping_document(self, orders: Sequence[DocumentOrder]) -> BatchResults:
        """Have the documents of at most 50 orders made; most channels want the tracking numbers.

        Making the same document twice changes nothing, but it is a write all the same: ask for the result first.
        """
        path = "/api/v2/logistics/create_shipping_document"
        return await self._write(path, BatchResults, {"order_list": check_orders(orders)})

    async def get_shipping_document_result(self, orders: Sequence[DocumentOrder]) -> DocumentResults:
        """Whether the documents can be fetched; ask again, or wait for push 15."""
        path = "/api/v2/logistics/get_shipping_document_result"
        return await self._read(path, DocumentResults, {"order_list": check_orders(orders)})

    async def download_shipping_document(
        self, orders: Sequence[OrderOrPackage], *, shipping_document_type: DocumentType | None = None
    ) -> ShippingDocument:
        """Fetch one file with the documents of at most 50 orders; any number of times.

        Raises:
            RemoteRejected: not made yet, or not together. RemoteUnreadable: success, but no file.
        """
        body = {
            "shipping_document_type": shipping_document_type,
            "order_list": [OrderOrPackage(one.order_sn, one.package_number) for one in check_orders(orders)],
        }
        call = Call("POST", "/api/v2/logistics/download_shipping_document", json=encode(body))
        answer = await self._caller.fetch(call, self._bearer)
        return ShippingDocument(answer.body, tell_kind(answer.body))


def tell_kind(content: bytes) -> FileKind:
    """What a file is by its first bytes: the declared content type is not to be relied on (contract §5.2)."""
    start = content[:_MAGIC_LENGTH].lstrip()
    return next((kind for magic, kind in _MAGIC if start.startswith(magic)), FileKind.UNKNOWN)


_MAGIC_LENGTH: Final = 64
_MAGIC: Final = ((b"%PDF-", FileKind.PDF), (b"PK\x03\x04", FileKind.ZIP), (b"<", FileKind.HTML))
