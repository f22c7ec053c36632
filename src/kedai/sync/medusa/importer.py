"""The import as a whole: every old table in the order in which one needs the other."""

from __future__ import annotations

from kedai.errors import Conflict, NotFound
from kedai.sync.medusa import credentials, events, exceptions, orders, tables, tokens
from kedai.sync.medusa.job import SHOPEE, Job, take_table
from kedai.sync.medusa.report import Report
from kedai.sync.medusa.source import Source
from kedai.sync.parts import Parts
from kedai.values.actor import Actor
from kedai.values.environment import Environment
from kedai.vault.queries import get_credentials


def run_import(parts: Parts, source: Source, *, apply: bool, connect: bool, actor: Actor) -> Report:
    """Take over what an old system holds, or only tell what would be (``apply`` False: nothing is written).

    ``connect`` says that the old system is stopped for good, so that its shops are connected here at once. The active
    environment is never switched.

    Raises:
        Conflict: this installation was never started, or cannot seal secrets.
        Invalid: the dump cannot be read to its end. StorageUnavailable: one of the databases is away.
    """
    _require_started(parts)
    job = Job(parts, source, apply=apply, connect=connect, actor=actor)
    return Report(
        apply,
        (
            take_table(job, tables.CREDENTIALS, credentials.read_credentials, credentials.write_credentials),
            take_table(job, tables.ACTIVE, credentials.read_active, credentials.write_active),
            take_table(job, tables.TOKENS, tokens.read_token, tokens.write_tokens),
            take_table(job, tables.EVENTS, events.read_event, events.write_events),
            take_table(job, tables.ORDERS, orders.read_order, orders.write_orders),
            take_table(job, tables.EXCEPTIONS, exceptions.read_exception, exceptions.write_exceptions),
        ),
    )


def _require_started(parts: Parts) -> None:
    if parts.ring.trouble is not None:
        raise Conflict(f"Secrets cannot be sealed here: Kedai {parts.ring.trouble}.")
    try:
        with parts.database.read() as db:
            for environment in Environment:
                get_credentials(db, SHOPEE, environment)
    except NotFound:
        raise Conflict("This installation was never started: start Kedai once, then import.") from None
