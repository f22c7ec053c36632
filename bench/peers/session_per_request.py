"""The ordinary FastAPI receiver: one SQLAlchemy session per request, committed before the answer.

What it must know about the environment it reads through that session, as such programs do.
"""

from __future__ import annotations

import hashlib
import hmac
import json
import os
import time
import uuid
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Annotated, Any

import prometheus_client
import structlog
import uvicorn
from fastapi import Depends, FastAPI, Header, Request, Response
from sqlalchemy import ForeignKeyConstraint, create_engine, text
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import DeclarativeBase, Mapped, Session, mapped_column, sessionmaker

PUBLIC_URL = os.environ["PUBLIC_URL"]
engine = create_engine(
    os.environ["DATABASE_URL"], pool_size=int(os.environ.get("POOL_SIZE", "20")), max_overflow=0, pool_timeout=30
)
make_session = sessionmaker(engine, expire_on_commit=False)
requests_total = prometheus_client.Counter("http_requests", "Requests answered", ["method", "status"])
structlog.configure(
    processors=[structlog.processors.TimeStamper(fmt="iso"), structlog.processors.JSONRenderer()],
    logger_factory=structlog.WriteLoggerFactory(),
    cache_logger_on_first_use=True,
)
log = structlog.get_logger()
app = FastAPI(openapi_url=None)


class Model(DeclarativeBase):
    """Base of the two tables of schema.sql."""


class EnvironmentCredentials(Model):
    """The push key of an environment, and whether the environment is the active one."""

    __tablename__ = "environment_credentials"
    connector: Mapped[str] = mapped_column(primary_key=True)
    environment: Mapped[str] = mapped_column(primary_key=True)
    push_key: Mapped[str]
    is_active: Mapped[bool]


class RawEvent(Model):
    """A verified push."""

    __tablename__ = "raw_event"
    __table_args__ = (
        ForeignKeyConstraint(
            ["connector", "environment"], ["environment_credentials.connector", "environment_credentials.environment"]
        ),
    )
    id: Mapped[uuid.UUID] = mapped_column(primary_key=True)
    connector: Mapped[str]
    environment: Mapped[str]
    event_id: Mapped[bytes]
    body: Mapped[bytes]
    headers: Mapped[str]
    code: Mapped[int | None]
    shop_id: Mapped[str | None]
    order_sn: Mapped[str | None]
    pushed_at: Mapped[datetime | None]
    received_at: Mapped[datetime]
    state: Mapped[str]


def open_session() -> Iterator[Session]:
    """Give a route its session; the route commits."""
    with make_session() as session:
        yield session


async def raw_body(request: Request) -> bytes:
    """Read the exact bytes, which only a coroutine can."""
    return await request.body()


Db = Annotated[Session, Depends(open_session)]


@app.get("/readyz")
def ready(db: Db) -> Response:
    """Answer once the database does."""
    db.execute(text("select 1"))
    return Response(status_code=200)


@app.get("/metrics")
def metrics() -> Response:
    """Expose the counters."""
    return Response(prometheus_client.generate_latest(), media_type="text/plain")


@app.post("/connectors/shopee/webhook/{environment}")
def receive_push(
    environment: str,
    request: Request,
    body: Annotated[bytes, Depends(raw_body)],
    db: Db,
    authorization: Annotated[str, Header()] = "",
) -> Response:
    """Verify, store, commit, answer with an empty body."""
    started = time.perf_counter()
    request_id = str(uuid.uuid4())
    status = _store(db, environment, authorization, request, body)
    requests_total.labels(request.method, str(status)).inc()
    milliseconds = (time.perf_counter() - started) * 1000
    path = request.url.path
    log.info("access", request_id=request_id, method=request.method, path=path, status=status, ms=milliseconds)
    return Response(status_code=status, headers={"X-Request-Id": request_id})


def _store(db: Session, environment: str, authorization: str, request: Request, body: bytes) -> int:
    credentials = db.get(EnvironmentCredentials, ("shopee", environment))
    if credentials is None:
        return 404
    signed = (PUBLIC_URL + request.url.path).encode() + b"|" + body
    expected = hmac.new(credentials.push_key.encode(), signed, hashlib.sha256).hexdigest()
    if not hmac.compare_digest(expected, authorization):
        return 401
    state = "received" if credentials.is_active else "parked"
    values = {**_read(body), "environment": environment, "body": body, "headers": _redacted(request), "state": state}
    # Insert-or-ignore has no ORM form of its own: this is the ORM's documented upsert.
    db.execute(insert(RawEvent).values(**values).on_conflict_do_nothing())
    db.commit()
    return 200


def _read(body: bytes) -> dict[str, Any]:
    push = json.loads(body)
    timestamp = push.get("timestamp", 0)
    return {
        "id": uuid.uuid4(),
        "connector": "shopee",
        "event_id": timestamp.to_bytes(4, "big") + hashlib.sha256(body).digest()[:28],
        "code": push.get("code"),
        "shop_id": str(push["shop_id"]) if "shop_id" in push else None,
        "order_sn": push.get("data", {}).get("ordersn"),
        "pushed_at": datetime.fromtimestamp(timestamp, UTC) if timestamp else None,
        "received_at": datetime.now(UTC),
    }


def _redacted(request: Request) -> str:
    return json.dumps({name: value for name, value in request.headers.items() if name != "authorization"})


if __name__ == "__main__":
    uvicorn.run(app, host="127.0.0.1", port=int(os.environ["PORT"]), access_log=False, log_level="warning")
