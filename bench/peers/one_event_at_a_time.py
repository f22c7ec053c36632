"""The ordinary worker: one event, one call, one SQLAlchemy session, committed before the next event is taken.

It keeps of an order what Kedai keeps, and its connection to the marketplace open; it works until nothing waits.
"""

from __future__ import annotations

import argparse
import hashlib
import hmac
import json
import os
import time
from typing import TYPE_CHECKING, Any

import httpx
from sqlalchemy import ForeignKey, Text, create_engine, event, select
from sqlalchemy.orm import DeclarativeBase, Mapped, Session, mapped_column, relationship

if TYPE_CHECKING:
    from collections.abc import Iterable

    from sqlalchemy.engine import Engine

EXCHANGE_PATH = "/api/v2/auth/token/get"
DETAIL_PATH = "/api/v2/order/get_order_detail"
FIELDS = "item_list,package_list,recipient_address,total_amount,buyer_username,pay_time,payment_method"


class Model(DeclarativeBase):
    """Base of the peer's three tables."""


class Event(Model):
    """A push that waits, or was worked on."""

    __tablename__ = "peer_event"
    id: Mapped[int] = mapped_column(primary_key=True)
    order_sn: Mapped[str]
    state: Mapped[str] = mapped_column(index=True)


class Order(Model):
    """An order as the marketplace told it last, with its answer."""

    __tablename__ = "peer_order"
    order_sn: Mapped[str] = mapped_column(primary_key=True)
    status: Mapped[str]
    currency: Mapped[str]
    total_amount: Mapped[str]
    buyer_username: Mapped[str]
    update_time: Mapped[int]
    answer: Mapped[str] = mapped_column(Text)
    items: Mapped[list[Item]] = relationship(cascade="all, delete-orphan")


class Item(Model):
    """A line of an order."""

    __tablename__ = "peer_item"
    order_sn: Mapped[str] = mapped_column(ForeignKey("peer_order.order_sn"), primary_key=True)
    line: Mapped[int] = mapped_column(primary_key=True)
    item_id: Mapped[str]
    model_id: Mapped[str]
    name: Mapped[str]
    sku: Mapped[str]
    quantity: Mapped[int]


class Shopee:
    """A signed call at a time over one connection."""

    def __init__(self, base_url: str, partner_id: str, partner_key: str, shop_id: str) -> None:
        """Keep whom to call as."""
        self.client = httpx.Client(base_url=base_url, trust_env=False)
        self.partner_id, self.partner_key, self.shop_id = partner_id, partner_key, shop_id
        self.access_token = ""

    def exchange(self, code: str) -> None:
        """Exchange the consent's code for the access token."""
        body = {"code": code, "partner_id": int(self.partner_id), "shop_id": int(self.shop_id)}
        answer = self.client.post(EXCHANGE_PATH, params=self._signed(EXCHANGE_PATH), json=body)
        self.access_token = answer.raise_for_status().json()["access_token"]

    def read_order(self, order_sn: str) -> dict[str, Any]:
        """Read one order."""
        query = self._signed(DETAIL_PATH, self.access_token, self.shop_id)
        query |= {"access_token": self.access_token, "shop_id": self.shop_id}
        query |= {"order_sn_list": order_sn, "response_optional_fields": FIELDS}
        answer = self.client.get(DETAIL_PATH, params=query).raise_for_status().json()
        found: dict[str, Any] = answer["response"]["order_list"][0]
        return found

    def _signed(self, path: str, *parts: str) -> dict[str, str]:
        now = str(int(time.time()))
        base = "".join((self.partner_id, path, now, *parts))
        sign = hmac.new(self.partner_key.encode(), base.encode(), hashlib.sha256).hexdigest()
        return {"partner_id": self.partner_id, "timestamp": now, "sign": sign}


def open_engine(url: str) -> Engine:
    """Return an engine with its tables; SQLite writes ahead and syncs each commit, as Kedai's does."""
    engine = create_engine(url)
    if engine.dialect.name == "sqlite":

        @event.listens_for(engine, "connect")
        def _durable(connection: Any, _record: Any) -> None:
            connection.execute("PRAGMA journal_mode=WAL")
            connection.execute("PRAGMA synchronous=FULL")

    Model.metadata.create_all(engine)
    return engine


def pile_up(engine: Engine, order_sns: Iterable[str]) -> None:
    """Let an event of each order wait."""
    with Session(engine) as db:
        db.add_all(Event(order_sn=order_sn, state="received") for order_sn in order_sns)
        db.commit()


def work(engine: Engine, shopee: Shopee) -> int:
    """Work on all events that wait; return how many they were."""
    count = 0
    oldest = select(Event).where(Event.state == "received").order_by(Event.id).limit(1)
    while True:
        with Session(engine) as db:
            found = db.scalars(oldest.with_for_update(skip_locked=True)).first()
            if found is None:
                return count
            db.merge(_to_order(shopee.read_order(found.order_sn)))
            found.state = "applied"
            db.commit()
        count += 1


def _to_order(answer: dict[str, Any]) -> Order:
    items = [
        Item(
            line=line,
            item_id=str(item["item_id"]),
            model_id=str(item["model_id"]),
            name=item["item_name"],
            sku=item["model_sku"] or item["item_sku"],
            quantity=item["model_quantity_purchased"],
        )
        for line, item in enumerate(answer["item_list"], 1)
    ]
    return Order(
        order_sn=answer["order_sn"],
        status=answer["order_status"],
        currency=answer["currency"],
        total_amount=str(answer["total_amount"]),
        buyer_username=answer["buyer_username"],
        update_time=answer["update_time"],
        answer=json.dumps(answer),
        items=items,
    )


def main() -> None:
    """Work until nothing waits, then print how many events that were, and in how many seconds."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("code", help="of the shop's consent")
    code = parser.parse_args().code
    engine = open_engine(os.environ["DATABASE_URL"])
    shopee = Shopee(*(os.environ[name] for name in ("API_URL", "PARTNER_ID", "PARTNER_KEY", "SHOP_ID")))
    shopee.exchange(code)
    began = time.perf_counter()
    count = work(engine, shopee)
    print(json.dumps({"count": count, "seconds": time.perf_counter() - began}))


if __name__ == "__main__":
    main()
