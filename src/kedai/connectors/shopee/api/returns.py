"""Calls about returns, their negotiation, disputes and proofs (contract §5.6). The sandbox of SG has none of them."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from datetime import datetime
from decimal import Decimal

import msgspec

from kedai.connectors.shopee.api.caller import Area, Call
from kedai.connectors.shopee.api.checks import LARGEST_PAGE, check_number, check_page_size, check_window
from kedai.connectors.shopee.api.multipart import write_form
from kedai.connectors.shopee.api.paging import after_page, split_window, walk
from kedai.connectors.shopee.api.query import Query, write_query
from kedai.connectors.shopee.api.reading import Done
from kedai.connectors.shopee.api.return_shapes import (
    ConvertedImage,
    DisputeReasons,
    Proof,
    Return,
    ReturnCarriers,
    ReturnChanged,
    ReturnDetail,
    ReturnList,
    ReverseTracking,
    Solutions,
)
from kedai.connectors.shopee.api.words import (
    CompensationStatus,
    NegotiationStatus,
    ReturnSolution,
    ReturnStatus,
    SellerProofStatus,
)
from kedai.errors import Invalid


class Evidence(msgspec.Struct, frozen=True):
    """Pictures for one of the proofs that a dispute wants; `get_return_dispute_reason` lists them."""

    module_index: int
    requirement: str
    image_url: tuple[str, ...]


class Photo(msgspec.Struct, frozen=True):
    """A picture that `convert_image` has taken in."""

    url: str
    thumbnail: str


class ReturnFilter(msgspec.Struct, frozen=True, kw_only=True):
    """Which returns are listed; what is None does not matter."""

    status: ReturnStatus | None = None
    negotiation_status: NegotiationStatus | None = None
    seller_proof_status: SellerProofStatus | None = None
    seller_compensation_status: CompensationStatus | None = None


class Returns(Area):
    """A shop's returns. Besides what a method names, all raise what `Caller.ask` raises."""

    async def get_return_list(
        self,
        *,
        created: tuple[datetime, datetime] | None = None,
        updated: tuple[datetime, datetime] | None = None,
        only: ReturnFilter | None = None,
        page_no: int = 0,
        page_size: int = LARGEST_PAGE,
    ) -> ReturnList:
        """One page of the returns created or changed in a window of at most 15 days; pages count from 0.

        Raises:
            Invalid: a window is one that Shopee refuses.
        """
        for name, window in (("create_time_to", created), ("update_time_to", updated)):
            if window is not None:
                check_window(*window, name)
        created_from, created_to = created or (None, None)
        updated_from, updated_to = updated or (None, None)
        query = write_query(
            page_no=page_no,
            page_size=check_page_size(page_size),
            create_time_from=created_from,
            create_time_to=created_to,
            update_time_from=updated_from,
            update_time_to=updated_to,
            **({} if only is None else msgspec.structs.asdict(only)),
        )
        return await self._get("/api/v2/returns/get_return_list", ReturnList, query)

    async def iter_returns(
        self, updated_from: datetime, updated_to: datetime, *, only: ReturnFilter | None = None
    ) -> AsyncIterator[Return]:
        """Every return changed in a span of any length, window by window; one on an edge may come twice."""
        for window in split_window(updated_from, updated_to):

            async def read(
                page_no: int, window: tuple[datetime, datetime] = window
            ) -> tuple[Sequence[Return], int | None]:
                page = await self.get_return_list(updated=window, only=only, page_no=page_no)
                return page.returns, after_page(page.more, page_no)

            async for row in walk(read, 0):
                yield row

    async def get_return_detail(self, return_sn: str) -> ReturnDetail:
        """A return with all that is known of it."""
        return await self._get("/api/v2/returns/get_return_detail", ReturnDetail, _query(return_sn))

    async def confirm(self, return_sn: str) -> ReturnChanged:
        """Accept the return as the buyer asked for it: the refund is paid, and nothing takes it back."""
        return await self._write("/api/v2/returns/confirm", ReturnChanged, _body(return_sn))

    async def get_available_solutions(self, return_sn: str) -> Solutions:
        """What can be offered to the buyer, and between which amounts."""
        return await self._get("/api/v2/returns/get_available_solutions", Solutions, _query(return_sn))

    async def offer(
        self, return_sn: str, proposed_solution: ReturnSolution, *, refund_amount: Decimal | None = None
    ) -> ReturnChanged:
        """Offer the buyer another solution."""
        body = {
            **_body(return_sn),
            "proposed_solution": proposed_solution,
            "proposed_adjusted_refund_amount": refund_amount,
        }
        return await self._write("/api/v2/returns/offer", ReturnChanged, body)

    async def accept_offer(self, return_sn: str) -> ReturnChanged:
        """Accept what the buyer offered."""
        return await self._write("/api/v2/returns/accept_offer", ReturnChanged, _body(return_sn))

    async def get_return_dispute_reason(self, return_sn: str) -> DisputeReasons:
        """Why this return can be disputed, and what each reason must be proven by."""
        return await self._get("/api/v2/returns/get_return_dispute_reason", DisputeReasons, _query(return_sn))

    async def dispute(
        self,
        return_sn: str,
        *,
        email: str,
        dispute_reason_id: int,
        images: Sequence[Evidence] = (),
        text: str | None = None,
    ) -> ReturnChanged:
        """Have Shopee decide."""
        body = {
            **_body(return_sn),
            "email": email,
            "dispute_reason_id": dispute_reason_id,
            "image_list": list(images) or None,
            "dispute_text_reason": text,
        }
        return await self._write("/api/v2/returns/dispute", ReturnChanged, body)

    async def cancel_dispute(self, return_sn: str, *, email: str) -> ReturnChanged:
        """Take a dispute back."""
        return await self._write("/api/v2/returns/cancel_dispute", ReturnChanged, {**_body(return_sn), "email": email})

    async def convert_image(self, return_sn: str, content: bytes, *, file_name: str = "image.jpg") -> ConvertedImage:
        """Upload a picture to be used as a proof; uploading it twice does no harm.

        Raises:
            Invalid: it is empty, or its name cannot be sent.
        """
        form = write_form(_body(return_sn), file_field="upload_image", file_name=file_name, content=content)
        call = Call("POST", "/api/v2/returns/convert_image", upload=form)
        return await self._caller.ask(call, ConvertedImage, self._bearer)

    async def upload_proof(
        self, return_sn: str, photos: Sequence[Photo] = (), *, description: str | None = None
    ) -> Done:
        """Prove the seller's side with pictures that `convert_image` has taken in, or in words."""
        if not photos and not description:
            raise Invalid("A proof has pictures or words.", field="photo")
        body = {**_body(return_sn), "photo": list(photos) or None, "description": description}
        return await self._write("/api/v2/returns/upload_proof", Done, body)

    async def query_proof(self, return_sn: str) -> Proof:
        """What the seller has proven."""
        return await self._get("/api/v2/returns/query_proof", Proof, _query(return_sn))

    async def get_shipping_carrier(self, return_sn: str) -> ReturnCarriers:
        """By whom the goods can be sent back, and what must be proven."""
        return await self._get("/api/v2/returns/get_shipping_carrier", ReturnCarriers, _query(return_sn))

    async def upload_shipping_proof(
        self,
        return_sn: str,
        reverse_logistics_carrier_id: int,
        *,
        carrier_name: str | None = None,
        tracking_number: str | None = None,
        image_ids: Sequence[str] = (),
        remarks: str | None = None,
    ) -> Done:
        """Prove that the goods were sent back."""
        body = {
            **_body(return_sn),
            "reverse_logistics_carrier_id": reverse_logistics_carrier_id,
            "reverse_logistics_carrier_name": carrier_name,
            "tracking_number": tracking_number,
            "image_id_list": [{"image_id": image_id} for image_id in image_ids] or None,
            "remarks": remarks,
        }
        return await self._write("/api/v2/returns/upload_shipping_proof", Done, body)

    async def get_reverse_tracking_info(self, return_sn: str) -> ReverseTracking:
        """Where the returned parcel has been."""
        return await self._get("/api/v2/returns/get_reverse_tracking_info", ReverseTracking, _query(return_sn))


def _query(return_sn: str) -> Query:
    return write_query(return_sn=check_number(return_sn, "return_sn"))


def _body(return_sn: str) -> dict[str, str]:
    return {"return_sn": check_number(return_sn, "return_sn")}
