"""Writes a file of pre-signed pushes as ready-to-send HTTP requests, so that signing costs nothing while measuring."""

from __future__ import annotations

import hashlib
import hmac
import struct
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from pathlib import Path

WEBHOOK_PATH = "/connectors/shopee/webhook/"
UNKNOWN_SHOP = 226001199
_PUSHES_PER_SECOND = 2000  # about as fast as they will be sent: a marketplace stamps each push when it sends it
_BODY = (
    '{"data":{"items":[],"ordersn":"%s","status":"READY_TO_SHIP","completed_scenario":"","update_time":%d},'
    '"shop_id":%d,"code":3,"timestamp":%d}'
)
_LENGTH = struct.Struct("!I")


@dataclass(frozen=True, slots=True)
class Target:
    """Whom pushes are signed for: the receiver's public URL, the environment and its push key, and the shop in them."""

    base_url: str
    environment: str
    push_key: str
    shop_id: int = UNKNOWN_SHOP

    @property
    def callback_url(self) -> str:
        """The URL the signature covers, and the requests go to."""
        return self.base_url + WEBHOOK_PATH + self.environment


def invented_orders(count: int, *, prefix: str = "2608") -> Iterator[str]:
    """Yield order numbers that are used once and that no marketplace knows."""
    return (f"{prefix}{number:010X}" for number in range(count))


def write_requests(path: Path, target: Target, order_sns: Iterable[str]) -> None:
    """Write one request per order number, each preceded by its length in four bytes; their clock goes on as sent."""
    key = hmac.new(target.push_key.encode(), digestmod=hashlib.sha256)
    now = int(time.time())
    with path.open("wb") as sink:
        for number, order_sn in enumerate(order_sns):
            pushed_at = now + number // _PUSHES_PER_SECOND
            body = (_BODY % (order_sn, pushed_at, target.shop_id, pushed_at)).encode()
            request = _request(target.callback_url, key, body)
            sink.write(_LENGTH.pack(len(request)) + request)


def _request(callback_url: str, key: hmac.HMAC, body: bytes) -> bytes:
    signature = key.copy()
    signature.update(callback_url.encode() + b"|" + body)
    parts = urlsplit(callback_url)
    head = (
        f"POST {parts.path} HTTP/1.1\r\nHost: {parts.netloc}\r\nUser-Agent: bench\r\n"
        f"Content-Type: application/json\r\nAuthorization: {signature.hexdigest()}\r\n"
        f"Content-Length: {len(body)}\r\n\r\n"
    )
    return head.encode() + body


def read_requests(path: Path, *, skip: int, count: int) -> list[bytes]:
    """Read `count` requests after the first `skip`; ValueError if the file holds fewer."""
    requests = list(_slice(path, skip, skip + count))
    if len(requests) < count:
        message = f"{path} holds no {count} requests after {skip}"
        raise ValueError(message)
    return requests


def _slice(path: Path, start: int, stop: int) -> Iterator[bytes]:
    with path.open("rb") as source:
        for number in range(stop):
            length = source.read(_LENGTH.size)
            if not length:
                return
            request = source.read(*_LENGTH.unpack(length))
            if number >= start:
                yield request
