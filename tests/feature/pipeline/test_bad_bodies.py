"""1 to 32 through the whole line: from the webhook's socket, through the worker and the marketplace, to the page."""

from __future__ import annotations

import json
from collections import Counter
from typing import TYPE_CHECKING

import pytest

from tests.feature.pipeline.rows import BODIES, LISTED, REQUESTS, Bad, End, Sent, Subject
from tests.support.canaries import Ears
from tests.support.logs import logging_to

if TYPE_CHECKING:
    from kedai.inbox.models import RawEvent
    from tests.feature.pipeline.line import Line


def test_every_number_of_the_list_has_a_row() -> None:
    rows = {number for row in BODIES for number in row.numbers} | {row.number for row in REQUESTS}
    assert rows == LISTED


@pytest.mark.parametrize("row", BODIES, ids=lambda row: f"{' '.join(map(str, row.numbers))} {row.name}")
def test_a_bad_body_ends_in_its_named_state_and_its_neighbours_are_applied(
    line: Line, capsys: pytest.CaptureFixture[str], row: Bad
) -> None:
    subject, troubles, stored = line.subject(), line.troubles(), {event.id for event in line.site.events()}
    if row.status is not None:
        line.answer_status(subject, row.status)
    body = row.write(subject)
    ears = Ears()
    with logging_to(capsys, line.secrets["push key"]) as log:
        before = line.push_good()
        answer = line.push(body)
        after = line.push_good()
        assert (answer.status, answer.body) == (200, b"")

        line.stall.work()

        (event,) = (one for one in line.site.events() if one.id not in stored and one.body == body)
        check_end(line, event, row.end, subject)
        assert line.troubles() - troubles == Counter([row.end.trouble] if row.end.trouble else [])
        check_neighbours(line, before, after)
        check_pages(line, event, ears)
        ears.hear("log", json.dumps(log.read()))
    assert ears.leaks({**line.secrets, "signature": line.sign(body)}) == []


@pytest.mark.parametrize("row", REQUESTS, ids=lambda row: f"{row.number} {row.name}")
def test_a_badly_sent_body_gets_its_status_and_its_neighbours_are_applied(
    line: Line, capsys: pytest.CaptureFixture[str], row: Sent
) -> None:
    subject, troubles, stored = line.subject(), line.troubles(), {event.id for event in line.site.events()}
    body = row.write(subject)
    ears = Ears()
    with logging_to(capsys, line.secrets["push key"]) as log:
        before = line.push_good()
        written = row.written(line.headers(body), body)
        answer = line.trickle(written) if row.trickles else line.site.exchange(written, timeout=30)
        after = line.push_good()
        assert answer.status == row.answered

        line.stall.work()

        found = [event for event in line.site.events() if event.id not in stored and event.body == body]
        assert len(found) == (0 if row.end is None else 1)
        event = next(iter(found), None)
        if event is not None and row.end is not None:
            check_end(line, event, row.end, subject)
        assert line.troubles() == troubles
        check_neighbours(line, before, after)
        check_pages(line, event, ears)
        ears.hear("answer", answer.body)
        ears.hear("log", json.dumps(log.read()))
    assert ears.leaks({**line.secrets, "signature": line.sign(body)}) == []


def check_end(line: Line, event: RawEvent, end: End, subject: Subject) -> None:
    """The event's state with its words, and what the order shows."""
    assert (event.state, event.parked_reason, event.note or None, event.lease_by) == (
        end.state,
        end.parked_reason,
        end.note,
        None,
    )
    assert line.believed(subject) == (line.stated(subject) if end.reads_order else None)


def check_neighbours(line: Line, *subjects: Subject) -> None:
    """What came before and behind it is applied, and equals what the marketplace says."""
    for subject in subjects:
        event = line.event_of(subject)
        assert event is not None
        assert (event.state, line.believed(subject)) == ("applied", line.stated(subject))


def check_pages(line: Line, event: RawEvent | None, ears: Ears) -> None:
    """Every page that shows it opens, and takes none of its text for markup."""
    for path, answer in line.pages(event).items():
        assert answer.status == 200, path
        assert b"<script>alert" not in answer.body
        ears.hear(path, answer.body)
