"""The composition root: real parts wired once; tests hand in substitutes by name."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

import structlog
from pydantic import ValidationError

from kedai.audit import service as audit
from kedai.calls import rates
from kedai.calls import service as calls
from kedai.calls.buffer import CallBuffer
from kedai.catalog import service as catalog
from kedai.connector_exceptions import service as connector_exceptions
from kedai.connectors.base import Connector, Http
from kedai.connectors.http import HttpClient
from kedai.connectors.registry import CONNECTORS
from kedai.coverage import service as coverage
from kedai.db.database import Database, refuse_open_transaction
from kedai.db.storage import StorageWatch
from kedai.db.write_lock import FairLock
from kedai.errors import Invalid, SettingsInvalid
from kedai.inbox import service as inbox
from kedai.kit import crash
from kedai.kit.clock import Clock, SystemClock
from kedai.kit.crypto import derive_v1_key
from kedai.notifications import service as notifications
from kedai.orders import service as orders
from kedai.runs import service as runs
from kedai.settings import Settings, ShopeeSeed
from kedai.staff import service as staff
from kedai.sync.pacing import open_pacing
from kedai.sync.parts import Parts
from kedai.sync.quarantine import open_quarantine
from kedai.values.call import CallRecord
from kedai.values.environment import ConnectorName
from kedai.vault import service as vault
from kedai.vault.keys import EMBEDDED_KEY_FILE, create_key_file, load_master_keys
from kedai.vault.ring import KeyRing, create_installation, has_canary, register_keys

FEATURES = (
    *(audit, calls, catalog, connector_exceptions, coverage, inbox, notifications, orders, rates, runs, staff, vault),
)
"""Every feature's service: naming them here registers every table."""

log = structlog.get_logger("runtime")


@dataclass(slots=True)
class Runtime:
    """An open installation. Each role has connections of its own, so that none can starve another."""

    settings: Settings
    clock: Clock
    ring: KeyRing
    connectors: Mapping[ConnectorName, Connector]
    parts: Parts
    worker_parts: Parts
    intake_parts: Parts
    calls: CallBuffer
    storage: StorageWatch
    closers: list[Database] = field(default_factory=list)

    @property
    def web_db(self) -> Database:
        return self.parts.database

    def close(self) -> None:
        """Write what is left of the call log, and give all database connections back."""
        self.calls.close()
        for database in self.closers:
            database.close()


def open_runtime(
    settings: Settings,
    *,
    may_create_key: bool = False,
    clock: Clock | None = None,
    http: Http | None = None,
    connectors: Mapping[ConnectorName, Connector] | None = None,
    seeds: Mapping[ConnectorName, Mapping[str, str]] | None = None,
) -> Runtime:
    """Open the database (which must be at head), fit the key ring to it, recognise a copy, and seed a first boot.

    ``may_create_key`` is for `serve` on embedded SQLite only.

    Raises:
        SettingsInvalid: key material is missing or unusable. StorageUnavailable: the database cannot be opened.
    """
    crash.arm(settings.crash_at)
    clock = clock or SystemClock()
    url = settings.resolved_database_url
    lock = FairLock() if settings.embedded else None
    storage = StorageWatch(clock.now)
    web = Database(url, pool_size=16, write_lock=lock, statement_timeout_ms=20_000, storage=storage)
    worker = Database(url, pool_size=10, write_lock=lock, statement_timeout_ms=60_000, storage=storage)
    intake = Database(url, pool_size=3, write_lock=lock, statement_timeout_ms=5_000, storage=storage)
    buffer = CallBuffer(worker)
    known = CONNECTORS if connectors is None else connectors
    try:
        ring = open_ring(settings, web, may_create_key=may_create_key, clock=clock)
        quarantine = open_quarantine(settings, web, clock)
        pacing = open_pacing(web, settings.pace, clock)
        parts = Parts(settings, clock, ring, web, known, http or _http_client(clock, buffer), pacing, quarantine)
        seed_all(parts, seeds)
    except BaseException:
        for database in (web, worker, intake):
            database.close()
        raise
    return Runtime(
        settings=settings,
        clock=clock,
        ring=ring,
        connectors=known,
        parts=parts,
        worker_parts=replace(
            parts,
            database=worker,
            http=http or _http_client(clock, buffer),
            pacing=open_pacing(worker, settings.pace, clock),
        ),
        intake_parts=replace(parts, database=intake),
        calls=buffer,
        storage=storage,
        closers=[web, worker, intake],
    )


def _http_client(clock: Clock, buffer: CallBuffer) -> Http:
    """One per event loop: the web server's and the worker's."""

    def note(record: CallRecord) -> None:
        _log_call(record)
        buffer.add(record)

    return HttpClient(sink=note, before_call=refuse_open_transaction, clock=clock)


def open_ring(settings: Settings, database: Database, *, may_create_key: bool, clock: Clock) -> KeyRing:
    """The key ring, registered in a virgin database, or in the visible state of a missing or wrong key.

    Raises:
        SettingsInvalid: no key anywhere and none may be made, or the material is unusable.
    """
    keys = load_master_keys(settings)
    with database.read() as db:
        known = has_canary(db)
    if not keys and not known:
        keys = _first_key(settings, may_create_key=may_create_key)
    v1_key = None
    if settings.v1_secret is not None:
        v1_key = derive_v1_key(settings.v1_secret.get_secret_value(), settings.v1_salt, settings.v1_info)
    ring = KeyRing(keys, v1_key=v1_key, reload=lambda: load_master_keys(settings))
    with database.write() as db:
        if not known:
            register_keys(db, keys, now=clock.now())
        ring.check(db)
        if ring.trouble is None:
            create_installation(db, ring, now=clock.now())
    if ring.trouble is not None:
        log.error("the key ring does not fit this database", trouble=ring.trouble)
    return ring


def seed_all(parts: Parts, seeds: Mapping[ConnectorName, Mapping[str, str]] | None) -> None:
    """Make each connector's environment rows, if missing. Seed values count on the very first boot only."""
    if parts.ring.trouble is not None:
        return
    for name, connector in parts.connectors.items():
        given = _seed_values(name) if seeds is None else seeds.get(name, {})
        values = _usable_seeds(connector, given)
        with parts.database.write() as db:
            vault.seed(db, parts.ring, name, values, now=parts.clock.now())


def _first_key(settings: Settings, *, may_create_key: bool) -> dict[str, bytes]:
    if not (may_create_key and settings.embedded):
        raise SettingsInvalid("There is no master key: set KEDAI_MASTER_KEYS_FILE or KEDAI_MASTER_KEYS.")
    path = settings.data_dir / EMBEDDED_KEY_FILE
    keys = create_key_file(path)
    log.warning("a master key was made; keep a copy of it apart from the backups", file=str(path))
    return keys


def _seed_values(name: ConnectorName) -> dict[str, str]:
    if name != "shopee":
        return {}
    try:
        seed = ShopeeSeed()
    except ValidationError as error:
        log.warning("the SHOPEE_* seeds are not usable", fields=[str(one["loc"][0]) for one in error.errors()])
        return {}
    values: dict[str, Any] = seed.model_dump()
    return {key: one.get_secret_value() if hasattr(one, "get_secret_value") else one for key, one in values.items()}


def _usable_seeds(connector: Connector, values: Mapping[str, str]) -> dict[str, str]:
    """A bad value is logged by its name and left out: a seed is advice, never a reason not to start."""
    usable = {}
    for name, value in values.items():
        if not value.strip():
            continue
        try:
            usable[name] = connector.validate_field(name, value)
        except Invalid:
            log.warning("a seed value is not valid and was left out", field=f"{connector.name}_{name}".upper())
    return usable


def _log_call(record: CallRecord) -> None:
    log.debug(
        "outgoing call",
        connector=record.connector,
        environment=record.environment,
        shop_id=record.shop_id,
        method=record.method,
        path=record.path,
        status=record.status,
        error=record.code,
        request_id=record.request_id,
        ms=round(record.milliseconds, 1),
    )
