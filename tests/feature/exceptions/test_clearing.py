"""A group whose cause has ended by itself is resolved without a person, says so, and comes back as regressed (D14)."""

from __future__ import annotations

from datetime import timedelta

import sqlalchemy as sa

from kedai.audit.models import AuditEntry
from kedai.connector_exceptions.models import ConnectorException
from kedai.connector_exceptions.service import Trouble, clear_exception, fingerprint_of, raise_exception
from kedai.kit.ids import show_id
from kedai.values.environment import Environment
from tests.support.factories import FAKE, LIVE, SANDBOX, START, House

TROUBLE = Trouble("unmapped_sku", "A SKU is not mapped", "Map it.", group="sku A-1")
LATER = START + timedelta(minutes=5)


def raise_it(house: House, *, minute: int = 0) -> None:
    with house.db.write() as db:
        raise_exception(db, FAKE, SANDBOX, TROUBLE, now=START + timedelta(minutes=minute))


def clear(house: House, *, environment: Environment = SANDBOX) -> bool:
    with house.db.write() as db:
        return clear_exception(db, FAKE, environment, TROUBLE.fingerprint, note="The SKU was mapped.", now=LATER)


def cleared_entries(house: House) -> list[AuditEntry]:
    with house.db.read() as db:
        statement = sa.select(AuditEntry).where(AuditEntry.action == "exception.cleared")
        return list(db.execute(statement).scalars())


def test_what_ended_by_itself_is_resolved_once_and_says_by_whom(house: House) -> None:
    raise_it(house)
    assert clear(house)
    assert not clear(house)
    (row,) = house.exceptions()
    assert (row.state, row.resolved_at, row.resolved_by, row.note) == (
        "resolved",
        LATER,
        "Kedai",
        "The SKU was mapped.",
    )
    (entry,) = cleared_entries(house)
    assert (entry.environment, entry.subject, entry.details) == (
        SANDBOX,
        show_id("exc", row.id),
        {"note": "The SKU was mapped."},
    )


def test_what_never_was_or_is_the_other_environments_is_left_alone(house: House) -> None:
    raise_it(house)
    assert not clear(house, environment=LIVE)
    with house.db.write() as db:
        other = fingerprint_of("unmapped_sku", None, "sku A-2")
        assert not clear_exception(db, FAKE, SANDBOX, other, note="", now=LATER)
    assert [row.state for row in house.exceptions()] == ["new"]
    assert cleared_entries(house) == []


def test_a_snoozed_group_is_resolved_too(house: House) -> None:
    raise_it(house)
    house.execute(sa.update(ConnectorException).values(state="snoozed", snoozed_until=START + timedelta(days=1)))
    assert clear(house)
    (row,) = house.exceptions()
    assert (row.state, row.snoozed_until) == ("resolved", None)


def test_resolved_and_then_seen_again_has_regressed_and_alerts_once_more(house: House) -> None:
    raise_it(house)
    raise_it(house, minute=1)
    (row,) = house.exceptions()
    assert (row.state, row.alert_raised_at, row.regressed_at) == ("ongoing", START, None)
    house.execute(sa.update(ConnectorException).values(alert_sent_at=START))
    clear(house)
    raise_it(house, minute=10)
    raise_it(house, minute=11)
    (row,) = house.exceptions()
    back = START + timedelta(minutes=10)
    assert (row.state, row.count, row.resolved_at, row.resolved_by) == ("regressed", 4, None, None)
    assert (row.regressed_at, row.alert_raised_at, row.alert_sent_at) == (back, back, None)


def test_a_group_whose_snooze_is_over_is_ongoing_when_it_happens_again(house: House) -> None:
    raise_it(house)
    house.execute(sa.update(ConnectorException).values(state="snoozed", snoozed_until=START + timedelta(minutes=3)))
    raise_it(house, minute=2)
    assert house.exceptions()[0].state == "snoozed"
    raise_it(house, minute=3)
    (row,) = house.exceptions()
    assert (row.state, row.snoozed_until) == ("ongoing", None)
