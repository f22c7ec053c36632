"""Transactions: `read` and `write` blocks that give a session, commit at the end, and fail as our own errors.

One block is one transaction. Services never commit; whoever opens the block does, by leaving it.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from contextvars import ContextVar
from typing import TypeVar

from sqlalchemy.engine import Connection, Engine
from sqlalchemy.exc import DBAPIError, InterfaceError, OperationalError
from sqlalchemy.exc import TimeoutError as PoolTimeout
from sqlalchemy.orm import Session

from kedai.db.engine import RESTED_SECONDS, make_engine
from kedai.db.storage import StorageWatch, refusal_of
from kedai.db.write_lock import FairLock
from kedai.errors import StorageUnavailable
from kedai.kit.clock import monotonic
from kedai.values.wording import N_

T = TypeVar("T")
_WRITE_LOCK_SECONDS = 5.0
_SHARED_SECONDS = 1.0
_RETRY_PAUSE_SECONDS = 0.05
_RETRIED_SQLSTATES = {"40001", "40P01"}  # serialisation failure, deadlock
_open_transaction: ContextVar[bool] = ContextVar("kedai_open_transaction", default=False)


class Database:
    """One role's connections (web, worker or intake) to one database.

    On SQLite every role of the process shares one `FairLock`; on PostgreSQL a role has a pool of its own, so that slow
    pages never starve the intake.
    """

    def __init__(
        self,
        url: str,
        *,
        pool_size: int = 5,
        write_lock: FairLock | None = None,
        statement_timeout_ms: int = 0,
        storage: StorageWatch | None = None,
    ) -> None:
        self.url = url
        self._storage = storage
        self.is_sqlite = url.startswith("sqlite")
        self._lock = write_lock if write_lock is not None else (FairLock() if self.is_sqlite else None)
        self.write_engine = make_engine(
            url, pool_size=1 if self.is_sqlite else pool_size, statement_timeout_ms=statement_timeout_ms
        )
        self.read_engine = (
            make_engine(url, pool_size=pool_size, read_only=True) if self.is_sqlite else self.write_engine
        )
        if storage is not None:
            storage.attend(self.write_engine)
        self._statement_engine = (
            self.write_engine if self.is_sqlite else self.write_engine.execution_options(isolation_level="AUTOCOMMIT")
        )

    @contextmanager
    def read(self) -> Iterator[Session]:
        """A read-only transaction."""
        engine = self.read_engine
        if not self.is_sqlite:
            engine = engine.execution_options(postgresql_readonly=True)
        with _translated(), _marked(), Session(engine, expire_on_commit=False) as session:
            yield session

    @contextmanager
    def write(self, *, first: bool = False) -> Iterator[Session]:
        """A writing transaction, committed when the block ends well; ``first`` lets the intake pass those who wait."""
        with (
            _translated(self._storage),
            self._locked(first=first),
            _marked(),
            Session(self.write_engine, expire_on_commit=False) as session,
            session.begin(),
        ):
            yield session

    @contextmanager
    def connect(self, *, first: bool = False) -> Iterator[Connection]:
        """A plain connection for the few static hot statements, each of them a transaction of its own."""
        with self.keep() as kept, kept.use(first=first) as connection:
            yield connection

    @contextmanager
    def keep(self) -> Iterator[KeptConnection]:
        """A connection of `connect`'s kind for one thread that comes again and again."""
        kept = KeptConnection(self._statement_engine, self._locked, self._storage)
        try:
            yield kept
        finally:
            kept.close()

    def is_shared_with_intake(self) -> bool:
        """Whether the intake wrote just now, and waits for every other writer: on SQLite alone, which has one."""
        return self._lock is not None and self._lock.has_served_first(within=_SHARED_SECONDS)

    def transact(self, work: Callable[[Session], T]) -> T:
        """Run ``work`` in a writing transaction; a deadlock or serialisation failure is retried once, a moment later.

        At once it could lock first again what the other one waits for, and both would stand as before.
        """
        try:
            with self.write() as db:
                return work(db)
        except DBAPIError as error:
            if getattr(error.orig, "sqlstate", None) not in _RETRIED_SQLSTATES:
                raise
        time.sleep(_RETRY_PAUSE_SECONDS)
        with self.write() as db:
            return work(db)

    def close(self) -> None:
        self.write_engine.dispose()
        self.read_engine.dispose()

    @contextmanager
    def _locked(self, *, first: bool) -> Iterator[None]:
        if self._lock is None:
            yield
            return
        with self._lock.hold(first=first, timeout=_WRITE_LOCK_SECONDS):
            yield


class KeptConnection:
    """Taking a connection from the pool for each flush costs as much as the flush's statement: this one is kept.

    After a failure it goes back to the pool, which hands out only what still lives; after a rest it is asked first, as
    the pool would. `BEGIN` and `COMMIT` are left out: on PostgreSQL each is a round trip, on SQLite each gives the
    interpreter away. (What SQLAlchemy itself executes on SQLite begins a transaction; it ends with the block.)
    """

    def __init__(
        self, engine: Engine, locked: Callable[..., AbstractContextManager[None]], storage: StorageWatch | None
    ) -> None:
        self._engine = engine
        self._locked = locked
        self._storage = storage
        self._connection: Connection | None = None
        self._used_at = 0.0

    @contextmanager
    def use(self, *, first: bool = False) -> Iterator[Connection]:
        """The connection, alone."""
        with _translated(self._storage), self._locked(first=first), _marked():
            if monotonic() - self._used_at > RESTED_SECONDS:
                self._drop_dead()
            self._connection = self._connection or self._engine.connect()
            try:
                yield self._connection
                if self._connection.in_transaction():
                    self._connection.commit()
                if self._storage is not None:
                    self._storage.note_commit(self._connection.info)
            except BaseException:
                self.close()
                raise
            self._used_at = monotonic()

    def _drop_dead(self) -> None:
        raw = None if self._connection is None else self._connection.connection.dbapi_connection
        if self._connection is None or raw is None:
            return
        try:
            self._engine.dialect.do_ping(raw)
        except Exception:  # noqa: BLE001  whatever a cut connection answers, it is of no more use
            self._connection.invalidate()
            self.close()

    def close(self) -> None:
        """Give the connection back."""
        if self._connection is not None:
            self._connection.close()
            self._connection = None


def refuse_open_transaction() -> None:
    """The fuse before every outgoing call: no transaction stays open while we wait for the network."""
    if _open_transaction.get():
        raise RuntimeError("an outgoing call inside an open transaction")


def dialect_of(db: Session | Connection) -> str:
    """`postgresql` or `sqlite`."""
    bind = db.get_bind() if isinstance(db, Session) else db
    return bind.dialect.name


@contextmanager
def _marked() -> Iterator[None]:
    _open_transaction.set(True)
    try:
        yield
    finally:
        _open_transaction.set(False)  # no token: the framework may leave the block in another context


@contextmanager
def _translated(storage: StorageWatch | None = None) -> Iterator[None]:
    """``storage`` is told what a writing transaction met."""
    try:
        yield
    except PoolTimeout as error:
        raise StorageUnavailable(N_("All database connections are busy."), retry_after=2) from error
    except DBAPIError as error:
        if storage is not None:
            storage.note_refusal(error)
        is_refused = storage is not None and refusal_of(error) is not None
        if not is_refused and not isinstance(error, (OperationalError, InterfaceError)):
            raise
        if getattr(error.orig, "sqlstate", None) in _RETRIED_SQLSTATES:
            raise
        raise StorageUnavailable from error
