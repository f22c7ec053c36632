"""Why a delivery was rejected, said in words; and admitting it after a fix by verifying it again, never otherwise."""

from __future__ import annotations

import asyncio
import json
from datetime import timedelta
from uuid import UUID

import msgspec
import pytest
import sqlalchemy as sa

from kedai.audit.models import AuditEntry
from kedai.errors import Conflict, NotFound
from kedai.inbox.models import RejectedDelivery
from kedai.inbox.rejected import MAX_BODY, Filter, count_kept, count_rejected
from kedai.sync import credentials, rejections
from kedai.sync.admission import admit_all, admit_one, count_admittable
from kedai.sync.diagnosis import ADMITTABLE, EXPLAINED, Diagnosis
from kedai.sync.rejections import Rejections
from kedai.values.environment import Environment
from kedai.values.event import EventState, ParkedReason
from tests.support.factories import (
    ANNA,
    COMPLETE,
    COMPLETE_LIVE,
    FAKE,
    LIVE,
    PUBLIC_URL,
    SANDBOX,
    House,
    push_body,
    sign_push,
)

OURS, OTHERS = COMPLETE["push_partner_key"], COMPLETE_LIVE["push_partner_key"]
BEFORE = "push-key-before-the-present1"
STRANGE = "push-key-that-nobody-knows-1"
URL = f"{PUBLIC_URL}/connectors/fake/webhook/sandbox"
LIVE_URL = f"{PUBLIC_URL}/connectors/fake/webhook/live"
BODY = push_body("O1")


def ready(house: House) -> House:
    house.configure()
    house.configure(LIVE)
    house.connect()
    return house


def reject(house: House, signature: bytes | None, *, body: bytes = BODY, environment: Environment = SANDBOX) -> UUID:
    """As the intake does for a delivery that failed, a second after the last one; returns the kept row."""
    house.clock.advance(timedelta(seconds=1))

    async def note() -> None:
        noted = Rejections(house.parts)
        noted.note(FAKE, environment, "mismatch", {"user-agent": "test"}, body, signature=signature)
        await noted.stop()

    asyncio.run(note())
    found = house.scalar(sa.select(RejectedDelivery.id).order_by(RejectedDelivery.id.desc()).limit(1))
    assert isinstance(found, UUID)
    return found


def diagnosis(house: House, rejected_id: UUID) -> str:
    return str(house.scalar(sa.select(RejectedDelivery.diagnosis).where(RejectedDelivery.id == rejected_id)))


def admit(house: House, rejected_id: UUID, *, environment: Environment = SANDBOX) -> RejectedDelivery:
    with house.db.write() as db:
        return admit_one(house.parts, db, rejected_id, environment=environment, actor=ANNA, now=house.now)


def replace_key(house: House, key: str, *, overlap: timedelta | None = None) -> credentials.EditResult:
    until = None if overlap is None else house.now + overlap
    with house.db.write() as db:
        return credentials.edit(
            house.parts,
            db,
            FAKE,
            SANDBOX,
            {"push_partner_key": key},
            expected_version=None,
            old_push_key_until=until,
            actor=ANNA,
            now=house.now,
        )


REWRITTEN = {
    "spaces": json.dumps(json.loads(BODY)).encode(),
    "a newline": BODY + b"\n",
    "a byte order mark": b"\xef\xbb\xbf" + BODY,
    "escaped slashes": BODY.replace(b"O1", b"O\\/1"),
}


@pytest.mark.parametrize(
    ("signature", "body", "expected"),
    [
        (sign_push(OURS, URL + "/", BODY), BODY, Diagnosis.URL_SLASH),
        (sign_push(OURS, URL.replace("https", "http"), BODY), BODY, Diagnosis.URL_SCHEME),
        (sign_push(OURS, URL.replace("https", "http") + "/", BODY), BODY, Diagnosis.URL_SCHEME),
        (sign_push(OURS, URL.replace(".example", ".example:443"), BODY), BODY, Diagnosis.URL_PORT),
        (sign_push(OTHERS, URL, BODY), BODY, Diagnosis.WRONG_ADDRESS),
        (sign_push(OTHERS, LIVE_URL, BODY), BODY, Diagnosis.OTHER_ENVIRONMENT),
        (sign_push(OURS, LIVE_URL, BODY), BODY, Diagnosis.UNKNOWN_KEY),
        (sign_push(STRANGE, URL, BODY), BODY, Diagnosis.UNKNOWN_KEY),
        (sign_push(STRANGE, URL, b'{"verify_info":1}'), b'{"verify_info":1}', Diagnosis.PROBE),
        (None, BODY, Diagnosis.NOT_SIGNED),
        (b"Bearer of-something-secret", BODY, Diagnosis.NOT_SIGNED),
        (sign_push(OURS, URL, bytes(MAX_BODY + 1)), bytes(MAX_BODY + 1), Diagnosis.BODY_CUT),
        *(
            (
                sign_push(OURS, URL, BODY if name != "escaped slashes" else BODY.replace(b"O1", b"O/1")),
                body,
                Diagnosis.BODY_CHANGED,
            )
            for name, body in REWRITTEN.items()
        ),
        (sign_push(OURS, URL, b'{"a": 1}'), b'{"a":1}', Diagnosis.BODY_CHANGED),
        (sign_push(OURS, URL, BODY), b"[" * 60_000, Diagnosis.UNKNOWN_KEY),
    ],
)
def test_each_mistake_is_named(house: House, signature: bytes | None, body: bytes, expected: Diagnosis) -> None:
    ready(house)
    assert diagnosis(house, reject(house, signature, body=body)) == expected
    assert house.events() == []


def test_every_diagnosis_is_explained_and_says_what_to_do() -> None:
    assert set(EXPLAINED) == set(Diagnosis)
    assert all(one.title and one.cause and one.next_step for one in EXPLAINED.values())


def test_without_a_key_everything_waits_for_one_and_then_verifies(house: House) -> None:
    house.configure(partner_id="1001", region="SG")
    found = reject(house, sign_push(OURS, URL, BODY))
    assert diagnosis(house, found) == Diagnosis.NO_KEY
    with pytest.raises(Conflict, match="no push key"):
        admit(house, found)
    house.configure(push_partner_key=OURS)
    assert admit(house, found).event_id == house.event().id


def test_the_key_that_was_replaced_is_named_and_still_opens_nothing(house: House) -> None:
    ready(house)
    replace_key(house, BEFORE)
    replace_key(house, OURS, overlap=timedelta(hours=1))
    house.clock.advance(timedelta(hours=2))
    found = reject(house, sign_push(BEFORE, URL, BODY))
    assert diagnosis(house, found) == Diagnosis.PREVIOUS_KEY
    with pytest.raises(Conflict, match="previous push key"):
        admit(house, found)
    assert house.events() == []


def test_a_mended_key_says_at_once_how_many_verify_and_each_is_admitted_by_a_click(house: House) -> None:
    ready(house)
    waiting = [
        reject(house, sign_push(STRANGE, URL, push_body(f"O{one}")), body=push_body(f"O{one}")) for one in (1, 2)
    ]
    reject(house, sign_push(BEFORE, URL, BODY))
    arrived = house.scalar(sa.select(RejectedDelivery.received_at).where(RejectedDelivery.id == waiting[0]))
    result = replace_key(house, STRANGE)
    assert result.waiting_verify == 2
    assert any(one.startswith("2 waiting deliveries verify now") for one in result.notices)
    row = admit(house, waiting[0])
    event = house.event()
    assert (row.event_id, row.admitted_by, row.diagnosis) == (event.id, ANNA.name, Diagnosis.VERIFIES)
    assert (bytes(event.body), event.matched_key, event.matched_url) == (push_body("O1"), "current", URL)
    assert (event.state, event.environment, event.received_at) == (EventState.RECEIVED, SANDBOX, arrived)
    with pytest.raises(Conflict, match="before"):
        admit(house, waiting[0])
    with house.db.read() as db:
        assert count_admittable(db, FAKE, environment=SANDBOX) == 1
        entry = db.execute(sa.select(AuditEntry).where(AuditEntry.action == "quarantine.admit")).scalar_one()
        assert entry.environment is SANDBOX


@pytest.mark.parametrize("url", [URL + "/", URL.replace("https", "http"), URL.replace(".example", ".example:443")])
def test_a_misspelt_address_of_this_environment_with_its_own_key_is_admitted(house: House, url: str) -> None:
    """The key alone proves who sent it; the other environment has another key and another path."""
    ready(house)
    admit(house, reject(house, sign_push(OURS, url, BODY)))
    assert (house.event().matched_url, house.event().state) == (url, EventState.RECEIVED)


@pytest.mark.parametrize(
    ("environment", "signature"),
    [
        (SANDBOX, sign_push(OTHERS, URL, BODY)),
        (SANDBOX, sign_push(OTHERS, LIVE_URL, BODY)),
        (SANDBOX, sign_push(OURS, LIVE_URL, BODY)),
        (LIVE, sign_push(OURS, LIVE_URL, BODY)),
        (LIVE, sign_push(OURS, URL, BODY)),
        (LIVE, sign_push(OTHERS, URL, BODY)),
    ],
)
def test_t14_what_only_the_other_environments_key_or_address_vouches_for_is_never_admitted(
    house: House, environment: Environment, signature: bytes
) -> None:
    ready(house)
    found = reject(house, signature, environment=environment)
    with pytest.raises(Conflict, match="still does not verify"):
        admit(house, found, environment=environment)
    other = LIVE if environment is SANDBOX else SANDBOX
    with pytest.raises(NotFound):
        admit(house, found, environment=other)
    for one in Environment:
        done = admit_all(house.parts, house.db, FAKE, environment=one, actor=ANNA, now=house.now)
        assert done.admitted == 0
    assert house.events() == []


@pytest.mark.parametrize("body", REWRITTEN.values(), ids=list(REWRITTEN))
def test_t11_a_body_that_was_rewritten_on_the_way_is_explained_and_never_admitted(house: House, body: bytes) -> None:
    ready(house)
    found = reject(house, sign_push(OURS, URL, BODY.replace(b"O1", b"O/1") if b"\\/" in body else BODY), body=body)
    with pytest.raises(Conflict, match="changed on the way"):
        admit(house, found)
    assert house.events() == []


def test_a_changed_row_does_not_verify(house: House) -> None:
    """Whoever writes into the table cannot have a push of their own admitted."""
    ready(house)
    found = reject(house, sign_push(OURS, URL + "/", BODY))
    house.execute(sa.update(RejectedDelivery).values(body=push_body("O9"), size=len(push_body("O9"))))
    with pytest.raises(Conflict):
        admit(house, found)
    house.execute(sa.update(RejectedDelivery).values(signature=None, diagnosis="verifies"))
    with pytest.raises(Conflict):
        admit(house, found)
    assert house.events() == []


def test_all_that_verify_are_admitted_at_once_and_the_rest_says_why_not(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("kedai.sync.admission._AT_ONCE", 2)
    ready(house)
    for number in range(5):
        reject(house, sign_push(STRANGE, URL, push_body(f"O{number}")), body=push_body(f"O{number}"))
    reject(house, sign_push(BEFORE, URL, BODY))
    reject(house, sign_push(OTHERS, LIVE_URL, BODY), environment=LIVE)
    replace_key(house, STRANGE)
    done = admit_all(house.parts, house.db, FAKE, environment=SANDBOX, actor=ANNA, now=house.now)
    assert (done.admitted, done.left) == (5, 1)
    assert sorted(str(event.order_sn) for event in house.events()) == [f"O{number}" for number in range(5)]
    again = admit_all(house.parts, house.db, FAKE, environment=SANDBOX, actor=ANNA, now=house.now)
    assert (again.admitted, again.left) == (0, 1)
    with house.db.read() as db:
        assert count_kept(db, Filter(LIVE, FAKE, admitted=False)) == 1
        entries = db.execute(sa.select(AuditEntry.details).where(AuditEntry.action == "quarantine.admit_all")).scalars()
        assert [entry["count"] for entry in entries] == [2, 2, 1]


def test_a_twin_that_came_after_all_is_counted_and_no_second_event(house: House) -> None:
    ready(house)
    found = [reject(house, sign_push(OURS, URL + "/", BODY)) for _ in range(2)]
    for one in found:
        admit(house, one)
    event = house.event()
    assert event.duplicates == 1
    with house.db.read() as db:
        assert set(db.execute(sa.select(RejectedDelivery.event_id)).scalars()) == {event.id}


def test_admitted_into_an_environment_that_rests_it_is_parked_like_any_other(house: House) -> None:
    ready(house)
    admit(house, reject(house, sign_push(OTHERS, LIVE_URL + "/", BODY), environment=LIVE), environment=LIVE)
    event = house.event()
    assert (event.environment, event.state, event.parked_reason) == (
        LIVE,
        EventState.PARKED,
        ParkedReason.INACTIVE_ENVIRONMENT,
    )


def look_again(house: House) -> None:
    """As the web server does every few seconds."""
    asyncio.run(Rejections(house.parts)._judge_again())


def test_what_waits_is_judged_anew_by_itself_after_a_change(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    """A key changed by another process, another public URL after a restart, in portions."""
    monkeypatch.setattr(rejections, "_JUDGED_AT_ONCE", 2)
    ready(house)
    found = [reject(house, sign_push(STRANGE, URL, BODY)) for _ in range(5)]
    house.execute(sa.update(RejectedDelivery).values(diagnosed_for="what was before", diagnosis="no_key"))
    look_again(house)
    assert {diagnosis(house, one) for one in found} == {Diagnosis.UNKNOWN_KEY}


def test_the_other_environments_key_counts_as_a_change_too(house: House) -> None:
    ready(house)
    found = reject(house, sign_push(STRANGE, URL, BODY))
    house.configure(LIVE, push_partner_key=STRANGE)
    look_again(house)
    assert diagnosis(house, found) == Diagnosis.WRONG_ADDRESS


def test_of_a_flood_one_with_a_signature_is_kept_and_all_are_counted(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(rejections, "_WRITE_EVERY_SECONDS", 3_600)
    ready(house)

    async def flood() -> None:
        noted = Rejections(house.parts)
        await noted.start()
        for number in range(500):
            reason = "mismatch" if number % 5 == 4 else "missing"
            signature = sign_push(STRANGE, URL, BODY) if reason == "mismatch" else None
            noted.note(FAKE, SANDBOX, reason, {}, str(number).encode() * 70_000, signature=signature)
        await noted.stop()

    asyncio.run(flood())
    with house.db.read() as db:
        assert count_rejected(db, FAKE, environment=SANDBOX)[0] == 500
        (row,) = db.execute(sa.select(RejectedDelivery)).scalars()
    assert (row.reason, bytes(row.body[:3]), len(row.body), row.size) == ("mismatch", b"444", MAX_BODY, 70_000)


def test_what_nobody_foresaw_does_not_end_the_noting(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rejections, "_WRITE_EVERY_SECONDS", 0.001)
    ready(house)

    async def stumble_then_note() -> None:
        noted, stumbled, written = Rejections(house.parts), asyncio.Event(), asyncio.Event()

        async def stumble() -> None:
            stumbled.set()
            raise RuntimeError("nobody foresaw this")

        async def write() -> None:
            await keep()
            written.set()

        keep = noted._write
        monkeypatch.setattr(Rejections, "_judge_again", lambda _self: stumble())
        monkeypatch.setattr(Rejections, "_write", lambda _self: write())
        await noted.start()
        await stumbled.wait()
        noted.note(FAKE, SANDBOX, "missing", {}, b"x", signature=None)
        await asyncio.wait_for(written.wait(), 30)
        await noted.stop()

    asyncio.run(stumble_then_note())
    with house.db.read() as db:
        assert count_rejected(db, FAKE, environment=SANDBOX)[0] == 1


def test_what_is_no_signature_is_not_kept(house: House) -> None:
    """Somebody's token, sent to the wrong place, must not lie in our database."""
    ready(house)
    for given in (b"Bearer " + b"a" * 64, b"A" * 64, b"a" * 63, b"", b"sk-live-" + b"a" * 56):
        reject(house, given)
    assert house.scalar(sa.select(sa.func.count()).where(RejectedDelivery.signature.is_not(None))) == 0
    assert set(ADMITTABLE).isdisjoint({Diagnosis.NOT_SIGNED, Diagnosis.BODY_CHANGED, Diagnosis.OTHER_ENVIRONMENT})
    assert msgspec.json.decode(BODY)["order_sn"] == "O1"
