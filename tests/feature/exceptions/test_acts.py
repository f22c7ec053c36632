"""What a person does about a group of troubles: each deed holds in its environment alone, and is in the audit trail.

What operators expect: D14.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from uuid import UUID

import pytest
import sqlalchemy as sa
from sqlalchemy.orm import Session

from kedai.audit.models import AuditEntry
from kedai.connector_exceptions import acts, queries
from kedai.connector_exceptions.models import ConnectorException
from kedai.connector_exceptions.queries import Filter
from kedai.connector_exceptions.service import Trouble, raise_exception
from kedai.errors import Conflict, Invalid, NotFound
from kedai.staff.roles import Role
from kedai.staff.service import create_staff
from kedai.sync import exceptions
from kedai.values.actor import COMMAND_LINE
from kedai.values.environment import Environment
from tests.support.factories import ANNA, FAKE, LIVE, SANDBOX, START, House

TROUBLE = Trouble("error_x", "It failed", "Look at it.", shop_id="7001")
DAY = timedelta(days=1)


def raise_one(house: House, trouble: Trouble = TROUBLE, *, environment: Environment = SANDBOX) -> UUID:
    with house.db.write() as db:
        raise_exception(db, FAKE, environment, trouble, now=house.now)
    wanted = (ConnectorException.fingerprint == trouble.fingerprint, ConnectorException.environment == environment)
    found = house.scalar(sa.select(ConnectorException.id).where(*wanted))
    assert isinstance(found, UUID)
    return found


def do(house: House, deed: Callable[..., ConnectorException], found: UUID, **given: object) -> None:
    with house.db.write() as db:
        deed(db, found, environment=SANDBOX, actor=ANNA, now=house.now, **given)


def deeds(house: House) -> list[tuple[str, dict[str, dict[str, list[object]]]]]:
    with house.db.read() as db:
        statement = sa.select(AuditEntry).where(AuditEntry.action.like("exception.%")).order_by(AuditEntry.sequence)
        return [(entry.action, entry.details) for entry in db.execute(statement).scalars()]


def shown(db: Session, now: object, **chosen: object) -> list[str]:
    states = chosen.pop("states", queries.STATES)
    page = queries.list_exceptions(
        db,
        environment=SANDBOX,
        chosen=Filter(states, **chosen),  # type: ignore[arg-type]
        cursor=None,
        cursor_key=b"k" * 32,
        limit=9,
        now=now,  # type: ignore[arg-type]
    )
    return sorted(row.code for row in page.rows)


def test_d14_resolved_says_by_whom_and_seen_again_it_has_regressed(house: House) -> None:
    found = raise_one(house)
    do(house, acts.resolve, found)
    (row,) = house.exceptions()
    assert (row.state, row.resolved_by, row.resolved_at) == ("resolved", ANNA.name, START)
    with pytest.raises(Conflict):
        do(house, acts.resolve, found)
    raise_one(house)
    (row,) = house.exceptions()
    assert (row.state, row.resolved_by) == ("regressed", None)
    ((action, details),) = deeds(house)
    assert (action, details["changed"]["state"]) == ("exception.resolve", ["new", "resolved"])


def test_snoozed_it_is_out_of_sight_until_its_time_and_then_open_by_itself(house: House) -> None:
    found = raise_one(house)
    until = START + DAY
    do(house, acts.snooze, found, until=until)
    with house.db.read() as db:
        assert shown(db, START, states=queries.OPEN_STATES) == []
        assert shown(db, START, states=("snoozed",)) == ["error_x"]
        assert shown(db, until, states=queries.OPEN_STATES) == ["error_x"]
        assert queries.count_exceptions(db, environment=SANDBOX, now=START)["snoozed"] == 1
        assert queries.count_exceptions(db, environment=SANDBOX, now=until)["ongoing"] == 1
        assert queries.shown_state(queries.get_exception(db, found, environment=SANDBOX), until) == "ongoing"
    changed = {"state": ["new", "snoozed"], "snoozed_until": [None, str(until)]}
    assert deeds(house) == [("exception.snooze", {"changed": changed})]


@pytest.mark.parametrize("until", [START, START - DAY, START + timedelta(days=91)])
def test_a_snooze_ends_within_ninety_days(house: House, until: object) -> None:
    found = raise_one(house)
    with pytest.raises(Invalid):
        do(house, acts.snooze, found, until=until)
    assert house.exceptions()[0].state == "new"


def test_resolved_and_snoozed_are_taken_back_by_one_deed(house: House) -> None:
    found = raise_one(house)
    for deed, given in ((acts.resolve, {}), (acts.snooze, {"until": START + DAY})):
        do(house, deed, found, **given)
        do(house, acts.reopen, found)
        (row,) = house.exceptions()
        assert (row.state, row.resolved_by, row.snoozed_until) == ("ongoing", None, None)
    with pytest.raises(Conflict):
        do(house, acts.reopen, found)


def test_only_who_works_here_is_given_one_and_their_list_shows_it(house: House) -> None:
    found, other = raise_one(house), raise_one(house, replace(TROUBLE, code="error_y"))
    with house.db.write() as db:
        create_staff(db, "ben@example.com", role=Role.OPERATOR, password_hash="-", actor=COMMAND_LINE, now=START)
    do(house, exceptions.assign, found, assignee="Ben@Example.com")
    with pytest.raises(Invalid, match="Nobody"):
        do(house, exceptions.assign, other, assignee="nobody@example.com")
    with house.db.read() as db:
        assert shown(db, START, assignee="ben@example.com") == ["error_x"]
        assert shown(db, START, assignee="") == ["error_y"]
        choices = queries.list_choices(db, environment=SANDBOX, states=queries.OPEN_STATES, now=START)
    assert (choices.assignees, choices.codes, choices.shops) == (
        ("ben@example.com",),
        ("error_x", "error_y"),
        ("7001",),
    )
    do(house, exceptions.assign, found, assignee=None)
    assert deeds(house) == [
        ("exception.assign", {"changed": {"assignee": [None, "ben@example.com"]}}),
        ("exception.assign", {"changed": {"assignee": ["ben@example.com", None]}}),
    ]


def test_a_note_keeps_what_stood_before_in_the_trail_and_refuses_what_cannot_be_stored(house: House) -> None:
    found = raise_one(house)
    for note in ("Called Shopee.", "Called Shopee.", "They mend it."):
        do(house, acts.set_note, found, note=note)
    assert house.exceptions()[0].note == "They mend it."
    assert [details["changed"]["note"][0] for _, details in deeds(house)] == ["", "Called Shopee."]
    for bad in ("x" * 2_001, "a\0b", "half \ud800"):
        with pytest.raises(Invalid):
            do(house, acts.set_note, found, note=bad)


def test_the_other_environment_never_hears_of_it(house: House) -> None:
    """Whoever names a group of live in sandbox finds nothing, and changes nothing."""
    live = raise_one(house, environment=LIVE)
    for deed, given in (
        (acts.resolve, {}),
        (acts.snooze, {"until": START + DAY}),
        (acts.reopen, {}),
        (acts.set_note, {"note": "x"}),
        (acts.set_assignee, {"assignee": "a"}),
    ):
        with pytest.raises(NotFound):
            do(house, deed, live, **given)
    (row,) = house.exceptions()
    assert (row.state, row.note, row.assignee) == ("new", "", None)
    assert deeds(house) == []


def test_an_alert_waits_once_for_each_new_or_regressed_group(house: House) -> None:
    found = raise_one(house)
    raise_one(house)
    raise_one(house, environment=LIVE)

    def waiting() -> list[UUID]:
        with house.db.read() as db:
            return [row.id for row in queries.list_waiting_alerts(db, environment=SANDBOX, limit=9)]

    assert waiting() == [found]
    house.execute(sa.update(ConnectorException).values(alert_sent_at=START))
    raise_one(house)
    assert waiting() == []
    do(house, acts.resolve, found)
    house.clock.advance(DAY)
    raise_one(house)
    assert waiting() == [found]
    do(house, acts.resolve, found)
    assert waiting() == []
